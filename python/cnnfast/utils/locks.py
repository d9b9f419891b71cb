"""Locks that are free in a forked child, whoever held them in its parent.

A child has only the thread that forked: a lock that another one held would stay locked there for ever. What
these locks guard is put in its place in one assignment at the end, so that a child finds it as it was before,
and may begin anew.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import Any
from weakref import WeakSet

_owners: WeakSet[Any] = WeakSet()


def give_lock(owner: Any) -> None:
    """Gives an object its `_lock`, and a new one in a forked child.

    Example:
        >>> class Owner: pass
        >>> owner = Owner()
        >>> give_lock(owner)
        >>> with owner._lock:
        ...     pass
    """
    owner._lock = RLock()
    _owners.add(owner)


def _renew() -> None:
    for owner in _owners:
        owner._lock = RLock()


os.register_at_fork(after_in_child=_renew)
