"""Formulas, products, reductions and what is picked by numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnfast.io.onnx.exporting import Export, writes

_FLOAT, _INTEGER, _TRUTH = 1, 7, 9  # ONNX's numbers of types

_SAME = {
    "abs": "Abs",
    "add": "Add",
    "cos": "Cos",
    "div": "Div",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "max": "Max",
    "min": "Min",
    "mul": "Mul",
    "neg": "Neg",
    "pow": "Pow",
    "reciprocal": "Reciprocal",
    "round": "Round",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "sub": "Sub",
    "tanh": "Tanh",
}
_COMPARISONS = {"eq": "Equal", "ge": "GreaterOrEqual", "gt": "Greater", "le": "LessOrEqual", "lt": "Less"}
_REDUCTIONS = {
    "max": "ReduceMax",
    "mean": "ReduceMean",
    "min": "ReduceMin",
    "product": "ReduceProd",
    "sum": "ReduceSum",
}


def _square(to: Export, name: str, x: str) -> str:
    return to.add_each("Mul", [x, x], name)


def _rsqrt(to: Export, name: str, x: str) -> str:
    return to.add_each("Reciprocal", [to.add_each("Sqrt", [x], f"{name}/sqrt")], name)


def _expm1(to: Export, name: str, x: str) -> str:
    one = to.constant_of(1.0, f"{name}/one")
    return to.add_each("Sub", [to.add_each("Exp", [x], f"{name}/exp"), one], name)


def _log1p(to: Export, name: str, x: str) -> str:
    one = to.constant_of(1.0, f"{name}/one")
    return to.add_each("Log", [to.add_each("Add", [x, one], f"{name}/add")], name)


def _ne(to: Export, name: str, x: str, y: str) -> str:
    equal = to.add_each("Equal", [x, y], f"{name}/equal")
    return to.add_each("Cast", [to.add_each("Not", [equal], f"{name}/not")], name, to=_FLOAT)


def _select(to: Export, name: str, condition: str, x: str, y: str) -> str:
    return to.add_each("Where", [to.add_each("Cast", [condition], f"{name}/truth", to=_TRUTH), x, y], name)


_OTHERS: dict[str, Callable[..., str]] = {
    "expm1": _expm1,
    "log1p": _log1p,
    "ne": _ne,
    "rsqrt": _rsqrt,
    "select": _select,
    "square": _square,
}


@writes("formula")
def formula(to: Export, made: int, op: str, operands: Any, name: str, seed: Any = None) -> str:
    """One instruction; numbers among its operands are constants."""
    given = [
        to.constant_of(each, f"{name}/number") if isinstance(each, float) else to.name_of(each)
        for each in operands
    ]
    if op in _SAME:
        return to.add_each(_SAME[op], given, name)
    if op in _COMPARISONS:
        return to.add_each("Cast", [to.add_each(_COMPARISONS[op], given, f"{name}/truth")], name, to=_FLOAT)
    if op in _OTHERS:
        return _OTHERS[op](to, name, *given)
    raise NotImplementedError(f"{name}: random numbers cannot be exported")


@writes("matmul")
def matmul(to: Export, made: int, a: int, b: int, name: str) -> str:
    """NumPy's product of matrices, which ONNX's is."""
    return to.add_node("MatMul", [to.name_of(a), to.name_of(b)], name)


@writes("reduce")
def reduce(to: Export, made: int, src: int, kind: str, axes: Any, batch: bool, name: str) -> str:
    """Over axes of a sample, and over the batch's."""
    places = [*([0] if batch else []), *(axis + to.batched(src) for axis in axes)]
    if kind not in _REDUCTIONS:
        return _arg(to, src, kind, places, name)
    numbers = to.integers(places, name)
    return to.add_node(_REDUCTIONS[kind], [to.name_of(src), numbers], name, keepdims=0)


