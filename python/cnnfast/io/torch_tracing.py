"""Runs a module's `forward` once, and tells each call of a module, function or method in it as it happens.

A tracer of `torch.fx` that is told at once what a call made: shapes, sizes and all else that does not depend
on a tensor's numbers goes back into `forward` as it is, so that it may decide and compute by it.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from torch import fx, nn

# Attributes of tensors that are no methods.
_ATTRIBUTES = ("shape", "ndim", "dtype", "device", "T", "mT", "data", "requires_grad", "is_cuda")
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class InEval(int):
    """The `training` of modules while they are traced: false, but a dropout that is given it knows it.

    Example:
        >>> with warnings.catch_warnings(record=True) as told:
        ...     warnings.simplefilter("always")
        ...     print(1 if InEval() else 2, len(told))
        2 1
    """

    def __bool__(self) -> bool:
        if not sys._getframe(1).f_globals["__name__"].startswith("torch."):
            warnings.warn(
                "forward decides by self.training: the model goes the way of eval(), in training as well",
                stacklevel=2,
            )
        return False


class Calls(NamedTuple):
    """What is to become of calls.

    Attributes:
        convert: Called with each node; returns what it makes.
        is_tensor: Whether that stands for a tensor, or for what else cannot be known yet.
        is_known: Whether a function is converted; others that are not PyTorch's own are gone into.
    """

    convert: Callable[[fx.Node], Any]
    is_tensor: Callable[[Any], bool]
    is_known: Callable[[Any], bool]


def is_leaf(module: nn.Module) -> bool:
    """Whether what a module does is PyTorch's code, and one call."""
    where = getattr(type(module).forward, "__module__", "")
    return where.startswith("torch.nn.") and not where.endswith(".container")


def traced(module: nn.Module, inputs: int, calls: Calls) -> Any:
    """Runs `forward`, as in evaluation; returns what it returns, with nodes in the place of tensors.

    Args:
        module: The module. It stays as it is.
        inputs: How many tensors `forward` is given; what comes behind them keeps its defaults.
        calls: What is to become of calls.

    Raises:
        ValueError: If it takes other numbers of tensors.
    """
    given, tracer = _defaults(module, inputs), _tracer()(calls)
    with ExitStack() as changes:
        for each in module.modules():
            changes.enter_context(_set(each, "training", InEval()))
        for owner, name in _taking_batch():
            changes.enter_context(_set(owner, name, _watched(getattr(owner, name), tracer)))
        return list(tracer.trace(module, given).nodes)[-1].args[0]


@contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    before, own = getattr(owner, name), not isinstance(owner, type) or name in vars(owner)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:  # of a class that it stands before
            delattr(owner, name)


def _taking_batch() -> list[tuple[Any, str]]:
    """What PyTorch runs at once, whatever stands for a tensor, and may be given the batch's size."""
    import torch

    return [
        (torch, "zeros"),
        (torch, "ones"),
        (torch, "full"),
        (torch.Tensor, "expand"),
        (torch.Tensor, "repeat"),
    ]


def _watched(function: Callable[..., Any], tracer: Any) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(each, _proxy()) for each in leaves(args)):
            return tracer.create_proxy("call_function", function, args, kwargs)
        return function(*args, **kwargs)

    return called


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


def line_of_forward(error: BaseException | None = None) -> str:
    """Returns the innermost line of code that is neither PyTorch's nor ours: of now, or of an error."""
    import torch

    not_theirs = (_OURS, os.path.dirname(torch.__file__) + os.sep, "<")
    frames = traceback.extract_stack() if error is None else traceback.extract_tb(error.__traceback__)
    theirs = [each for each in frames if not each.filename.startswith(not_theirs)]
    return (theirs[-1].line or "").strip() if theirs else ""


@cache
def _proxy() -> Any:
    from torch import fx

    class Traced(fx.Proxy):  # type: ignore[misc]
        """What stands for a tensor in `forward`."""

        def __getattr__(self, name: str) -> Any:
            if name in _ATTRIBUTES:
                return self.tracer.create_proxy("call_function", getattr, (self, name), {})
            return super().__getattr__(name)

        def __setitem__(self, key: Any, value: Any) -> None:
            self.tracer.create_proxy("call_method", "setitem_", (self, key, value), {})

    return Traced


@cache
def _tracer() -> Any:
    import torch
    from torch import fx, nn

    class Tracer(fx.Tracer):  # type: ignore[misc]
        """Tells calls."""

        def __init__(self, calls: Calls) -> None:
            super().__init__()
            self._calls = calls
            self._converts = False

        def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
            """What a module's attribute is: to `forward` what stands for it."""
            return attr_val if self._converts else super().getattr(attr, attr_val, parameter_proxy_cache)

        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return is_leaf(m)

        def proxy(self, node: fx.Node) -> Any:
            return _proxy()(node, self)

        def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, **how: Any) -> Any:
            """Notes a call, and returns what `forward` is given for it."""
            theirs = kind == "call_function" and isinstance(target, FunctionType)
            if theirs and not target.__module__.startswith("torch.") and not self._calls.is_known(target):
                return target(*args, **kwargs)
            proxy = super().create_proxy(kind, target, args, kwargs, **how)
            made, is_tensor = self._converted(proxy.node), self._calls.is_tensor
            if is_tensor(made):
                return proxy
            if isinstance(made, (tuple, list)) and any(map(is_tensor, made)):
                parts = [proxy[place] for place in range(len(made))]
                return type(made)(*parts) if hasattr(made, "_fields") else tuple(parts)
            return made

        def _converted(self, node: fx.Node) -> Any:
            self._converts = True
            try:
                return self._calls.convert(node)
            finally:
                self._converts = False

        def create_arg(self, a: Any) -> Any:
            """What a node has for an argument; PyTorch's tracer makes attributes of numbers."""
            if isinstance(a, torch.Tensor) and not isinstance(a, nn.Parameter):
                node = self.create_node("get_attr", "constant", (), {})
                node.meta["constant"] = a.detach()
                return node
            if isinstance(a, tuple) and hasattr(a, "_fields"):
                return tuple(self.create_arg(each) for each in a)
            return super().create_arg(a)

    return Tracer
