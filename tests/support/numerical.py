"""Slopes by central differences, rounding, and tolerances that follow the arithmetic."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPS = float(np.finfo(np.float32).eps)


def numerical_gradient(
    scalar: Callable[[], float], array: NDArray[np.float64], step: float = 1e-6
) -> NDArray[Any]:
    """d scalar / d array, by moving every element up and down; `scalar` reads `array` anew at each call."""
    slope = np.empty_like(array)
    for index in np.ndindex(*array.shape):
        kept = array[index]
        array[index] = kept + step
        above = scalar()
        array[index] = kept - step
        slope[index] = (above - scalar()) / (2 * step)
        array[index] = kept
    return slope


def bfloat16(x: Any) -> NDArray[np.float32]:
    """float32 rounded to bfloat16, to nearest even; finite values only."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def assert_within(
    got: NDArray[Any], ref: NDArray[Any], bound: NDArray[Any] | float, terms: int, name: str = "result"
) -> None:
    """|got - ref| <= terms * eps * bound, element by element.

    Args:
        got: What the library computed, float32.
        ref: The oracle's answer, float64.
        bound: The sum of the absolute values that went into each element.
        terms: How many terms that sum has: rounding errors of a sum grow with it.
        name: What to call it in the message.
    """
    assert got.shape == ref.shape, f"{name}: shape {got.shape}, expected {ref.shape}"
    assert got.dtype == np.float32, f"{name}: dtype {got.dtype}, expected float32"
    error = np.abs(got.astype(np.float64) - ref)
    allowed = terms * EPS * np.broadcast_to(np.asarray(bound, np.float64), ref.shape) + 1e-37
    bad = ~(error <= allowed)
    if bad.any():
        at = np.unravel_index(
            np.argmax(np.where(bad, np.nan_to_num(error / allowed, nan=np.inf), 0)), ref.shape
        )
        raise AssertionError(
            f"{name}: {bad.sum()} of {bad.size} elements are off; the worst at {tuple(map(int, at))}: "
            f"got {got[at]}, expected {ref[at]}, error {error[at]:.3g}, allowed {allowed[at]:.3g}"
        )
