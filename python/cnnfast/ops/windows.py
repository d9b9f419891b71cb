"""Weights that rise and fall over the length of a signal, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bartlett(x: int) -> NDArray[np.float32]:
    """Returns Bartlett's window, which rises and falls evenly.

    Formula: 1 - |2 i / (x - 1) - 1|

    Args:
        x: Its length.

    Example:
        >>> bartlett(3)
        array([0., 1., 0.], dtype=float32)
    """
    return np.bartlett(whole_number(x, "x", 0)).astype(np.float32)


def blackman(x: int) -> NDArray[np.float32]:
    """Returns Blackman's window.

    Formula: 0.42 - 0.5 cos(2 pi i / (x - 1)) + 0.08 cos(4 pi i / (x - 1))

    Args:
        x: Its length.

    Example:
        >>> blackman(3).round(3)[1]
        np.float32(1.0)
    """
    return np.blackman(whole_number(x, "x", 0)).astype(np.float32)


def hamming(x: int) -> NDArray[np.float32]:
    """Returns Hamming's window.

    Formula: 0.54 - 0.46 cos(2 pi i / (x - 1))

    Args:
        x: Its length.

    Example:
        >>> hamming(3)
        array([0.08, 1.  , 0.08], dtype=float32)
    """
    return np.hamming(whole_number(x, "x", 0)).astype(np.float32)


def hanning(x: int) -> NDArray[np.float32]:
    """Returns Hann's window.

    Formula: 0.5 - 0.5 cos(2 pi i / (x - 1))

    Args:
        x: Its length.

    Example:
        >>> hanning(3)
        array([0., 1., 0.], dtype=float32)
    """
    return np.hanning(whole_number(x, "x", 0)).astype(np.float32)


def kaiser(x: int, beta: float) -> NDArray[np.float32]:
    """Returns Kaiser's window.

    Formula: i0(beta * sqrt(1 - (2 i / (x - 1) - 1)^2)) / i0(beta)

    Args:
        x: Its length.
        beta: How fast it falls; 0 makes ones.

    Example:
        >>> kaiser(3, 0.0)
        array([1., 1., 1.], dtype=float32)
    """
    return np.kaiser(whole_number(x, "x", 0), beta).astype(np.float32)
