"""Arithmetic, comparisons and choices, number by number, with NumPy's broadcasting."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, Sizes, is_fixed, rank, translates
from cnnfast.layers.symbolic import SymbolicTensor

_OF_ONE = {
    "Abs": ops.abs,
    "Acos": ops.arccos,
    "Acosh": ops.arccosh,
    "Asin": ops.arcsin,
    "Asinh": ops.arcsinh,
    "Atan": ops.arctan,
    "Atanh": ops.arctanh,
    "Ceil": ops.ceil,
    "Cos": ops.cos,
    "Cosh": ops.cosh,
    "Erf": ops.erf,
    "Exp": ops.exp,
    "Floor": ops.floor,
    "IsNaN": ops.isnan,
    "Log": ops.log,
    "Neg": ops.negative,
    "Not": ops.logical_not,
    "Reciprocal": ops.reciprocal,
    "Round": ops.round,
    "Sign": ops.sign,
    "Sin": ops.sin,
    "Sinh": ops.sinh,
    "Sqrt": ops.sqrt,
    "Tan": ops.tan,
}
_OF_TWO = {
    "And": ops.logical_and,
    "Equal": ops.equal,
    "Greater": ops.greater,
    "GreaterOrEqual": ops.greater_equal,
    "Less": ops.less,
    "LessOrEqual": ops.less_equal,
    "Or": ops.logical_or,
    "Pow": ops.power,
    "Sub": ops.subtract,
    "Xor": ops.logical_xor,
}
_OF_MANY = {"Add": ops.add, "Mul": ops.multiply, "Max": ops.maximum, "Min": ops.minimum, "Sum": ops.add}
_MERGING = {
    "Add": layers.Add,
    "Mul": layers.Multiply,
    "Max": layers.Maximum,
    "Min": layers.Minimum,
    "Sum": layers.Add,
    "Sub": layers.Subtract,
    "Mean": layers.Average,
}


@translates(*_OF_ONE)
def of_one(node: Node, x: Any) -> Any:
    """Functions of one number."""
    return _OF_ONE[node.op](x)


@translates(*_OF_TWO)
def of_two(node: Node, x: Any, y: Any) -> Any:
    """Functions of two numbers."""
    x, y = _operand(x), _operand(_lined_up(node, x, y))
    return _merge(node, (x, y)) if _merges(node, x, y) else _OF_TWO[node.op](x, y)


@translates(*_OF_MANY)
def of_many(node: Node, *xs: Any) -> Any:
    """Functions of any number of numbers."""
    if len(xs) == 2:
        xs = (xs[0], _lined_up(node, *xs))
    xs = tuple(map(_operand, xs))
    if node.op == "Mul" and len(xs) == 2:
        for x, scale in (xs, xs[::-1]):
            if _is_scale(node, x, scale):
                return _scaled(node, x, scale)
    return _merge(node, xs) if _merges(node, *xs) else functools.reduce(_OF_MANY[node.op], xs)


def _is_scale(node: Node, x: Any, scale: Any) -> bool:
    """Whether a constant is one number for each channel of images or sequences."""
    if not isinstance(x, SymbolicTensor) or not is_fixed(scale) or rank(x) < 3:
        return False
    channels = (node.shapes(x)[0][1], *(1,) * (rank(x) - 2))
    return x.batched and channels[0] > 1 and np.shape(scale) in (channels, (1, *channels))


def _scaled(node: Node, x: Any, scale: Any) -> Any:
    """LayerScale, whose factors are learnt."""
    layer = layers.LayerScale(axis=1, name=node.name)
    made = layer(x)
    layer.set_weights([np.ravel(scale)])
    return made


@translates("Mean")
def mean(node: Node, *xs: Any) -> Any:
    """The mean of several."""
    if _merges(node, *xs):
        return _merge(node, xs)
    return ops.multiply(functools.reduce(ops.add, xs), 1 / len(xs))


def _operand(x: Any) -> Any:
    """A number that depends on sizes as an operand; all else as it is."""
    if not isinstance(x, Sizes):
        return x
    if x.formulas.size > 1:
        raise OpenSizeError("numbers that depend on the size of the network's inputs are an operand")
    return x.entries()[0]


def _lined_up(node: Node, x: Any, y: Any) -> Any:
    """The second, as it was broadcast before opset 7: from an axis of the first on, not up to the last."""
    axis = node.get("axis")
    if not node.get("broadcast") or axis is None or node.opset >= 7:
        return y
    more = rank(x) - axis % rank(x) - rank(y)
    return np.reshape(node.fixed(y, "B"), (*np.shape(y), *(1,) * more)) if more else y


def _merges(node: Node, *xs: Any) -> bool:
    """Whether there is a layer for it: of samples that all have one shape."""
    symbolic = all(isinstance(x, SymbolicTensor) and x.batched for x in xs)
    return node.op in _MERGING and len(xs) > 1 and symbolic and len({tuple(node.shapes(x)) for x in xs}) == 1


def _merge(node: Node, xs: Any) -> Any:
    return _MERGING[node.op](name=node.name)(list(xs))


@translates("Div")
def div(node: Node, x: Any, y: Any) -> Any:
    """Quotients; of whole numbers, cut off towards 0."""
    made = ops.divide(_operand(x), _operand(_lined_up(node, x, y)))
    return ops.trunc(made) if node.kinds[0] in ("i", "u") else made


@translates("Mod")
def mod(node: Node, x: Any, y: Any) -> Any:
    """Remainders, with the sign of the divisor, or of the dividend where fmod is set."""
    return ops.fmod(x, y) if node.get("fmod", 0) else ops.mod(x, y)


@translates("IsInf")
def is_inf(node: Node, x: Any) -> Any:
    """Whether numbers are infinite, on either side or on one."""
    up, down = node.get("detect_positive", 1), node.get("detect_negative", 1)
    if up and down:
        return ops.isinf(x)
    return ops.isposinf(x) if up else ops.isneginf(x) if down else ops.zeros_like(x)


@translates("Where")
def where(node: Node, condition: Any, x: Any, y: Any) -> Any:
    """`ops.where`."""
    return ops.where(condition, x, y)


@translates("Cast", "CastLike")
def cast(node: Node, x: Any, like: Any = None) -> Any:
    """All is float32 here: whole numbers are cut off towards 0, truths become 0 and 1."""
    kind = _kind_of(node.get("to")) if node.op == "Cast" else node.kinds[1]
    if kind == "b":
        return ops.not_equal(x, 0.0)
    return ops.trunc(x) if kind in ("i", "u") and node.kinds[0] not in ("i", "u", "b") else x


def _kind_of(data_type: int) -> str:
    from cnnfast.io.onnx.reading import required

    return str(np.dtype(required().helper.tensor_dtype_to_np_dtype(data_type)).kind)


@translates("Identity", "Dropout")
def identity(node: Node, x: Any, ratio: Any = None, training: Any = None) -> Any:
    """The same; Dropout trains a layer of its own, and elsewhere keeps all."""
    drops = node.number(ratio, "ratio", 0.5) if node.op == "Dropout" else 0.0
    if drops and is_fixed(training) and bool(training):
        raise ValueError("training_mode is not supported: random numbers differ from engine to engine")
    if node.op == "Dropout" and isinstance(x, SymbolicTensor):
        x = layers.Dropout(drops, name=node.name)(x)
    return (x, np.ones(np.shape(x), bool)) if node.outputs > 1 and rank(x) and is_fixed(x) else x
