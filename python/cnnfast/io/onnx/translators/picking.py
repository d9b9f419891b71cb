"""Numbers that are picked, or put, by others that say where."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, check_size, is_fixed, rank, translates, with_weights
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError


@translates("Gather")
def gather(node: Node, x: Any, places: Any) -> Any:
    """What stands at places along an axis; Embedding where a fixed table is picked from."""
    axis = node.axis(node.get("axis", 0), rank(x))
    if isinstance(places, SymbolicTensor) and is_fixed(x) and axis == 0 and np.ndim(x) == 2:
        return with_weights(layers.Embedding(*np.shape(x), name=node.name), places, [x])
    if is_fixed(places) and not isinstance(x, SymbolicTensor):
        places = np.where(np.asarray(places) < 0, np.asarray(places) + np.shape(x)[axis], places)
    if is_fixed(places) and np.ndim(places) == 0 and isinstance(x, SymbolicTensor):
        return ops.get_item(x, (*(slice(None),) * axis, int(places)))
    return ops.take(x, places, axis)


@translates("GatherElements")
def gather_elements(node: Node, x: Any, places: Any) -> Any:
    """`ops.take_along_axis`."""
    axis = node.axis(node.get("axis", 0), rank(x))
    if is_fixed(places) and not isinstance(x, SymbolicTensor):
        places = np.where(np.asarray(places) < 0, np.asarray(places) + np.shape(x)[axis], places)
        cut = tuple(slice(None) if i == axis else slice(0, n) for i, n in enumerate(np.shape(places)))
        x = np.asarray(x)[cut]
    return ops.take_along_axis(x, places, axis)


@translates("OneHot")
def one_hot(node: Node, places: Any, depth: Any, values: Any) -> Any:
    """One value where a place is named, another elsewhere."""
    (count,) = node.integers(depth, "depth")
    off, on = (float(each) for each in np.ravel(node.fixed(values, "values")))
    check_size(count, "what it has for each number")
    total = rank(places) + 1
    axis = node.axis(node.get("axis", -1), total)
    steps = np.arange(count, dtype=np.float32)
    steps = steps.reshape([-1 if i == axis else 1 for i in range(total)])
    given = ops.expand_dims(ops.mod(places, float(count)), axis)
    inside = ops.expand_dims(ops.less(ops.abs(ops.add(places, 0.5)), count + 0.5), axis)
    return ops.where(ops.logical_and(ops.equal(given, steps), inside), on, off)


@translates("Trilu")
def trilu(node: Node, x: Any, k: Any = None) -> Any:
    """The part above or below a diagonal, zeros elsewhere."""
    (at,) = node.integers(k, "k", [0])
    return ops.triu(x, at) if node.get("upper", 1) else ops.tril(x, at)


@translates("ConstantOfShape")
def constant_of_shape(node: Node, shape: Any) -> Any:
    """An array of one number, whose shape is known when it is run at once."""
    from cnnfast.io.onnx.constants import tensor

    value = node.get("value")
    sizes = node.integers(shape, "shape")
    number = 0.0 if value is None else float(np.ravel(tensor(value))[0])
    return ops.full(sizes, number) if 0 not in sizes else np.zeros(sizes, np.float32)


@translates("GridSample")
def grid_sample(node: Node, x: Any, grid: Any) -> Any:
    """`ops.image.grid_sample`, images with channels first."""
    if rank(x) != 4:
        raise ModelFileError("only images are sampled")
    mode = {"linear": "bilinear"}.get(node.get("mode", "linear"), node.get("mode", "linear"))
    return ops.image.grid_sample(
        x, grid, mode, node.get("padding_mode", "zeros"), bool(node.get("align_corners", 0)), FIRST
    )


@translates("Col2Im")
def col2im(node: Node, x: Any, image: Any, block: Any) -> Any:
    """`ops.fold`: columns of blocks become images."""
    size, window = node.integers(image, "image_shape"), node.integers(block, "block_shape")
    count = len(size)
    if count != 2:
        raise ModelFileError("only images are put together")
    pads = node.get("pads", [0] * 4)
    if list(pads[:2]) != list(pads[2:]):
        raise ModelFileError("its padding must be the same on both sides")
    dilation, strides = tuple(node.get("dilations", (1, 1))), tuple(node.get("strides", (1, 1)))
    return ops.fold(x, tuple(size), tuple(window), dilation, tuple(pads[:2]), strides)


@translates("AffineGrid")
def affine_grid(node: Node, theta: Any, size: Any) -> Any:
    """Where the pixels of an image lie in another, from -1 to 1, by a matrix for each sample."""
    sizes = node.integers(size, "size")[2:]
    aligned = node.get("align_corners", 0)
    check_size(math.prod(sizes), "the grid")
    lines = [np.linspace(-1, 1, n) * (1 if aligned or n == 1 else (n - 1) / n) for n in sizes]
    places = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(sizes)], -1).astype(np.float32)
    flat = places.reshape(-1, len(sizes) + 1)
    made = ops.matmul(flat, ops.transpose(theta, (0, 2, 1)))
    lead = None if isinstance(theta, SymbolicTensor) else np.shape(theta)[0]
    return ops.reshape(made, (lead, *sizes, len(sizes)))


@translates("Range")
def range_(node: Node, start: Any, limit: Any, step: Any) -> Any:
    """Numbers at even distances, whose count is known when it is run at once."""
    bounds = [node.number(each, "limits") for each in (start, limit, step)]
    return np.arange(*bounds, dtype=np.float32)
