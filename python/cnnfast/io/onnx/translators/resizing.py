"""Images in other sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, Sizes, axes_of, check_size, rank, sized, translates
from cnnfast.io.onnx.reading import required
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.layers.sizes import Size, computed
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError
from cnnfast.ops.operation import TABLE

_TOLD = (
    "antialias",
    "coordinate_transformation_mode",
    "cubic_coeff_a",
    "exclude_outside",
    "mode",
    "nearest_mode",
)
_COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@translates("Upsample")
def upsample(node: Node, x: Any, scales: Any = None) -> Any:
    """The older name, which counts from the pixels' corners."""
    mode = node.get("mode", "nearest").removeprefix("bi")
    attributes = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    factors = [float(each) for each in np.ravel(node.fixed(scales, "scales"))]
    return _resize(node, x, factors, _by(x, factors), attributes)


@translates("Resize")
def resize(node: Node, x: Any, *given: Any) -> Any:
    """By factors, or to sizes, of all axes or some."""
    roi, scales, sizes = (*given, None, None, None)[:3] if node.opset >= 11 else (None, *given, None)[:3]
    attributes = dict(node.attributes)
    axes = [node.axis(axis, rank(x)) for axis in node.integers(None, "axes", list(range(rank(x))))]
    if attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        attributes["roi"] = _roi(node.fixed(roi, "roi"), axes, rank(x))
    if sizes is not None and (isinstance(sizes, Sizes) or np.size(sizes)):
        return _resize(node, x, *_of_sizes(node, x, sizes, axes), attributes)
    factors = [1.0] * rank(x)
    for axis, factor in zip(axes, np.ravel(node.fixed(scales, "scales")), strict=True):
        factors[axis] = float(factor)
    if node.opset < 11:
        nearest = "floor" if min(factors) >= 1 else "simple"
        attributes.update(coordinate_transformation_mode="asymmetric", nearest_mode=nearest)
    return _resize(node, x, factors, _by(x, factors), attributes)


def _by(x: Any, factors: Sequence[float]) -> list[Any]:
    """The sizes that follow from factors."""
    made: list[Any] = []
    for size, factor in zip(axes_of(x), factors, strict=True):
        whole = size if factor == 1.0 else computed("int", computed("floor", computed("mul", size, factor)))
        made.append(whole)
    return made


def _roi(roi: Any, axes: list[int], total: int) -> list[tuple[float, float]]:
    made = [(0.0, 1.0)] * total
    for i, axis in enumerate(axes):
        made[axis] = (float(roi[i]), float(roi[i + len(axes)]))
    return made


def _of_sizes(node: Node, x: Any, sizes: Any, axes: list[int]) -> tuple[list[float] | None, list[Any]]:
    """The factors, where they are the same in all examples, and the sizes; None is the batch's, as it was."""
    shapes = node.shapes(x)
    given = sizes.examples if isinstance(sizes, Sizes) else (np.asarray(sizes),) * len(shapes)
    policy, found = node.get("keep_aspect_ratio_policy", "stretch"), []
    for shape, wanted in zip(shapes, given, strict=True):
        factors, full = [1.0] * len(shape), list(shape)
        each = [int(n) / shape[axis] for axis, n in zip(axes, wanted, strict=True)]
        if policy != "stretch":
            each = [min(each) if policy == "not_larger" else max(each)] * len(axes)
        for axis, factor, n in zip(axes, each, wanted, strict=True):
            factors[axis] = factor
            full[axis] = int(n) if policy == "stretch" else math.floor(shape[axis] * factor + 0.5)
        found.append((factors, full))
    told = dict(zip(axes, np.ravel(sizes.formulas), strict=True)) if isinstance(sizes, Sizes) else {}
    rows = list(zip(*(full for _, full in found), strict=True))
    made: list[Any] = []
    for axis, (size, row) in enumerate(zip(axes_of(x), rows, strict=True)):
        formula = told.get(axis, size) if policy == "stretch" else None
        made.append(None if size is None and row == node.batches else sized(row, formula))
    factors, is_open = found[0][0], any(isinstance(size, Size) for size in made)
    kept = all(each == factors for each, _ in found)
    kept &= not is_open or all(each.is_integer() for each in factors)  # others are rounded, at other sizes
    return (factors if kept else None), made


