"""Lists, tuples and dicts of things, in one another: what calls take and return.

Dicts are walked in the order of their keys' names, as in Keras, whatever the order in which they were made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def leaves(structure: Any) -> list[Any]:
    """Returns what stands in lists, tuples and dicts; anything else is a leaf by itself.

    Example:
        >>> leaves({"b": [1, 2], "a": 3})
        [3, 1, 2]
    """
    found: list[Any] = []
    _gather(structure, found)
    return found


def _gather(structure: Any, found: list[Any]) -> None:
    if isinstance(structure, dict):
        for name in sorted(structure):
            _gather(structure[name], found)
    elif isinstance(structure, (list, tuple)):
        for each in structure:
            _gather(each, found)
    else:
        found.append(structure)


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Returns a structure of the same form, each leaf as the function makes it.

    Example:
        >>> mapped(str, {"a": [1, 2]})
        {'a': ['1', '2']}
    """
    if isinstance(structure, dict):
        return {name: mapped(function, structure[name]) for name in sorted(structure)}
    if isinstance(structure, (list, tuple)):
        return type(structure)(mapped(function, each) for each in structure)
    return function(structure)


def packed(structure: Any, values: Iterable[Any]) -> Any:
    """Returns a structure of the same form with other leaves, taken in the order of `leaves`.

    Example:
        >>> packed({"b": 0, "a": 0}, [1, 2])
        {'a': 1, 'b': 2}
    """
    rest = iter(values)
    return mapped(lambda _: next(rest), structure)
