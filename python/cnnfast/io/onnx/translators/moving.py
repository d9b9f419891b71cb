"""Numbers at other places: turned, cut, joined, repeated, padded."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, Sizes, is_fixed, rank, translates
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError

_LARGEST = float(np.finfo(np.float32).max)
_MODES = {"constant": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@translates("Transpose")
def transpose(node: Node, x: Any) -> Any:
    """The axes in another order; Permute where the batch stays in front."""
    order = list(node.get("perm", range(rank(x))[::-1]))
    if isinstance(x, SymbolicTensor) and x.batched and order[0] == 0 and len(order) > 1:
        return layers.Permute(order[1:], name=node.name)(x)
    return ops.transpose(x, order)


@translates("Concat")
def concat(node: Node, *xs: Any) -> Any:
    """Concatenate along an axis; an empty array adds nothing."""
    axis = node.get("axis", 1)
    kept = [x for x in xs if not (is_fixed(x) and np.size(x) == 0)]
    if all(isinstance(x, SymbolicTensor) and x.batched for x in kept) and len(kept) > 1:
        return layers.Concatenate(axis, name=node.name)(kept)
    if any(isinstance(x, SymbolicTensor) for x in kept):
        kept = [_for_each_sample(node, x, kept) for x in kept]
    return ops.concatenate(kept, axis) if len(kept) > 1 else kept[0]


def _for_each_sample(node: Node, x: Any, others: Any) -> Any:
    """A constant of one sample, for each of the batch: what it is, added to zeros of the batch's size."""
    if isinstance(x, SymbolicTensor):
        return x
    like = next(each for each in others if isinstance(each, SymbolicTensor))
    first = like
    for axis in range(1, rank(like)):
        first = ops.get_item(first, (*(slice(None),) * axis, slice(0, 1)))
    return ops.add(ops.multiply(first, 0.0), x)


