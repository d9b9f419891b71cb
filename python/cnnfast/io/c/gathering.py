"""Numbers that come from several places: products of matrices, resized axes, and what indices tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.io.c.moves import loops, place, steps_of
from cnnfast.io.c.steps import Lines, writes
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.io.c.exporting import Program


@writes("matmul")
def matmul(to: Program, made: int, a: int, b: int, name: str) -> Lines:
    """Products of matrices; axes before them are broadcast."""
    left, right = to.graph.sizes(a), to.graph.sizes(b)
    left, right = (1, *left)[-max(2, len(left)) :], (*right, 1)[: max(2, len(right))]
    lead, (rows, terms), columns = np.broadcast_shapes(left[:-2], right[:-2]), left[-2:], right[-1]
    *read_lead, read_term, read_column = _stretched(right, len(lead) + 2)
    read_left, read_right = [*_stretched(left, len(lead) + 2), 0], [*read_lead, 0, read_term, read_column]
    *write, column = steps_of((*lead, rows, columns))
    x, y, z = to.at(a), to.at(b), to.at(made)
    product = f"{z}[{place([*write, 0, column])}] += {x}[{place(read_left)}] * {y}[{place(read_right)}];"
    nothing = f"for (int i = 0; i < {to.graph.count(made)}; ++i) {z}[i] = 0;"
    return [nothing, *loops((*lead, rows, terms, columns), product)]


def _stretched(own: Any, axes: int) -> list[int]:
    """How far neighbours are apart along each of so many axes; those of 1 are repeated."""
    steps = [0 if size == 1 else step for size, step in zip(own, steps_of(own), strict=True)]
    return [0] * (axes - len(own)) + steps


@writes("resize")
def resize(to: Program, made: int, src: int, axis: int, size: int, *how: Any) -> Lines:
    """Each cell along an axis as a sum of cells of the old one, by tables of factors."""
    whole = to.graph.whole(src)
    count, inner = whole[axis + 1], math.prod(whole[axis + 2 :])
    begins, factors = _tables(_matrix(count, size, how))
    taps = factors.shape[1]
    tables = f"{to.constant(begins, 'begins')}, {to.constant(factors, 'factors')}, {taps}"
    before = math.prod(whole[: axis + 1])
    return [f"resize({to.at(src)}, {before}, {count}, {inner}, {tables}, {to.at(made)}, {size});"]


def _matrix(count: int, size: int, how: tuple[Any, ...]) -> NDArray[np.float32]:
    """What the core makes of each cell alone: (old cells, new cells)."""
    graph = Tracing()
    made = graph.resize(graph.input((count,), "x"), 0, size, *how)
    (found,) = new_network(graph, [made], workspace()).predict([np.eye(count, dtype=np.float32)])
    return np.asarray(found)


def _tables(matrix: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Where the old cells of each new one begin, and their factors, as many for each."""
    used = matrix != 0
    first, last = used.argmax(0), len(matrix) - used[::-1].argmax(0)
    taps = int((last - first).max())
    begins = np.minimum(first, len(matrix) - taps)
    return begins, np.take_along_axis(matrix, begins + np.arange(taps)[:, np.newaxis], 0).T


@writes("gather")
def gather(to: Program, made: int, src: int, indices: int, axis: int, name: str) -> Lines:
    """Slices along an axis, which gives way to the indices' axes."""
    sizes, told = to.graph.sizes(src), to.graph.sizes(indices)
    at = axis + len(sizes) - len(to.graph.shape(src))
    steps = steps_of(sizes)
    read = [*steps[:at], *[0] * len(told), *steps[at + 1 :]]
    tell = [*[0] * at, *steps_of(told), *[0] * (len(sizes) - at - 1)]
    return _chosen(to, made, (src, indices), (*sizes[:at], *told, *sizes[at + 1 :]), (read, tell), at)


@writes("gather_along")
def gather_along(to: Program, made: int, src: int, indices: int, axis: int, name: str) -> Lines:
    """Cells along an axis, each its own; the other axes are broadcast."""
    sizes, told = to.graph.sizes(src), to.graph.sizes(indices)
    at = axis + len(sizes) - len(to.graph.shape(src))
    whole = [
        two if n == at or one == 1 else one for n, (one, two) in enumerate(zip(sizes, told, strict=True))
    ]
    read = [0 if n == at else step for n, step in enumerate(_stretched(sizes, len(sizes)))]
    return _chosen(to, made, (src, indices), whole, (read, _stretched(told, len(told))), at)


def _chosen(to: Program, made: int, srcs: tuple[int, int], whole: Any, steps: Any, at: int) -> Lines:
    """One loop an axis; along `at` of what is read an index tells the place."""
    (src, indices), (read, tell), sizes = srcs, steps, to.graph.sizes(srcs[0])
    index = f"chosen({to.at(indices)}[{place(tell)}], {sizes[at]}) * {steps_of(sizes)[at]}"
    y = f"{to.at(made)}[{place(steps_of(whole))}]"
    return loops(whole, f"{y} = {to.at(src)}[{place(read)} + {index}];")
