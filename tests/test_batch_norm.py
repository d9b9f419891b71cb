"""Batch normalization: forward, backward and moving statistics by their formulas, in every layout."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.nets import set_weights
from support.numerical import EPS

from cnnfast import _core

Array = np.ndarray
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "linear": (lambda z: z, lambda y: np.ones_like(y)),
    "relu": (lambda z: np.maximum(z, 0), lambda y: (y > 0).astype(float)),
    "tanh": (np.tanh, lambda y: 1 - y**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda y: y * (1 - y)),
}
EPSILON, MOMENTUM = 1e-3, 0.9


def _network(shape: tuple[int, ...], data_format: Any, activation: Any, scale: bool, center: bool) -> Any:
    graph = _core.Graph()
    value = graph.input(shape, "x")
    value = graph.batch_norm(value, MOMENTUM, EPSILON, scale, center, data_format, "norm")
    if activation != "linear":
        value = graph.activation(value, activation, "act")
    return _core.Network(graph, value)


class Reference:
    """In float64, channels last."""

    def __init__(self, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> None:
        self.axes = tuple(range(x.ndim - 1))
        self.x, self.gamma, self.beta, self.mean, self.variance = x, gamma, beta, mean, variance
        self.rate = 1 / np.sqrt(variance + EPSILON)
        self.normal = (x - mean) * self.rate

    @classmethod
    def of_batch(cls, x: Array, gamma: Array, beta: Array) -> "Reference":
        axes = tuple(range(x.ndim - 1))
        return cls(x, gamma, beta, x.mean(axes), x.var(axes))

    def out(self) -> Array:
        return self.normal * self.gamma + self.beta

    def grads(self, grad: Array, batch: bool) -> tuple[Array, Array, Array]:
        """By x, gamma and beta."""
        to_gamma, to_beta = (grad * self.normal).sum(self.axes), grad.sum(self.axes)
        inner = grad
        if batch:
            count = self.x.size / self.x.shape[-1]
            inner = grad - to_beta / count - self.normal * to_gamma / count
        return inner * self.gamma * self.rate, to_gamma, to_beta


SHAPES: list[tuple[int, tuple[int, ...]]] = [
    (7, (5,)),
    (1, (16,)),
    (600, (17,)),
    (3, (9, 20)),
    (1, (1, 1, 3)),
    (2, (7, 5, 3)),
    (17, (4, 5, 16)),
    (32, (6, 6, 6)),
    (2, (13, 11, 40)),
    (2, (3, 4, 5, 18)),
]


def _turned(x: Array, data_format: str) -> Array:
    first = data_format == "channels_first" and x.ndim > 2
    return np.ascontiguousarray(np.moveaxis(x, -1, 1) if first else x)


def _back(x: Array, data_format: str) -> Array:
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" and x.ndim > 2 else x


def _numbers(batch: int, shape: tuple[int, ...]) -> tuple[Array, ...]:
    rng = np.random.default_rng(0)
    channels = shape[-1]
    x = (rng.normal(size=(batch, *shape)) + rng.normal(size=channels) * 3).astype(np.float32)
    statistics = rng.normal(size=(3, channels)), rng.random((1, channels)) + 0.5
    gamma, beta, mean, variance = np.concatenate(statistics).astype(np.float32)
    grad = rng.normal(size=x.shape).astype(np.float32)
    return x, gamma, beta, mean, variance, grad


def _check(got: Array, want: Array, scale: float, what: str) -> None:
    """Rounding errors are of a few operations on numbers of this size."""
    error = np.abs(got.astype(np.float64) - want).max()
    assert error <= 64 * EPS * scale, f"{what}: off by {error / EPS / scale:.1f} eps"


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("batch", "shape"), SHAPES)
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_and_backward(
    batch: int, shape: tuple[int, ...], training: bool, activation: str, data_format: Any, isa: str
) -> None:
    x, gamma, beta, mean, variance, grad = _numbers(batch, shape)
    given = _turned(x, data_format)
    network = _network(given.shape[1:], data_format, activation, True, True)
    set_weights(network, [gamma, beta, mean, variance])
    wide = [a.astype(np.float64) for a in (x, gamma, beta, mean, variance, grad)]
    moving = Reference(*wide[:5])
    reference = Reference.of_batch(*wide[:3]) if training else moving
    forward, backward = ACTIVATIONS[activation]
    if not training:
        out = forward(moving.out())
        _check(_back(network.predict(given), data_format), out, 1 + np.abs(out).max(), "output")
    inner = wide[5] * backward(forward(reference.out()))
    if activation == "relu":  # where rounding decides, either side is right
        inner = np.where(np.abs(reference.out()) < 1e-4, 0, inner)
        grad = np.where(np.abs(reference.out()) < 1e-4, 0, grad).astype(np.float32)
    to_x, to_gamma, to_beta = reference.grads(inner, training)
    results = []
    before = _core.get_num_threads()
    for threads in (1, 3):
        _core.set_num_threads(threads)
        results.append(network.vjp(given, _turned(grad, data_format), training))
    _core.set_num_threads(before)
    (grad_x, grads), (again_x, again) = results
    np.testing.assert_array_equal(grad_x, again_x)
    for one, other in zip(grads, again, strict=True):
        np.testing.assert_array_equal(one, other)
    largest = (np.abs(inner) * np.abs(reference.gamma) * reference.rate).max() * (
        1 + np.abs(reference.normal).max()
    )
    _check(_back(grad_x, data_format), to_x, largest, "by x")
    count = x.size / x.shape[-1]
    sums = (np.abs(inner) * (1 + np.abs(reference.normal))).sum(reference.axes).max()
    _check(grads[0], to_gamma, sums * max(1, np.log2(count)), "by gamma")
    _check(grads[1], to_beta, sums, "by beta")
    assert not grads[2].any()
    assert not grads[3].any()


# How the values of a network lie: its data format, and the algorithm of a convolution that makes them.
LAYOUTS: dict[str, tuple[Any, str | None]] = {
    "plain": ("channels_last", None),
    "nchw16c": ("channels_first", None),
    "nchw16c of a convolution": ("channels_last", "blocked"),
    "lanes": ("channels_last", "lanes"),
}


def _block(shape: tuple[int, ...], layout: str, activation: Any, frozen: bool) -> Any:
    """activation(normalization(x) + x); a convolution with the identity makes x where one is asked for."""
    data_format, algorithm = LAYOUTS[layout]
    graph = _core.Graph()
    value = graph.input(shape, "x")
    if algorithm:
        value = graph.conv(value, shape[-1], (1, 1), (1, 1), "valid", (1, 1), 1, False, data_format, "same")
    normal = graph.batch_norm(value, MOMENTUM, EPSILON, True, True, data_format, "norm", moving=frozen)
    value = graph.add([normal, value], "sum")
    if activation != "linear":
        value = graph.activation(value, activation, "act")
    network = _core.Network(graph, value)
    if algorithm:
        network.force_algorithm("conv2d", algorithm)
    return network


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [16, 21])
@pytest.mark.parametrize("mode", ["rest", "training", "frozen"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sum_behind(activation: str, mode: str, channels: int, layout: str, isa: str) -> None:
    """One pass scales, shifts, adds and activates, one goes back through activation and sums: they have the
    bits of separate steps, on any threads, and come as close to float64."""
    data_format, algorithm = LAYOUTS[layout]
    x, gamma, beta, mean, variance, grad = _numbers(32, (5, 6, channels))
    wide = [a.astype(np.float64) for a in (x, gamma, beta, mean, variance)]
    reference = Reference.of_batch(*wide[:3]) if mode == "training" else Reference(*wide)
    forward, backward = ACTIVATIONS[activation]
    out = reference.out() + wide[0]
    if activation == "relu":  # where rounding decides, either side is right
        grad = np.where(np.abs(out) < 1e-4, 0, grad).astype(np.float32)
    given, given_grad = _turned(x, data_format), _turned(grad, data_format)
    results = []
    before = _core.get_num_threads()
    for threads, disabled in [(1, []), (3, []), (1, ["fuse_add"]), (1, ["fuse_add", "fuse_activation"])]:
        network = _block(given.shape[1:], layout, activation, mode == "frozen")
        identity = [np.eye(channels, dtype=np.float32)[None, None]] if algorithm else []
        set_weights(network, [*identity, gamma, beta, mean, variance])
        for name in disabled:
            network.disable_pass(name)
        assert ("add" in {step["op"] for step in network.plan(32, "vjp")}) == bool(disabled)
        _core.set_num_threads(threads)
        grad_x, grads = network.vjp(given, given_grad, mode != "rest")
        results.append([grad_x, *grads[-4:-2], network.predict(given)])
    _core.set_num_threads(before)
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)
    inner = grad * backward(forward(out))
    to_x, to_gamma, to_beta = reference.grads(inner, mode == "training")
    spread = 1 + np.abs(reference.normal).max()
    largest = np.abs(inner).max() * (1 + (np.abs(reference.gamma) * reference.rate).max()) * spread
    _check(_back(results[0][0], data_format), to_x + inner, largest, "by x")
    sums = (np.abs(inner) * spread).sum(reference.axes).max()
    _check(results[0][1], to_gamma, sums, "by gamma")
    _check(results[0][2], to_beta, sums, "by beta")
    if mode != "training":
        expected = forward(out)
        _check(_back(results[0][3], data_format), expected, 1 + np.abs(expected).max(), "output")


@pytest.mark.parametrize("algorithm", ["blocked", "lanes"])
@pytest.mark.parametrize("channels", [16, 21])
@pytest.mark.parametrize("training", [False, True])
def test_gradient_in_the_place_of_the_source(training: bool, channels: int, algorithm: str, isa: str) -> None:
    """A convolution's output, which only the normalization reads, makes room for its gradient."""
    x, gamma, beta, mean, variance, grad = _numbers(32, (5, 6, channels))
    graph = _core.Graph()
    value = graph.input((5, 6, channels), "x")
    value = graph.conv(value, channels, (1, 1), (1, 1), "valid", (1, 1), 1, False, "channels_last", "same")
    value = graph.batch_norm(value, MOMENTUM, EPSILON, True, True, "channels_last", "norm")
    network = _core.Network(graph, value)
    network.force_algorithm("conv2d", algorithm)
    set_weights(network, [np.eye(channels, dtype=np.float32)[None, None], gamma, beta, mean, variance])
    wide = [a.astype(np.float64) for a in (x, gamma, beta, mean, variance, grad)]
    reference = Reference.of_batch(*wide[:3]) if training else Reference(*wide[:5])
    to_x = reference.grads(wide[5], training)[0]
    for _ in range(2):  # it is there again in the next run
        grad_x, grads = network.vjp(x, grad, training)
        scale = np.abs(grad).max() * (1 + (np.abs(reference.gamma) * reference.rate).max())
        _check(grad_x, to_x, scale * (1 + np.abs(reference.normal).max()), "by x")
        products = np.einsum("nhwi,nhwo->io", np.abs(wide[0]), np.abs(to_x)).max()
        _check(grads[0][0, 0], np.einsum("nhwi,nhwo->io", wide[0], to_x), products, "by the kernel")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("most", [None, 6.0])
