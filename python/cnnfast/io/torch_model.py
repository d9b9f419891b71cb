"""A module of PyTorch as a model of ours.

`torch.fx` traces the module's `forward`; each call in it of a module or a function becomes a layer, and the
module's weights are copied. See `torch_modules` and `torch_words` for what is known.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core, layers
from cnnfast.io import torch_words
from cnnfast.io.arrays import StoredArray
from cnnfast.io.matching import match
from cnnfast.io.torch_modules import CONVERTERS, Converter, Making, NotConvertedError
from cnnfast.io.torch_words import BATCH, Batch, Parameter
from cnnfast.io.weights import value_of
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models import Model
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from torch import fx, nn


def from_torch(module: nn.Module, input_shape: Sequence[Any], *, name: str | None = None) -> Model:
    """Makes a model that computes what a PyTorch module computes, with its weights.

    `forward` may call modules of `torch.nn`, functions and methods of tensors, and modules of one's own. It
    is traced as in training, so that `F.dropout(x, training=self.training)` becomes a dropout. Channels come
    first, as in PyTorch. Layers have the modules' names, so that `to_torch_state_dict` gives weights their
    old names.

    Modules whose parameters take no gradients become layers that training leaves alone; batch normalization
    then goes by its moving statistics. In training these follow the batch's variance, as in Keras, where
    PyTorch takes n / (n - 1) of it.

    Args:
        module: The module. It stays as it is; the model has copies of its weights.
        input_shape: Shape of one sample without the batch's axis, such as (3, 224, 224); a list of shapes
            where `forward` takes several tensors.
        name: The model's name; None takes the class's.

    Returns:
        A model that can be run, trained and saved.

    Raises:
        ValueError: If something in it has no counterpart, which is named with its place and class, or
            `forward` decides by numbers, so that it cannot be traced.
        ImportError: If torch is not installed.

    Source:
        PyTorch, `torch.fx`.

    Example:
        Of a network in PyTorch, `net = Net()`::

            model = cnnfast.from_torch(net, (1, 28, 28))
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(images, labels)
            net.load_state_dict(cnnfast.to_torch_state_dict(model))
    """
    _need_torch("from_torch")
    _check(module)
    shapes = list(input_shape) if _is_list(input_shape) else [input_shape]
    graph = _traced(module, _defaults(module, len(shapes)))
    conversion = _Conversion(module, graph, [tuple(each) for each in shapes])
    model = Model(*conversion.ends(), name or type(module).__name__)
    _copy_weights(module, model)
    for path, layer in conversion.making.layers.items():
        parameters = _parameters(module, path) if layer.weights else []
        if parameters and not any(each.requires_grad for each in parameters):
            layer.trainable = False
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
    from torch import nn

    if not isinstance(module, nn.Module):
        raise ValueError(f"from_torch takes a torch.nn.Module, got {type(module).__name__}")
    if _is_leaf(module):
        raise ValueError(
            f"from_torch takes modules that hold others, since weights go by their names; give it "
            f"torch.nn.Sequential({type(module).__name__}(...))"
        )
    owners: dict[int, tuple[Any, str]] = {}
    for path, each in module.named_modules():
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


def _is_leaf(module: nn.Module) -> bool:
    """Whether what it does is PyTorch's code, and one call in the graph."""
    where = getattr(type(module).forward, "__module__", "")
    return where.startswith("torch.nn.") and not where.endswith(".container")


def _told(path: str, module: Any) -> str:
    return f"{path or 'the module'} ({type(module).__name__})"


def _parameters(module: nn.Module, path: str) -> list[nn.Parameter]:
    """Those of the submodule of this path; or the parameter of this path."""
    try:
        return list(module.get_submodule(path).parameters())
    except AttributeError:
        return [module.get_parameter(path)]


# -- tracing -------------------------------------------------------------------------------------------------


