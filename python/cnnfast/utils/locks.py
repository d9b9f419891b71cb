"""Locks that a forked child finds free.

Of its parent's threads a child has only the one that forked: a lock that another one held would stay locked
there for ever.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from weakref import WeakSet

_locks: WeakSet[Any] = WeakSet()


def fork_lock() -> threading.RLock:
    """Returns a lock that a forked child finds free, unless the thread that forked holds it.

    What it guards must be sound, or made anew by the next holder, wherever the last one stopped.

    Example:
        >>> lock = fork_lock()
        >>> with lock, lock:
        ...     pass
    """
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def _free_all() -> None:
    for lock in _locks:
        if lock.acquire(blocking=False):  # free, or this thread's
            lock.release()
        else:
            lock._at_fork_reinit()  # as the standard library frees its own


os.register_at_fork(after_in_child=_free_all)