def _resize(node: Node, x: Any, factors: list[float] | None, sizes: list[Any], told: dict[str, Any]) -> Any:
    """By factors, None where only the sizes are known; sizes may be open."""
    shapes, form = node.shapes(x), _form(told)
    outer = [sizes[axis] not in (None, *(each[axis] for each in shapes)) for axis in (0, 1)]
    if factors is not None:
        outer = [factor != 1.0 for factor in factors[:2]]
    if not any(outer) and isinstance(x, SymbolicTensor) and factors is not None:
        layer = _up_sampling(node, factors[2:], told)
        if layer is not None:
            return layer(x)
    if outer[0] and isinstance(x, SymbolicTensor):
        raise ModelFileError("the batch's axis cannot be resized")
    if any(isinstance(size, Size) for size in sizes) or any(each[2:] != shapes[0][2:] for each in shapes):
        if form is None or any(outer):
            raise OpenSizeError(f"such resizing needs an input of known size: {told}")
        return _by_word(x, factors, sizes[2:], *form)
    words = ("bilinear", "bicubic") if isinstance(x, SymbolicTensor) else ("bilinear",)
    if form is not None and form[0] in words and not any(outer) and 1 not in sizes[2:]:
        return _by_word(x, factors, sizes[2:], *form)
    for axis, (size, length) in enumerate(zip(sizes, shapes[0], strict=True)):
        factor = size / length if factors is None else factors[axis]
        if size is not None and (size != length or factor != 1.0):
            x = _along(x, axis, length, size, factor, told)
    return x


def _form(told: dict[str, Any]) -> tuple[str, str] | None:
    """Interpolation and coordinates of `ops.image.resize` that do the same; None if there are none."""
    mode = told.get("mode", "nearest")
    places = told.get("coordinate_transformation_mode", "half_pixel")
    rounds = told.get("nearest_mode", "round_prefer_floor")
    if told.get("antialias"):
        return None
    if mode == "nearest":
        same = (places, rounds) in (("asymmetric", "floor"), ("half_pixel", "round_prefer_ceil"))
        return ("nearest", places) if same else None
    if places not in _COORDINATES:
        return None
    if mode == "linear":
        return "bilinear", places
    same = math.isclose(told.get("cubic_coeff_a", -0.75), -0.75) and not told.get("exclude_outside")
    return ("bicubic", {"half_pixel": "pytorch_half_pixel"}.get(places, places)) if same else None


def _by_word(x: Any, factors: list[float] | None, sizes: list[Any], interpolation: str, places: str) -> Any:
    """`ops.image.resize`, also to sizes that are open."""
    steps = [0.0] * len(sizes)
    if factors is not None and places != "align_corners":
        steps = [1 / factor for factor in factors[2:]]
    return TABLE["resize"](x, sizes, interpolation, False, "stretch", 0.0, FIRST, places, steps)


def _up_sampling(node: Node, factors: list[float], told: dict[str, Any]) -> Any:
    """A layer for whole factors, whatever the image's size; None if there is none."""
    mode = told.get("mode", "nearest")
    places = told.get("coordinate_transformation_mode", "half_pixel")
    if not all(float(factor).is_integer() for factor in factors) or told.get("antialias"):
        return None
    times = [int(factor) for factor in factors]
    repeats = (places, told.get("nearest_mode", "round_prefer_floor")) in (
        ("asymmetric", "floor"),
        ("half_pixel", "round_prefer_floor"),
        ("half_pixel", "round_prefer_ceil"),
        ("pytorch_half_pixel", "round_prefer_floor"),
    )
    if mode == "nearest" and repeats and len(times) in (2, 3):
        kind = layers.UpSampling2D if len(times) == 2 else layers.UpSampling3D
        return kind(times, FIRST, name=node.name)
    if mode == "linear" and len(times) == 2 and places in _COORDINATES:
        return layers.UpSampling2D(times, FIRST, "bilinear", coordinates=places, name=node.name)
    return None


