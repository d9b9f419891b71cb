"""A module of PyTorch as a model of ours.

`torch_tracing` runs the module's `forward`; each call in it of a module or a function becomes a layer, and
the module's weights are copied. See `torch_modules` and `torch_words` for what is known.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core, layers, ops
from cnnfast.io import torch_words
from cnnfast.io.arrays import StoredArray
from cnnfast.io.matching import match
from cnnfast.io.torch_attention import ATTENTION
from cnnfast.io.torch_making import Batch, Making, NotConvertedError, Parameter, Turned
from cnnfast.io.torch_modules import CONVERTERS, TAKING_MORE, Converter
from cnnfast.io.torch_state import torch_name
from cnnfast.io.torch_tracing import Calls, is_leaf, line_of_forward, traced
from cnnfast.io.weights import value_of
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models import Model
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    from torch import fx, nn


def from_torch(module: nn.Module, input_shape: Sequence[Any], *, name: str | None = None) -> Model:
    """Makes a model that computes what a PyTorch module computes, with its weights.

    `forward` may call modules of `torch.nn`, functions and methods of tensors, and modules of one's own, and
    decide and compute by sizes, the batch's excepted. Channels come first, as in PyTorch. Layers have the
    modules' names, so that `to_torch_state_dict` gives weights their old names; parameters that a module has
    beside its layers become `layers.Parameter`, its buffers constants.

    It is read as in evaluation, but `F.dropout(x, training=self.training)` acts in training. Modules whose
    parameters take no gradients become layers that training leaves alone; batch normalization then goes by
    its moving statistics. In training these follow the batch's variance, as in Keras, where PyTorch takes
    n / (n - 1) of it.

    Args:
        module: The module. It stays as it is; the model has copies of its weights.
        input_shape: Shape of one sample without the batch's axis, such as (3, 224, 224); a list of shapes
            where `forward` takes several tensors.
        name: The model's name; None takes the class's.

    Returns:
        A model that can be run, trained and saved.

    Raises:
        ValueError: If something in it has no counterpart, which is named with its place and class, or
            `forward` decides by a tensor's numbers, so that it cannot be traced.

    Warns:
        UserWarning: If `forward` decides by `self.training`.
        ImportError: If torch is not installed.

    Source:
        PyTorch, `torch.fx`.

    Example:
        Of a network in PyTorch, `net = Net()`::

            model = cnnfast.from_torch(net, (1, 28, 28))
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(images, labels)
            net.load_state_dict(cnnfast.to_torch_state_dict(model, net))
    """
    _need_torch("from_torch")
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    _check(module)
    if not isinstance(input_shape, (tuple, list)):
        raise ValueError(f"input_shape must be a sample's, such as (3, 224, 224), got {input_shape!r}")
    shapes = list(input_shape) if _is_list(input_shape) else [input_shape]
    conversion = _Conversion(module, [tuple(each) for each in shapes])
    model = Model(*conversion.ends(), name or type(module).__name__)
    _copy_weights(module, model, conversion.making.constants)
    for path, layer in conversion.making.layers.items():
        if layer.weights and path in conversion.making.constants:
            layer.trainable = False
        elif layer.weights:
            layer.trainable = any(each.requires_grad for each in _parameters(module, path))
    return model


def _need_torch(who: str) -> None:
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{who} needs PyTorch: pip install torch --index-url https://download.pytorch.org/whl/cpu"
        ) from error


def _is_list(shape: Any) -> bool:
    return len(shape) > 0 and all(isinstance(each, (tuple, list)) for each in shape)


def _check(module: Any) -> None:
    import torch
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ValueError(f"from_torch takes a torch.nn.Module, got {type(module).__name__}")
    if is_leaf(module):
        raise ValueError(
            f"from_torch takes modules that hold others, since weights go by their names; give it "
            f"torch.nn.Sequential({type(module).__name__}(...))"
        )
    owners: dict[int, tuple[Any, str]] = {}
    for path, each in module.named_modules():
        if isinstance(each, torch.jit.ScriptModule):
            raise ValueError(f"{_told(path, each)} is a program of TorchScript; give what it was made of")
        for role, parameter in each._parameters.items():
            here = f"{path}.{role}".lstrip(".")
            if isinstance(parameter, nn.parameter.UninitializedParameter):
                raise ValueError(f"{_told(path, each)} has no weights yet; call the module on a batch first")
            owner, before = owners.setdefault(id(parameter), (each, here))
            if parameter is not None and owner is not each:
                raise ValueError(
                    f"from_torch converts no parameters that two modules share, {before!r} and {here!r}; "
                    "use one module twice"
                )


def _told(path: str, module: Any) -> str:
    return f"{path or 'the module'} ({type(module).__name__})"


def _parameters(module: nn.Module, path: str) -> list[nn.Parameter]:
    """Those of the submodule of this path; or the parameter of this path."""
    try:
        return list(module.get_submodule(path).parameters())
    except AttributeError:
        return [module.get_parameter(path)]


@cache
def _function_names() -> dict[Any, str]:
    import torch
    from torch.nn import functional

    places = (torch, functional, operator)
    return {
        value: name
        for place in reversed(places)
        for name, value in vars(place).items()
        if callable(value) and not name.startswith("__")
    } | {getattr: "getattr"}


# -- the calls, one after the other --------------------------------------------------------------------------


class _Conversion:
    """Converts call by call; keeps what each became."""

    def __init__(self, module: nn.Module, shapes: list[tuple[Any, ...]]) -> None:
        self.module, self.making = module, Making()
        self._paths = {path for path, _ in module.named_modules()}
        self._count, self._shapes = len(shapes), iter(shapes)
        self._values: dict[fx.Node, Any] = {}
        self._learns = _grad_enabled()
        self._inputs: list[SymbolicTensor] = []
        self._calls: dict[int, Any] = {}  # that were seen, by their numbers
        self._uses: Counter[str] = Counter()  # of names of operations

    def ends(self) -> tuple[Any, Any]:
        """Returns the model's inputs and outputs."""
        kind = type(self.module).__name__
        try:
            outputs = self._given(traced(self.module, self._count, Calls(self._made, _is_open, _is_known)))
        except _RefusedError as error:
            raise ValueError(str(error)) from error.__cause__
        except Exception as error:  # whatever forward does with what stands for a tensor
            line = line_of_forward(error)
            raise ValueError(
                f"forward of {kind} cannot be traced{f', at `{line}`' if line else ''}: "
                f"{type(error).__name__}: {error}; it must not decide by a tensor's numbers or the batch's "
                "size, nor hand tensors to other libraries"
            ) from error
        outputs = list(outputs) if isinstance(outputs, tuple) else outputs
        if not leaves(outputs) or not all(isinstance(each, SymbolicTensor) for each in leaves(outputs)):
            turned = any(isinstance(each, Turned) for each in leaves(outputs))
            samples = "; the first axis must be the batch's" if turned else ""
            raise ValueError(f"forward of {kind} must return tensors, got {outputs!r}{samples}")
        return self._inputs[0] if len(self._inputs) == 1 else self._inputs, outputs

    def _made(self, node: fx.Node) -> Any:
        try:
            self._values[node] = getattr(self, f"_{node.op}")(node)
        except NotConvertedError as error:
            raise _RefusedError(f"from_torch does not convert {self._where(node)} {error}") from error
        except (ValueError, TypeError, AttributeError, IndexError, KeyError, RuntimeError) as error:
            raise _RefusedError(f"from_torch cannot convert {self._where(node)}: {error}") from error
        made = self._values[node]
        if isinstance(made, SymbolicTensor) and self._learns and not _grad_enabled():  # by torch.no_grad()
            self._values[node] = self._named(ops.stop_gradient(made), f"{self._name(node)}.no_grad")
        return self._values[node]

    def _where(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return _told(str(node.target), self.module.get_submodule(str(node.target)))
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path, kind = stack[-1] if stack else ("", type(self.module))
        owner = f"{path or 'the module'} ({getattr(kind, '__name__', kind)})"
        line = line_of_forward()
        what = node.target if isinstance(node.target, str) else _function_names().get(node.target, node.name)
        return f"{what.rstrip('_')!r} in {owner}{f', at `{line}`,' if line else ''}"

    def _given(self, structure: Any) -> Any:
        from torch import fx

        if isinstance(structure, slice):
            return slice(*map(self._given, (structure.start, structure.stop, structure.step)))
        if isinstance(structure, (list, tuple)):
            return tuple(self._given(each) for each in structure)
        if isinstance(structure, dict):
            return {key: self._given(each) for key, each in structure.items()}
        if not isinstance(structure, fx.Node):
            return structure
        if structure not in self._values:  # that is no call: a tensor that forward brings along, a parameter
            known = "constant" in structure.meta
            self._values[structure] = structure.meta["constant"] if known else self._get_attr(structure)
        return self._values[structure]

    def _name(self, node: fx.Node) -> str:
        """The name of what a function becomes: the node's, unless a module has it."""
        return f"{node.name}.function" if node.name in self._paths else node.name

    # Each method is named as the kind of node that it is for.

    def _placeholder(self, node: fx.Node) -> Any:
        shape = next(self._shapes, None)
        if shape is None:  # an argument that keeps its default
            return node.args[0]
        made = layers.Input(shape, name=self._name(node))
        self._inputs.append(made)
        self.making.anchor = self._inputs[0]
        return made

    def _get_attr(self, node: fx.Node) -> Any:
        return Parameter(str(node.target), self.module.get_parameter(str(node.target)))

    def _call_module(self, node: fx.Node) -> Any:
        path = str(node.target)
        module = self.module.get_submodule(path)
        args, kwargs = mapped(_array, (self._given(node.args), self._given(dict(node.kwargs))))
        made = self._named(converted(self.making, module, path, args, kwargs), path)
        if getattr(module, "inplace", False):
            self._write(node, made)
        return made

    def _call_method(self, node: fx.Node) -> Any:
        word = str(node.target)
        if word == "unfold":  # along one axis: another thing than the function
            raise NotConvertedError("which has no counterpart here")
        made = self._call(node, word.rstrip("_"), partial(_method, word))
        if word.endswith("_"):
            self._write(node, made)
        return made

    def _call_function(self, node: fx.Node) -> Any:
        name = _function_names().get(node.target, getattr(node.target, "__name__", ""))
        made = self._call(node, name.rstrip("_") if name != "and_" else name, node.target)
        if node.kwargs.get("inplace") or (name.endswith("_") and name not in ("and_", "or_")):
            self._write(node, made)
        return made

    def _call(self, node: fx.Node, word: str, function: Callable[..., Any]) -> Any:
        args, kwargs = self._given(node.args), self._given(dict(node.kwargs))
        if word == "getitem" and isinstance(args[0], tuple):
            return args[0][args[1]]
        among = leaves((args, kwargs))
        if word == "getattr" and not isinstance(args[0], Batch):
            return self._named(torch_words.attribute(self.making, *args), self._name(node))
        if not any(isinstance(each, (SymbolicTensor, Parameter, Turned)) for each in among):
            if not any(isinstance(each, Batch) for each in among):
                return function(*args, **kwargs)  # of sizes and constants
            if word not in torch_words.MADE_FOR_BATCH:
                raise NotConvertedError("of the batch size, with which nothing can be computed")
        name = self._name(node)
        args, kwargs = mapped(_array, (args, kwargs))
        return self._named(torch_words.call(self.making, name, word, args, kwargs), name)

    def _named(self, made: Any, name: str) -> Any:
        """Gives the layers that functions of `ops` became names that are the same in each process."""
        new = [each.x if isinstance(each, Turned) else each for each in leaves(made)]
        for each in new:  # grows
            if not isinstance(each, SymbolicTensor) or id(each.call) in self._calls:
                continue
            self._calls[id(each.call)] = each.call
            new.extend(each.sources)
            if isinstance(each.layer, layers.Operation):
                each.layer.name = self._free(name)
        return made

    def _free(self, name: str) -> str:
        uses = self._uses[name]
        self._uses[name] += 1
        found = f"{name}#{uses}" if uses else name
        return self._free(name) if found in self.making.layers else found

    def _write(self, node: fx.Node, made: Any) -> None:
        """Whoever reads what was written over finds what is there now."""
        from torch import fx

        if node.args and isinstance(node.args[0], fx.Node):
            self._values[node.args[0]] = made


class _RefusedError(Exception):
    """What is not converted and where, on its way through forward."""


def _grad_enabled() -> bool:
    import torch

    return bool(torch.is_grad_enabled())


def _is_open(made: Any) -> bool:
    """Whether it stands for what is not known while forward is traced."""
    return isinstance(made, (SymbolicTensor, Parameter, Turned, Batch))


def _is_known(function: Any) -> bool:
    return torch_words.is_known(getattr(function, "__name__", ""))


def _method(word: str, owner: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(owner, word)(*args, **kwargs)


def converted(making: Making, module: nn.Module, path: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Returns what a module of PyTorch makes of its arguments."""
    x, *others = args or [kwargs.pop("input", None)]
    if not isinstance(x, (SymbolicTensor, Turned)):
        raise NotConvertedError("of a constant; call it on what depends on the inputs")
    converter = _converter(module)
    if converter in TAKING_MORE or converter in ATTENTION.values():
        return converter(making, module, x, path, *others, **kwargs)
    if others or kwargs:
        raise NotConvertedError("with more than its input")
    return converter(making, module, x, path)


def _converter(module: nn.Module) -> Converter:
    if hasattr(module, "parametrizations"):
        raise NotConvertedError("with parametrizations; remove them with torch.nn.utils.parametrize first")
    if module._forward_hooks or module._forward_pre_hooks:
        raise NotConvertedError("with hooks, which may change what it makes; remove them first")
    for cls in type(module).__mro__:
        known: Converter | None = (CONVERTERS | ATTENTION).get(cls.__name__)
        if cls.__module__.startswith("torch.nn.") and known is not None:
            return known
    raise NotConvertedError("which has no counterpart here; see the classes in cnnfast.io.torch_modules")


# -- weights -------------------------------------------------------------------------------------------------


def _array(tensor: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    import torch

    if not isinstance(tensor, torch.Tensor):
        return tensor
    held = tensor.detach().cpu()
    return np.asarray(held.float() if held.is_floating_point() else held)


def _copy_weights(module: nn.Module, model: Model, constants: dict[str, Any]) -> None:
    held = module.state_dict() | {f"{name}.weight": value for name, value in constants.items()}
    arrays = [
        StoredArray(name, tuple(tensor.shape), partial(_array, tensor)) for name, tensor in held.items()
    ]
    names = [torch_name(layer, weight) for layer in model._leaves() for weight in layer._weights]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"from_torch does not convert the parameter {name!r} of {type(module).__name__}, which a "
                "module uses as its own and forward by itself as well; use it in one way"
            )
    found, report = match(model, arrays, "name")
    if report.missing or report.mismatched:
        raise ValueError(
            f"weights of {type(module).__name__} do not suit input_shape, in which channels come first: "
            f"{report}"
        )
    _core.set_weights([each.variable for each in found], [value_of(each) for each in found])
