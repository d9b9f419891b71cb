"""Every family of GPU kernels against NumPy in float64, at the edges of blocks, warps and parts.

Products and convolutions have their own files, test_cuda_conv.py and tests/cpp/cuda. What words make of all
their arguments their own suites test: `pytest --device cuda tests/test_pool.py tests/test_words.py ...`.
Run as tests/test_cuda.py is.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import losses, optimizers, pool
from reference.dense import log_softmax, softmax
from reference.philox import dropout_mask
from reference.resize import resize_matrix, sample
from support.nets import set_weights
from support.numerical import assert_within

import cnnfast
from cnnfast import _core

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(len(cnnfast.devices()) == 1, reason="needs a build with CUDA, and a device"),
]

Array = NDArray[Any]
EDGES = [1, 31, 32, 33, 255, 256, 257, 513]  # warps have 32 threads, blocks 256
FORMATS = ["channels_last", "channels_first"]
RTOL = 4e-6  # a few roundings of float32


@pytest.fixture(autouse=True)
def _on_the_device() -> Iterator[None]:
    before = cnnfast.get_precision()
    cnnfast.set_device("cuda")
    cnnfast.set_precision("exact")
    yield
    cnnfast.set_device("cpu")
    cnnfast.set_precision(before)


def network(make: Callable[..., int], *shapes: tuple[int, ...]) -> "_core.Network":
    """Of inputs of these shapes, without the batch."""
    graph = _core.Graph()
    sources = [graph.input(shape, f"input_{i}") for i, shape in enumerate(shapes)]
    made = _core.Network(graph, [make(graph, *sources)], None, _core.TrainingState(None))
    assert made.device == "cuda:0"
    return made


def numbers(*shape: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(got: Array, want: Array, size: Array | float = 1.0) -> None:
    """Within a few roundings of what the numbers are, or are made of."""
    assert got.shape == want.shape
    error, allowed = np.abs(got - want), RTOL * (np.abs(want) + size)
    assert (error <= allowed).all(), f"the worst is off by {(error - allowed).max()} more than it may"


def check(net: "_core.Network", xs: list[Array], out: Array, grads: Callable[[Array], list[Array]]) -> None:
    """The output, and the gradients by all inputs of a random sum of it."""
    (got,) = net.predict(xs)
    close(got, out)
    by = numbers(*out.shape, seed=2)
    for each, want in zip(net.vjp(xs, [by])[0], grads(by.astype(np.float64)), strict=True):
        close(each, want)


def to_last(x: Array, data_format: str) -> Array:
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def from_last(x: Array, data_format: str) -> Array:
    return x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))


# ---- Products ----


@pytest.mark.parametrize("precision", ["exact", "default"])
@pytest.mark.parametrize(
    "sizes", [(5, 7, 9), (64, 16, 64), (63, 20, 65), (68, 24, 36), (1, 1100, 4)], ids=str
)
def test_products_of_batches(sizes: tuple[int, int, int], precision: Any) -> None:
    """Around tiles, by fours and singly, in parts; TF32 keeps ten bits of each factor."""
    cnnfast.set_precision(precision)
    m, k, n = sizes
    net = network(lambda g, a, b: g.matmul(a, b, "product"), (3, m, k), (3, k, n))
    a, b, by = numbers(2, 3, m, k), numbers(2, 3, k, n, seed=3), numbers(2, 3, m, n, seed=2)
    rounding = RTOL if precision == "exact" else 2.0**-9
    turned_a, turned_b = np.swapaxes(a, -1, -2), np.swapaxes(b, -1, -2)
    (out,) = net.predict([a, b])
    for got, left, right in zip(
        [out, *net.vjp([a, b], [by])[0]], [a, by, turned_a], [b, turned_b, by], strict=True
    ):
        size = np.abs(left) @ np.abs(right)
        assert (np.abs(got - np.float64(left) @ np.float64(right)) <= rounding * size).all()


# ---- Element by element ----


@pytest.mark.parametrize("n", EDGES)
def test_sums_and_activations(n: int) -> None:
    net = network(lambda g, a, b: g.activation(g.add([a, b, a], "sum"), "relu", "relu"), (n,), (n,))
    a, b = numbers(1, n), numbers(1, n, seed=3)
    total = 2.0 * a + b
    check(net, [a, b], np.maximum(total, 0), lambda by: [2 * by * (total > 0), by * (total > 0)])


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_derivatives_by_outputs(kind: Any) -> None:
    x = numbers(3, 257) * 4
    out = np.tanh(x, dtype=np.float64) if kind == "tanh" else 1 / (1 + np.exp(-x, dtype=np.float64))
    slope = 1 - out**2 if kind == "tanh" else out * (1 - out)
    check(network(lambda g, v: g.activation(v, kind, "act"), (257,)), [x], out, lambda by: [by * slope])


@pytest.mark.parametrize("n", EDGES)
def test_formulas_over_broadcast_values(n: int) -> None:
    """Of three instructions, by strides of 0 on either side; backward sums over either axis."""

    def make(g: "_core.Graph", a: int, b: int) -> int:
        return g.formula("mul", [g.formula("exp", [g.formula("neg", [a], "n")], "e"), b], "product")

    a, b = numbers(2, n, 1), numbers(2, 1, 7, seed=3)
    e = np.exp(-a.astype(np.float64))
    check(
        network(make, (n, 1), (1, 7)),
        [a, b],
        e * b,
        lambda by: [(-e * b * by).sum(2, keepdims=True), (e * by).sum(1, keepdims=True)],
    )


def test_long_formulas() -> None:
    """More than one kernel takes."""

    def chain(g: "_core.Graph", x: int) -> int:
        v = x
        for i in range(300):
            v = g.formula("add", [v, x if i % 3 else 1.0], f"add_{i}")
        return v

    x = numbers(2, 33)
    wide = x.astype(np.float64)
    got = network(chain, (33,)).predict([x])[0]
    close(got, 201 * wide + 100, 300 * np.abs(wide) + 3e4)  # sums of 300 terms


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 17), (16, 16, 1), (2, 2, 65)])
def test_dropout_by_philox(shape: tuple[int, int, int], data_format: Any) -> None:
    """A convolution that changes nothing decides which axis channels are."""
    c = shape[2]

    def make(g: "_core.Graph", x: int) -> int:
        same = g.conv(x, c, (1, 1), (1, 1), "valid", (1, 1), 1, False, data_format, "same")
        return g.dropout(same, 0.4, "dropout")

    ones = from_last(np.ones((3, *shape), np.float32), data_format)
    net = network(make, ones.shape[1:])
    set_weights(net, [np.eye(c).reshape(1, 1, c, c)])
    net.seed = 0x123456789ABCDEF
    ((factors,), _) = net.vjp([ones], [ones], training=True)
    kept = dropout_mask((3, *shape), 0.4, net.seed, net.step, 0)
    close(to_last(factors, data_format), kept / 0.6)


# ---- Moves ----

MOVES: dict[str, tuple[Callable[..., int], Callable[[Array], Array]]] = {
    "pad": (
        lambda g, x: g.pad(x, [(1, 2), (0, 3)], "constant", 0.5, "pad"),
        lambda x: np.pad(x, ((0, 0), (1, 2), (0, 3)), constant_values=0.5),
    ),
    "reflect": (
        lambda g, x: g.pad(x, [(0, 0), (2, 1)], "reflect", 0.0, "pad"),
        lambda x: np.pad(x, ((0, 0), (0, 0), (2, 1)), mode="reflect"),
    ),
    "slice": (lambda g, x: g.slice(x, [(0, 1, 1), (4, -2, 3)], "slice"), lambda x: x[:, :1, 4::-2]),
    "permute": (lambda g, x: g.permute(x, [1, 0], "permute"), lambda x: x.transpose(0, 2, 1)),
    "tile": (lambda g, x: g.tile(x, [2, 3], "tile"), lambda x: np.tile(x, (1, 2, 3))),
    "repeat": (lambda g, x: g.repeat(x, [1, 2], "repeat"), lambda x: np.repeat(x, 2, 2)),
    "join": (lambda g, x: g.concatenate([x, x], 0, "join"), lambda x: np.concatenate([x, x], 1)),
}


@pytest.mark.parametrize("n", EDGES)
@pytest.mark.parametrize("name", list(MOVES))
def test_moves(name: str, n: int) -> None:
    """Backward, each cell of the source gets what the cells of its number in the output have."""
    make, oracle = MOVES[name]
    x = numbers(2, n, 5)
    places = oracle(np.arange(x.size).reshape(x.shape) + 1.0)  # 0.5: filled

    def grads(by: Array) -> list[Array]:
        to = np.zeros(x.size + 1)
        np.add.at(to, places.astype(int), by)
        return [to[1:].reshape(x.shape)]

    check(network(make, (n, 5)), [x], oracle(x.astype(np.float64)), grads)


@pytest.mark.parametrize("reads", ["flat", "both"])
@pytest.mark.parametrize("name", ["flatten", "reshape"])
def test_what_lies_as_it_did_is_not_copied(name: str, reads: str) -> None:
    """A value and its flat form are the same numbers, whoever reads which; an input is copied."""

    def make(g: "_core.Graph", x: int) -> int:
        y = g.activation(x, "tanh", "tanh")
        flat = g.flatten(y, "channels_last", "move") if name == "flatten" else g.reshape(y, (35,), 1, "move")
        again = g.reshape(flat, (7, 5), 1, "again")
        once = g.formula("mul", [again, again], "square")
        if reads == "flat":
            return once
        return g.formula("add", [once, g.reshape(g.activation(y, "sigmoid", "s"), (7, 5), 1, "t")], "sum")

    x = numbers(3, 5, 7)
    net = network(make, (5, 7))
    assert {step["op"] for step in net.plan(3, "predict")}.isdisjoint({"flatten", "reshape"})
    y = np.tanh(x, dtype=np.float64)
    logistic = 1 / (1 + np.exp(-y))
    also = 0 if reads == "flat" else 1
    out = (y**2 + also * logistic).reshape(3, 7, 5)
    slope = (2 * y + also * logistic * (1 - logistic)) * (1 - y**2)
    check(net, [x], out, lambda by: [by.reshape(x.shape) * slope])
    copied = network(lambda g, v: g.reshape(v, (7, 5), 1, "again"), (5, 7))
    check(copied, [x], x.astype(np.float64).reshape(3, 7, 5), lambda by: [by.reshape(x.shape)])


# ---- Pooling ----


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("image", [(5, 7, 1), (17, 15, 1), (16, 16, 1), (9, 8, 5)])
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling(kind: str, image: tuple[int, int, int], padding: Any, data_format: Any) -> None:
    """Windows that overlap; many numbers are equal, so that which comes first matters."""
    x = np.random.default_rng(3).integers(-3, 3, (2, *image)).astype(np.float32)
    x = from_last(x, data_format)
    how = {"pool_size": (3, 2), "strides": (2, 1), "padding": padding, "data_format": data_format}
    window = (3, 2), (2, 1), padding, False

    def make(g: "_core.Graph", v: int) -> int:
        if kind == "max":
            return g.max_pool(v, *window, data_format, "pool")
        return g.average_pool(v, *window, False, data_format, "pool")

    grad = getattr(pool, f"{kind}_pool_grad")
    out = getattr(pool, f"{kind}_pool")(x, **how)
    check(network(make, x.shape[1:]), [x], out, lambda by: [grad(x, by, **how)])


# ---- Channels ----


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("pixels", [*EDGES, 65535, 65536, 65537])
def test_batch_normalization(pixels: int, data_format: Any) -> None:
    """Pixels around those of a part, and of all parts that there are. The mean is far from 0."""
    channels = 3 if pixels < 1000 else 1
    x = numbers(2, pixels, channels) * np.float32(2) + np.float32(5)
    shape = x.shape[1:] if data_format == "channels_last" else x.shape[:0:-1]

    def make(g: "_core.Graph", v: int) -> int:
        return g.batch_norm(v, 0.9, 1e-3, True, True, data_format, "norm")

    net = network(make, shape)
    gamma, beta = numbers(channels, seed=4) + 1, numbers(channels, seed=5)
    set_weights(net, [gamma, beta, np.zeros(channels), np.ones(channels)])
    by = numbers(*x.shape, seed=2)
    given = [from_last(x, data_format)], [from_last(by, data_format)]
    ((got,), weights) = net.vjp(*given, training=True)
    wide, mean, variance = x.astype(np.float64), x.mean((0, 1), np.float64), x.var((0, 1), np.float64)
    rate = 1 / np.sqrt(variance + 1e-3)
    normal = (wide - mean) * rate
    to_gamma, to_beta = (by * normal).sum((0, 1)), by.sum((0, 1), np.float64)
    count = 2 * pixels
    want = gamma * rate * (by - to_beta / count - normal * to_gamma / count)
    close(to_last(got, data_format), want, 5 * rate * np.abs(want).max() + 1)
    close(weights[0], to_gamma, np.abs(by * normal).sum((0, 1)))
    close(weights[1], to_beta, np.abs(by).sum((0, 1)))
    at_rest = net.predict(given[0])[0]
    close(to_last(at_rest, data_format), wide / np.sqrt(1.001) * gamma + beta, 10 * np.abs(gamma))


# ---- Reductions ----

REDUCTIONS: dict[str, Callable[[Array], Array]] = {
    "sum": lambda x: x.sum(1),
    "mean": lambda x: x.mean(1),
    "max": lambda x: x.max(1),
    "min": lambda x: x.min(1),
    "product": lambda x: x.prod(1),
    "argmax": lambda x: x.argmax(1),
    "argmin": lambda x: x.argmin(1),
}


@pytest.mark.parametrize("inner", [1, 3])
@pytest.mark.parametrize("n", [*EDGES, 1024, 1025])
@pytest.mark.parametrize("kind", list(REDUCTIONS))
def test_reductions(kind: Any, n: int, inner: int) -> None:
    x = np.random.default_rng(n).choice([-1.25, -1, -0.75, 0.75, 1, 1.25], (2, n, inner)).astype(np.float32)
    net = network(lambda g, v: g.reduce(v, kind, [0], False, "reduce"), (n, inner))
    wide = x.astype(np.float64)
    out = REDUCTIONS[kind](wide)
    size = np.abs(wide).sum(1) if kind in ("sum", "mean") else n * np.abs(out)
    (got,) = net.predict([x])
    close(got, out, size)
    if kind.startswith("arg"):
        return
    by = numbers(*out.shape, seed=2)
    if kind in ("max", "min"):
        slopes = (wide == out[:, None]) / (wide == out[:, None]).sum(1, keepdims=True)
    else:
        slopes = {"sum": np.ones_like(wide), "mean": np.full_like(wide, 1 / n)}.get(kind, out[:, None] / wide)
    want = by[:, None] * slopes
    close(net.vjp([x], [by])[0][0], want, n * np.abs(want))


@pytest.mark.parametrize("inner", [1, 2])
@pytest.mark.parametrize("n", [5, 77, 1500])
def test_the_first_extreme_is_told_and_nan_is_one(n: int, inner: int) -> None:
    """Whichever thread of a row has it."""
    x = np.zeros((4, n, inner), np.float32)
    x[1, [n // 3, n // 3 + 1, n - 1]] = 2
    x[2, [n - 2, n - 1]] = np.nan
    x[3] = np.inf
    net = network(lambda g, v: g.reduce(v, "argmax", [0], False, "reduce"), (n, inner))
    np.testing.assert_array_equal(net.predict([x])[0], np.repeat([[0], [n // 3], [n - 2], [0]], inner, 1))
    net = network(lambda g, v: g.reduce(v, "max", [0], False, "reduce"), (n, inner))
    np.testing.assert_array_equal(net.predict([x])[0], np.repeat([[0], [2], [np.nan], [np.inf]], inner, 1))


# ---- Rows ----

# Up to 32 numbers are a thread's, up to 1024 a warp's; a block has 8 warps.
ROWS = [(1, 1), (255, 2), (256, 3), (257, 2), (2, 31), (2, 32), (9, 33), (2, 1024), (2, 1025)]


@pytest.mark.parametrize("rows", ROWS)
def test_softmax(rows: tuple[int, int]) -> None:
    x = numbers(*rows) * 20
    out = softmax(x)
    net = network(lambda g, v: g.activation(v, "softmax", "softmax"), (rows[1],))
    check(net, [x], out, lambda by: [out * (by - (by * out).sum(1, keepdims=True))])


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("softmax_cross_entropy", True),
        ("softmax_cross_entropy", False),
        ("sigmoid_cross_entropy", False),
        ("squared_error", False),
    ],
)
def test_losses(kind: Any, labels: bool, weighted: bool, rows: tuple[int, int]) -> None:
    """The loss of each row, and its gradient times the rate of the row and its weight."""
    n, cols = rows[0], rows[1] + labels  # one class is none
    rng = np.random.default_rng(6)
    z, classes = numbers(n, cols) * 5, rng.integers(0, cols, n)
    targets = classes.astype(np.float32) if labels else rng.random((n, cols)).astype(np.float32)
    weights = rng.random(n).astype(np.float32)
    given = [z, targets, weights][: 2 + weighted]

    def make(g: "_core.Graph", *v: int) -> int:
        factor = g.stop_gradient(v[2], "weights") if weighted else None
        return g.loss(kind, v[0], v[1], True, "loss", factor)

    net = network(make, *(each.shape[1:] for each in given))
    wide, t = z.astype(np.float64), losses.one_hot(classes, cols) if labels else targets.astype(np.float64)
    each, by_targets = {
        "softmax_cross_entropy": (-(t * log_softmax(z)).sum(1), -log_softmax(z)),
        "sigmoid_cross_entropy": ((np.logaddexp(0, wide) - wide * t).mean(1), -wide / cols),
        "squared_error": (((wide - t) ** 2).mean(1), 2 * (t - wide) / cols),
    }[kind]
    factors = weights.astype(np.float64) if weighted else np.ones(n)
    size = np.abs(z).max(1) * np.abs(t).sum(1) + 1
    close(net.predict(given)[0], each * factors, size)
    by = numbers(n, seed=2)
    rates = (by * factors)[:, None]
    grads = net.vjp(given, [by])[0]
    close(grads[0], getattr(losses, kind)(z, t)[1] * n * rates, size[:, None])
    close(grads[1], np.zeros(n) if labels else by_targets * rates, 1 if labels else size[:, None])


METRICS: dict[str, Callable[[Array, Array], Any]] = {
    "accuracy": lambda x, t: x.argmax(1) == t,
    "top_k": lambda x, t: (np.argsort(-x, 1, kind="stable")[:, :2] == t[:, None]).any(1),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("kind", list(METRICS))
def test_metrics_of_classes(kind: Any, rows: tuple[int, int]) -> None:
    n, cols = rows
    x, t = numbers(n, cols), np.random.default_rng(7).integers(0, cols, n)
    net = network(lambda g, a, b: g.metric(kind, a, b, "metric", min(2, cols)), (cols,), ())
    np.testing.assert_array_equal(net.predict([x, t.astype(np.float32)])[0], METRICS[kind](x, t))


@pytest.mark.parametrize("rows", ROWS)
def test_metrics_of_values(rows: tuple[int, int]) -> None:
    x = numbers(*rows)
    t = (numbers(*rows, seed=3) > 0).astype(np.float32)
    wide = x.astype(np.float64)
    wanted = {
        "binary_accuracy": ((wide > 0.5) == t).mean(1),
        "equal": (wide == t).mean(1),
        "mean_squared_error": ((wide - t) ** 2).mean(1),
        "mean_absolute_error": np.abs(wide - t).mean(1),
    }
    for kind, want in wanted.items():
        net = network(lambda g, a, b, kind=kind: g.metric(kind, a, b, "metric"), x.shape[1:], t.shape[1:])
        close(net.predict([x, t])[0], want)


# ---- Updates ----

UPDATES: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    "sgd": ({"name": "sgd", "momentum": 0.0, "nesterov": False}, lambda: optimizers.SGD(0.1)),
    "nesterov": (
        {"name": "sgd", "momentum": 0.9, "nesterov": True},
        lambda: optimizers.SGD(0.1, 0.9, True),
    ),
    "adam": (
        {"name": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
        lambda: optimizers.Adam(0.1),
    ),
}


@pytest.mark.parametrize("n", EDGES)
@pytest.mark.parametrize("clip", [None, "clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("name", list(UPDATES))
def test_updates(name: str, clip: str | None, n: int) -> None:
    """Three steps of a dense layer of n weights and n biases, of one input that is 2."""
    given, make = UPDATES[name]
    oracle = make() if clip is None else optimizers.Clipped(make(), clip, 0.05)
    net = network(lambda g, v: g.dense(v, n, True, "dense"), (1,))
    weights = [numbers(1, n).astype(np.float64), numbers(n, seed=3).astype(np.float64)]
    set_weights(net, weights)
    clipping = {clip: 0.05} if clip else {}
    net.configure("mean_squared_error", False, [], {**given, "learning_rate": 0.1, **clipping})
    x, y = np.full((4, 1), 2, np.float32), numbers(4, n, seed=5)
    for _ in range(3):
        loss, grad = losses.squared_error(x @ weights[0] + weights[1], y)
        np.testing.assert_allclose(net.train_step(x, y)[0], loss, rtol=1e-5)
        oracle.update(weights, [x.T.astype(np.float64) @ grad, grad.sum(0)])
    for got, want in zip(net.weights, weights, strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=2e-5)


# ---- Cells that values tell ----


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("n", [*EDGES, 64, 65, 1025])
def test_order(n: int, descending: bool) -> None:
    """Of equals the first comes first; NaN is above all. Runs of 32 are sorted, then merged."""
    x = np.random.default_rng(n).integers(-5, 5, (3, n)).astype(np.float32)
    x[1, ::7] = np.nan
    count = max(1, n // 2)
    (got,) = network(lambda g, v: g.order(v, count, descending, "order"), (n,)).predict([x])
    keys = np.where(np.isnan(x), 9, x)
    want = np.argsort(-keys if descending else keys, 1, kind="stable")[:, :count]
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("n", EDGES)
@pytest.mark.parametrize("cells", [1, 5, 300])
def test_gather(cells: int, n: int) -> None:
    """Cells that many indices read, or none, or from the end on; indices of no cell make NaN."""
    index = np.random.default_rng(n).integers(-cells, cells, (2, n)).astype(np.float32)
    net = network(
        lambda g, x, i: g.gather_along(x, g.formula("neg", [i], "index"), 0, "take"), (cells,), (n,)
    )
    x = numbers(2, cells)
    at = index.astype(int)
    (got,) = net.predict([x, -index])
    np.testing.assert_array_equal(got, np.take_along_axis(x, at, 1))
    by, want = numbers(2, n, seed=2), np.zeros((2, cells))
    np.add.at(want, (np.arange(2)[:, None], at % cells), by)
    close(net.vjp([x, -index], [by])[0][0], want, n)
    index[1, 0] = cells
    assert np.isnan(net.predict([x, -index])[0][1, 0])


@pytest.mark.parametrize("size", [1, 3, 8, 33])
@pytest.mark.parametrize("kind", ["nearest", "bilinear", "bicubic", "lanczos5"])
def test_resize(kind: Any, size: int) -> None:
    x = numbers(3, 8, 33)
    matrix = resize_matrix(8, size, kind, "half_pixel", kind != "nearest")
    net = network(lambda g, v: g.resize(v, 0, size, kind, "half_pixel", kind != "nearest", "resize"), (8, 33))
    check(net, [x], np.einsum("ij,njk->nik", matrix, x), lambda by: [np.einsum("ij,nik->njk", matrix, by)])


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("fill", ["constant", "nearest", "reflect", "mirror", "wrap"])
@pytest.mark.parametrize("kind", ["nearest", "bilinear"])
@pytest.mark.parametrize("extents", [(7,), (5, 6), (2, 3, 4)])
def test_sample(extents: tuple[int, ...], kind: Any, fill: Any, data_format: Any) -> None:
    """Around the image and beyond; the gradient by places is held against slopes within a cell."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(2, *extents, 3)).astype(np.float32)
    at = (rng.uniform(-0.6, 1.6, (2, 43, len(extents))) * extents).astype(np.float32)

    def oracle(image: Array, places: Array) -> Array:
        return np.stack([sample(a, b, kind, fill, 0.5) for a, b in zip(image, places, strict=True)])

    net = network(
        lambda g, v, p: g.sample(v, p, kind, fill, 0.5, data_format, "sample"),
        from_last(x, data_format).shape[1:],
        at.shape[1:],
    )
    given = [from_last(x, data_format), at]
    wide, places = x.astype(np.float64), at.astype(np.float64)
    close(to_last(net.predict(given)[0], data_format), oracle(wide, places), 5)
    by = numbers(2, 43, 3, seed=2)
    got, by_places = net.vjp(given, [from_last(by, data_format)])[0]
    unit = np.eye(x[0].size).reshape(x[0].size, *x.shape[1:])
    still = oracle(np.zeros_like(wide), places)  # what the fill makes
    each = np.stack([oracle(np.stack([u, u]), places) - still for u in unit])
    want = np.einsum("uncd,ncd->nu", each, by).reshape(x.shape)
    close(to_last(got, data_format), want, 10)
    if kind == "nearest":
        assert not by_places.any()
        return
    for axis in range(len(extents)):
        step = np.zeros(len(extents))
        step[axis] = 1e-6
        slope = (oracle(wide, places + step) - oracle(wide, places - step)) / 2e-6
        np.testing.assert_allclose(by_places[..., axis], (slope * by).sum(-1), rtol=1e-4, atol=1e-4)


def test_same_bits_from_run_to_run() -> None:
    """Where many meet in one cell."""
    index = np.random.default_rng(4).integers(0, 3, (1, 513)).astype(np.float32)
    net = network(lambda g, x, i: g.gather_along(x, i, 0, "take"), (3,), (513,))
    x, by = numbers(1, 3), numbers(1, 513)
    first, second = (net.vjp([x, index], [by])[0][0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    total = np.float32(0)
    for value in by[0][index[0] == 1]:
        total += value  # in the order of the indices
    assert first[0, 1] == total
    assert_within(first[0, 1:2], np.array([float(total)]), 1.0, 1)