def test_relu_told_from_its_source(most: float | None, data_format: Any, isa: str) -> None:
    """The way back does not read what came out, and has the bits of one that does."""
    x, gamma, beta, _, variance, grad = _numbers(3, (13, 11, 21))
    x[0], beta[:5] = 0, 0  # and so at the corner
    given, given_grad = _turned(x, data_format), _turned(grad, data_format)
    results = []
    for fused in (True, False):
        graph = _core.Graph()
        value = graph.input(given.shape[1:], "x")
        value = graph.batch_norm(value, MOMENTUM, EPSILON, True, True, data_format, "norm")
        value = graph.formula("max", [0.0, value], "relu")
        if most is not None:
            value = graph.formula("min", [most, value], "relu6")
        network = _core.Network(graph, value)
        set_weights(network, [gamma, beta, np.zeros_like(beta), variance])
        if not fused:
            network.disable_pass("fuse_formula")
        operations = {step["op"] for step in network.plan(3, "vjp")}
        assert ("formula" in operations) != fused, operations
        for training in (False, True):
            grad_x, grads = network.vjp(given, given_grad, training)
            results.append([grad_x, *grads])
    for together, apart in zip(results[:2], results[2:], strict=True):
        for one, two in zip(together, apart, strict=True):
            np.testing.assert_array_equal(one, two)


