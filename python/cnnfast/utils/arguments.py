"""Checks and normal forms of the arguments that several layers and functions share."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.utils.serialization import known_names

if TYPE_CHECKING:
    from cnnfast._core import Activation

PaddingArgument = str | int | Sequence[int] | Sequence[Sequence[int]]
Sizes = tuple[int, ...]  # one number for each spatial axis, outermost first
Padding = str | tuple[tuple[int, int], ...]  # a name, or (before, after) of each axis

_LARGEST = 2**31 - 1  # the core counts sizes in 32 bits
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "softmax")


def whole_number(value: Any, name: str, minimum: int) -> int:
    """Returns `value` as an int.

    Raises:
        TypeError: If it is not a whole number.
        ValueError: If it is below `minimum` or above 2^31 - 1.

    Example:
        >>> whole_number(3, "filters", 1)
        3
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if number > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {number}")
    return number


def per_axis(value: Any, name: str, rank: int, minimum: int = 1) -> Sizes:
    """Returns one number for each axis, of an int or of as many.

    Raises:
        TypeError: If the entries are not whole numbers.
        ValueError: If there are not as many as axes, or one is below `minimum`.

    Example:
        >>> per_axis(3, "kernel_size", 2), per_axis((3, 5), "kernel_size", 2)
        ((3, 3), (3, 5))
    """
    if not isinstance(value, (tuple, list)):
        return (whole_number(value, name, minimum),) * rank
    if len(value) != rank:
        raise ValueError(f"{name} must be one whole number or {rank}, one for each axis, got {value!r}")
    return tuple(whole_number(entry, name, minimum) for entry in value)


def normal_padding(value: PaddingArgument, rank: int, names: Sequence[str] = ("valid", "same")) -> Padding:
    """Returns a name, or (before, after) of each axis.

    Args:
        value: A name, an int for all sides, a number for both sides of each axis, or (before, after) of each.
        rank: Number of spatial axes.
        names: The names that are known.

    Raises:
        TypeError: If an entry is not a whole number.
        ValueError: If the name or the form is unknown, or a number is negative.

    Example:
        >>> normal_padding("SAME", 2), normal_padding(1, 2), normal_padding(((0, 1), (2, 3)), 2)
        ('same', ((1, 1), (1, 1)), ((0, 1), (2, 3)))
    """
    if isinstance(value, str):
        if value.lower() in names:
            return value.lower()
        raise ValueError(
            f"padding must be {', '.join(map(repr, names))}, a number, one for each axis, or (before, after) "
            f"for each axis, got {value!r}"
        )
    entries = value if isinstance(value, (tuple, list)) else (value,) * rank
    if len(entries) != rank:
        raise ValueError(
            f"padding must name each axis, {rank} times (before, after) or a number, got {value!r}"
        )
    sides = [per_axis(entry, "padding", 2, 0) for entry in entries]
    return tuple((before, after) for before, after in sides)


def activation_name(value: str | None) -> Activation:
    """Returns the name of an activation; None is "linear".

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> activation_name(None)
        'linear'
    """
    if value is None:
        return "linear"
    for name in ACTIVATIONS:
        if value == name:
            return name  # type: ignore[return-value]
    raise ValueError(f"unknown activation {value!r}; known are {known_names(ACTIVATIONS)}")


def sample_shape(shape: Any, name: str = "shape") -> tuple[int, ...]:
    """Returns a shape without its batch axis, which is recognised by being None.

    Raises:
        TypeError: If an entry is not a whole number.
        ValueError: If an axis other than the batch is None or below 1, or there is no axis at all.

    Example:
        >>> sample_shape((None, 28, 28, 1)), sample_shape((28, 28, 1))
        ((28, 28, 1), (28, 28, 1))
    """
    if not isinstance(shape, (tuple, list)):
        raise TypeError(f"{name} must be a tuple such as (28, 28, 1), got {shape!r}")
    axes = tuple(shape[1:]) if shape and shape[0] is None else tuple(shape)
    if not axes:
        raise ValueError(f"{name} must have at least one axis besides the batch, got {shape!r}")
    if None in axes:
        raise ValueError(f"{name} must be known except for the batch axis, which comes first; got {shape!r}")
    return tuple(whole_number(axis, f"every axis of {name}", 1) for axis in axes)
