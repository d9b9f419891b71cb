"""The losses against NumPy in float64: each a row, as an object, a function, and within a training step."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Input, Model, layers, losses, models, ops
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]
E = 1e-7
SHAPE = (6, 5, 4)
CLASSES = SHAPE[-1]


@dataclass(frozen=True)
class Row:
    """A loss, and what NumPy makes of float64 labels and outputs before the reduction."""

    name: str
    oracle: Callable[[Floats, Floats], Floats]
    labels: str = "numbers"
    outputs: str = "numbers"
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def function(self) -> Any:
        return getattr(losses, getattr(losses, self.name)(**self.options).name.removesuffix("_loss"))

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items())])


def _softmax(z: Floats) -> Floats:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _sigmoid(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-z))


def _shares(p: Floats) -> Floats:
    return p / p.sum(-1, keepdims=True)


def _entropy(y: Floats, p: Floats) -> Floats:
    return -(y * np.log(_shares(p))).sum(-1)


def _binary(y: Floats, p: Floats) -> Floats:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _one_hot(y: Floats) -> Floats:
    return np.eye(CLASSES)[y.astype(int)]


def _focal(y: Floats, p: Floats, gamma: float) -> Floats:
    right = y * p + (1 - y) * (1 - p)
    return (1 - right) ** gamma * _binary(y, p)


def _signs(y: Floats) -> Floats:
    return 2 * y - 1 if np.isin(y, (0, 1)).all() else y


def _hinge(y: Floats, p: Floats) -> Floats:
    return np.maximum(1 - _signs(y) * p, 0)


def _unit(x: Floats) -> Floats:
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def _huber(y: Floats, p: Floats, delta: float) -> Floats:
    d = np.abs(y - p)
    return np.where(d <= delta, d**2 / 2, delta * (d - delta / 2)).mean(-1)


def _overlap(y: Floats, p: Floats, missed: float, wrong: float, axis: Any) -> Floats:
    both = (y * p).sum(axis)
    return 1 - both / (both + missed * (y * (1 - p)).sum(axis) + wrong * ((1 - y) * p).sum(axis) + E)


ROWS = [
    Row("MeanSquaredError", lambda y, p: ((y - p) ** 2).mean(-1)),
    Row("MeanAbsoluteError", lambda y, p: np.abs(y - p).mean(-1)),
    Row(
        "MeanAbsolutePercentageError", lambda y, p: 100 * np.abs((y - p) / np.maximum(np.abs(y), E)).mean(-1)
    ),
    Row(
        "MeanSquaredLogarithmicError",
        lambda y, p: ((np.log1p(np.maximum(y, E)) - np.log1p(np.maximum(p, E))) ** 2).mean(-1),
        "shares",
        "shares",
    ),
    Row("CosineSimilarity", lambda y, p: -(_unit(y) * _unit(p)).sum(-1)),
    Row("Huber", lambda y, p: _huber(y, p, 1.0)),
    Row("Huber", lambda y, p: _huber(y, p, 0.3), options={"delta": 0.3}),
    Row("LogCosh", lambda y, p: np.log(np.cosh(p - y)).mean(-1)),
    Row("Hinge", lambda y, p: _hinge(y, p).mean(-1), "bits"),
    Row("Hinge", lambda y, p: _hinge(y, p).mean(-1), "signs"),
    Row("SquaredHinge", lambda y, p: (_hinge(y, p) ** 2).mean(-1), "bits"),
    Row(
        "CategoricalHinge",
        lambda y, p: np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0),
        "one_hot",
    ),
    Row("KLDivergence", lambda y, p: (y * np.log(y / p)).sum(-1), "softmax", "softmax"),
    Row("Poisson", lambda y, p: (p - y * np.log(p + E)).mean(-1), "bits", "shares"),
    Row("BinaryCrossentropy", lambda y, p: _binary(y, p).mean(-1), "bits", "shares"),
    Row(
        "BinaryCrossentropy",
        lambda y, z: _binary(y, _sigmoid(z)).mean(-1),
        "bits",
        options={"from_logits": True},
    ),
    Row(
        "BinaryCrossentropy",
        lambda y, p: _binary(0.8 * y + 0.1, p).mean(-1),
        "bits",
        "shares",
        {"label_smoothing": 0.2},
    ),
    Row("BinaryFocalCrossentropy", lambda y, p: _focal(y, p, 2).mean(-1), "bits", "shares"),
    Row(
        "BinaryFocalCrossentropy",
        lambda y, z: ((0.3 * y + 0.7 * (1 - y)) * _focal(y, _sigmoid(z), 1.5)).mean(-1),
        "bits",
        options={"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "from_logits": True},
    ),
    Row("CategoricalCrossentropy", _entropy, "one_hot", "softmax"),
    Row("CategoricalCrossentropy", lambda y, p: _entropy(y, p), "one_hot", "shares"),
    Row(
        "CategoricalCrossentropy",
        lambda y, z: _entropy(y, _softmax(z)),
        "one_hot",
        options={"from_logits": True},
    ),
    Row(
        "CategoricalCrossentropy",
        lambda y, p: _entropy(0.9 * y + 0.1 / CLASSES, p),
        "one_hot",
        "softmax",
        {"label_smoothing": 0.1},
    ),
    Row(
        "CategoricalFocalCrossentropy",
        lambda y, p: -(0.25 * (1 - _shares(p)) ** 2 * y * np.log(_shares(p))).sum(-1),
        "one_hot",
        "softmax",
    ),
    Row(
        "CategoricalFocalCrossentropy",
        lambda y, p: -(np.array([0.1, 0.5, 0.9, 0.3]) * y * np.log(_shares(p))).sum(-1),
        "one_hot",
        "softmax",
        {"alpha": [0.1, 0.5, 0.9, 0.3], "gamma": 0.0},
    ),
    Row("SparseCategoricalCrossentropy", lambda y, p: _entropy(_one_hot(y), p), "classes", "softmax"),
    Row(
        "SparseCategoricalCrossentropy",
        lambda y, z: _entropy(_one_hot(y), _softmax(z)),
        "classes",
        options={"from_logits": True},
    ),
    Row(
        "SparseCategoricalCrossentropy",
        lambda y, p: np.where(y == 1, 0, _entropy(_one_hot(y), p)) / (y != 1).mean(),
        "classes",
        "softmax",
        {"ignore_class": 1},
    ),
    Row(
        "CategoricalGeneralizedCrossEntropy",
        lambda y, p: (1 - (p * _one_hot(y)).sum(-1) ** 0.5) / 0.5,
        "classes",
        "softmax",
        {"q": 0.5},
    ),
    Row("Dice", lambda y, p: _overlap(y, p, 0.5, 0.5, None), "bits", "shares"),
    Row("Dice", lambda y, p: _overlap(y, p, 0.5, 0.5, (1, 2)), "bits", "shares", {"axis": (1, 2)}),
    Row(
        "Tversky",
        lambda y, p: _overlap(y, p, 0.3, 0.7, None),
        "bits",
        "shares",
        {"alpha": 0.3, "beta": 0.7},
    ),
]


def _numbers(kind: str, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    made = {
        "numbers": lambda: rng.normal(size=SHAPE),
        "shares": lambda: rng.uniform(0.1, 0.9, SHAPE),
        "softmax": lambda: _softmax(rng.normal(size=SHAPE)),
        "bits": lambda: rng.integers(0, 2, SHAPE),
        "signs": lambda: rng.choice([-1, 1], SHAPE),
        "one_hot": lambda: np.eye(CLASSES)[rng.integers(0, CLASSES, SHAPE[:-1])],
        "classes": lambda: rng.integers(0, CLASSES, SHAPE[:-1]),
    }
    return np.asarray(made[kind](), np.float32)


def _given(row: Row) -> tuple[NDArray[np.float32], NDArray[np.float32], Floats]:
    y, p = _numbers(row.labels, 1), _numbers(row.outputs, 2)
    return y, p, np.asarray(row.oracle(y.astype(float), p.astype(float)))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_objects_and_functions(row: Row, isa: str) -> None:
    y, p, want = _given(row)
    weights = np.linspace(0.5, 1.5, SHAPE[0], dtype=np.float32)
    weighted = want * weights.reshape(-1, *(1,) * (want.ndim - 1)) if want.ndim else want
    for reduction, expected, given in (
        ("sum_over_batch_size", want.mean(), None),
        ("mean", weighted.mean(), weights),
        ("sum", weighted.sum(), weights),
        ("mean_with_sample_weight", weighted.sum() / weights.sum(), weights),
        (None, want, None),
    ):
        if (want.ndim == 0 and given is not None) or ("ignore_class" in row.options and reduction != "mean"):
            continue
        loss = getattr(losses, row.name)(reduction=reduction, **row.options)
        got = loss(y, p, given)
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)
        assert losses.get({"class_name": row.name, "config": loss.get_config()}) == loss
    if "ignore_class" not in row.options:
        np.testing.assert_allclose(row.function(y, p, **row.options), want, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize(
    "weights", [None, np.linspace(0.5, 1.5, SHAPE[0]), np.linspace(0, 1, 30).reshape(6, 5)]
)
def test_what_is_ignored_has_no_weight(weights: Floats | None, column: bool) -> None:
    y, p = _numbers("classes", 1), _numbers("softmax", 2)
    rates = np.ones(SHAPE[:-1]) if weights is None else weights.reshape(6, -1) * np.ones(SHAPE[:-1])
    rates = np.where(y == 1, 0, rates)
    want = (rates * _entropy(_one_hot(y), p.astype(float))).sum() / rates.sum()
    loss = losses.SparseCategoricalCrossentropy(ignore_class=1, reduction="mean_with_sample_weight")
    labels = y[..., None] if column else y
    np.testing.assert_allclose(loss(labels, p, weights), want, rtol=2e-5)
    model = Model(source := Input(SHAPE[1:]), ops.multiply(source, 1.0))
    model.compile("sgd", loss)
    told = model.evaluate(p, labels, sample_weight=weights, batch_size=6, verbose=0)
    np.testing.assert_allclose(told, want, rtol=2e-5)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_training_step(row: Row, isa: str) -> None:
    """The loss that evaluation tells, and gradients by the outputs against numerical ones."""
    y, p, want = _given(row)
    loss = getattr(losses, row.name)(**row.options)
    graph = Tracing()
    with graph.within():
        outputs = graph.value(graph.input(SHAPE[1:], "outputs"))
        made = loss._traced(graph.value(graph.input(y.shape[1:], "labels")), outputs, None)
        total = ops.mean(made)
    network = new_network(graph, [total.number], workspace())
    np.testing.assert_allclose(network.predict([p, y])[0], want.mean(), rtol=2e-5)
    grads, _ = network.vjp([p, y], [np.ones((), np.float32)])
    step, at_once = 1e-6, p.astype(float)
    numerical = np.zeros(SHAPE)
    for at in np.ndindex(*SHAPE):
        sides = []
        for side in (step, -step):
            at_once[at] = float(p[at]) + side
            sides.append(np.asarray(row.oracle(y.astype(float), at_once)).mean())
        at_once[at] = float(p[at])
        numerical[at] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(grads[0], numerical, rtol=3e-4, atol=2e-6)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_fit_takes_it(row: Row) -> None:
    """A model whose outputs are its inputs reports the loss that the object tells, and trains."""
    y, p, want = _given(row)
    source = Input(SHAPE[1:])
    model = Model(source, _Scaled()(source))
    model.compile("sgd", getattr(losses, row.name)(**row.options))
    np.testing.assert_allclose(model.evaluate(p, y, batch_size=6, verbose=0), want.mean(), rtol=2e-5)
    before = model.get_weights()
    model.fit(p, y, batch_size=6, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])


class _Scaled(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(input_shape[-1:], "ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_kernels_and_words_agree() -> None:
    """What a final softmax merges into, and what its outputs tell by words."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(9, CLASSES)).astype(np.float32)
    y = np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, 9)]
    source = Input((CLASSES,))
    merged = Model(source, layers.Softmax()(source))
    apart = Model(source, ops.exp(source) / ops.sum(ops.exp(source), axis=-1, keepdims=True))
    for smoothing in (0.0, 0.2):
        told = []
        for model in (merged, apart):
            model.compile("sgd", losses.CategoricalCrossentropy(label_smoothing=smoothing))
            told.append(model.evaluate(z, y, verbose=0))
        np.testing.assert_allclose(told[0], told[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "activation"), [("BinaryCrossentropy", "softmax"), ("CategoricalCrossentropy", "sigmoid")]
)
def test_probabilities_of_another_activation_count_as_they_are(loss: str, activation: str) -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=(9, CLASSES)).astype(np.float32)
    y = rng.dirichlet(np.ones(CLASSES), 9).astype(np.float32)
    model = Model(source := Input((CLASSES,)), layers.Activation(activation)(source))
    model.compile("sgd", loss)
    p = model.predict(z, verbose=0).astype(np.float64)
    whole = p / p.sum(-1, keepdims=True)  # of a distribution; yes-or-no outputs need not be one
    terms = y * np.log(p) + (1 - y) * np.log1p(-p) if loss == "BinaryCrossentropy" else y * np.log(whole)
    want = -(terms.mean(-1) if loss == "BinaryCrossentropy" else terms.sum(-1)).mean()
    np.testing.assert_allclose(model.evaluate(z, y, verbose=0), want, rtol=1e-5)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="reduction must be one of"):
        losses.Huber(reduction="median")
    for delta in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="delta must be above 0, got"):
            losses.Huber(delta)
    with pytest.raises(ValueError, match="same shape"):
        ops.binary_crossentropy(np.ones((2, 3)), np.ones((2, 4)))
    model = Model(source := Input((3,)), layers.Dense(2)(source))
    model.compile("sgd", losses.Huber(reduction=None))
    with pytest.raises(ValueError, match="no reduction"):
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert math.isclose(float(losses.Huber(reduction="sum")([[0.0]], [[3.0]])), 2.5)


def test_our_functions_are_written_into_files(tmp_path: Any) -> None:
    model = Model(source := Input((3,)), layers.Dense(2)(source))
    model.compile("sgd", losses.huber)
    assert model.loss == losses.Huber()
    model.save(tmp_path / "m.cnnfast")
    assert models.load_model(tmp_path / "m.cnnfast").loss == losses.Huber()
