"""The same numbers under other shapes, and shapes themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, Sizes, rank, translates
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError


@translates("Shape")
def shape(node: Node, x: Any) -> Any:
    """The shape; where it is not known, what it is in the examples."""
    begin, end = node.get("start", 0), node.get("end")
    return _sizes([np.array(each[begin:end], np.int64) for each in node.shapes(x)])


@translates("Size")
def size(node: Node, x: Any) -> Any:
    """How many numbers there are."""
    return _sizes([np.array(math.prod(each), np.int64) for each in node.shapes(x)])


def _sizes(examples: list[Any]) -> Any:
    same = all(np.array_equal(each, examples[0]) for each in examples)
    return examples[0] if same else Sizes(tuple(examples))


@translates("Reshape")
def reshape(node: Node, x: Any, target: Any = None) -> Any:
    """Another shape, in which 0 stands for the size that was there and -1 for what fits."""
    if target is None:
        target = np.array(node.get("shape"))
    keeps = not node.get("allowzero", 0)
    shapes = node.shapes(x)
    given = target.examples if isinstance(target, Sizes) else (np.asarray(target),) * len(shapes)
    made = [_resolved(list(map(int, np.ravel(a))), b, keeps) for a, b in zip(given, shapes, strict=True)]
    return reshaped(node, x, made)


@translates("Flatten")
def flatten(node: Node, x: Any) -> Any:
    """All axes before one, and all from it on, as one each."""
    axis = node.get("axis", 1)
    axis += rank(x) if axis < 0 else 0
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
    gone = {axis % rank(x) for axis in found}
    return reshaped(node, x, [tuple(n for i, n in enumerate(s) if i not in gone) for s in shapes])


@translates("Unsqueeze")
def unsqueeze(node: Node, x: Any, axes: Any = None) -> Any:
    """With further axes of one number."""
    found = node.integers(axes, "axes")
    total = rank(x) + len(found)
    new = {axis % total for axis in found}
    made = []
    for each in node.shapes(x):
        sizes = iter(each)
        made.append(tuple(1 if i in new else next(sizes) for i in range(total)))
    return reshaped(node, x, made)


@translates("Expand")
def expand(node: Node, x: Any, target: Any) -> Any:
    """Repeated until it has a shape, or a larger one where the shape has 1."""
    given = target.examples if isinstance(target, Sizes) else (np.asarray(target),) * len(node.batches)
    made = [np.broadcast_shapes(a, tuple(map(int, b))) for a, b in zip(node.shapes(x), given, strict=True)]
    return ops.broadcast_to(x, _written(node, x, made, -1))


def reshaped(node: Node, x: Any, shapes: Sequence[tuple[int, ...]]) -> Any:
    """Returns the numbers under a shape that is told by examples."""
    if len(shapes[0]) and all(a == b for a, b in zip(shapes, node.shapes(x), strict=True)):
        return x
    return ops.reshape(x, _written(node, x, shapes, -1))


def _written(node: Node, x: Any, shapes: Sequence[tuple[int, ...]], free: int) -> list[int | None]:
    """A shape as `cnnfast.ops` writes it: None for the batch's size, -1 for one that depends on the input."""
    made: list[int | None] = []
    batched = isinstance(x, SymbolicTensor) and x.batched
    for place, sizes in enumerate(zip(*shapes, strict=True)):
        if place == 0 and batched and sizes == node.batches:
            made.append(None)
        else:
            made.append(sizes[0] if len(set(sizes)) == 1 else free)
    if batched and (not made or made[0] not in (None, -1)):
        raise ModelFileError(f"it mixes the samples of a batch: shape {x.shape} becomes {shapes[0]}")
    if made.count(-1) > 1:
        raise ModelFileError(
            "several sizes of its result depend on the input; save the network with fixed ones"
        )
    return made


def _resolved(target: list[int], shape: tuple[int, ...], keeps: bool) -> tuple[int, ...]:
    sizes = [shape[i] if each == 0 and keeps else each for i, each in enumerate(target)]
    if -1 in sizes:
        known = math.prod(each for each in sizes if each != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // max(known, 1)
    if math.prod(sizes) != math.prod(shape):
        raise ModelFileError(f"{math.prod(shape)} numbers of shape {shape} cannot become {tuple(sizes)}")
    return tuple(sizes)
