"""Activations that are formulas, in the epilogue of what they follow: the same numbers, fewer steps."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.nets import set_weights

import cnnfast
from cnnfast import _core, layers

Array = np.ndarray
Write = Callable[["Writer", int], int]
_erf = np.vectorize(math.erf, otypes=[float])


class Writer:
    """Adds instructions to a graph, each a formula of its own, as words do."""

    def __init__(self, graph: "_core.Graph") -> None:
        self.graph = graph

    def __call__(self, instruction: str, *operands: float) -> int:
        """The instruction's value; operands that are float are constants."""
        return self.graph.formula(instruction, list(operands), instruction)


def _relu6(f: Writer, x: int) -> int:
    return f("min", 6.0, f("max", 0.0, x))


def _clipped(f: Writer, x: int) -> int:
    return f("min", f("max", x, 0.0), 6.0)


def _hard_sigmoid(f: Writer, x: int) -> int:
    return f("div", _relu6(f, f("add", x, 3.0)), 6.0)


def _gelu(f: Writer, x: int) -> int:
    return f("mul", f("mul", x, 0.5), f("add", f("erf", f("mul", x, math.sqrt(0.5))), 1.0))


def _sigmoid(x: Array) -> Array:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def _hard(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


# How it is written, the same in float64, and the derivative where the output tells it.
FORMULAS: dict[str, tuple[Write, Callable[[Array], Array], Callable[[Array], Array] | None]] = {
    "relu": (lambda f, x: f("max", 0.0, x), lambda x: np.maximum(x, 0), lambda x: x > 0),
    "relu6": (_relu6, lambda x: np.clip(x, 0, 6), lambda x: (x > 0) & (x < 6)),
    "hard_sigmoid": (_hard_sigmoid, _hard, lambda x: (np.abs(x) < 3) / 6),
    "silu": (lambda f, x: f("mul", x, f("sigmoid", x)), lambda x: x * _sigmoid(x), None),
    "hard_silu": (lambda f, x: f("mul", _hard_sigmoid(f, x), x), lambda x: x * _hard(x), None),
    "gelu": (_gelu, lambda x: x * (1 + _erf(x * math.sqrt(0.5))) / 2, None),
}
# Producers: the shape of a sample, the batch, and the algorithm of convolutions.
PRODUCERS: dict[str, tuple[tuple[int, ...], int, str | None]] = {
    "blocked": ((7, 9, 20), 2, "blocked"),
    "lanes": ((7, 9, 5), 17, "lanes"),
    "pixels": ((7, 37, 5), 2, "pixels"),
    "winograd": ((11, 9, 16), 2, "winograd"),
    "winograd pooled": ((10, 12, 16), 2, "winograd"),
    "lanes pooled": ((10, 12, 5), 17, "lanes"),
    "depthwise": ((9, 13, 21), 2, "depthwise"),
    "depthwise 5x5": ((9, 13, 21), 2, "depthwise"),
    "grouped": ((9, 13, 32), 2, "grouped"),
    "grouped turned": ((5, 6, 32), 2, "grouped"),
    "dense, few": ((37,), 3, None),
    "dense, many": ((37,), 50, None),
    "max pool": ((8, 10, 20), 2, None),
    "mean pool": ((8, 10, 20), 2, None),
    "sum": ((8, 10, 20), 2, None),
}


def _produce(graph: "_core.Graph", kind: str, x: int, channels: int) -> int:
    window = (1, 1), "same", (1, 1)
    last = True, "channels_last", "made"
    if kind.startswith("dense"):
        return graph.dense(x, 40, True, "made")
    if kind == "max pool":
        return graph.max_pool(x, (2, 2), (2, 2), "valid", False, "channels_last", "made")
    if kind == "mean pool":
        return graph.average_pool(x, (2, 3), (1, 2), "same", False, False, "channels_last", "made")
    if kind == "sum":
        return graph.add([x, x], "made")
    if kind == "grouped turned":
        return graph.conv_transpose(x, 32, (3, 3), (2, 2), "same", None, (1, 1), 8, *last)
    groups = channels if kind.startswith("depthwise") else 8 if kind == "grouped" else 1
    filters = channels if groups > 1 else 18
    size = (5, 5) if kind == "depthwise 5x5" else (3, 3)
    value = graph.conv(x, filters, size, *window, groups, *last)
    if kind.endswith("pooled"):
        value = graph.max_pool(value, (2, 2), (2, 2), "valid", False, "channels_last", "pool")
    return value


def _network(kind: str, write: Write | None) -> "_core.Network":
    shape, _, algorithm = PRODUCERS[kind]
    graph = _core.Graph()
    value = graph.input(shape, "x")
    if kind in ("max pool", "mean pool", "sum"):  # as what is inside of a network, sixteen lanes
        value = graph.conv(
            value, shape[-1], (1, 1), (1, 1), "same", (1, 1), 1, True, "channels_last", "first"
        )
    value = _produce(graph, kind, value, shape[-1])
    network = _core.Network(graph, value if write is None else write(Writer(graph), value))
    rng = np.random.default_rng(3)
    set_weights(
        network, [rng.normal(size=w.shape) * (0.5 if len(w.shape) > 1 else 3) for w in network.weights]
    )
    if algorithm is not None:
        network.force_algorithm("conv2d", algorithm)
    return network


@pytest.mark.parametrize("kind", PRODUCERS)
@pytest.mark.parametrize("formula", FORMULAS)
def test_predictions(formula: str, kind: str, isa: str) -> None:
    """What the epilogue makes of a sum is the function of that sum, as the network without it shows."""
    write, function, _ = FORMULAS[formula]
    shape, batch, _ = PRODUCERS[kind]
    x = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32) * 2
    network = _network(kind, write)
    assert "formula" not in {step["op"] for step in network.plan(batch, "predict")}
    sums = _network(kind, None).predict(x).astype(np.float64)
    expected = function(sums)
    np.testing.assert_allclose(network.predict(x), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("kind", [kind for kind in PRODUCERS if kind != "max pool"])
@pytest.mark.parametrize("formula", [name for name, row in FORMULAS.items() if row[2]])
def test_gradients_by_the_output(formula: str, kind: str, isa: str) -> None:
    write, _, derivative = FORMULAS[formula]
    shape, batch, _ = PRODUCERS[kind]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, *shape)).astype(np.float32) * 2
    network, plain = _network(kind, write), _network(kind, None)
    assert "formula" not in {step["op"] for step in network.plan(batch, "vjp")}
    sums = plain.predict(x)
    assert derivative is not None
    near = np.minimum.reduce([np.abs(sums - edge) for edge in (-3, 0, 3, 6)]) < 1e-4
    grad = np.where(near, 0, rng.normal(size=sums.shape)).astype(np.float32)
    got_x, got = network.vjp(x, grad)
    ref_x, ref = plain.vjp(x, (grad * derivative(sums.astype(np.float64))).astype(np.float32))
    for one, other in zip([got_x, *got], [ref_x, *ref], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-5 * float(np.abs(other).max()))