def _along(x: Any, axis: int, before: int, after: int, factor: float, told: dict[str, Any]) -> Any:
    """One axis: by places for the nearest, else by the matrix of what each result takes of each number."""
    if told.get("mode", "nearest") == "nearest" and "roi" not in told:
        check_size(max(before, after), "an axis of the picture", 2**20)
        return ops.take(x, _nearest(before, after, factor, told), axis)
    how = tuple((name, told[name]) for name in _TOLD if name in told)
    roi = told["roi"][axis] if "roi" in told else (0.0, 1.0)
    outside = float(told.get("extrapolation_value", 0.0))
    check_size(before * max(before, after), "the matrix that resizes an axis", 2**22)
    matrix = _reference(np.eye(before), after, factor, how, roi)
    last = rank(x) - 1
    turned = x if axis == last else ops.swapaxes(x, axis, last)
    made = ops.matmul(turned, matrix)
    if outside:
        made = ops.add(made, np.where(matrix.sum(axis=0) == 0, outside, 0.0).astype(np.float32))
    return made if axis == last else ops.swapaxes(made, axis, last)


def _nearest(before: int, after: int, factor: float, told: dict[str, Any]) -> Any:
    """Which number is each result's, in float32 as ONNX Runtime has it: between two, rounding decides."""
    i, scale = np.arange(after, dtype=np.float32), np.float32(factor)
    half = np.float32(0.5)
    wide = np.float32(before * factor)
    gap = (half * before) * (1 - np.float32(after) / wide)  # what half of a rounded size leaves out
    last = np.float32(max(after - 1, 1))
    places = {
        "align_corners": i * np.float32(before - 1) / last,
        "asymmetric": i / scale,
        "half_pixel": (i + half) / scale - half,
        "half_pixel_symmetric": gap + (i + half) / scale - half,
        "pytorch_half_pixel": (i + half) / scale - half if after > 1 else i,
        "tf_half_pixel_for_nn": (i + half) / scale,
    }[told.get("coordinate_transformation_mode", "half_pixel")]
    rounds: dict[str, Callable[[Any], Any]] = {
        "ceil": np.ceil,
        "floor": np.floor,
        "round_prefer_ceil": lambda at: np.floor(at + half),
        "round_prefer_floor": lambda at: np.ceil(at - half),
        "simple": np.ceil if factor < 1 else np.floor,  # ONNX Runtime's of opset 10
    }
    rounded = rounds[told.get("nearest_mode", "round_prefer_floor")](places)
    return np.clip(rounded, 0, before - 1).astype(int)


def _reference(rows: Any, after: int, factor: float, how: Any, roi: tuple[float, float]) -> Any:
    """What ONNX's reference makes of rows of numbers."""
    onnx = required()
    from onnx.reference import ReferenceEvaluator

    before = rows.shape[1]
    by_factor = math.floor(before * float(np.float32(factor))) == after
    wanted = np.array([1.0, factor], np.float32) if by_factor else np.array([len(rows), after], np.int64)
    given = {
        "x": rows.astype(np.float32),
        "roi": np.array([0, roi[0], 1, roi[1]], np.float32),
        "wanted": wanted,
    }
    names = ["x", "roi", "wanted"] if by_factor else ["x", "roi", "", "wanted"]
    node = onnx.helper.make_node("Resize", names, ["y"], **dict(how))
    infos = [
        onnx.helper.make_tensor_value_info(k, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
        for k, v in given.items()
    ]
    graph = onnx.helper.make_graph([node], "resize", infos, [onnx.ValueInfoProto(name="y")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)])
    return ReferenceEvaluator(model).run(None, given)[0]
