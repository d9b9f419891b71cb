"""Names of which there is to be one each."""

from __future__ import annotations


def distinct(name: str, taken: set[str]) -> str:
    """Returns a name, with a number behind it where it is taken, and takes it.

    Args:
        name: The name.
        taken: Those that there are; the one returned is added.

    Example:
        >>> taken: set[str] = set()
        >>> [distinct(name, taken) for name in ("conv", "conv", "conv")]
        ['conv', 'conv_1', 'conv_2']
    """
    made, number = name, 0
    while made in taken:
        number += 1
        made = f"{name}_{number}"
    taken.add(made)
    return made
