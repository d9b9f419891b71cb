"""Philox4x32-10 and the dropout masks made from it.

Source: J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

import numpy as np
from numpy.typing import NDArray

_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85
_WORD = 0xFFFFFFFF


def philox(counter: tuple[int, int, int, int], key: int) -> tuple[int, int, int, int]:
    """Four random words of a counter of four words and a key of 64 bits."""
    c0, c1, c2, c3 = counter
    k0, k1 = key & _WORD, key >> 32
    for _ in range(10):
        a, b = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & _WORD, (a >> 32) ^ c3 ^ k1, a & _WORD
        k0, k1 = (k0 + _KEY_STEPS[0]) & _WORD, (k1 + _KEY_STEPS[1]) & _WORD
    return c0, c1, c2, c3


def dropout_mask(
    shape: tuple[int, int, int, int], rate: float, seed: int, step: int, layer: int
) -> NDArray[np.bool_]:
    """True where an element of an (n, h, w, c) tensor is kept."""
    n, h, w, c = shape
    threshold = round(rate * 2**32)
    kept = np.empty((n, c, h * w), np.bool_)
    quads = -(-h * w // 4)
    for sample in range(n):
        for channel in range(c):
            words = [philox((channel * quads + q, sample, step, layer), seed) for q in range(quads)]
            kept[sample, channel] = np.ravel(words)[: h * w] >= threshold
    return np.moveaxis(kept.reshape(n, c, h, w), 1, -1)