def _defaults(module: nn.Module, count: int) -> dict[str, Any]:
    """The arguments of `forward` behind the tensors, which keep their defaults."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    several = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    needed = sum(each.default is each.empty and each.kind is not each.VAR_KEYWORD for each in parameters)
    if not several and not needed <= count <= len(parameters):
        raise ValueError(
            f"forward of {type(module).__name__} takes {needed} tensors; give input_shape a list of as many "
            f"shapes, got {count}"
        )
    return {each.name: each.default for each in parameters[count:] if each.default is not each.empty}


def _traced(module: nn.Module, defaults: dict[str, Any]) -> fx.Graph:
    """The calls in `forward`, of modules of torch.nn as they stand, as in training."""
    from torch import fx

    class Tracer(fx.Tracer):  # type: ignore[misc]
        record_stack_traces = True

        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return _is_leaf(m)

    modes = {each: each.training for each in module.modules()}
    try:
        module.train()
        return Tracer().trace(module, defaults)
    except Exception as error:  # whatever forward does with what stands for a tensor
        raise ValueError(
            f"forward of {type(module).__name__} cannot be traced: {type(error).__name__}: {error}; it must "
            "not decide by numbers or sizes of tensors, nor hand them to other libraries"
        ) from error
    finally:
        for each, mode in modes.items():
            each.training = mode


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


# -- the graph's nodes, one after the other ------------------------------------------------------------------


class _Conversion:
    """Walks through what was traced; keeps what each node became."""

    def __init__(self, module: nn.Module, graph: fx.Graph, shapes: list[tuple[Any, ...]]) -> None:
        self.module, self.graph, self.making = module, graph, Making()
        self._paths = {path for path, _ in module.named_modules()}
        self._shapes = iter(shapes)
        self._values: dict[fx.Node, Any] = {}
        self._inputs: list[SymbolicTensor] = []
        self._operations: dict[str, layers.Layer] = {}

    def ends(self) -> tuple[Any, Any]:
        """Returns the model's inputs and outputs."""
        for node in self.graph.nodes:
            try:
                self._values[node] = getattr(self, f"_{node.op}")(node)
            except NotConvertedError as error:
                raise ValueError(f"from_torch does not convert {self._where(node)} {error}") from error
            except (ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
                raise ValueError(f"from_torch cannot convert {self._where(node)}: {error}") from error
        found = self._values[node]
        inputs: Any = self._inputs[0] if len(self._inputs) == 1 else self._inputs
        outputs = list(found) if isinstance(found, tuple) else found
        if not all(isinstance(each, SymbolicTensor) for each in leaves(outputs)):
            raise ValueError(f"forward of {type(self.module).__name__} must return tensors, got {found!r}")
        return inputs, outputs

    def _where(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return _told(str(node.target), self.module.get_submodule(str(node.target)))
        stack = list((node.meta.get("nn_module_stack") or {}).values())
        path, kind = stack[-1] if stack else ("", type(self.module))
        owner = f"{path or 'the module'} ({getattr(kind, '__name__', kind)})"
        line = _line_of(node.stack_trace or "")
        what = node.target if isinstance(node.target, str) else _function_names().get(node.target, node.name)
        return f"{what!r} in {owner}{f', at `{line}`,' if line else ''}"

    def _given(self, structure: Any) -> Any:
        from torch import fx

        if isinstance(structure, slice):
            return slice(*map(self._given, (structure.start, structure.stop, structure.step)))
        if isinstance(structure, (list, tuple)):
            return tuple(self._given(each) for each in structure)
        if isinstance(structure, dict):
            return {key: self._given(each) for key, each in structure.items()}
        return self._values[structure] if isinstance(structure, fx.Node) else structure

    def _name(self, node: fx.Node) -> str:
        """The name of what a function becomes: the node's, unless a module has it."""
        return f"{node.name}.function" if node.name in self._paths else node.name

    # Each method is named as the kind of node that it is for.

    def _placeholder(self, node: fx.Node) -> Any:
        shape = next(self._shapes, None)
        if shape is None:  # an argument that keeps its default, as the graph asserts
            return node.args[0]
        self._inputs.append(layers.Input(shape, name=self._name(node)))
        return self._inputs[-1]

    def _get_attr(self, node: fx.Node) -> Any:
        from torch import nn

        found: Any = self.module
        for part in str(node.target).split("."):
            found = getattr(found, part)
        if isinstance(found, nn.Parameter):
            return Parameter(str(node.target), found)
        return _array(found)

    def _call_module(self, node: fx.Node) -> Any:
        path = str(node.target)
        module = self.module.get_submodule(path)
        made = self._named(_converter(module)(self.making, module, self._given(node.args)[0], path), path)
        if getattr(module, "inplace", False):
            self._write(node, made)
        return made

    def _call_method(self, node: fx.Node) -> Any:
        word = str(node.target)
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

    def _output(self, node: fx.Node) -> Any:
        return self._given(node.args[0])

    def _call(self, node: fx.Node, word: str, function: Callable[..., Any]) -> Any:
        args, kwargs = self._given(node.args), self._given(dict(node.kwargs))
        among = leaves((args, kwargs))
        if word == "getattr" and isinstance(args[0], SymbolicTensor):
            return _attribute(*args)
        if not any(isinstance(each, (SymbolicTensor, Parameter)) for each in among):
            if any(isinstance(each, Batch) for each in among) and word != "getitem":
                raise NotConvertedError("of the batch size, with which nothing can be computed")
            return _array(function(*args, **kwargs))  # of sizes
        name = self._name(node)
        return self._named(torch_words.call(self.making, name, word, args, kwargs), name)

    def _named(self, made: Any, name: str) -> Any:
        """Gives the layer that a function of `ops` became a name that is the same in each process."""
        layer = made.layer if isinstance(made, SymbolicTensor) else None
        if isinstance(layer, layers.Operation) and layer not in self._operations.values():
            uses = sum(before == name or before.startswith(f"{name}#") for before in self._operations)
            layer.name = f"{name}#{uses}" if uses else name  # a module without weights may come again
            self._operations[layer.name] = layer
        return made

    def _write(self, node: fx.Node, made: Any) -> None:
        """Whoever reads what was written over finds what is there now."""
        from torch import fx

        if node.args and isinstance(node.args[0], fx.Node):
            self._values[node.args[0]] = made


def _line_of(trace: str) -> str:
    """The last line of code that is not PyTorch's own."""
    frames = [each for each in trace.split('  File "')[1:] if "/torch/" not in each.partition('"')[0]]
    return frames[-1].partition("\n")[2].strip() if frames else ""


def _method(word: str, owner: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(owner, word)(*args, **kwargs)


def _attribute(x: SymbolicTensor, name: str) -> Any:
    known = {"shape": (BATCH, *x.shape[1:]), "ndim": x.ndim, "device": None, "dtype": None}
    if name not in known:
        raise NotConvertedError("which has no counterpart here")
    return known[name]


def _converter(module: nn.Module) -> Converter:
    if hasattr(module, "parametrizations"):
        raise NotConvertedError("with parametrizations; remove them with torch.nn.utils.parametrize first")
    if module._forward_hooks or module._forward_pre_hooks:
        raise NotConvertedError("with hooks, which may change what it makes; remove them first")
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch.nn.") and cls.__name__ in CONVERTERS:
            return CONVERTERS[cls.__name__]
    raise NotConvertedError("which has no counterpart here; see the classes in cnnfast.io.torch_modules")


# -- weights -------------------------------------------------------------------------------------------------


def _array(tensor: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    import torch

    if not isinstance(tensor, torch.Tensor):
        return tensor
    held = tensor.detach().cpu()
    return np.asarray(held.float() if held.is_floating_point() else held)


def _copy_weights(module: nn.Module, model: Model) -> None:
    arrays = [
        StoredArray(name, tuple(tensor.shape), partial(_array, tensor))
        for name, tensor in module.state_dict().items()
    ]
    found, report = match(model, arrays, "name")
    if report.missing or report.mismatched:
        raise ValueError(f"weights of {type(module).__name__} were not found: {report}")
    _core.set_weights([each.variable for each in found], [value_of(each) for each in found])
