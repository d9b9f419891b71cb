"""The same numbers several times, and borders around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.ops.axes import of_samples, own_axis
from cnnfast.ops.joining import concatenate
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import moved, reshape, shaped
from cnnfast.ops.slicing import cut
from cnnfast.utils.arguments import entries, one_of, per_axis, real_number, whole_number

if TYPE_CHECKING:
    from cnnfast._core import PadMode
    from cnnfast.layers.tracing import Value

_MODES: dict[str, PadMode | None] = {
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": None,
    "edge": "replicate",
    "wrap": "circular",
    "circular": "circular",
}


@operation("x")
def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Returns each number several times, one behind the other, along an axis.

    Args:
        x: Numbers of any shape, or what stands for them.
        repeats: How many times; one number, or one for each place along the axis.
        axis: The axis; None makes one row of all first.

    Example:
        >>> repeat([1.0, 2.0], [2, 1])
        array([1., 1., 2.], dtype=float32)
    """
    _, x = on_graph(x)
    if axis is None:
        x, axis = reshape(x, -1), 0
    own = own_axis(x, axis)
    each, size = entries(repeats), x.dims[own]
    if each is None or len(each) == 1:
        times = whole_number(each[0] if each else repeats, "repeats", 1)
        return moved(x, "repeat", [times if i == own else 1 for i in range(len(x.dims))])
    counts = [whole_number(count, "repeats", 0) for count in each]
    if len(counts) != size or not any(counts):
        raise ValueError(
            f"repeats must be one number, or {size}, one for each place along axis {axis} of shape "
            f"{x.shape}, and not all 0; got {repeats!r}"
        )
    parts = [repeat(cut(x, own, i, 1, 1), count, axis) for i, count in enumerate(counts) if count]
    return concatenate(parts, axis)


@operation("x")
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """Returns the whole several times along each axis.

    Args:
        x: Numbers of any shape, or what stands for them.
        repeats: How many times along each axis; fewer than there are axes are about the last ones.

    Example:
        >>> tile([1.0, 2.0], 2)
        array([1., 2., 1., 2.], dtype=float32)
    """
    _, x = on_graph(x)
    each = entries(repeats)
    times = [whole_number(count, "repeats", 1) for count in ((repeats,) if each is None else each)]
    wide = shaped(x, (*(1,) * (len(times) - x.ndim), *x.shape))
    return moved(wide, "tile", of_samples(wide, [*(1,) * (wide.ndim - len(times)), *times], 1))


@operation("x")
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """Returns the numbers with borders.

    Args:
        x: Numbers of any shape, or what stands for them.
        pad_width: (before, after) of each axis; or of all, or one number for all sides.
        mode: "constant"; "reflect", the numbers mirrored at the outermost, which is not repeated, or
            "symmetric", where it is; "edge", the outermost again and again; "wrap" or "circular", from the
            other side.
        constant_values: What "constant" puts there; None is 0.

    Raises:
        ValueError: If the widths do not suit the axes, or there is no such mode.

    Example:
        >>> pad([1.0, 2.0, 3.0], (1, 2), "reflect")
        array([2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    _, x = on_graph(x)
    one_of(mode, "mode", tuple(_MODES))
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values are for the mode 'constant', got {constant_values!r} for {mode!r}")
    sides = of_samples(x, _sides(pad_width, x.ndim), (0, 0))
    fill = 0.0 if constant_values is None else real_number(constant_values, "constant_values", -math.inf)
    core_mode = _MODES[mode]
    return _symmetric(x, sides) if core_mode is None else moved(x, "pad", sides, core_mode, fill)


def _sides(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    each = entries(pad_width)
    if each is not None and len(each) == 2 and all(entries(one) is None for one in each):
        each = (each,)  # (before, after) of all
    if each is None or len(each) == 1:
        each = (pad_width if each is None else each[0],) * rank
    if len(each) != rank:
        raise ValueError(
            f"pad_width must be (before, after) of each of {rank} axes, or of all; got {pad_width!r}"
        )
    return [(before, after) for before, after in (per_axis(one, "pad_width", 2, 0) for one in each)]


def _symmetric(x: Value, sides: Sequence[tuple[int, int]]) -> Value:
    for own, (before, after) in enumerate(sides):
        size = x.dims[own]
        if max(before, after) > size:
            raise ValueError(
                f"axis {own + (x.rows > 0)} has {size} numbers, and no more can be mirrored; got {before} "
                f"and {after}"
            )
        parts = [cut(x, own, before - 1, -1, before)] if before else []
        parts += [x, cut(x, own, size - 1, -1, after)] if after else [x]
        x = concatenate(parts, own + (x.rows > 0)) if len(parts) > 1 else x
    return x
