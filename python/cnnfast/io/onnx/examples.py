"""Sizes that stand for those that are open, beside the two of every `Input`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Sizes = Mapping[int, Sequence[int]]

# By how many are open. The sides of an `Input`'s own examples are equal and easily halved. So first sizes
# that betray what a network computes of them: however often they are halved, the one rounded up or the other
# rounded down stays odd. Networks that do not take such take others that are halved as easily.
ODD: Sizes = {1: (1153,), 2: (193, 287), 3: (65, 95, 97)}
EVEN: Sizes = {1: (1120,), 2: (224, 352), 3: (64, 96, 32)}


def filled(axes: Sequence[int | None], sizes: Sizes) -> tuple[int, ...]:
    """Returns a shape with sizes for those that are open.

    Args:
        axes: The shape of a sample.
        sizes: `ODD` or `EVEN`.

    Example:
        >>> filled((3, None, None), ODD)
        (3, 193, 287)
    """
    given = iter(sizes.get(list(axes).count(None), ()))
    return tuple(next(given) if size is None else size for size in axes)
