"""Several inputs or outputs: what users hand in for them, by name or in order, as a list in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.utils.nest import leaves


def in_order(given: Any, structure: Any, names: Sequence[str], owner: str) -> list[Any]:
    """Returns one thing for each of a model's inputs (or outputs), in their order.

    Args:
        given: One thing; or a list, tuple or dict of them, dicts by the names of the inputs or the keys of
            the dict that the model was made with.
        structure: The inputs as the model was made with.
        names: Their names.
        owner: Whose they are, for messages.

    Raises:
        ValueError: If there are too few or too many, or a name is not known.

    Example:
        >>> in_order({"b": 2, "a": 1}, [0, 0], ["a", "b"], "model")
        [1, 2]
    """
    count = len(names)
    if isinstance(given, dict):
        keys = sorted(structure) if isinstance(structure, dict) else list(names)
        for known in (keys, list(names)):
            if set(known) == set(given):
                return [given[name] for name in known]
        raise ValueError(f"{owner}: by name there must be {keys}, got {sorted(given)}")
    if isinstance(structure, (list, tuple, dict)) or count > 1:
        listed = leaves(given) if isinstance(given, (list, tuple)) else [given]
        if isinstance(given, (list, tuple)) and len(given) == count:
            listed = list(given)
        if len(listed) == count:
            return listed
        raise ValueError(f"{owner}: there must be {count}, {list(names)}, got {len(listed)}")
    return [given]


def fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Returns whether a shape is as wanted; None stands for any size.

    Example:
        >>> fits((5, 5, 3), (None, None, 3))
        True
    """
    return len(shape) == len(wanted) and all(
        w is None or size == w for size, w in zip(shape, wanted, strict=True)
    )
