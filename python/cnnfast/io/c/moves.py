"""Numbers at other places, and reductions, as nested loops. Axes are a sample's; its rows come before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cnnfast.io.c.steps import Lines, number, writes

if TYPE_CHECKING:
    from cnnfast.io.c.exporting import Program

_REDUCTIONS = {  # what they begin with, and how a number x joins what is there
    "max": ("-INFINITY", "larger({y}, {x})"),
    "mean": ("0.0f", "{y} + {x}"),
    "min": ("INFINITY", "smaller({y}, {x})"),
    "product": ("1.0f", "{y} * {x}"),
    "sum": ("0.0f", "{y} + {x}"),
}


def steps_of(whole: Any) -> list[int]:
    """Returns how far neighbours along each axis are apart.

    Example:
        >>> steps_of((2, 3, 4))
        [12, 4, 1]
    """
    return [math.prod(whole[axis + 1 :]) for axis in range(len(whole))]


def loops(sizes: Any, statement: str) -> Lines:
    """Returns a statement within a loop over a0, a1, ... for each size."""
    heads = [f"for (int a{n} = 0; a{n} < {size}; ++a{n})" for n, size in enumerate(sizes)]
    return [f"{'  ' * n}{line}" for n, line in enumerate([*heads, statement])]


def place(steps: Any, begin: int = 0) -> str:
    """Returns where the loops are, by the steps of each.

    Example:
        >>> place([12, 0, -1], 3)
        '3 + a0 * 12 + a2 * -1'
    """
    return " + ".join([str(begin), *(f"a{n} * {step}" for n, step in enumerate(steps) if step)])


def _copied(
    to: Program, made: int, src: int, sizes: Any, read: Any, write: Any, first: int = 0, begin: int = 0
) -> Lines:
    x, y = to.at(src), to.at(made)
    return loops(sizes, f"{y}[{place(write, begin)}] = {x}[{place(read, first)}];")


@writes("permute")
def permute(to: Program, made: int, src: int, order: Any, name: str) -> Lines:
    """The axes in another order."""
    steps = steps_of(to.graph.whole(src))
    read = [steps[0], *(steps[axis + 1] for axis in order)]
    return _copied(to, made, src, to.graph.whole(made), read, steps_of(to.graph.whole(made)))


@writes("flatten")
def flatten(to: Program, made: int, src: int, data_format: str, name: str) -> Lines:
    """One axis of all; channels count last, wherever they stand."""
    rows, channels, *sizes = to.graph.whole(src)
    pixels = math.prod(sizes)
    write = [channels * pixels, 1, channels]
    return _copied(to, made, src, [rows, channels, pixels], [channels * pixels, pixels, 1], write)


@writes("concatenate")
def concatenate(to: Program, made: int, srcs: Any, axis: int, name: str) -> Lines:
    """One behind the other along an axis."""
    steps, begin, lines = steps_of(to.graph.whole(made)), 0, []
    for src in srcs:
        whole = to.graph.whole(src)
        lines += _copied(to, made, src, whole, steps_of(whole), steps, begin=begin * steps[axis + 1])
        begin += whole[axis + 1]
    return lines


@writes("pad")
def pad(to: Program, made: int, src: int, sides: Any, mode: str, value: float, name: str) -> Lines:
    """A border of one number, or of cells of its own."""
    whole, steps = to.graph.whole(src), steps_of(to.graph.whole(made))
    if mode != "constant":
        axes = enumerate(zip(sides, whole[1:], steps_of(whole)[1:], strict=True), 1)
        cells = [f"{mode}(a{n} - {before}, {size}) * {step}" for n, ((before, _), size, step) in axes]
        read = " + ".join([f"a0 * {steps_of(whole)[0]}", *cells])
        return loops(to.graph.whole(made), f"{to.at(made)}[{place(steps)}] = {to.at(src)}[{read}];")
    begin = sum(before * step for (before, _), step in zip(sides, steps[1:], strict=True))
    fill = f"for (int i = 0; i < {to.graph.count(made)}; ++i) {to.at(made)}[i] = {number(value)};"
    return [fill, *_copied(to, made, src, whole, steps_of(whole), steps, begin=begin)]


@writes("slice")
def slice_(to: Program, made: int, src: int, ranges: Any, name: str) -> Lines:
    """Ranges of (begin, step, count)."""
    steps, whole = steps_of(to.graph.whole(src)), to.graph.whole(made)
    read = [steps[0], *(jump * step for (_, jump, _), step in zip(ranges, steps[1:], strict=True))]
    first = sum(begin * step for (begin, _, _), step in zip(ranges, steps[1:], strict=True))
    return _copied(to, made, src, whole, read, steps_of(whole), first)


@writes("repeat")
def repeat(to: Program, made: int, src: int, times: Any, name: str) -> Lines:
    """Each cell several times."""
    return _again(to, made, src, times, whole_again=False)


@writes("tile")
def tile(to: Program, made: int, src: int, times: Any, name: str) -> Lines:
    """The whole several times."""
    return _again(to, made, src, times, whole_again=True)


def _again(to: Program, made: int, src: int, times: Any, whole_again: bool) -> Lines:
    """Two loops an axis: over its cells, and over how often."""
    whole, steps = to.graph.whole(src), steps_of(to.graph.whole(made))
    sizes, read, write = [], [], []
    for size, count, mine, step in zip(whole, (1, *times), steps_of(whole), steps, strict=True):
        sizes += [size, count]
        read += [mine, 0]
        write += [step, step * size] if whole_again else [step * count, step]
    return _copied(to, made, src, sizes, read, write)


@writes("depth_to_space")
def depth_to_space(
    to: Program, made: int, src: int, block: int, data_format: str, name: str, order: str = "DCR"
) -> Lines:
    """Blocks of channels become squares."""
    sizes, deep, wide = _squares(to, src, made, block, data_format, order)
    return _copied(to, made, src, sizes, deep, wide)


@writes("space_to_depth")
def space_to_depth(
    to: Program, made: int, src: int, block: int, data_format: str, name: str, order: str = "DCR"
) -> Lines:
    """Squares become blocks of channels."""
    sizes, deep, wide = _squares(to, made, src, block, data_format, order)
    return _copied(to, made, src, sizes, wide, deep)


def _squares(to: Program, deep: int, wide: int, block: int, data_format: str, order: str) -> tuple[Any, ...]:
    """Loops over rows, height, a square's height, width, a square's width and channels, and steps of both."""
    last = (0, 2, 3, 1) if data_format == "channels_first" else (0, 1, 2, 3)
    rows, height, width, many = (to.graph.whole(deep)[axis] for axis in last)
    row, down, right, one = (steps_of(to.graph.whole(deep))[axis] for axis in last)
    channels = many // block**2
    above, beside, channel = (block * channels, channels, 1) if order == "DCR" else (block, 1, block**2)
    of_deep = [row, down, above * one, right, beside * one, channel * one]
    row, down, right, one = (steps_of(to.graph.whole(wide))[axis] for axis in last)
    of_wide = [row, down * block, down, right * block, right, one]
    return [rows, height, block, width, block, channels], of_deep, of_wide


@writes("reduce")
def reduce(to: Program, made: int, src: int, kind: str, axes: Any, batch: bool, name: str) -> Lines:
    """Sums and the like over axes."""
    if batch or kind not in _REDUCTIONS:
        raise to.graph.lacks(made, "a reduction over the batch" if batch else repr(kind))
    begin, join = _REDUCTIONS[kind]
    whole, left = to.graph.whole(src), iter(steps_of(to.graph.whole(made)))
    write = [0 if axis - 1 in axes else next(left) for axis in range(len(whole))]
    x, y = f"{to.at(src)}[{place(steps_of(whole))}]", f"{to.at(made)}[{place(write)}]"
    count = to.graph.count(made)
    every = f"for (int i = 0; i < {count}; ++i) {to.at(made)}[i]"
    lines = [f"{every} = {begin};", *loops(whole, f"{y} = {join.format(x=x, y=y)};")]
    if kind == "mean":
        lines.append(f"{every} /= {number(to.graph.count(src) / count)};")
    return lines