@pytest.mark.parametrize("formula", [name for name, row in FORMULAS.items() if not row[2]])
def test_others_stay_formulas_in_training(formula: str) -> None:
    network = _network("blocked", FORMULAS[formula][0])
    assert "formula" in {step["op"] for step in network.plan(2, "vjp")}


def test_a_clip_has_a_gradient_at_its_ends() -> None:
    """So it is no ReLU6 where anything is differentiated; in predictions it is."""
    network = _network("blocked", _clipped)
    assert "formula" not in {step["op"] for step in network.plan(2, "predict")}
    assert "formula" in {step["op"] for step in network.plan(2, "vjp")}


@pytest.mark.parametrize("formula", ["relu6", "silu"])
@pytest.mark.parametrize("rows", [3, 20])
def test_in_bfloat16(formula: str, rows: int, precision: Callable[[Any], None], bf16_isa: str) -> None:
    precision("fast")
    write, function, _ = FORMULAS[formula]
    for kind, name in (("blocked", "blocked_bf16"), ("dense, many", "gemm_bf16")):
        shape = (7, 9, 16) if kind == "blocked" else (37,)
        x = np.random.default_rng(0).normal(size=(rows, *shape)).astype(np.float32)
        outputs = []
        for wanted in (write, None):
            graph = _core.Graph()
            value = _produce(graph, kind, graph.input(shape, "x"), shape[-1])
            network = _core.Network(graph, value if wanted is None else wanted(Writer(graph), value))
            rng = np.random.default_rng(1)
            set_weights(network, [rng.normal(size=w.shape) for w in network.weights])
            network.force_algorithm("conv2d" if kind == "blocked" else "dense", name)
            outputs.append(network.predict(x))
        expected = function(outputs[1].astype(np.float64))
        np.testing.assert_allclose(outputs[0], expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("formula", ["relu6", "hard_sigmoid", "silu", "hard_silu", "gelu"])
def test_what_is_not_finite(formula: str, isa: str) -> None:
    """NaN stays NaN, as in the formula."""
    network, plain = _network("blocked", FORMULAS[formula][0]), _network("blocked", FORMULAS[formula][0])
    plain.disable_pass("fuse_formula")
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 20)).astype(np.float32)
    x[0, 3, 3, 0], x[1, 3, 3, 0] = np.nan, np.inf
    np.testing.assert_allclose(network.predict(x), plain.predict(x), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("activation", ["relu6", "hard_sigmoid", "silu", "hard_swish", "gelu"])
def test_words_are_known(activation: str) -> None:
    """As the package writes them, behind a layer and as its activation."""
    inputs = cnnfast.Input((6, 6, 16))
    value = layers.Activation(activation)(layers.Conv2D(16, 3)(inputs))
    value = layers.Dense(8, activation=activation)(layers.Conv2D(16, 3, activation=activation)(value))
    model = cnnfast.Model(inputs, value)
    rows = model.profile(np.zeros((1, 6, 6, 16), np.float32)).rows
    assert not [row.layer for row in rows if row.layer.startswith("activation")]
    assert len({row.layer for row in rows} - {"input"}) <= 5


def test_relu_layer_cut_off_at_six() -> None:
    inputs = cnnfast.Input((4, 4, 16))
    model = cnnfast.Model(inputs, layers.ReLU(6.0)(layers.Conv2D(16, 1, name="conv")(inputs)))
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 16)).astype(np.float32) * 9
    assert not [row for row in model.profile(x).rows if row.layer.startswith("re_lu")]
    plain = np.asarray(model.get_layer("conv")(x))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.clip(plain, 0, 6), rtol=1e-5, atol=1e-5)


