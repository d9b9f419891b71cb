"""Moves of values: forward as NumPy, backward as sums over the cells that read one; in every layout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.nets import single

from cnnfast import _core

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """One move of samples: what it is to the graph, and to NumPy on a batch."""

    shape: tuple[int, ...]
    add: Callable[["_core.Graph", int], int]
    expected: Callable[[Array], Array]


def _pads(*sides: tuple[int, int]) -> list[tuple[int, int]]:
    return [(0, 0), *sides]


def _pad(shape: tuple[int, ...], mode: Any, *sides: tuple[int, int], value: float = 0.0) -> Case:
    names: Any = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}

    def expected(x: Array) -> Array:
        if mode == "constant":
            return np.pad(x, _pads(*sides), constant_values=value)
        return np.pad(x, _pads(*sides), mode=names[mode])

    return Case(shape, lambda g, v: g.pad(v, sides, mode, value, "pad"), expected)


def _slice(shape: tuple[int, ...], *slices: slice) -> Case:
    ranges = []
    for size, one in zip(shape, slices, strict=True):
        cells = range(size)[one]
        ranges.append((cells.start, cells.step, len(cells)))
    return Case(shape, lambda g, v: g.slice(v, ranges, "slice"), lambda x: x[(slice(None), *slices)])


def _permute(shape: tuple[int, ...], *order: int) -> Case:
    axes = [0, *(axis + 1 for axis in order)]
    return Case(shape, lambda g, v: g.permute(v, order, "permute"), lambda x: x.transpose(axes))


def _repeat(shape: tuple[int, ...], *times: int) -> Case:
    def expected(x: Array) -> Array:
        for axis, count in enumerate(times, 1):
            x = x.repeat(count, axis)
        return x

    return Case(shape, lambda g, v: g.repeat(v, times, "repeat"), expected)


def _tile(shape: tuple[int, ...], *times: int) -> Case:
    return Case(shape, lambda g, v: g.tile(v, times, "tile"), lambda x: np.tile(x, (1, *times)))


def _to_space(x: Array, block: int) -> Array:
    n, h, w, c = x.shape
    split = x.reshape(n, h, w, block, block, c // block**2)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * block, w * block, -1)


def _shuffled(x: Array, block: int) -> Array:
    """In PyTorch's order."""
    n, h, w, c = x.shape
    split = x.reshape(n, h, w, c // block**2, block, block)
    return split.transpose(0, 1, 4, 2, 5, 3).reshape(n, h * block, w * block, -1)


def _unshuffled(x: Array, block: int) -> Array:
    n, h, w, c = x.shape
    split = x.reshape(n, h // block, block, w // block, block, c)
    return split.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // block, w // block, -1)


def _to_depth(x: Array, block: int) -> Array:
    n, h, w, c = x.shape
    split = x.reshape(n, h // block, block, w // block, block, c)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, h // block, w // block, -1)


def _first(function: Callable[[Array, int], Array], block: int) -> Callable[[Array], Array]:
    return lambda x: np.moveaxis(function(np.moveaxis(x, 1, -1), block), -1, 1)


CASES: dict[str, Case] = {
    "pad": _pad((5, 7), "constant", (1, 2), (3, 0), value=2.5),
    "pad image": _pad((4, 5, 3), "constant", (1, 2), (0, 3), (0, 0)),
    "pad channels": _pad((4, 5, 3), "constant", (0, 0), (0, 0), (2, 1), value=-1.0),
    "reflect": _pad((4, 5, 3), "reflect", (3, 2), (1, 4), (0, 2)),
    "replicate": _pad((4, 5, 3), "replicate", (6, 1), (0, 9), (1, 0)),
    "circular": _pad((4, 5, 3), "circular", (4, 1), (2, 5), (0, 0)),
    "nothing": _pad((3, 2), "constant", (0, 0), (0, 0)),
    "crop": _slice((6, 7, 5), slice(1, 4), slice(2, 7), slice(None)),
    "steps": _slice((9, 8), slice(1, None, 3), slice(None, None, 2)),
    "flip": _slice((6, 7, 2), slice(None, None, -1), slice(None), slice(None, None, -1)),
    "back in steps": _slice((11,), slice(9, 1, -3)),
    "one cell": _slice((4, 4, 4), slice(2, 3), slice(0, 1), slice(3, 4)),
    "turn": _permute((37, 70), 1, 0),
    "last first": _permute((33, 40, 5), 2, 0, 1),
    "first last": _permute((3, 35, 33), 1, 2, 0),
    "all turned": _permute((3, 4, 5, 6), 3, 1, 0, 2),
    "repeat": _repeat((3, 4, 5), 2, 3, 1),
    "repeat channels": _repeat((3, 4, 5), 1, 1, 3),
    "repeat nothing": _repeat((3, 4), 1, 1),
    "tile": _tile((3, 4, 2), 2, 1, 3),
    "to space": Case(
        (3, 2, 12), lambda g, v: g.depth_to_space(v, 2, "channels_last", "d"), lambda x: _to_space(x, 2)
    ),
    "to space, first": Case(
        (18, 2, 3), lambda g, v: g.depth_to_space(v, 3, "channels_first", "d"), _first(_to_space, 3)
    ),
    "to depth": Case(
        (4, 6, 5), lambda g, v: g.space_to_depth(v, 2, "channels_last", "d"), lambda x: _to_depth(x, 2)
    ),
    "to depth, first": Case(
        (2, 6, 3), lambda g, v: g.space_to_depth(v, 3, "channels_first", "d"), _first(_to_depth, 3)
    ),
    "shuffled": Case(
        (3, 2, 12),
        lambda g, v: g.depth_to_space(v, 2, "channels_last", "d", "CRD"),
        lambda x: _shuffled(x, 2),
    ),
    "shuffled, first": Case(
        (18, 2, 3), lambda g, v: g.depth_to_space(v, 3, "channels_first", "d", "CRD"), _first(_shuffled, 3)
    ),
    "unshuffled": Case(
        (4, 6, 5),
        lambda g, v: g.space_to_depth(v, 2, "channels_last", "d", "CRD"),
        lambda x: _unshuffled(x, 2),
    ),
    "unshuffled, first": Case(
        (2, 6, 3), lambda g, v: g.space_to_depth(v, 3, "channels_first", "d", "CRD"), _first(_unshuffled, 3)
    ),
    "large": _pad((70, 90, 3), "reflect", (2, 2), (2, 2), (0, 0)),
}


def _transposed(expected: Callable[[Array], Array], shape: tuple[int, ...], grad: Array) -> Array:
    """The gradient: each cell of the input adds up what its copies got."""
    numbers = np.arange(np.prod(shape), dtype=np.float64).reshape(1, *shape) + 1
    places = np.asarray(expected(numbers))[0]
    marks = np.asarray(expected(-numbers))[0]
    moved = (places == -marks) & (places != 0)  # the fill is no cell
    out = np.zeros((len(grad), numbers.size))
    index = (places[moved] - 1).astype(int)
    for sample, row in zip(out, grad, strict=True):
        np.add.at(sample, index, row[moved])
    return out.reshape(len(grad), *shape)


def _check(network: "_core.Network", x: Array, expected: Callable[[Array], Array]) -> None:
    want = expected(x)
    grad = np.random.default_rng(1).integers(-8, 9, want.shape).astype(np.float32)
    before = _core.get_num_threads()
    for threads in (1, 3):
        _core.set_num_threads(threads)
        np.testing.assert_array_equal(network.predict(x), want)
        got = network.vjp(x, grad)[0]
        np.testing.assert_array_equal(got, _transposed(expected, x.shape[1:], grad))
    _core.set_num_threads(before)


@pytest.mark.parametrize("batch", [1, 3, 17])
@pytest.mark.parametrize("name", CASES)
def test_moves(name: str, batch: int) -> None:
    case = CASES[name]
    x = np.random.default_rng(0).integers(1, 99, (batch, *case.shape)).astype(np.float32)
    _check(single(case.shape, case.add), x, case.expected)


# -- between convolutions, whose layouts moves keep where they can -----------------------------------------


MIDDLES: dict[str, tuple[tuple[int, int, int], Callable[..., int], Callable[[Array], Array]]] = {
    "pad": (
        (6, 5, 32),
        lambda g, v, sides: g.pad(v, sides((1, 2), (0, 3), (0, 0)), "constant", 0.0, "m"),
        lambda x: np.pad(x, [(0, 0), (1, 2), (0, 3), (0, 0)]),
    ),
    "pad with ones, few channels": (
        (6, 5, 20),
        lambda g, v, sides: g.pad(v, sides((1, 2), (0, 3), (0, 0)), "constant", 1.0, "m"),
        lambda x: np.pad(x, [(0, 0), (1, 2), (0, 3), (0, 0)], constant_values=1.0),
    ),
    "reflect": (
        (6, 5, 17),
        lambda g, v, sides: g.pad(v, sides((1, 2), (4, 3), (0, 0)), "reflect", 0.0, "m"),
        lambda x: np.pad(x, [(0, 0), (1, 2), (4, 3), (0, 0)], mode="reflect"),
    ),
    "repeat": (
        (3, 5, 40),
        lambda g, v, sides: g.repeat(v, sides(2, 3, 1), "m"),
        lambda x: x.repeat(2, 1).repeat(3, 2),
    ),
    "some channels": (
        (3, 5, 40),
        lambda g, v, sides: g.slice(v, sides((0, 1, 3), (0, 1, 5), (16, 1, 24)), "m"),
        lambda x: x[..., 16:40],
    ),
    "odd channels": (
        (3, 5, 40),
        lambda g, v, sides: g.slice(v, sides((0, 1, 3), (0, 1, 5), (3, 2, 17)), "m"),
        lambda x: x[..., 3:37:2],
    ),
}


def _identity(graph: "_core.Graph", src: int, channels: int, data_format: Any, name: str) -> int:
    kernel = _core.Weight(f"{name}/kernel", (1, 1, channels, channels))
    kernel.assign(np.eye(channels, dtype=np.float32)[None, None])
    return graph.conv(src, channels, [1, 1], [1, 1], "valid", [1, 1], 1, False, data_format, name, [kernel])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [1, 17, 32])
@pytest.mark.parametrize("name", MIDDLES)
def test_moves_between_convolutions(name: str, batch: int, data_format: Any, isa: str) -> None:
    shape, add, expected = MIDDLES[name]
    first = data_format == "channels_first"

    def sides(*each: Any) -> list[Any]:
        return [each[2], each[0], each[1]] if first else list(each)

    def chain(graph: "_core.Graph", src: int) -> int:
        before = _identity(graph, src, shape[2], data_format, "before")
        moved = add(graph, before, sides)
        channels = graph.shape(moved)[0 if first else 2]
        return _identity(graph, moved, channels, data_format, "after")

    given = (shape[2], *shape[:2]) if first else shape
    x = np.random.default_rng(0).integers(1, 99, (batch, *given)).astype(np.float32)
    turned = (lambda x: np.moveaxis(expected(np.moveaxis(x, 1, -1)), -1, 1)) if first else expected
    _check(single(given, chain), x, turned)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [1, 17, 32])
@pytest.mark.parametrize("channels", [(16, 32), (16, 20), (20, 16), (3, 5)])
def test_concatenation(channels: tuple[int, int], batch: int, data_format: Any, isa: str) -> None:
    first = data_format == "channels_first"
    axis = 0 if first else 2
    graph = _core.Graph()
    shapes = [(c, 4, 5) if first else (4, 5, c) for c in channels]
    xs = [graph.input(shape, f"x{i}") for i, shape in enumerate(shapes)]
    parts = [
        _identity(graph, x, c, data_format, f"conv{i}")
        for i, (x, c) in enumerate(zip(xs, channels, strict=True))
    ]
    out = graph.concatenate([*parts, parts[0]], axis, "join")
    total = 2 * channels[0] + channels[1]
    network = _core.Network(graph, [_identity(graph, out, total, data_format, "after")])
    rng = np.random.default_rng(0)
    arrays = [rng.integers(1, 99, (batch, *shape)).astype(np.float32) for shape in shapes]
    np.testing.assert_array_equal(network.predict(arrays)[0], np.concatenate([*arrays, arrays[0]], axis + 1))


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda g, v: g.pad(v, [(0, 0)], "constant", 0.0, "p"), "one entry for each axis"),
        (lambda g, v: g.pad(v, [(4, 0), (0, 0)], "reflect", 0.0, "p"), "at most 3 may be added"),
        (lambda g, v: g.pad(v, [(5, 0), (0, 0)], "circular", 0.0, "p"), "at most 4 may be added"),
        (lambda g, v: g.pad(v, [(-1, 0), (0, 0)], "constant", 0.0, "p"), "must not be negative"),
        (lambda g, v: g.pad(v, [(2**40, 0), (0, 0)], "constant", 0.0, "p"), "the limit is"),
        (lambda g, v: g.slice(v, [(0, 1, 5), (0, 1, 1)], "s"), "along axis 0 of 4 cells"),
        (lambda g, v: g.slice(v, [(0, 2**62, 3), (0, 1, 1)], "s"), "along axis 0 of 4 cells"),
        (lambda g, v: g.slice(v, [(0, 0, 2), (0, 1, 1)], "s"), "in steps of 0"),
        (lambda g, v: g.permute(v, [0, 0], "p"), "0 twice"),
        (lambda g, v: g.permute(v, [0, 2], "p"), "got 2"),
        (lambda g, v: g.repeat(v, [0, 1], "r"), "at least 1"),
        (lambda g, v: g.tile(v, [2**33, 1], "t"), "the limit is"),
        (lambda g, v: g.repeat(v, [4000, 4000], "r"), "the limit is"),
        (lambda g, v: g.concatenate([v, v], 2, "c"), "no axis 2"),
        (lambda g, v: g.concatenate([], 0, "c"), "nothing to concatenate"),
        (lambda g, v: g.concatenate([v, g.input((4, 6), "y")], 0, "c"), "one shape except along axis 0"),
        (lambda g, v: g.depth_to_space(v, 2, "channels_last", "d"), "three axes"),
    ],
)
def test_refusals(add: Any, message: str) -> None:
    graph = _core.Graph()
    value = graph.input((4, 5), "x")
    with pytest.raises(ValueError, match=message):
        add(graph, value)
