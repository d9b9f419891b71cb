"""Times of work on a machine that others use too.

Neighbours only ever add to a time, so the least of the turns falls towards the truth. A bound on times is
therefore asked again after each turn, until it holds or the turns are used up: a slow minute costs turns.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np

TURNS = 30


def least_seconds(*works: Callable[[], Any], until: Callable[[list[float]], bool]) -> list[float]:
    """Each work's least processor time, in seconds; turn about, so that slow seconds fall on all works.

    At least three turns; more, up to TURNS, until the bound holds. The collector rests: its long passes come
    at their own times.
    """
    least = [np.inf] * len(works)
    for turn in range(TURNS):
        least = [min(a, _seconds(work)) for a, work in zip(least, works, strict=True)]
        if turn >= 2 and until(least):
            break
    return least


def _seconds(work: Callable[[], Any]) -> float:
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.process_time()
        kept = work()  # what it makes is dropped outside the time
        seconds = time.process_time() - start
        del kept
        return seconds
    finally:
        if enabled:
            gc.enable()
