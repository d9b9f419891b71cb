"""Warnings that point to the user's line."""

from __future__ import annotations

import sys
import warnings


def warn(message: str) -> None:
    """Warns of what is accepted and was probably not meant, at the first line outside of the package.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn("a softmax over one value")
        >>> len(caught)
        1
    """
    level = 1
    while sys._getframe(level).f_globals.get("__name__", "").startswith("cnnfast."):
        level += 1
    warnings.warn(message, stacklevel=level + 1)
