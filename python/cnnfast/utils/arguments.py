"""Checks and normal forms of the arguments that several layers and functions share."""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.utils.missing import advice
from cnnfast.utils.serialization import known_names

if TYPE_CHECKING:
    from cnnfast._core import Activation

PaddingArgument = str | int | Sequence[int] | Sequence[Sequence[int]]
Sizes = tuple[int, ...]  # one number for each spatial axis, outermost first
Sides = tuple[tuple[int, int], ...]  # (before, after) of each axis
Padding = str | Sides

_LARGEST = 2**31 - 1  # the core counts sizes in 32 bits
_FLOAT32_MAX = (2 - 2**-23) * 2.0**127  # and computes in float32
ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "softmax")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
COORDINATES = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")  # by ONNX's names
FILL_MODES = ("constant", "nearest", "reflect", "mirror", "wrap")  # beyond borders, by SciPy's names


class ArgumentTypeError(ValueError, TypeError):
    """An argument of a type that can never do: a ValueError, as all here, and the TypeError of Keras."""


def whole_number(value: Any, name: str, minimum: int) -> int:
    """Returns `value` as an int.

    Raises:
        ArgumentTypeError: If it is not a whole number; True and False are none.
        ValueError: If it is below `minimum` or above 2^31 - 1.

    Example:
        >>> whole_number(3, "filters", 1)
        3
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ArgumentTypeError(f"{name} must be a whole number, got {value!r}")
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if number > _LARGEST:
        raise ValueError(f"{name} must be at most {_LARGEST}, got {number}")
    return number


def real_number(
    value: Any, name: str, minimum: float = 0.0, below: float | None = None, at_most: float | None = None
) -> float:
    """Returns `value` as a float.

    Raises:
        ValueError: If it is not a number, is below `minimum`, not below `below`, above `at_most`, or not
            finite in float32.

    Example:
        >>> real_number(0.9, "momentum", below=1)
        0.9
    """
    try:
        number = None if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None:
        raise ValueError(f"{name} must be a number, got {value!r}")
    limit = " and finite" if below is None else f" and below {below:g}"
    fits = minimum <= number < (math.inf if below is None else below)
    if at_most is not None:
        fits, limit = minimum <= number <= at_most, f" and at most {at_most:g}"
    if not fits:
        raise ValueError(f"{name} must be at least {minimum:g}{limit}, got {value!r}")
    if abs(number) > _FLOAT32_MAX:
        raise ValueError(f"{name} must be finite in float32, at most {_FLOAT32_MAX:.6g}, got {value!r}")
    return number


def one_of(value: Any, name: str, known: Sequence[str]) -> None:
    """Checks that `value` is one of the known names.

    Raises:
        ValueError: If it is not.

    Example:
        >>> one_of("min", "mode", ("min", "max"))
    """
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {known_names(known)}, got {value!r}")


def entries(value: Any) -> tuple[Any, ...] | None:
    """Returns what a tuple, a list, an array or the like holds; None for numbers, texts and all else.

    Example:
        >>> entries([3, 5]), entries(3), entries("same")
        ((3, 5), None, None)
    """
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable):
        return None
    try:
        return tuple(value)
    except TypeError:  # an array of no axes
        return None


def per_axis(value: Any, name: str, rank: int, minimum: int = 1) -> Sizes:
    """Returns one number for each axis, of an int or of as many.

    Raises:
        ValueError: If there are not as many as axes, or one is no whole number or below `minimum`.

    Example:
        >>> per_axis(3, "kernel_size", 2), per_axis((3, 5), "kernel_size", 2)
        ((3, 3), (3, 5))
    """
    each = entries(value)
    if each is None:
        return (whole_number(value, name, minimum),) * rank
    if len(each) != rank:
        raise ValueError(f"{name} must be one whole number or {rank}, one for each axis, got {value!r}")
    return tuple(whole_number(entry, name, minimum) for entry in each)


def normal_padding(value: PaddingArgument, rank: int, names: Sequence[str] = ("valid", "same")) -> Padding:
    """Returns a name, or (before, after) of each axis.

    Args:
        value: A name, an int for all sides, a number for both sides of each axis, or (before, after) of each.
        rank: Number of spatial axes.
        names: The names that are known.

    Raises:
        ValueError: If the name or the form is unknown, or an entry is no whole number or negative.

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
    return normal_sides(value, "padding", rank)


def normal_sides(value: Any, name: str, rank: int) -> Sides:
    """Returns (before, after) of each axis.

    Args:
        value: An int for all sides, a number for both sides of each axis, or (before, after) of each.
        name: What it is called.
        rank: Number of spatial axes.

    Raises:
        ValueError: If the form is unknown, or an entry is no whole number or negative.

    Example:
        >>> normal_sides((1, (2, 3)), "cropping", 2)
        ((1, 1), (2, 3))
    """
    each = entries(value)
    if each is None:
        each = (value,) * rank
    if len(each) != rank:
        raise ValueError(
            f"{name} must name each axis, {rank} times (before, after) or a number, got {value!r}"
        )
    sides = [per_axis(entry, name, 2, 0) for entry in each]
    return tuple((before, after) for before, after in sides)


