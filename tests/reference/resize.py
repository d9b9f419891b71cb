"""Axes in other sizes as matrices, and images read between their pixels, cell by cell in float64."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def _keys(x: float, a: float) -> float:
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def _kernel(interpolation: str, cubic: float) -> tuple[int, Callable[[float], float]]:
    if interpolation == "bilinear":
        return 1, lambda x: max(0.0, 1 - x)
    if interpolation == "bicubic":
        return 2, lambda x: _keys(x, cubic)
    radius = int(interpolation[-1])
    return radius, lambda x: float(np.sinc(x) * np.sinc(x / radius)) if x < radius else 0.0


def resize_matrix(
    cells: int,
    size: int,
    interpolation: str,
    coordinates: str,
    antialias: bool,
    cubic: float = -0.5,
    repeats: bool = False,
    step: float = 0.0,
) -> Doubles:
    """What each of `size` cells, which stand for `step` of them each, takes of each of `cells`."""
    corners = coordinates == "align_corners"
    scale = step or ((cells - 1) / max(size - 1, 1) if corners else cells / size)
    made = np.zeros((size, cells))
    for i in range(size):
        if interpolation == "nearest":
            at = (2 * i + 1) * cells // (2 * size) if coordinates == "half_pixel" else i * cells // size
            if step:
                at = int((i + 0.5 * (coordinates == "half_pixel")) * step)
            made[i, int(np.floor(i * scale + 0.5)) if corners else at] = 1
            continue
        centre = (i + 0.5) * scale - 0.5 if coordinates == "half_pixel" else i * scale
        wide = max(scale, 1) if antialias else 1
        radius, weight = _kernel(interpolation, cubic)
        far = int(radius * wide) + 2
        for cell in range(int(centre) - far, int(centre) + far + 1):
            inside = min(max(cell, 0), cells - 1)
            if repeats or inside == cell:
                made[i, inside] += weight(abs(cell - centre) / wide)
        made[i] /= made[i].sum()
    return made


def _inside(at: int, size: int, fill_mode: str) -> int | None:
    if 0 <= at < size:
        return at
    if fill_mode == "constant":
        return None
    if fill_mode == "nearest":
        return min(max(at, 0), size - 1)
    while not 0 <= at < size:
        if fill_mode == "wrap":
            at += size if at < 0 else -size
        elif fill_mode == "reflect":
            at = -1 - at if at < 0 else 2 * size - 1 - at
        else:
            at = 0 if size == 1 else -at if at < 0 else 2 * size - 2 - at
    return at


def sample(image: Doubles, at: Doubles, interpolation: str, fill_mode: str, fill_value: float) -> Doubles:
    """What an image, channels last, is at each of the places."""
    axes = at.shape[-1]
    made = np.zeros((*at.shape[:-1], image.shape[-1]))
    for place in np.ndindex(*at.shape[:-1]):
        where = at[place]
        if interpolation == "nearest":
            low = [int(np.trunc(x + np.copysign(0.5, x))) for x in where]
            choices: list[Any] = [[(cell, 1.0)] for cell in low]
        else:
            low = [int(np.floor(x)) for x in where]
            choices = [
                [(cell, 1 - (x - cell)), (cell + 1, x - cell)] for cell, x in zip(low, where, strict=True)
            ]
        for corner in itertools.product(*choices):
            cells = [_inside(c, image.shape[i], fill_mode) for i, (c, _) in enumerate(corner)]
            weight = np.prod([w for _, w in corner])
            made[place] += weight * (fill_value if None in cells else image[tuple(cells)])
    assert axes == image.ndim - 1
    return made
