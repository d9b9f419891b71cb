"""Metrics: Keras's values, from exactly what `predict` returns, whatever the loss has merged."""

import warnings
from typing import Any

import numpy as np
import pytest
from support.keras_backend import keras_on
from support.metric_cases import MetricCase, evaluate, metric_cases, scores
from support.nets import dense_network, refusal, set_weights, sgd

import cnnfast
from cnnfast import Input, Sequential, layers, losses, metrics

# What Keras 3.15 on TensorFlow 2.21 says of some of the cases, over nine samples.
KERAS: dict[str, dict[str, float]] = {
    "SparseCategoricalCrossentropy-probabilities-softmax-numbers-5": {
        "acc": 0.2222222,
        "loss": 2.785215,
        "sparse_categorical_accuracy": 0.2222222,
        "top3": 0.6666667,
    },
    "SparseCategoricalCrossentropy-logits-tanh-numbers as a column-5": {
        "acc": 0.2222222,
        "loss": 1.983052,
        "sparse_categorical_accuracy": 0.2222222,
        "top3": 0.6666667,
    },
    "CategoricalCrossentropy-probabilities-softmax-one-hot-5": {
        "above_0.3": 0.6444445,
        "accuracy": 0.2222222,
        "binary_accuracy": 0.8,
        "categorical_accuracy": 0.2222222,
        "equal": 0.1111111,
        "loss": 2.785215,
        "mae": 0.297272,
        "mse": 0.1922526,
        "top2": 0.4444444,
    },
    "CategoricalCrossentropy-probabilities-softmax-soft-5": {
        "above_0.3": 0.0,
        "accuracy": 0.2222222,
        "binary_accuracy": 0.0,
        "categorical_accuracy": 0.2222222,
        "equal": 0.0,
        "loss": 13.2792,
        "mae": 0.2374907,
        "mse": 0.117471,
        "top2": 0.4444444,
    },
    "CategoricalCrossentropy-logits-linear-one-hot-5": {
        "above_0.3": 0.4666666,
        "accuracy": 0.2222222,
        "binary_accuracy": 0.5333334,
        "categorical_accuracy": 0.2222222,
        "equal": 0.0,
        "loss": 2.785215,
        "mae": 23.52107,
        "mse": 4438.591,
        "top2": 0.4444444,
    },
    "CategoricalCrossentropy-logits-softmax-one-hot-2": {
        "above_0.3": 0.5,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.3888889,
        "categorical_accuracy": 0.3333333,
        "equal": 0.1111111,
        "loss": 0.9016323,
        "mae": 0.4894578,
        "mse": 0.3392709,
        "top2": 1.0,
    },
    "CategoricalCrossentropy-logits-sigmoid-soft-2": {
        "above_0.3": 0.0,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.0,
        "categorical_accuracy": 0.3333333,
        "equal": 0.0,
        "loss": 7.567373,
        "mae": 0.3450001,
        "mse": 0.1972464,
        "top2": 1.0,
    },
    "BinaryCrossentropy-probabilities-sigmoid-bits-5": {
        "above_0.3": 0.3555556,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.4,
        "categorical_accuracy": 0.3333333,
        "equal": 0.06666667,
        "loss": 9.906274,
        "mae": 0.5491216,
        "mse": 0.4020599,
        "top2": 0.4444444,
    },
    "BinaryCrossentropy-logits-linear-bits-5": {
        "above_0.3": 0.4222223,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.4888889,
        "categorical_accuracy": 0.3333333,
        "equal": 0.0,
        "loss": 9.906274,
        "mae": 23.58623,
        "mse": 4456.48,
        "top2": 0.4444444,
    },
    "BinaryCrossentropy-logits-tanh-one bit-1": {
        "above_0.3": 0.6666667,
        "accuracy": 0.5555556,
        "binary_accuracy": 0.5555556,
        "equal": 0.1111111,
        "loss": 0.5875561,
        "mae": 0.6109968,
        "mse": 0.665391,
    },
    "BinaryCrossentropy-logits-sigmoid-one bit-1": {
        "above_0.3": 0.7777778,
        "accuracy": 0.7777778,
        "binary_accuracy": 0.7777778,
        "equal": 0.1111111,
        "loss": 0.5998628,
        "mae": 0.3609687,
        "mse": 0.2056377,
    },
    "BinaryCrossentropy-probabilities-sigmoid-soft-2": {
        "above_0.3": 0.0,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.0,
        "categorical_accuracy": 0.3333333,
        "equal": 0.0,
        "loss": 4.275792,
        "mae": 0.3450001,
        "mse": 0.1972464,
        "top2": 1.0,
    },
    "MeanSquaredError-softmax-one-hot-5": {
        "above_0.3": 0.6444445,
        "accuracy": 0.2222222,
        "binary_accuracy": 0.8,
        "categorical_accuracy": 0.2222222,
        "equal": 0.1111111,
        "loss": 0.1922526,
        "mae": 0.297272,
        "mse": 0.1922526,
        "top2": 0.4444444,
    },
    "MeanSquaredError-sigmoid-bits-5": {
        "above_0.3": 0.3555556,
        "accuracy": 0.3333333,
        "binary_accuracy": 0.4,
        "categorical_accuracy": 0.3333333,
        "equal": 0.06666667,
        "loss": 0.4020599,
        "mae": 0.5491216,
        "mse": 0.4020599,
        "top2": 0.4444444,
    },
    "MeanSquaredError-linear-real-5": {
        "above_0.3": 0.0,
        "accuracy": 0.4444444,
        "binary_accuracy": 0.0,
        "categorical_accuracy": 0.4444444,
        "equal": 0.0,
        "loss": 4438.5,
        "mae": 23.44617,
        "mse": 4438.5,
        "top2": 0.7777778,
    },
    "MeanSquaredError-tanh-one bit-1": {
        "above_0.3": 0.6666667,
        "accuracy": 0.5555556,
        "binary_accuracy": 0.5555556,
        "equal": 0.1111111,
        "loss": 0.665391,
        "mae": 0.6109968,
        "mse": 0.665391,
    },
}
SMALL = {str(case): case for case in metric_cases(9)}


