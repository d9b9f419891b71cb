"""Rules that hold weights after each update: the core's, and your own, which are traced into the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnfast.constraints.constraint import Constraint, CoreConstraint, FunctionConstraint
from cnnfast.constraints.norms import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve, serialize

_REGISTRY: dict[str, type[Constraint]] = registry(NonNeg, MaxNorm, UnitNorm, MinMaxNorm)


def get(identifier: Any) -> Constraint | None:
    """Returns what a name, a configuration, an object or a function stands for; None stays None.

    Example:
        >>> get("max_norm")
        MaxNorm(max_value=2.0, axis=0)
    """
    if callable(identifier) and not isinstance(identifier, (type, Constraint)):
        return FunctionConstraint(identifier)
    return (
        None
        if identifier is None
        else resolve(identifier, Constraint, _REGISTRY, "constraint", FunctionConstraint)
    )


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Constraint | None:
    """Returns the constraint that `serialize` described, with objects of your own by name.

    Example:
        >>> deserialize(serialize(get("non_neg")))
        NonNeg()
    """
    with custom_object_scope(custom_objects):
        return get(config)


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

__all__ = [
    "Constraint",
    "CoreConstraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
