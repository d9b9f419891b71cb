"""Maxima with their places, their way back, and pooling by norms; against float64 by hand."""

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, get_num_threads, layers, models, set_num_threads

Array = np.ndarray
FORMATS = ["channels_last", "channels_first"]


def _windows(size: int, count: int, window: int, stride: int, dilation: int, before: int) -> list[list[int]]:
    begins = [i * stride - before for i in range(count)]
    cells = [[begin + k * dilation for k in range(window)] for begin in begins]
    return [[cell for cell in each if 0 <= cell < size] for each in cells]


def _x(sizes: tuple[int, ...], channels: int = 3) -> Array:
    """Channels last; many values are equal, so that the order of ties matters."""
    return np.random.default_rng(0).integers(-5, 5, (2, *sizes, channels)).astype(np.float32)


def _turned(x: Array, data_format: str) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if data_format == "channels_first" else x


def _back(x: Array, data_format: str) -> Array:
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x


# Sizes, the layer's arguments, and what comes before the image along each axis.
POOLS: list[tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]] = [
    ((8,), {}, (0,)),
    ((9,), {"pool_size": 3, "strides": 2, "padding": 1}, (1,)),
    ((7, 6), {}, (0, 0)),
    ((7, 6), {"pool_size": (3, 2), "strides": (2, 1), "padding": ((1, 0), (0, 1))}, (1, 0)),
    ((7, 6), {"pool_size": 3, "strides": 2, "ceil_mode": True}, (0, 0)),
    ((7, 8), {"pool_size": 3, "padding": "same"}, (1, 0)),
    ((4, 5, 6), {"pool_size": (2, 3, 2)}, (0, 0, 0)),
]
DILATED: list[tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]] = [
    ((9, 8), {"pool_size": 2, "strides": 1, "dilation_rate": (3, 2), "padding": (1, 0)}, (1, 0)),
]


def _maxima(x: Array, layer: Any, before: tuple[int, ...], counts: tuple[int, ...]) -> tuple[Array, Array]:
    """The largest values and their places, of which the first wins."""
    sizes = x.shape[1:-1]
    windows = [
        _windows(*each)
        for each in zip(
            sizes, counts, layer.pool_size, layer.strides, layer.dilation_rate, before, strict=True
        )
    ]
    best, places = np.empty((2, len(x), *counts, x.shape[-1]))
    for at in itertools.product(*map(range, counts)):
        cells = list(itertools.product(*(w[i] for w, i in zip(windows, at, strict=True))))
        values = np.stack([x[(slice(None), *cell)] for cell in cells])
        winner = values.argmax(0)
        best[(slice(None), *at)] = values.max(0)
        flat = np.array([np.ravel_multi_index(cell, sizes) for cell in cells])
        places[(slice(None), *at)] = flat[winner]
    return best, places


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(("sizes", "arguments", "before"), POOLS + DILATED)
def test_places(sizes: Any, arguments: Any, before: Any, data_format: str, isa: str, tmp_path: Path) -> None:
    x = _x(sizes)
    kind = getattr(layers, f"MaxPooling{len(sizes)}D")
    layer = kind(**arguments, return_indices=True, data_format=data_format)
    source = Input(_turned(x, data_format).shape[1:])
    model = Model(source, layer(source))
    got, places = (_back(each, data_format) for each in model.predict(_turned(x, data_format), verbose=0))
    want, want_places = _maxima(x, layer, before, got.shape[1:-1])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(places, want_places)
    model.save(tmp_path / "model")
    same = models.load_model(tmp_path / "model").predict(_turned(x, data_format), verbose=0)
    np.testing.assert_array_equal(_back(same[1], data_format), places)
    shapes = layer.compute_output_shape((None, *source.shape[1:]))
    assert [shape[1:] for shape in shapes] == [_turned(got, data_format).shape[1:]] * 2


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(request.param)
    yield
    set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(("sizes", "arguments", "before"), POOLS)