def _evaluated(library: Any, case: MetricCase) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*from_logits=True")
        return evaluate(library, case)


@pytest.mark.parametrize("name", KERAS)
def test_values_of_keras(name: str, isa: str) -> None:
    assert _evaluated(cnnfast, SMALL[name]) == pytest.approx(KERAS[name], rel=2e-6, abs=1e-7)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [*metric_cases(9), *metric_cases(48)], ids=str)
def test_against_keras(case: MetricCase) -> None:
    keras = keras_on("tensorflow", "jax", "torch")  # on NumPy it sees no logits
    if not case.offered:
        with pytest.raises(ValueError, match="needs probabilities"):
            evaluate(cnnfast, case)
        return
    ours, theirs = _evaluated(cnnfast, case), _evaluated(keras, case)
    if case.is_of_another_activation and keras.backend.backend() == "tensorflow":
        theirs["loss"] = ours["loss"]
    assert ours == pytest.approx(theirs, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "activation", "y", "of"),
    [
        (losses.BinaryCrossentropy, "softmax", [1, 0], lambda p: -np.log(p[0]) / 2 - np.log(1 - p[1]) / 2),
        (losses.CategoricalCrossentropy, "sigmoid", [1, 0], lambda p: -np.log(p[0] / p.sum())),
    ],
)
def test_losses_beside_the_activation_of_another(loss: Any, activation: str, y: Any, of: Any) -> None:
    """By the formula, as Keras has it on all of its backends but TensorFlow's."""
    model = Sequential([Input((2,)), layers.Activation(activation)])
    model.compile("sgd", loss())
    x = np.array([[0.3, -0.4]])
    expected = of(model.predict(x, verbose=0)[0].astype(np.float64))
    assert model.test_on_batch(x, np.array([y])) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batch", [1, 15, 16, 17, 48, 129])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_metrics_see_what_predict_returns(activation: str, batch: int, isa: str) -> None:
    """Bit for bit: an output is no more than itself, and larger than the number before it."""
    loss = {"softmax": losses.CategoricalCrossentropy(), "sigmoid": losses.BinaryCrossentropy()}[activation]
    model = Sequential([Input((7,)), layers.Dense(7, activation=activation)])
    x = scores(max(batch, 3), 7, seed=batch)[:batch]
    out = model.predict(x, batch_size=batch, verbose=0)
    at = float(np.sort(out.ravel())[out.size // 2])
    model.compile("sgd", loss, metrics=[metrics.Accuracy(), metrics.BinaryAccuracy(threshold=at)])
    _, equal, above = model.evaluate(x, out, batch_size=batch, verbose=0)
    assert equal == 1
    _, _, above = model.evaluate(x, (out > at).astype(np.float32), batch_size=batch, verbose=0)
    assert above == 1
    _, _, before = model.train_on_batch(x, (out > at).astype(np.float32))
    assert before == 1


def test_binary_accuracy_beside_a_softmax() -> None:
    model = Sequential([Input((4,)), layers.Dense(4, activation="softmax", kernel_initializer="ones")])
    model.compile("sgd", "categorical_crossentropy", metrics=["binary_accuracy"])
    assert model.test_on_batch(np.ones((1, 4)), np.array([[1, 0, 0, 0]]))[1] == 0.75


def test_errors_beside_logits() -> None:
    model = Sequential([Input((3,)), layers.Dense(3, kernel_initializer="ones", use_bias=False)])
    model.set_weights([np.eye(3)])
    model.compile("sgd", losses.CategoricalCrossentropy(from_logits=True), metrics=["mse", "mae"])
    values = model.test_on_batch(np.array([[2.0, 0, 0]]), np.array([[1.0, 0, 0]]))
    assert values[1:] == pytest.approx([1 / 3, 1 / 3])


def test_accuracy_beside_a_binary_loss() -> None:
    """It compares what `predict` returns at one half, logits too; what is no label is never right."""
    for loss, x, y, right in (
        (losses.BinaryCrossentropy(from_logits=True), [[0.3], [0.7], [-2.0]], [[1], [1], [0]], 2 / 3),
        (losses.BinaryCrossentropy(), [[0.9]], [[0.75]], 0),
    ):
        model = Sequential([Input((1,)), layers.Identity()])
        model.compile("sgd", loss, metrics=["accuracy", "binary_accuracy"])
        assert model.test_on_batch(np.array(x), np.array(y))[1:] == pytest.approx([right, right])


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_top_k_counts_ties_as_keras_does(k: int) -> None:
    """Classes that share the last place are all in; with an output that is not finite none is."""
    network = dense_network(4, 4)
    set_weights(network, [np.eye(4), np.zeros(4)])
    network.configure("sparse_categorical_crossentropy", True, [f"top_k:{k}", "accuracy"], sgd(0.1))
    # scores, the label, and how large k has to be
    for row, label, needed in (
        ([3, 1, 1, 1], 2, 2),
        ([3, 3, 1, 1], 1, 1),
        ([3, 3, 1, 0], 2, 3),
        ([3, 3, 1, 0], 3, 4),
        ([np.nan, 1, 1, 1], 1, 9),
    ):
        _, top, _ = network.evaluate_step(np.array([row], np.float32), np.array([label], np.int32))
        assert top == (k >= needed)


def test_nan_is_never_right() -> None:
    model = Sequential([Input((2,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.full((3, 2), np.nan, np.float32)
    assert model.test_on_batch(x, np.zeros(3))[1] == 0


def test_the_name_accuracy_adapts_and_the_class_does_not() -> None:
    assert metrics.get("accuracy").name == "accuracy"
    assert metrics.get("acc").name == "acc"
    assert type(metrics.get("accuracy")) is not metrics.Accuracy
    model = Sequential([Input((2,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", metrics.Accuracy(name="equal")])
    _, accuracy, equal = model.test_on_batch(
        np.ones((1, 2)), model.predict(np.ones((1, 2)), verbose=0).round()
    )
    assert (accuracy, equal) == (1, 0)


@pytest.mark.parametrize("k", [0, -1, 2.7, "2", 2**32 + 5, None, [1], np.float32(2)])
def test_top_k_is_a_whole_number_in_range(k: Any) -> None:
    for metric in (metrics.TopKCategoricalAccuracy, metrics.SparseTopKCategoricalAccuracy):
        with pytest.raises(ValueError, match="k must be") as info:
            metric(k=k)
        refusal(info.value, "k")


def test_the_core_refuses_other_numbers_in_names() -> None:
    network = dense_network(2, 2)
    for name in ("top_k:0", "top_k:4294967301", "top_k:2.7", "top_k:", "binary_accuracy:x", "accuracies"):
        with pytest.raises(ValueError, match="metric must be"):
            network.configure("mean_squared_error", False, [name], sgd(0.1))


def test_metrics_survive_their_configuration() -> None:
    for metric in (
        metrics.get("accuracy"),
        metrics.Accuracy(),
        metrics.BinaryAccuracy(name="b", threshold=np.float32(0.25)),
        metrics.TopKCategoricalAccuracy(np.int64(3), "top"),
        metrics.MeanAbsoluteError(),
    ):
        config = {"class_name": type(metric).__name__, "config": metric.get_config()}
        assert type(metrics.get(config)) is type(metric)
        assert metrics.get(config).get_config() == metric.get_config()


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("loss", [losses.CategoricalCrossentropy, losses.BinaryCrossentropy])
def test_logits_of_a_model_that_makes_none_are_warned_of(loss: Any, activation: str) -> None:
    model = Sequential([Input((2,)), layers.Dense(2, activation=activation)])
    with pytest.warns(UserWarning, match=f"from_logits=True.*{activation}") as warned:
        model.compile("sgd", loss(from_logits=True))
    assert [warning.filename for warning in warned] == [__file__]


def test_softmax_over_one_value_is_warned_of() -> None:
    for layer in (layers.Dense(1, activation="softmax"), layers.Softmax(), layers.Activation("softmax")):
        with pytest.warns(UserWarning, match="always gives 1") as warned:
            layer(Input((1,)))
        assert warned[0].filename == __file__


@pytest.mark.parametrize("dtype", [None, "float32", np.dtype("float32")])
def test_float32_is_all_there_is(dtype: Any) -> None:
    assert metrics.MeanSquaredError(dtype=dtype).dtype == "float32"
    assert losses.MeanSquaredError(dtype=dtype) == losses.MeanSquaredError()
    for make in (metrics.MeanSquaredError, losses.MeanSquaredError, layers.Flatten, metrics.Metric):
        with pytest.raises(ValueError, match="dtype"):
            make(dtype="float16")  # type: ignore[operator]


def test_classification_report() -> None:
    true = np.array([0, 0, 1, 1, 1, 2])
    probabilities = np.eye(3)[[0, 1, 1, 1, 0, 2]] * 0.8 + 0.05
    table = metrics.classification_report(true, probabilities, class_names=["a", "b", "c"], digits=3)
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line.strip()}
    assert rows["a"] == ["0.500", "0.500", "0.500", "2"]
    assert rows["b"] == ["0.667", "0.667", "0.667", "3"]
    assert rows["c"] == ["1.000", "1.000", "1.000", "1"]
    assert metrics.classification_report(np.eye(3)[true], probabilities, digits=3).count("\n") == 9
    with pytest.raises(ValueError, match="2 names, the classes reach from 0 to 2"):
        metrics.classification_report(true, probabilities, class_names=["a", "b"])
