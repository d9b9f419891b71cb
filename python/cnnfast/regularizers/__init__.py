"""Penalties, added to the loss: on weights, by the core where they are plain sums; on what layers make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cnnfast.regularizers.orthogonal import OrthogonalRegularizer
from cnnfast.regularizers.regularizer import FunctionRegularizer, KernelRegularizer, Regularizer
from cnnfast.regularizers.sums import L1, L1L2, L2
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.missing import missing
from cnnfast.utils.serialization import registry, resolve, serialize

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_REGISTRY: dict[str, type[Regularizer]] = registry(
    L1, L2, L1L2, OrthogonalRegularizer, l1_l2=L1L2, orthogonal=OrthogonalRegularizer
)


def get(identifier: Any) -> Regularizer | None:
    """Returns what a name, a configuration, an object or a function stands for; None stays None.

    Example:
        >>> get("l1")
        L1(l1=0.01)
    """
    if callable(identifier) and not isinstance(identifier, (type, Regularizer)):
        return FunctionRegularizer(identifier)
    return (
        None
        if identifier is None
        else resolve(identifier, Regularizer, _REGISTRY, "regularizer", FunctionRegularizer)
    )


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Regularizer | None:
    """Returns the regularizer that `serialize` described, with objects of your own by name.

    Example:
        >>> deserialize(serialize(get("l1")))
        L1(l1=0.01)
    """
    with custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "KernelRegularizer",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