@translates("Split")
def split(node: Node, x: Any, sizes: Any = None) -> Any:
    """Pieces along an axis, of told lengths or equal ones; the last one may be shorter."""
    axis = node.get("axis", 0) % rank(x)
    length = _length(node, x, axis)
    lengths = node.integers(sizes, "split")
    if lengths is None:
        step = -(-length // node.get("num_outputs", node.outputs))
        lengths = [min(step, length - begin) for begin in range(0, length, step)]
    ends = np.cumsum(lengths).tolist()
    whole = (slice(None),) * axis
    return [_part_of(x, (*whole, slice(e - n, e))) for n, e in zip(lengths, ends, strict=True)]


@translates("Slice")
def slice_(
    node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Any:
    """A part of each of some axes."""
    begins, stops = (
        _examples(node, node.get(n) if v is None else v) for n, v in (("starts", starts), ("ends", ends))
    )
    places = node.integers(axes, "axes", list(range(len(begins[0]))))
    strides = node.integers(steps, "steps", [1] * len(places))
    key: list[slice] = [slice(None)] * rank(x)
    for i, (axis, step) in enumerate(zip(places, strides, strict=True)):
        at = axis % rank(x)
        found = [
            slice(*_part(int(b[i]), int(e[i]), step, shape[at]))
            for b, e, shape in zip(begins, stops, node.shapes(x), strict=True)
        ]
        wholes = [part == slice(0, shape[at], 1) for part, shape in zip(found, node.shapes(x), strict=True)]
        if all(wholes):
            continue
        key[at] = _one_slice(found, int(begins[0][i]), int(stops[0][i]), step)
    return x if key == [slice(None)] * rank(x) else _part_of(x, tuple(key))


def _part_of(x: Any, key: tuple[Any, ...]) -> Any:
    """x[key]; of an array, also where nothing is left, which only empty arrays of ONNX can say."""
    if not isinstance(x, SymbolicTensor) and np.asarray(x)[key].size == 0:
        return np.asarray(x)[key]
    return ops.get_item(x, key)


def _part(begin: int, end: int, step: int, size: int) -> tuple[int, int | None, int]:
    start, stop, _ = slice(begin, end, step).indices(size)
    return start, (None if stop < 0 else stop), step


def _one_slice(found: list[slice], begin: int, end: int, step: int) -> slice:
    if all(each == found[0] for each in found):
        return found[0]
    if step > 0 and (abs(begin) > 2**20 or abs(end) > 2**20):
        return slice(begin, None if end > 2**20 else end, step)
    return slice(begin, end, step)


def _examples(node: Node, value: Any) -> Any:
    return (
        value.examples
        if isinstance(value, Sizes)
        else (np.ravel(node.fixed(value, "starts")),) * len(node.batches)
    )


@translates("Pad")
def pad(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    """Borders; negative ones are cut off."""
    mode = node.get("mode", "constant")
    sides = node.integers(pads, "pads", node.get("paddings"))
    places = [axis % rank(x) for axis in node.integers(axes, "axes", list(range(rank(x))))]
    widths = [(0, 0)] * rank(x)
    for i, axis in enumerate(places):
        widths[axis] = (sides[i], sides[i + len(places)])
    key = tuple(slice(max(0, -a), -max(0, -b) or None) for a, b in widths)
    x = ops.get_item(x, key) if any(min(each) < 0 for each in widths) else x
    widths = [(max(0, a), max(0, b)) for a, b in widths]
    if not any(a or b for a, b in widths):
        return x
    number = float(np.ravel(node.fixed(value, "value", 0.0))[0])
    fill = (
        float(np.clip(number, -_LARGEST, _LARGEST)) if mode == "constant" else None
    )  # for -inf before a MaxPool
    return ops.pad(x, widths, _MODES[mode], fill)


@translates("Tile")
def tile(node: Node, x: Any, repeats: Any) -> Any:
    """The whole several times along each axis."""
    return ops.tile(x, node.integers(repeats, "repeats"))


@translates("DepthToSpace")
def depth_to_space(node: Node, x: Any) -> Any:
    """Blocks of channels become squares: by blocks first (DCR) or by channels first (CRD)."""
    block = node.get("blocksize")
    if node.get("mode", "DCR") == "DCR":
        return ops.depth_to_space(x, block, FIRST)
    (channels, height, width), *others = [shape[1:] for shape in node.shapes(x)]
    if any(each != (channels, height, width) for each in others):
        return layers.PixelShuffle(block, FIRST, name=node.name)(x)
    lead = None if isinstance(x, SymbolicTensor) else np.shape(x)[0]
    outer = channels // block**2
    split = ops.reshape(x, (lead, outer, block, block, height, width))
    return ops.reshape(ops.transpose(split, (0, 1, 4, 2, 5, 3)), (lead, outer, height * block, width * block))


@translates("SpaceToDepth")
def space_to_depth(node: Node, x: Any) -> Any:
    """Squares become blocks of channels: by blocks first (DCR) or by channels first (CRD)."""
    block = node.get("blocksize")
    if node.get("mode", "DCR") == "DCR":
        return ops.space_to_depth(x, block, FIRST)
    channels, height, width = (_length(node, x, axis) for axis in (1, 2, 3))
    lead = None if isinstance(x, SymbolicTensor) else np.shape(x)[0]
    rows, columns = height // block, width // block
    split = ops.reshape(x, (lead, channels, rows, block, columns, block))
    return ops.reshape(ops.transpose(split, (0, 1, 3, 5, 2, 4)), (lead, channels * block**2, rows, columns))


@translates("CenterCropPad")
def center_crop_pad(node: Node, x: Any, target: Any) -> Any:
    """The middle, or the whole in the middle of zeros, along some axes."""
    wanted = node.integers(target, "shape")
    places = [axis % rank(x) for axis in node.integers(None, "axes", list(range(rank(x))))]
    key, widths = [slice(None)] * rank(x), [(0, 0)] * rank(x)
    for axis, size in zip(places, wanted, strict=True):
        have = _length(node, x, axis)
        cut, more = max(0, have - size), max(0, size - have)
        key[axis] = slice(cut // 2, cut // 2 + min(have, size))
        widths[axis] = (more // 2, more - more // 2)
    return ops.pad(ops.get_item(x, tuple(key)), widths)


def _length(node: Node, x: Any, axis: int) -> int:
    found = {shape[axis] for shape in node.shapes(x)}
    if len(found) > 1:
        raise ModelFileError(f"axis {axis} of its input has no fixed size")
    return found.pop()
