"""Receptive fields: how much of the input one number that a layer makes depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cnnfast.layers.adaptive_pooling import AdaptivePooling
from cnnfast.layers.borders import Borders
from cnnfast.layers.convolution import ConvolutionTranspose, SlidingLayer
from cnnfast.layers.global_pooling import GlobalPooling
from cnnfast.layers.pooling import Pooling
from cnnfast.layers.up_sampling import UpSampling
from cnnfast.models.base import BaseModel
from cnnfast.utils.custom_objects import is_own

if TYPE_CHECKING:
    from cnnfast.models.blueprint import Blueprint, Node

# For each axis of an image: how many pixels, and by how many it moves from one output to the next.
Field = tuple[tuple[int, Fraction], ...]
WHOLE: Field = ()  # all of the input


def receptive_fields(plan: Blueprint, begin: Sequence[Field | None] | None = None) -> list[Field | None]:
    """Returns the field of each node's outputs: WHOLE, or None where it cannot be told.

    Formula: size += (reach - 1) * step; step *= stride, where reach = (window - 1) * dilation + 1. Where
    branches meet, the largest of theirs. Behind layers that enlarge images it is a bound, at most a step off.

    Args:
        plan: The model.
        begin: The fields of its inputs; None: of one pixel.

    Source:
        Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.

    Example:
        >>> from cnnfast import Input, Sequential, layers
        >>> several = [layers.Conv2D(8, 3), layers.MaxPooling2D(), layers.Conv2D(8, 3)]
        >>> model = Sequential([Input((32, 32, 3)), *several])
        >>> [told(field) for field in receptive_fields(model.blueprint)]
        ['1 x 1', '3 x 3', '4 x 4', '8 x 8']
    """
    given = iter(begin or [_pixel(source.shape) for source in plan.sources])
    fields: list[Field | None] = []
    values: list[Field | None] = []
    for node in plan.nodes:
        begins = not node.call.sources
        field = next(given, None) if begins else _after(node, [values[place] for place in node.sources])
        fields.append(field)
        values.extend([field] * len(node.symbols))
    return fields


def told(field: Field | None) -> str:
    """Returns a field as text.

    Example:
        >>> told(WHOLE), told(None)
        ('all', '-')
    """
    if field is None:
        return "-"
    return " x ".join(str(size) for size, _ in field) or "all"


def _pixel(shape: Sequence[Any]) -> Field | None:
    return ((1, Fraction(1)),) * (len(shape) - 2) or None


def _after(node: Node, sources: Sequence[Field | None]) -> Field | None:
    layer, axes = node.layer, len(node.symbol.shape) - 2
    known = [field for field in sources if field is not None]
    if not known or len(known) < len(sources):
        return None
    if isinstance(layer, BaseModel):
        return receptive_fields(layer.blueprint, sources)[-1]
    if WHOLE in known or axes < len(known[0]) or isinstance(layer, (GlobalPooling, AdaptivePooling)):
        return WHOLE
    if any(len(field) != axes for field in known):
        return None
    field = tuple((max(s for s, _ in each), max(j for _, j in each)) for each in zip(*known, strict=True))
    if isinstance(layer, UpSampling):
        return tuple((size, step / by) for (size, step), by in zip(field, layer.size, strict=True))
    if isinstance(layer, SlidingLayer):
        return _slid(field, layer._reach, layer.strides, isinstance(layer, ConvolutionTranspose))
    if isinstance(layer, Pooling):
        spread = getattr(layer, "dilation_rate", (1,) * axes)
        reach = [(w - 1) * d + 1 for w, d in zip(layer.pool_size, spread, strict=True)]
        return _slid(field, reach, layer.strides)
    alike = layer.joins or isinstance(layer, Borders) or node.call.sources[0].shape == node.symbol.shape
    return field if alike and not is_own(layer) else None


def _slid(field: Field, reach: Sequence[int], strides: Sequence[int], back: bool = False) -> Field:
    """What a window makes of it; `back`: a transposed one, where each output meets every stride-th place."""
    made = []
    for (size, step), r, stride in zip(field, reach, strides, strict=True):
        met = math.ceil(r / stride) if back else r
        made.append((math.ceil(size + (met - 1) * step), step / stride if back else step * stride))
    return tuple(made)