def test_training_step_of_a_normalized_layer(isa: str) -> None:
    """ReLU6 behind a normalization: the step with its epilogue is the step with a formula."""
    losses = []
    for disabled in (False, True):
        graph = _core.Graph()
        value = graph.input((6, 6, 16), "x")
        value = graph.conv(value, 16, (3, 3), (1, 1), "same", (1, 1), 1, False, "channels_last", "conv")
        value = graph.batch_norm(value, 0.9, 1e-3, True, True, "channels_last", "norm")
        value = _relu6(Writer(graph), value)
        value = graph.dense(graph.flatten(value, "channels_last", "flat"), 3, True, "head")
        network = _core.Network(graph, value)
        network.disable_pass("fuse_formula", disabled)
        rng = np.random.default_rng(1)
        shapes = [weight.shape for weight in network.weights]
        set_weights(
            network,
            [np.ones(shape) * 2 if len(shape) == 1 else rng.normal(size=shape) * 0.1 for shape in shapes],
        )
        sgd = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.0, "nesterov": False}
        network.configure("sparse_categorical_crossentropy", True, [], sgd)
        x = rng.normal(size=(8, 6, 6, 16)).astype(np.float32)
        y = np.arange(8, dtype=np.int32) % 3
        assert ("formula" in {step["op"] for step in network.plan(8, "train")}) == disabled
        losses.append([network.train_step(x, y)[0] for _ in range(4)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
