"""Learning rates that follow the number of updates; an optimizer takes one in place of a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnfast.schedules.cosine import CosineDecay, CosineDecayRestarts, OneCycle
from cnnfast.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from cnnfast.schedules.schedule import LearningRateSchedule
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve, serialize

_REGISTRY: dict[str, type[LearningRateSchedule]] = registry(
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> LearningRateSchedule:
    """Returns the schedule that `serialize` described, with objects of your own by name.

    Example:
        >>> deserialize(serialize(ExponentialDecay(0.1, 1000, 0.5))).decay_rate
        0.5
    """
    with custom_object_scope(custom_objects):
        return resolve(config, LearningRateSchedule, _REGISTRY, "schedule", LearningRateSchedule.of)


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
