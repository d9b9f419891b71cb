"""Pooling along one to three axes: dilated, adaptive, global, and by windows too large for a byte."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.nets import single
from support.numerical import assert_within

from cnnfast import _core, layers, ops


@dataclass(frozen=True)
class Axis:
    """One axis that windows slide along."""

    size: int
    window: int
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int] = (0, 0)

    def windows(self) -> list[list[int]]:
        """The existing cells of each window."""
        reach = (self.window - 1) * self.dilation + 1
        count = (self.size + sum(self.padding) - reach) // self.stride + 1
        starts = [i * self.stride - self.padding[0] for i in range(count)]
        cells = [[s + k * self.dilation for k in range(self.window)] for s in starts]
        return [[c for c in each if 0 <= c < self.size] for each in cells]


def _adaptive_windows(size: int, outputs: int) -> list[list[int]]:
    return [list(range(i * size // outputs, -(-(i + 1) * size // outputs))) for i in range(outputs)]


def _pool(x: np.ndarray, windows: Sequence[list[list[int]]], maximum: bool) -> np.ndarray:
    """Of a channels_last batch, in float64."""
    out = np.empty((len(x), *map(len, windows), x.shape[-1]))
    for at in itertools.product(*(range(len(w)) for w in windows)):
        cells = x[(slice(None), *np.ix_(*(w[i] for w, i in zip(windows, at, strict=True))))]
        flat = cells.reshape(len(x), -1, x.shape[-1])
        out[(slice(None), *at)] = flat.max(1) if maximum else flat.mean(1)
    return out


def _pool_grad(
    x: np.ndarray, grad: np.ndarray, windows: Sequence[list[list[int]]], maximum: bool
) -> np.ndarray:
    out = np.zeros(x.shape)
    for at in itertools.product(*(range(len(w)) for w in windows)):
        places = list(itertools.product(*(w[i] for w, i in zip(windows, at, strict=True))))
        share = grad[(slice(None), *at)]
        if not maximum:
            for place in places:
                out[(slice(None), *place)] += share / len(places)
            continue
        cells = np.stack([x[(slice(None), *place)] for place in places])
        winner = cells.argmax(0)
        for number, place in enumerate(places):
            out[(slice(None), *place)] += np.where(winner == number, share, 0)
    return out


def _both(
    add: Any, x: np.ndarray, windows: Sequence[list[list[int]]], maximum: bool, data_format: str
) -> None:
    """Compares forward and backward of the node that `add` makes; 1 and 3 threads give the same bits."""
    first = data_format == "channels_first"
    given = np.moveaxis(x, -1, 1) if first else x
    network = single(given.shape[1:], add)
    given = np.ascontiguousarray(given, np.float32)
    expected = _pool(x, windows, maximum)
    grad = np.random.default_rng(1).integers(-8, 9, expected.shape).astype(np.float32)
    grad_given = np.ascontiguousarray(np.moveaxis(grad, -1, 1) if first else grad)
    cells = max(np.prod([len(w) for w in each]) for each in itertools.product(*windows))
    results = []
    before = _core.get_num_threads()
    for threads in (1, 3):
        _core.set_num_threads(threads)
        out, (grad_x, _) = network.predict(given), network.vjp(given, grad_given)
        results.append((out, grad_x))
    _core.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    out, grad_x = (np.moveaxis(a, 1, -1) if first else a for a in results[0])
    assert_within(out, expected, 0.0 if maximum else _pool(np.abs(x), windows, False), cells + 1, "output")
    wide = grad.astype(np.float64)
    bound = _pool_grad(x, np.abs(wide), windows, maximum)
    assert_within(grad_x, _pool_grad(x, wide, windows, maximum), bound, cells + 1, "grad_x")


def _x(batch: int, sizes: Sequence[int], channels: int) -> np.ndarray:
    """Values of which many are equal, so that the order of ties matters."""
    return np.random.default_rng(7).integers(-8, 8, (batch, *sizes, channels)).astype(np.float64)


AXES: dict[str, tuple[Axis, ...]] = {
    "volume": (Axis(5, 2, 2), Axis(6, 3, 2, 1, (1, 0)), Axis(4, 2, 1)),
    "deep": (Axis(7, 3, 2, 1, (1, 1)), Axis(3, 1), Axis(5, 2, 2)),
    "dilated sequence": (Axis(11, 3, 2, 3, (2, 1)),),
    "dilated image": (Axis(9, 2, 1, 4, (1, 0)), Axis(8, 3, 2, 2)),
    "dilated volume": (Axis(6, 2, 1, 3), Axis(5, 2, 2, 2, (1, 1)), Axis(7, 3, 1, 2)),
    "wide": (Axis(18, 17, 1), Axis(17, 16, 1)),
    "a byte": (Axis(17, 16, 1), Axis(17, 16, 1)),
    "wide volume": (Axis(8, 7, 1), Axis(8, 7, 1), Axis(9, 7, 2)),
}
FORMATS = ["channels_last", "channels_first"]


def _undilated() -> Iterator[str]:
    yield from (name for name, axes in AXES.items() if all(a.dilation == 1 for a in axes))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    ("name", "maximum"), [*((n, True) for n in AXES), *((n, False) for n in _undilated())]
)
@pytest.mark.parametrize(("batch", "channels"), [(1, 3), (2, 17), (17, 2)])
def test_pool(name: str, maximum: bool, batch: int, channels: int, data_format: Any, isa: str) -> None:
    axes = AXES[name]

    def add(graph: "_core.Graph", src: int) -> int:
        window = [a.window for a in axes]
        common: Any = (window, [a.stride for a in axes], [a.padding for a in axes], False)
        if maximum:
            return graph.max_pool(src, *common, data_format, "pool", [a.dilation for a in axes])
        return graph.average_pool(src, *common, False, data_format, "pool")

    x = _x(batch, [a.size for a in axes], channels)
    _both(add, x, [a.windows() for a in axes], maximum, data_format)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("maximum", [True, False])
@pytest.mark.parametrize(
    ("sizes", "outputs"),
    [
        *(((7,), (3,)), ((7, 6), (3, 6)), ((5, 8), (1, 3)), ((4, 5, 6), (3, 2, 4)), ((20, 20), (1, 1))),
        *(((4,), (9,)), ((4, 5), (6, 2)), ((1, 3, 4), (4, 5, 4))),  # more than there are
    ],
)
def test_adaptive_pool(
    sizes: tuple[int, ...], outputs: tuple[int, ...], maximum: bool, data_format: Any, isa: str
) -> None:
    windows = [_adaptive_windows(s, o) for s, o in zip(sizes, outputs, strict=True)]
    _both(
        lambda graph, src: graph.adaptive_pool(src, maximum, outputs, data_format, "pool"),
        _x(2, sizes, 17),
        windows,
        maximum,
        data_format,
    )


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_layers(rank: int, kind: str, data_format: Any) -> None:
    x = _x(2, (6, 5, 4)[:rank], 3)
    given = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    axes = tuple(range(1, 1 + rank))
    whole = x.max(axes) if kind == "Max" else x.mean(axes)
    layer = getattr(layers, f"Global{kind}Pooling{rank}D")(data_format=data_format)
    np.testing.assert_allclose(layer(given), whole, rtol=1e-6)
    kept = type(layer).from_config({**layer.get_config(), "keepdims": True})(given)
    expected = (len(x), 3, *(1,) * rank) if data_format == "channels_first" else (len(x), *(1,) * rank, 3)
    assert kept.shape == expected
    np.testing.assert_allclose(kept.ravel(), whole.ravel(), rtol=1e-6)
    windows = [_adaptive_windows(size, 2) for size in x.shape[1:-1]]
    adaptive = getattr(layers, f"Adaptive{kind}Pooling{rank}D")(2, data_format=data_format)
    out = adaptive(given)
    out = np.moveaxis(out, 1, -1) if data_format == "channels_first" else out
    np.testing.assert_allclose(out, _pool(x, windows, kind == "Max"), rtol=1e-6)


def test_volumes_on_arrays_and_in_layers() -> None:
    x = _x(2, (4, 6, 5), 3)
    windows = [Axis(s, 2, 2).windows() for s in x.shape[1:-1]]
    np.testing.assert_array_equal(layers.MaxPooling3D()(x), _pool(x, windows, True))
    np.testing.assert_array_equal(ops.max_pool(x, 2), _pool(x, windows, True))
    np.testing.assert_allclose(layers.AveragePooling3D()(x), _pool(x, windows, False), rtol=1e-6)
    np.testing.assert_allclose(ops.average_pool(x, 2), _pool(x, windows, False), rtol=1e-6)
    dilated = [Axis(s, 2, 2, 2).windows() for s in x.shape[1:-1]]
    np.testing.assert_array_equal(ops.max_pool(x, 2, dilation_rate=2), _pool(x, dilated, True))
    grad = np.ones(ops.max_pool(x, 2, dilation_rate=2).shape)
    expected = _pool_grad(x, grad, dilated, True)
    np.testing.assert_array_equal(ops.max_pool_grad(x, grad, 2, dilation_rate=2), expected)


def _graph() -> "_core.Graph":
    return _core.Graph()


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (
            lambda g, v: g.adaptive_pool(v, True, [0, 2], "channels_last", "p"),
            "output_size must be at least 1",
        ),
        # Cells 4 apart step over an image of one pixel.
        (
            lambda g, v: g.max_pool(
                v, [2, 2], [1, 1], [(2, 2), (0, 0)], False, "channels_first", "p", [4, 1]
            ),
            "a window would see no input",
        ),
    ],
)
def test_refusals(add: Any, message: str) -> None:
    graph = _graph()
    value = graph.input((1, 1, 8) if "see no input" in message else (8, 8, 1), "x")
    with pytest.raises(ValueError, match=message):
        add(graph, value)
