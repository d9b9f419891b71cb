"""Images in other sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, Sizes, check_size, rank, translates
from cnnfast.io.onnx.reading import required
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError

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
    mode = {"linear": "linear", "bilinear": "linear"}.get(node.get("mode", "nearest"), "nearest")
    attributes = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return _resize(
        node, x, [float(each) for each in np.ravel(node.fixed(scales, "scales"))], None, attributes
    )


@translates("Resize")
def resize(node: Node, x: Any, *given: Any) -> Any:
    """By factors, or to sizes, of all axes or some."""
    roi, scales, sizes = (*given, None, None, None)[:3] if node.opset >= 11 else (None, *given, None)[:3]
    attributes = dict(node.attributes)
    if node.opset < 11:
        attributes.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    axes = [axis % rank(x) for axis in node.integers(None, "axes", list(range(rank(x))))]
    if attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        attributes["roi"] = _roi(node.fixed(roi, "roi"), axes, rank(x))
    if sizes is not None and (isinstance(sizes, Sizes) or np.size(sizes)):
        return _resize(node, x, *_of_sizes(node, x, sizes, axes), attributes)
    factors = [1.0] * rank(x)
    for axis, factor in zip(axes, np.ravel(node.fixed(scales, "scales")), strict=True):
        factors[axis] = float(factor)
    return _resize(node, x, factors, None, attributes)


def _roi(roi: Any, axes: list[int], total: int) -> list[tuple[float, float]]:
    made = [(0.0, 1.0)] * total
    for i, axis in enumerate(axes):
        made[axis] = (float(roi[i]), float(roi[i + len(axes)]))
    return made


def _of_sizes(node: Node, x: Any, sizes: Any, axes: list[int]) -> tuple[list[float], list[int] | None]:
    """The factors, and the sizes themselves where they are known."""
    shapes = node.shapes(x)
    given = sizes.examples if isinstance(sizes, Sizes) else (np.asarray(sizes),) * len(shapes)
    found = []
    for shape, wanted in zip(shapes, given, strict=True):
        factors, full = [1.0] * len(shape), list(shape)
        each = [int(n) / shape[axis] for axis, n in zip(axes, wanted, strict=True)]
        policy = node.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            one = min(each) if policy == "not_larger" else max(each)
            each = [one] * len(axes)
        for axis, factor, n in zip(axes, each, wanted, strict=True):
            factors[axis] = factor
            full[axis] = int(n) if policy == "stretch" else math.floor(shape[axis] * factor + 0.5)
        found.append((factors, full))
    (factors, full), *others = found
    if all(each[1][1:] == full[1:] for each in others):
        return factors, full
    if any(not np.allclose(each[0], factors) for each in others):
        raise ModelFileError("the sizes depend on the input, and not by a factor")
    return factors, None


def _resize(node: Node, x: Any, factors: list[float], sizes: list[int] | None, told: dict[str, Any]) -> Any:
    mode = told.get("mode", "nearest")
    places = told.get("coordinate_transformation_mode", "half_pixel")
    moved = [axis for axis, factor in enumerate(factors) if factor != 1.0]
    spatial = list(range(2, rank(x)))
    whole = all(float(factor).is_integer() for factor in factors)
    if whole and set(moved) <= set(spatial) and isinstance(x, SymbolicTensor) and not told.get("antialias"):
        layer = _up_sampling(node, [int(factors[axis]) for axis in spatial], mode, places, told)
        if layer is not None:
            return layer(x)
    shape = node.shapes(x)[0]
    if sizes is None:
        sizes = [math.floor(size * factor) for size, factor in zip(shape, factors, strict=True)]
    if len({each[1:] for each in node.shapes(x)}) > 1:
        raise ModelFileError(f"the resizing by {factors} ({mode}, {places}) needs an input of known size")
    plain = mode == "linear" and places in _COORDINATES and not told.get("antialias") and 1 not in sizes
    if plain and moved and set(moved) <= set(spatial) and 1 <= len(spatial) <= 3:
        scale = None if places == "align_corners" else [factors[axis] for axis in spatial]
        return ops.image.resize(
            x, sizes[2:], "bilinear", data_format=FIRST, coordinates=places, scale_factor=scale
        )
    for axis in [axis for axis in range(rank(x)) if moved and (sizes[axis] != shape[axis] or axis in moved)]:
        if axis == 0 and isinstance(x, SymbolicTensor):
            raise ModelFileError("the batch's axis cannot be resized")
        x = _along(x, axis, shape[axis], sizes[axis], factors[axis], told)
    return x


def _up_sampling(node: Node, times: list[int], mode: str, places: str, told: dict[str, Any]) -> Any:
    """A layer for whole factors, whatever the image's size; None if there is none."""
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
    how = tuple((name, told[name]) for name in _TOLD if name in told)
    roi = told["roi"][axis] if "roi" in told else (0.0, 1.0)
    outside = float(told.get("extrapolation_value", 0.0))
    if told.get("mode", "nearest") == "nearest" and "roi" not in told:
        check_size(max(before, after), "an axis of the picture", 2**20)
        return ops.take(x, _reference(np.arange(before)[None], after, factor, how, roi)[0].astype(int), axis)
    check_size(before * max(before, after), "the matrix that resizes an axis", 2**22)
    matrix = _reference(np.eye(before), after, factor, how, roi)
    last = rank(x) - 1
    turned = x if axis == last else ops.swapaxes(x, axis, last)
    made = ops.matmul(turned, matrix)
    if outside:
        made = ops.add(made, np.where(matrix.sum(axis=0) == 0, outside, 0.0).astype(np.float32))
    return made if axis == last else ops.swapaxes(made, axis, last)


def _reference(rows: Any, after: int, factor: float, how: Any, roi: tuple[float, float]) -> Any:
    """What ONNX's reference makes of rows of numbers."""
    onnx = required()
    from onnx.reference import ReferenceEvaluator

    before = rows.shape[1]
    by_factor = math.floor(before * factor) == after
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
