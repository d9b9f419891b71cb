"""The same numbers under other shapes, and shapes themselves."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, OpenSizeError, Sizes, axes_of, is_fixed, rank, sized, translates
from cnnfast.layers.sizes import Size, computed
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError


@translates("Shape")
def shape(node: Node, x: Any) -> Any:
    """The shape; where it is not known, what it is in the examples."""
    begin, end = node.get("start", 0), node.get("end")
    examples = [np.array(each[begin:end], np.int64) for each in node.shapes(x)]
    return _sizes(examples, np.array(axes_of(x)[begin:end], object))


@translates("Size")
def size(node: Node, x: Any) -> Any:
    """How many numbers there are."""
    count = functools.reduce(functools.partial(computed, "mul"), axes_of(x), 1)
    return _sizes([np.array(math.prod(each), np.int64) for each in node.shapes(x)], np.array(count, object))


def _sizes(examples: list[Any], formulas: Any) -> Any:
    same = all(np.array_equal(each, examples[0]) for each in examples)
    return examples[0] if same else Sizes(tuple(examples), formulas)


@translates("Reshape")
def reshape(node: Node, x: Any, target: Any = None) -> Any:
    """Another shape, in which 0 stands for the size that was there and -1 for what fits."""
    if target is None:
        target = np.array(node.get("shape"))
    keeps, shapes, own = not node.get("allowzero", 0), node.shapes(x), axes_of(x)
    given = target.examples if isinstance(target, Sizes) else (np.asarray(target),) * len(shapes)
    made = [_resolved(list(map(int, np.ravel(a))), b, keeps) for a, b in zip(given, shapes, strict=True)]
    told = np.ravel(target.formulas) if isinstance(target, Sizes) else map(int, np.ravel(target))
    kept = [own[i] if each == 0 and keeps else None if each == -1 else each for i, each in enumerate(told)]
    return reshaped(node, x, made, kept)


@translates("Flatten")
def flatten(node: Node, x: Any) -> Any:
    """All axes before one, and all from it on, as one each."""
    axis = node.get("axis", 1)
    axis = rank(x) if axis == rank(x) else node.axis(axis, rank(x))
    if axis == 1 and rank(x) > 2 and isinstance(x, SymbolicTensor):
        return layers.Flatten("channels_last", name=node.name)(x)  # in the order in which numbers lie
    return reshaped(node, x, [(math.prod(s[:axis]), math.prod(s[axis:])) for s in node.shapes(x)])


@translates("Squeeze")
def squeeze(node: Node, x: Any, axes: Any = None) -> Any:
    """Without axes of one number."""
    shapes = node.shapes(x)
    found = node.integers(axes, "axes")
    if found is None:
        found = [axis for axis, length in enumerate(shapes[0]) if length == 1]
    gone = {node.axis(axis, rank(x)) for axis in found}
    if any(each[axis] != 1 for each in shapes for axis in gone):
        raise ModelFileError(f"axes {sorted(gone)} of shape {shapes[0]} are not all of one number")
    left = [axis for axis in range(rank(x)) if axis not in gone]
    own = axes_of(x)
    return reshaped(
        node, x, [tuple(each[axis] for axis in left) for each in shapes], [own[axis] for axis in left]
    )


@translates("Unsqueeze")
def unsqueeze(node: Node, x: Any, axes: Any = None) -> Any:
    """With further axes of one number."""
    found = node.integers(axes, "axes")
    total = rank(x) + len(found)
    new = {node.axis(axis, total) for axis in found}
    made = [_with_ones(each, new) for each in node.shapes(x)]
    return reshaped(node, x, made, _with_ones(axes_of(x), new))


def _with_ones(sizes: Sequence[Any], new: set[int]) -> tuple[Any, ...]:
    own = iter(sizes)
    return tuple(1 if axis in new else next(own) for axis in range(len(sizes) + len(new)))


@translates("Expand")
def expand(node: Node, x: Any, target: Any) -> Any:
    """Repeated until it has a shape, or a larger one where the shape has 1.

    A constant that is repeated for each sample of the batch stays one: it is broadcast where it is used.
    """
    if is_fixed(x) and isinstance(target, Sizes):
        first, *others = zip(*(np.ravel(each).tolist() for each in target.examples), strict=True)
        if first == node.batches and np.ndim(x) <= len(others) + 1 and all(len(set(n)) == 1 for n in others):
            return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), (1, *(n[0] for n in others))))
        raise OpenSizeError("a constant is repeated as often as the size of the network's inputs says")
    given = target.examples if isinstance(target, Sizes) else (np.asarray(target),) * len(node.batches)
    made = [np.broadcast_shapes(a, tuple(map(int, b))) for a, b in zip(node.shapes(x), given, strict=True)]
    told = list(np.ravel(target.formulas)) if isinstance(target, Sizes) else list(given[0])
    own, count = axes_of(x), len(made[0])
    pairs = zip([1] * (count - len(told)) + told, [1] * (count - len(own)) + own, strict=True)
    return ops.broadcast_to(x, _written(node, x, made, [b if a == 1 else a for a, b in pairs]))


def reshaped(node: Node, x: Any, shapes: Sequence[tuple[int, ...]], formulas: Sequence[Any] = ()) -> Any:
    """Returns the numbers under a shape that is told by examples.

    Args:
        node: The node.
        x: The numbers.
        shapes: The shape in each example.
        formulas: What its sizes follow from; needed where several are open.
    """
    if len(shapes[0]) and all(a == b for a, b in zip(shapes, node.shapes(x), strict=True)):
        return x
    told = [*formulas] or [None] * len(shapes[0])
    open_ = [i for i, sizes in enumerate(zip(*shapes, strict=True)) if len(set(sizes)) > 1]
    if isinstance(x, SymbolicTensor) and x.batched and shapes[0] and _of(shapes, 0) == node.batches:
        open_ = open_[1:]
    free = next((i for i in open_ if not isinstance(told[i], Size)), open_[0] if len(open_) == 1 else -1)
    if free >= 0:
        told[free] = -1  # what is left for it
    return ops.reshape(x, _written(node, x, shapes, told))


def _of(shapes: Sequence[tuple[int, ...]], place: int) -> tuple[int, ...]:
    return tuple(each[place] for each in shapes)


def _written(node: Node, x: Any, shapes: Sequence[tuple[int, ...]], told: Sequence[Any]) -> list[Any]:
    """A shape as `cnnfast.ops` writes it: None for the batch's size, a `Size` or -1 for one that is open."""
    batched = isinstance(x, SymbolicTensor) and x.batched
    made: list[Any] = []
    for place, formula in enumerate(told):
        sizes = _of(shapes, place)
        if place == 0 and batched and sizes == node.batches:
            made.append(None)
        else:
            made.append(-1 if formula == -1 else sized(sizes, formula))
    if batched and (not made or made[0] is not None):
        raise ModelFileError(f"it mixes the samples of a batch: shape {x.shape} becomes {shapes[0]}")
    return made


def _resolved(target: list[int], shape: tuple[int, ...], keeps: bool) -> tuple[int, ...]:
    sizes = [shape[i] if each == 0 and keeps else each for i, each in enumerate(target)]
    if -1 in sizes:
        known = math.prod(each for each in sizes if each != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // max(known, 1)
    if math.prod(sizes) != math.prod(shape):
        raise ModelFileError(f"{math.prod(shape)} numbers of shape {shape} cannot become {tuple(sizes)}")
    return tuple(sizes)
