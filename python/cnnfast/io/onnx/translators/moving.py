"""Numbers at other places: turned, cut, joined, repeated, padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, is_fixed, rank, translates
from cnnfast.io.onnx.translators.convolutions import FIRST
from cnnfast.layers.sizes import Size
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError
from cnnfast.ops.operation import TABLE

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
    axis = node.axis(node.get("axis", 0), rank(x))
    length = _length(node, x, axis)
    lengths = node.integers(sizes, "split")
    if lengths is None:
        step = -(-length // node.get("num_outputs", node.outputs))
        lengths = [min(step, length - begin) for begin in range(0, length, step)]
    if min(lengths) < 0 or sum(lengths) != length:
        raise ModelFileError(f"{length} cells cannot be split into {lengths}")
    ends = np.cumsum(lengths).tolist()
    whole = (slice(None),) * axis
    return [_part_of(x, (*whole, slice(e - n, e))) for n, e in zip(lengths, ends, strict=True)]


@translates("Slice")
def slice_(
    node: Node, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None
) -> Any:
    """A part of each of some axes."""
    lengths = node.shapes(x)
    begins, stops = node.sizes(starts, "starts"), node.sizes(ends, "ends")
    places = node.integers(axes, "axes", list(range(len(begins))))
    strides = node.integers(steps, "steps", [1] * len(places))
    key: list[Any] = [slice(None)] * rank(x)
    for axis, begin, end, step in zip(places, begins, stops, strides, strict=True):
        at = node.axis(axis, rank(x))
        key[at] = _slice(begin, end, step, [each[at] for each in lengths])
    return x if key == [slice(None)] * rank(x) else _part_of(x, tuple(key))


def _slice(begin: Any, end: Any, step: int, lengths: Sequence[int]) -> slice:
    """One axis; whole where it is in all examples of its length."""
    if isinstance(begin, Size) or isinstance(end, Size):
        return slice(begin, end, step)
    found = [range(*slice(begin, end, step).indices(length)) for length in lengths]
    if all(each == range(length) for each, length in zip(found, lengths, strict=True)):
        return slice(None)
    far = 2**20  # beyond any size: all that is left
    return slice(
        None if (begin < -far if step > 0 else begin > far) else begin,
        None if (end > far if step > 0 else end < -far) else end,
        step,
    )


def _part_of(x: Any, key: tuple[Any, ...]) -> Any:
    """x[key]; of an array, also where nothing is left, which only empty arrays of ONNX can say."""
    if not isinstance(x, SymbolicTensor):
        return np.asarray(x)[key]
    return TABLE["get_item"](x, [[each.start, each.stop, each.step] for each in key])


@translates("Pad")
def pad(node: Node, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    """Borders; negative ones are cut off."""
    mode = node.get("mode", "constant")
    sides = node.sizes(pads, "pads", node.get("paddings"))
    places = [node.axis(axis, rank(x)) for axis in node.integers(axes, "axes", list(range(rank(x))))]
    widths: list[Any] = [(0, 0)] * rank(x)
    for i, axis in enumerate(places):
        widths[axis] = (sides[i], sides[i + len(places)])
    cuts = [tuple(0 if isinstance(side, Size) else max(0, -side) for side in each) for each in widths]
    if any(map(any, cuts)):
        x = ops.get_item(x, tuple(slice(before, -after or None) for before, after in cuts))
    widths = [tuple(side if isinstance(side, Size) else max(0, side) for side in each) for each in widths]
    if not any(map(any, widths)):
        return x
    number = node.number(value, "value", 0.0)
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
    places = [node.axis(axis, rank(x)) for axis in node.integers(None, "axes", list(range(rank(x))))]
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
        raise OpenSizeError(f"axis {axis} of its input has no fixed size")
    return found.pop()