def test_way_back(
    sizes: Any, arguments: Any, before: Any, data_format: str, isa: str, tmp_path: Path
) -> None:
    arguments = {name: value for name, value in arguments.items() if name != "ceil_mode"}
    if arguments.get("padding") == "same":
        arguments["padding"] = ((1, 1), (0, 1))
    rank, x = len(sizes), _x(sizes)
    pool = getattr(layers, f"MaxPooling{rank}D")(**arguments, return_indices=True, data_format=data_format)
    unpool = getattr(layers, f"MaxUnpool{rank}D")(**arguments, data_format=data_format)
    source = Input(_turned(x, data_format).shape[1:])
    values, places = pool(source)
    model = Model(source, unpool(values, places, output_size=sizes))
    got = _back(model.predict(_turned(x, data_format), verbose=0), data_format)
    best, at = (_back(each, data_format) for each in pool(_turned(x, data_format)))
    flat = np.zeros((len(x), math.prod(sizes), 3))
    np.put_along_axis(flat, at.reshape(len(x), -1, 3).astype(int), best.reshape(len(x), -1, 3), 1)
    np.testing.assert_array_equal(got, flat.reshape(x.shape))
    # A value gets what its place gets; of several values with one place the first one does.
    rates = np.random.default_rng(1).integers(-3, 4, x.shape).astype(np.float32)
    grad, _ = model.network.vjp(_turned(x, data_format), _turned(rates, data_format))
    chosen = np.zeros(flat.shape)
    np.put_along_axis(chosen, at.reshape(len(x), -1, 3).astype(int), 1.0, 1)
    np.testing.assert_array_equal(_back(grad, data_format), rates * chosen.reshape(x.shape))
    model.save(tmp_path / "model")
    same = models.load_model(tmp_path / "model").predict(_turned(x, data_format), verbose=0)
    np.testing.assert_array_equal(_back(same, data_format), got)


def test_output_size() -> None:
    values, places = np.ones((1, 2, 2, 1)), np.array([0, 2, 10, 12]).reshape(1, 2, 2, 1)
    layer = layers.MaxUnpool2D()
    assert layer(values, places).shape == (1, 4, 4, 1)
    assert np.flatnonzero(layer(values, places, output_size=5)).tolist() == [0, 2, 10, 12]
    with pytest.raises(ValueError, match=r"output_size must differ from \(4, 4\) by less than the strides"):
        layer(values, places, output_size=(4, 6))
    with pytest.raises(ValueError, match="as many places; got shapes"):
        layer(values, places[:, :1])
    with pytest.raises(ValueError, match="padding must be 'valid', a number"):
        layers.MaxUnpool2D(padding="same")
    with pytest.raises(ValueError, match=r"too few for \(4096, 4096\)"):
        layers.MaxPooling2D(return_indices=True).compute_output_shape((None, 4096, 4096, 1))


NORMS = [1, 2, 3.5]


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("p", NORMS)
@pytest.mark.parametrize(("sizes", "arguments", "before"), POOLS)
def test_norms(
    sizes: Any, arguments: Any, before: Any, p: float, data_format: str, isa: str, tmp_path: Path
) -> None:
    x = _x(sizes)
    x[0, ..., 0] = 0  # whose norms have no derivative
    layer = getattr(layers, f"LpPooling{len(sizes)}D")(p, **arguments, data_format=data_format)
    source = Input(_turned(x, data_format).shape[1:])
    model = Model(source, layer(source))
    got = _back(model.predict(_turned(x, data_format), verbose=0), data_format)
    counts = got.shape[1:-1]
    windows = [
        _windows(size, count, window, stride, 1, b)
        for size, count, window, stride, b in zip(
            sizes, counts, layer.pool_size, layer.strides, before, strict=True
        )
    ]
    rates = np.random.default_rng(1).normal(size=got.shape).astype(np.float32)
    want, grad = np.empty(got.shape), np.zeros(x.shape)
    for at in itertools.product(*map(range, counts)):
        box = (slice(None), *np.ix_(*(w[i] for w, i in zip(windows, at, strict=True))))
        axes = tuple(range(1, len(sizes) + 1))
        cells = x[box].astype(float)
        norm = (abs(cells) ** p).sum(axes, keepdims=True) ** (1 / p)
        want[(slice(None), *at)] = norm.reshape(len(x), -1)
        slope = np.sign(cells) * (abs(cells) / np.where(norm > 0, norm, 1)) ** (p - 1)
        grad[box] += slope * rates[(slice(None), *at)].reshape(norm.shape)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    got_grad, _ = model.network.vjp(_turned(x, data_format), _turned(rates, data_format))
    np.testing.assert_allclose(_back(got_grad, data_format), grad, rtol=1e-4, atol=1e-5)
    same = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(_back(same(_turned(x, data_format)), data_format), got)
    model.save(tmp_path / "model")
    same = models.load_model(tmp_path / "model").predict(_turned(x, data_format), verbose=0)
    np.testing.assert_array_equal(_back(same, data_format), got)


def test_norms_are_refused() -> None:
    with pytest.raises(ValueError, match="norm_type must be at least 1"):
        layers.LpPooling2D(0.5)
    with pytest.raises(ValueError, match="window must not be larger than its input"):
        layers.LpPooling2D(2, 9)(np.zeros((1, 4, 4, 1)))
    assert layers.LpPooling2D(2, 9, ceil_mode=True)(np.ones((1, 4, 4, 1))).ravel().tolist() == [4.0]