def _arg(to: Export, src: int, kind: str, places: list[int], name: str) -> str:
    """Where an extreme is: of several axes, counted in their order."""
    x = to.name_of(src)
    if len(places) > 1:
        shape = [0] * to.batched(src) + list(to.shape(src))
        others = [axis for axis in range(len(shape)) if axis not in places]
        x = to.add_node("Transpose", [x], f"{name}/last", perm=[*others, *places])
        x = to.add_node("Reshape", [x, to.integers([*(shape[i] for i in others), -1], name)], f"{name}/flat")
        places = [len(others)]
    op = "ArgMax" if kind == "argmax" else "ArgMin"
    found = to.add_node(op, [x], f"{name}/place", axis=places[0], keepdims=0)
    return to.add_node("Cast", [found], name, to=_FLOAT)


@writes("gather")
def gather(to: Export, made: int, src: int, indices: int, axis: int, name: str) -> str:
    """Slices along an axis: of what all samples share by each one's numbers, or of each by shared ones."""
    if to.batched(src) and to.batched(indices):
        raise NotImplementedError(f"{name}: what each sample picks of itself cannot be exported")
    places = to.add_node("Cast", [to.name_of(indices)], f"{name}/places", to=_INTEGER)
    return to.add_node("Gather", [to.name_of(src), places], name, axis=axis + to.batched(src))


@writes("gather_along")
def gather_along(to: Export, made: int, src: int, indices: int, axis: int, name: str) -> str:
    """Cells along an axis."""
    if to.batched(src) != to.batched(indices):
        raise NotImplementedError(
            f"{name}: cells of what has no batch axis by what has one cannot be exported"
        )
    places = to.add_node("Cast", [to.name_of(indices)], f"{name}/places", to=_INTEGER)
    return to.add_node("GatherElements", [to.name_of(src), places], name, axis=axis + to.batched(src))


@writes("order")
def order(to: Export, made: int, src: int, count: int, descending: bool, name: str) -> str:
    """Where the first of a sorted last axis are."""
    onnx_count = to.integers([count], name)
    values, places = to.unique(f"{name}/values"), to.unique(f"{name}/places")
    from cnnfast.io.onnx.reading import required

    make = required().helper.make_node
    to.nodes.append(
        make("TopK", [to.name_of(src), onnx_count], [values, places], name=places, largest=int(descending))
    )
    return to.add_node("Cast", [places], name, to=_FLOAT)


@writes("resize")
def resize(
    to: Export, made: int, src: int, axis: int, size: int, interpolation: str, coordinates: str,
    antialias: bool, name: str, cubic: float = -0.5, repeats: bool = False, step: float = 0.0,
) -> str:  # fmt: skip
    """One axis, which is made the last of four: what ONNX's runtimes resize. The batch's stays in front."""
    modes = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
    if interpolation not in modes:
        raise NotImplementedError(f"{name}: ONNX has no interpolation {interpolation!r}")
    dims, lead = list(to.shape(src)), to.batched(src)
    before, at = dims[axis], axis + lead
    if step and math.floor(before / step) != size:
        raise NotImplementedError(f"{name}: the size {size} does not follow from the factor {1 / step:g}")
    rank = len(dims) + lead
    turn = [*(i for i in range(rank) if i != at), at]
    x = to.add_node("Transpose", [to.name_of(src)], f"{name}/last", perm=turn)
    x = to.add_node("Reshape", [x, to.integers([1 - lead, 1, -1, before], name)], f"{name}/rows")
    wanted = (
        ["", to.constant_of([1, 1, 1, 1 / step], f"{name}/scales")]
        if step
        else ["", "", to.integers([size], name)]
    )
    told: dict[str, Any] = {"mode": modes[interpolation], "coordinate_transformation_mode": coordinates}
    if not step:
        told["axes"] = [3]
    if interpolation == "nearest":
        told["nearest_mode"] = "floor" if coordinates == "asymmetric" else "round_prefer_ceil"
    if interpolation == "bicubic":
        told.update(cubic_coeff_a=cubic, exclude_outside=int(not repeats))
    if antialias:
        told["antialias"] = 1
    x = to.add_node("Resize", [x, *wanted], f"{name}/resized", **told)
    others = [dims[i - lead] for i in turn[lead:-1]]
    x = to.add_node("Reshape", [x, to.integers([*[0] * lead, *others, size], name)], f"{name}/back")
    return to.add_node("Transpose", [x], name, perm=np.argsort(turn).tolist())
