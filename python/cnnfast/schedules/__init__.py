"""Learning rates that follow the number of updates; an optimizer takes one in place of a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.schedules.cosine import CosineDecay, CosineDecayRestarts, OneCycle
from cnnfast.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from cnnfast.schedules.schedule import LearningRateSchedule
from cnnfast.utils.missing import missing

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
