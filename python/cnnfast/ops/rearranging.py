"""Axes named, grouped and put in order by a pattern."""

from __future__ import annotations

import math
import re
from typing import Any

from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import reshape
from cnnfast.ops.turning import transpose
from cnnfast.utils.arguments import whole_number


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Returns the numbers with their axes in another order, some of them taken apart or put together.

    Args:
        tensor: Numbers of any shape, or what stands for them.
        pattern: Names of the axes before and after "->"; those in brackets are one axis.
        axes_lengths: Lengths of axes that are in brackets before; in each pair one may be left out.

    Raises:
        ValueError: If names or lengths do not fit.

    Source:
        Rogozhnikov, Einops, 2022; Keras 3, `keras.ops.rearrange`.

    Example:
        >>> from cnnfast import ops
        >>> rearrange(ops.arange(6.0), "(h w) -> w h", h=2).tolist()
        [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    """
    before, arrow, after = pattern.partition("->")
    left, right = _groups(before), _groups(after)
    names = [name for group in left for name in group]
    if (
        not arrow
        or sorted(names) != sorted(name for group in right for name in group)
        or len({*names}) < len(names)
    ):
        raise ValueError(f"a pattern has the same names on both sides of ->, each once, got {pattern!r}")
    lengths = {name: whole_number(size, name, 1) for name, size in axes_lengths.items()}
    return _rearrange(tensor, left, right, lengths)


def _groups(text: str) -> list[list[str]]:
    return [part.strip("()").split() for part in re.findall(r"\([^()]*\)|[^\s()]+", text)]


@operation("tensor")
def _rearrange(tensor: Any, left: list[list[str]], right: list[list[str]], lengths: dict[str, int]) -> Any:
    _, x = on_graph(tensor)
    if len(left) != x.ndim:
        raise ValueError(f"the pattern has {len(left)} axes, shape {x.shape} has {x.ndim}")
    sizes: dict[str, int | None] = {}
    for size, group in zip(x.shape, left, strict=True):
        sizes |= _sizes(size, group, lengths)
    names = [name for group in left for name in group]
    order = [names.index(name) for group in right for name in group]
    turned = transpose(reshape(x, [sizes[name] for name in names]), order)
    return reshape(turned, [_product([sizes[name] for name in group]) for group in right])


def _sizes(size: int | None, group: list[str], lengths: dict[str, int]) -> dict[str, int | None]:
    open_names = [name for name in group if name not in lengths]
    known = math.prod(lengths[name] for name in group if name in lengths)
    if len(group) == 1 and (size is None or group[0] not in lengths):
        return {group[0]: size}
    if size is None or len(open_names) > 1 or size % known or (not open_names and size != known):
        raise ValueError(f"an axis of size {size} cannot be taken apart into {group} with {lengths}")
    return {name: lengths.get(name, size // known) for name in group}


def _product(sizes: list[int | None]) -> int | None:
    if len(sizes) == 1:
        return sizes[0]
    return -1 if None in sizes else math.prod(size for size in sizes if size is not None)