def explicit_sides(padding: Padding, sizes: Sizes, reach: Sequence[int], strides: Sizes) -> Sides:
    """Returns a padding as (before, after) of each axis; "same" puts an odd cell at the end.

    Args:
        padding: "valid", "same", or what is returned.
        sizes: Of the image.
        reach: Of the window.
        strides: Steps between windows.

    Example:
        >>> explicit_sides("same", (5, 6), (3, 3), (1, 2))
        ((1, 1), (0, 1))
    """
    if padding != "same":
        return ((0, 0),) * len(sizes) if isinstance(padding, str) else padding
    ends = [(-(-size // stride) - 1) * stride for size, stride in zip(sizes, strides, strict=True)]
    total = [max(0, end + window - size) for end, window, size in zip(ends, reach, sizes, strict=True)]
    return tuple((each // 2, each - each // 2) for each in total)


def sample_axis(axis: int, rank: int, name: str) -> int:
    """Returns an axis of a batch as one of its samples, from 0.

    Args:
        axis: The axis of the batch; 0 is the batch's own, -1 the last.
        rank: How many axes a sample has.
        name: Who asks.

    Raises:
        ValueError: If it is the batch's, or there is no such axis.

    Example:
        >>> sample_axis(-1, 3, "join"), sample_axis(1, 3, "join")
        (2, 0)
    """
    found = axis - 1 if axis > 0 else axis + rank
    if axis == 0 or not 0 <= found < rank:
        raise ValueError(
            f"{name}: axis {axis} must be one of 1 to {rank}, or of -{rank} to -1; 0 is that of the batch"
        )
    return found


def activation_name(value: str | None, known: Sequence[str] = ACTIVATIONS) -> Activation:
    """Returns the name of an activation that the core has a kernel for; None is "linear".

    Args:
        value: The name.
        known: What a message is to list: all names that would do.

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
    raise ValueError(
        f"unknown activation {value!r}; known are {known_names(known)}{advice('activations', value, known)}"
    )


def open_shape(shape: Any, name: str = "shape") -> tuple[int | None, ...]:
    """Returns the shape of one sample, without the batch axis; None where it is not known in advance.

    Raises:
        ValueError: If an axis is neither None nor a whole number of at least 1.

    Example:
        >>> open_shape([None, None, 3])
        (None, None, 3)
    """
    axes = entries(shape)
    if axes is None:
        raise ValueError(f"{name} must be a tuple such as (28, 28, 1), got {shape!r}")
    return tuple(None if axis is None else whole_number(axis, f"every axis of {name}", 1) for axis in axes)


def sample_shape(shape: Any, name: str = "shape") -> tuple[int, ...]:
    """Returns the shape of one sample of which every axis is known.

    Raises:
        ValueError: If an axis is None, no whole number or below 1.

    Example:
        >>> sample_shape([28, 28, 1])
        (28, 28, 1)
    """
    axes = open_shape(shape, name)
    known = tuple(axis for axis in axes if axis is not None)
    if len(known) < len(axes):
        raise ValueError(f"{name} must be known for every axis, got {axes!r}")
    return known


def batch_shape(shape: Any, name: str = "input_shape") -> tuple[int | None, tuple[int, ...]]:
    """Returns the size of the batch, which may be None, and the shape of one sample.

    Raises:
        ValueError: If there is no batch axis, or one of the others is not known.

    Example:
        >>> batch_shape((None, 28, 28, 1)), batch_shape((32, 4))
        ((None, (28, 28, 1)), (32, (4,)))
    """
    batch, axes = split_batch(shape, name)
    return batch, sample_shape(axes, f"{name} after its batch axis")


def split_batch(shape: Any, name: str) -> tuple[int | None, tuple[Any, ...]]:
    """Returns the size of the batch, which may be None, and the other axes as they are.

    Raises:
        ValueError: If there is no batch axis.

    Example:
        >>> split_batch((None, None, 3), "batch_shape")
        (None, (None, 3))
    """
    axes = entries(shape)
    if not axes:
        raise ValueError(
            f"{name} must begin with the batch axis, for instance (None, 28, 28, 1), got {shape!r}"
        )
    batch = None if axes[0] is None else whole_number(axes[0], f"the batch axis of {name}", 1)
    return batch, axes[1:]


def check_axis_order(name: str, shape: Sequence[int], window: Sequence[int], data_format: str) -> None:
    """Refuses an image smaller than a window that would fit if the channels stood at the other end.

    Raises:
        ValueError: If it looks so.

    Example:
        >>> check_axis_order("conv", (28, 28, 1), (3, 3), "channels_last")
    """
    if len(shape) != len(window) + 1:
        return  # not an image; the core says so
    front, back = tuple(shape[:-1]), tuple(shape[1:])
    last = data_format == "channels_last"
    image, other = (front, back) if last else (back, front)
    if _fits(window, image) or not _fits(window, other):
        return
    turned = (*back, shape[0]) if last else (shape[-1], *front)
    raise ValueError(
        f"{name}: with {data_format} a sample of shape {tuple(shape)} is an image of {image}, smaller "
        f"than the window {tuple(window)}. If its channels stand at the other end, give samples of shape "
        f"{turned}, or say data_format={'channels_first' if last else 'channels_last'!r}"
    )


def _fits(window: Sequence[int], image: Sequence[int]) -> bool:
    return all(reach <= size for reach, size in zip(window, image, strict=True))


def not_offered(owner: str, **given: tuple[Any, Any]) -> None:
    """Refuses arguments that Keras has and this package does not, unless they have Keras's default.

    The `dtype` "float32" passes: it is all there is.

    Args:
        owner: Whose arguments they are.
        given: By name, what was given and Keras's default.

    Raises:
        ValueError: If one differs from its default.

    Example:
        >>> not_offered("fit", class_weight=(None, None))
    """
    for name, (value, default) in given.items():
        if value is default or (isinstance(value, (str, int, float, tuple)) and value == default):
            continue
        if name == "dtype" and str(value) == "float32":
            continue
        from cnnfast.utils.keras_names import INSTEAD

        instead = INSTEAD.get(name)
        raise ValueError(
            f"{owner} does not offer {name} yet: leave it at {default!r}, got {name}={reprlib.repr(value)}"
            f"{'; instead, ' + instead if instead else ''}"
        )