def test_large_means_lose_no_digits(isa: str) -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(64, 15, 15, 16)) * 0.01 + 1000).astype(np.float32)
    network = _network((15, 15, 16), "channels_last", "linear", False, False)
    wide = x.astype(np.float64)
    reference = Reference.of_batch(wide, np.ones(16), np.zeros(16))
    # A gradient that only sees how far a value is from the mean, in standard deviations.
    grad = reference.normal.astype(np.float32)
    expected = reference.grads(grad.astype(np.float64), True)[0]
    got = network.vjp(x, grad, True)[0]
    assert np.abs(got - expected).max() < 0.02 * np.abs(grad * reference.rate).max()


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("center", [False, True])
def test_gamma_and_beta_may_be_absent(scale: bool, center: bool) -> None:
    x, gamma, beta, mean, variance, _ = _numbers(3, (5, 4, 7))
    network = _network((5, 4, 7), "channels_last", "linear", scale, center)
    set_weights(network, [*[gamma] * scale, *[beta] * center, mean, variance])
    reference = Reference(x, gamma if scale else np.ones(7), beta if center else np.zeros(7), mean, variance)
    np.testing.assert_allclose(network.predict(x), reference.out(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": -1.0}, "epsilon must be at least 0"),
        ({"epsilon": float("nan")}, "epsilon must be at least 0"),
        ({"momentum": 1.5}, r"momentum must be in \[0, 1\]"),
        ({"weights": [_core.Weight("w", (3,))]}, "4 arrays of weights, got 1"),
    ],
)
def test_refusals(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"momentum": 0.9, "epsilon": 1e-3, "scale": True, "center": True}
    graph = _core.Graph()
    value = graph.input((4, 4, 3), "x")
    with pytest.raises(ValueError, match=message):
        graph.batch_norm(value, **{**arguments, "data_format": "channels_last", "name": "n", **change})
