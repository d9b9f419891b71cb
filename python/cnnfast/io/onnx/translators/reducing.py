"""Sums and the like over axes, and what is sorted or counted along one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnfast import ops
from cnnfast.io.onnx.node import Node, rank, translates

_REDUCING: dict[str, Callable[..., Any]] = {
    "ReduceL1": lambda x, axes, keep: ops.sum(ops.abs(x), axes, keepdims=keep),
    "ReduceL2": lambda x, axes, keep: ops.sqrt(ops.sum(ops.square(x), axes, keepdims=keep)),
    "ReduceLogSum": lambda x, axes, keep: ops.log(ops.sum(x, axes, keepdims=keep)),
    "ReduceLogSumExp": lambda x, axes, keep: ops.logsumexp(x, axes, keepdims=keep),
    "ReduceMax": lambda x, axes, keep: ops.max(x, axes, keepdims=keep),
    "ReduceMean": lambda x, axes, keep: ops.mean(x, axes, keepdims=keep),
    "ReduceMin": lambda x, axes, keep: ops.min(x, axes, keepdims=keep),
    "ReduceProd": lambda x, axes, keep: ops.prod(x, axes, keepdims=keep),
    "ReduceSum": lambda x, axes, keep: ops.sum(x, axes, keepdims=keep),
    "ReduceSumSquare": lambda x, axes, keep: ops.sum(ops.square(x), axes, keepdims=keep),
}


@translates(*_REDUCING)
def reduce(node: Node, x: Any, axes: Any = None) -> Any:
    """Over axes that an attribute or an input tells; over all where there are none."""
    found = node.integers(axes, "axes")
    if not found and node.get("noop_with_empty_axes", 0):
        return _REDUCING[node.op](ops.expand_dims(x, -1), [-1], False)
    if not found:
        found = list(range(rank(x)))
    return _REDUCING[node.op](x, found, bool(node.get("keepdims", 1)))


@translates("ArgMax", "ArgMin")
def arg(node: Node, x: Any) -> Any:
    """Where the largest or smallest number along an axis is, the first or the last of equals."""
    axis, keep = node.get("axis", 0), bool(node.get("keepdims", 1))
    function = ops.argmax if node.op == "ArgMax" else ops.argmin
    if not node.get("select_last_index", 0):
        return function(x, axis, keepdims=keep)
    length = {shape[axis] for shape in node.shapes(x)}.pop()
    return ops.subtract(length - 1, function(ops.flip(x, axis), axis, keepdims=keep))


@translates("CumSum")
def cumsum(node: Node, x: Any, axis: Any) -> Any:
    """Running sums, from either end, with or without each number itself."""
    (at,) = node.integers(axis, "axis")
    turned = ops.flip(x, at) if node.get("reverse", 0) else x
    made = ops.cumsum(turned, at)
    made = ops.subtract(made, turned) if node.get("exclusive", 0) else made
    return ops.flip(made, at) if node.get("reverse", 0) else made


@translates("TopK")
def top_k(node: Node, x: Any, k: Any = None) -> Any:
    """The k largest or smallest numbers along an axis, and where they are."""
    (count,) = node.integers(k, "k")
    axis = node.axis(node.get("axis", -1), rank(x))
    sign = 1.0 if node.get("largest", 1) else -1.0
    turned = ops.moveaxis(x, axis, -1) if axis != rank(x) - 1 else x
    values, places = ops.top_k(ops.multiply(turned, sign), count)
    made = [ops.multiply(values, sign), places]
    return [ops.moveaxis(each, -1, axis) for each in made] if axis != rank(x) - 1 else made
