"""Checks and normal forms of the arguments that several layers and functions share."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.utils.serialization import known_names

if TYPE_CHECKING:
    from cnnfast._core import Activation

PaddingArgument = str | int | Sequence[int] | Sequence[Sequence[int]]
Pair = tuple[int, int]

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


def pair(value: Any, name: str, minimum: int = 1) -> Pair:
    """Returns (height, width) of an int or of two.

    Raises:
        TypeError: If the entries are not whole numbers.
        ValueError: If there are not two, or one is below `minimum`.

    Example:
        >>> pair(3, "kernel_size"), pair((3, 5), "kernel_size")
        ((3, 3), (3, 5))
    """
    if not isinstance(value, (tuple, list)):
        number = whole_number(value, name, minimum)
        return number, number
    if len(value) != 2:
        raise ValueError(f"{name} must be one whole number or two (height, width), got {value!r}")
    return whole_number(value[0], name, minimum), whole_number(value[1], name, minimum)


def normal_padding(value: PaddingArgument) -> str | tuple[Pair, Pair]:
    """Returns "valid", "same", or ((top, bottom), (left, right)).

    Args:
        value: A name, an int for all four sides, (height, width) for both sides of each, or the four numbers.

    Raises:
        TypeError: If an entry is not a whole number.
        ValueError: If the name or the form is unknown, or a number is negative.

    Example:
        >>> normal_padding("SAME"), normal_padding(1), normal_padding(((0, 1), (2, 3)))
        ('same', ((1, 1), (1, 1)), ((0, 1), (2, 3)))
    """
    if isinstance(value, str):
        if value.lower() in ("valid", "same"):
            return value.lower()
        raise ValueError(
            "padding must be 'valid', 'same', a number, (height, width) or ((top, bottom), (left, right)), "
            f"got {value!r}"
        )
    if not isinstance(value, (tuple, list)):
        value = (value, value)  # type: ignore[assignment]  # an int, which the next lines check
    if len(value) != 2:  # type: ignore[arg-type]
        raise ValueError(f"padding must name both axes, ((top, bottom), (left, right)), got {value!r}")
    rows, columns = value  # type: ignore[misc]
    return pair(rows, "padding", 0), pair(columns, "padding", 0)


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
