"""The metrics against NumPy in float64: by hand and in compiled steps, over uneven batches, weighted."""

import itertools
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnfast
from cnnfast import Input, Model, layers, losses, metrics, ops

Floats = NDArray[Any]
E = 1e-7
SAMPLES, CLASSES, BATCH = 37, 5, 8


@dataclass(frozen=True)
class Row:
    """A metric, and what NumPy makes of float64 labels, outputs and weights of samples."""

    name: str
    oracle: Callable[[Floats, Floats, Floats], Any]
    labels: str = "numbers"
    outputs: str = "numbers"
    options: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        return getattr(metrics, self.name)(**self.options)

    @property
    def sparse(self) -> bool:
        return self.labels == "classes" and not self.outputs.startswith("classes")

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items())])


def mean_of(values: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats, Floats], Any]:
    """An oracle: the weighted mean of numbers of samples, each the mean of its own."""

    def oracle(y: Floats, p: Floats, w: Floats) -> Any:
        found = values(y, p)
        return np.average(found.reshape(len(found), -1).mean(1), weights=w)

    return oracle


def _softmax(z: Floats) -> Floats:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _sigmoid(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-z))


def _one_hot(y: Floats) -> Floats:
    return np.eye(CLASSES)[y.astype(int)]


def _entropy(y: Floats, p: Floats) -> Floats:
    return -(y * np.log(p)).sum(-1)


def _binary(y: Floats, p: Floats) -> Floats:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _rank(p: Floats, at: Floats) -> Floats:
    """How many outputs are larger than that of the class."""
    return (p > np.take_along_axis(p, at.astype(int)[:, None], -1)).sum(-1)


def _unit(x: Floats) -> Floats:
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def _hinge(y: Floats, p: Floats) -> Floats:
    return np.maximum(1 - y * p, 0)


def _pearson(y: Floats, p: Floats) -> Floats:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(y, p, strict=True)])


def _concordance(y: Floats, p: Floats) -> Floats:
    covariance = ((y - y.mean(-1, keepdims=True)) * (p - p.mean(-1, keepdims=True))).mean(-1)
    return 2 * covariance / (y.var(-1) + p.var(-1) + (y.mean(-1) - p.mean(-1)) ** 2 + E)


def _r2(y: Floats, p: Floats, w: Floats, how: str | None) -> Any:
    w = w[:, None]
    errors = (w * (y - p) ** 2).sum(0)
    spread = (w * (y - np.average(y, 0, w[:, 0])) ** 2).sum(0)
    scores = 1 - errors / spread
    return {None: scores, "uniform_average": scores.mean()}.get(how, (scores * spread).sum() / spread.sum())


def _counts(y: Floats, p: Floats, w: Floats, threshold: float) -> Any:
    """True and false positives, true and false negatives."""
    w = np.broadcast_to(w.reshape(-1, *(1,) * (y.ndim - 1)), y.shape)
    above, real = p > threshold, y != 0
    return [w[c].sum() for c in (above & real, above & ~real, ~above & ~real, ~above & real)]


def _count(kind: int, threshold: float = 0.5) -> Any:
    return lambda y, p, w: _counts(y, p, w, threshold)[kind]


def _precision(y: Floats, p: Floats, w: Floats, threshold: float = 0.5) -> Any:
    tp, fp, _, _ = _counts(y, p, w, threshold)
    return tp / (tp + fp)


def _recall(y: Floats, p: Floats, w: Floats, threshold: float = 0.5) -> Any:
    tp, _, _, fn = _counts(y, p, w, threshold)
    return tp / (tp + fn)


def _top(p: Floats, k: int) -> Floats:
    return np.where(np.argsort(np.argsort(-p, -1), -1) < k, p, -1e10)


def _rates(y: Floats, p: Floats, w: Floats) -> Any:
    """Sensitivity, specificity and precision over 200 thresholds."""
    tp, fp, tn, fn = np.array([_counts(y, p, w, t) for t in np.linspace(0, 1, 200)]).T
    return tp / (tp + fn), tn / (tn + fp), tp / np.maximum(tp + fp, 1e-9)


def _best(held: int, wanted: int, least: float) -> Any:
    def oracle(y: Floats, p: Floats, w: Floats) -> Any:
        rates = _rates(y, p, w)
        return rates[wanted][rates[held] >= least].max(initial=0)

    return oracle


def _pairs(y: Floats, p: Floats, w: Floats) -> Any:
    """Area under ROC as Mann and Whitney count it: how often a positive is above a negative."""
    w = np.broadcast_to(w.reshape(-1, *(1,) * (y.ndim - 1)), y.shape)
    real = y.ravel() != 0
    a, b = p.ravel()[real], p.ravel()[~real]
    both = w.ravel()[real][:, None] * w.ravel()[~real]
    won = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    return (both * won).sum() / both.sum()


def _fbeta(beta: float, average: str | None, threshold: float | None) -> Any:
    def oracle(y: Floats, p: Floats, w: Floats) -> Any:
        chosen = p > threshold if threshold else p == p.max(-1, keepdims=True)
        columns = [_counts(y[:, i], chosen[:, i], w, 0.5) for i in range(CLASSES)]
        tp, fp, _, fn = np.array(columns).T
        if average == "micro":
            tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
        scores = (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)
        if average == "weighted":
            return np.average(scores, weights=(w[:, None] * y).sum(0))
        return scores if average is None else scores.mean()

    return oracle


def _iou(y: Floats, p: Floats, w: Floats, wanted: Any, ignore: int | None = None) -> Any:
    w = np.broadcast_to(w.reshape(-1, *(1,) * (y.ndim - 1)), y.shape) * (y != ignore)
    each = [(w * ((y == c) & (p == c))).sum() / (w * ((y == c) | (p == c))).sum() for c in wanted]
    return np.mean(each)


ALL = range(CLASSES)
ROWS = [
    Row("Accuracy", mean_of(lambda y, p: y == p), "classes", "classes2"),
    Row("BinaryAccuracy", mean_of(lambda y, p: y == (p > 0.5)), "bits", "shares"),
    Row("BinaryAccuracy", mean_of(lambda y, p: y == (p > 0.3)), "bits", "shares", {"threshold": 0.3}),
    Row("CategoricalAccuracy", mean_of(lambda y, p: y.argmax(-1) == p.argmax(-1)), "one_hot", "softmax"),
    Row("SparseCategoricalAccuracy", mean_of(lambda y, p: y == p.argmax(-1)), "classes", "softmax"),
    Row(
        "TopKCategoricalAccuracy",
        mean_of(lambda y, p: _rank(p, y.argmax(-1)) < 2),
        "one_hot",
        "softmax",
        {"k": 2},
    ),
    Row(
        "SparseTopKCategoricalAccuracy",
        mean_of(lambda y, p: _rank(p, y) < 3),
        "classes",
        "softmax",
        {"k": 3},
    ),
    Row("MeanSquaredError", mean_of(lambda y, p: (y - p) ** 2)),
    Row("MeanAbsoluteError", mean_of(lambda y, p: np.abs(y - p))),
    Row("MeanAbsolutePercentageError", mean_of(lambda y, p: 100 * np.abs((y - p) / y))),
    Row(
        "MeanSquaredLogarithmicError",
        mean_of(lambda y, p: (np.log1p(y) - np.log1p(p)) ** 2),
        "shares",
        "shares",
    ),
    Row(
        "RootMeanSquaredError",
        lambda y, p, w: np.sqrt(np.average(((y - p) ** 2).mean(-1), weights=w)),
    ),
    Row("CosineSimilarity", mean_of(lambda y, p: (_unit(y) * _unit(p)).sum(-1))),
    Row("LogCoshError", mean_of(lambda y, p: np.log(np.cosh(p - y)))),
    *(
        Row("R2Score", lambda y, p, w, how=how: _r2(y, p, w, how), options={"class_aggregation": how})
        for how in (None, "uniform_average", "variance_weighted_average")
    ),
    Row("PearsonCorrelation", mean_of(_pearson)),
    Row("ConcordanceCorrelation", mean_of(_concordance)),
    Row("BinaryCrossentropy", mean_of(_binary), "bits", "shares"),
    Row(
        "BinaryCrossentropy",
        mean_of(lambda y, z: _binary(0.8 * y + 0.1, _sigmoid(z))),
        "bits",
        options={"from_logits": True, "label_smoothing": 0.2},
    ),
    Row("CategoricalCrossentropy", mean_of(_entropy), "one_hot", "softmax"),
    Row(
        "SparseCategoricalCrossentropy",
        mean_of(lambda y, p: _entropy(_one_hot(y), p)),
        "classes",
        "softmax",
    ),
    Row("KLDivergence", mean_of(lambda y, p: (y * np.log(y / p)).sum(-1)), "softmax", "softmax"),
    Row("Poisson", mean_of(lambda y, p: p - y * np.log(p + E)), "bits", "shares"),
    Row("Hinge", mean_of(_hinge), "signs"),
    Row("SquaredHinge", mean_of(lambda y, p: _hinge(y, p) ** 2), "signs"),
    Row(
        "CategoricalHinge",
        mean_of(lambda y, p: np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0)),
        "one_hot",
    ),
    Row("TruePositives", _count(0), "bits", "shares"),
    Row("FalsePositives", _count(1, 0.3), "bits", "shares", {"thresholds": 0.3}),
    Row("TrueNegatives", _count(2), "bits", "shares"),
    Row(
        "FalseNegatives",
        lambda y, p, w: np.array([_counts(y, p, w, t)[3] for t in (0.2, 0.6)]),
        "bits",
        "shares",
        {"thresholds": [0.2, 0.6]},
    ),
    Row("Precision", _precision, "bits", "shares"),
    Row(
        "Precision",
        lambda y, p, w: _precision(y, _top(p, 2), w, -1e9),
        "bits",
        "shares",
        {"top_k": 2},
    ),
    Row(
        "Precision",
        lambda y, p, w: _precision(y[:, 3], p[:, 3], w),
        "bits",
        "shares",
        {"class_id": 3},
    ),
    Row("Recall", _recall, "bits", "shares"),
    Row(
        "Recall",
        lambda y, p, w: np.array([_recall(y, p, w, t) for t in (0.0, 0.5, 0.7)]),
        "bits",
        "shares",
        {"thresholds": [0.0, 0.5, 0.7]},
    ),
    Row(
        "Recall",
        lambda y, p, w: _recall(y[:, 1], _top(p, 3)[:, 1], w, 0.4),
        "bits",
        "shares",
        {"top_k": 3, "class_id": 1, "thresholds": 0.4},
    ),
    Row("SensitivityAtSpecificity", _best(1, 0, 0.6), "bits", "grid", {"specificity": 0.6}),
    Row("SpecificityAtSensitivity", _best(0, 1, 0.6), "bits", "grid", {"sensitivity": 0.6}),
    Row("PrecisionAtRecall", _best(0, 2, 0.6), "bits", "grid", {"recall": 0.6}),
    Row("RecallAtPrecision", _best(2, 0, 0.5), "bits", "grid", {"precision": 0.5}),
    Row("RecallAtPrecision", _best(2, 0, 0.99), "bits", "grid", {"precision": 0.99}),  # never reached
    Row("AUC", _pairs, "bits", "grid"),
    Row(
        "AUC",
        lambda y, p, w: np.mean([_pairs(y[:, i], p[:, i], w) for i in ALL]),
        "bits",
        "grid",
        {"multi_label": True},
    ),
    Row(
        "AUC",
        lambda y, p, w: np.average([_pairs(y[:, i], p[:, i], w) for i in ALL], weights=[1, 2, 3, 4, 5]),
        "bits",
        "grid",
        {"multi_label": True, "num_labels": CLASSES, "label_weights": [1, 2, 3, 4, 5]},
    ),
    *(
        Row(
            name,
            _fbeta(beta, average, threshold),
            "one_hot" if threshold is None else "bits",
            "shares",
            options,
        )
        for name, beta, average, threshold, options in (
            ("F1Score", 1, None, None, {}),
            ("F1Score", 1, "micro", None, {"average": "micro"}),
            ("F1Score", 1, "weighted", None, {"average": "weighted"}),
            ("F1Score", 1, "macro", 0.4, {"average": "macro", "threshold": 0.4}),
            ("FBetaScore", 2, "macro", None, {"average": "macro", "beta": 2.0}),
        )
    ),
    Row(
        "IoU",
        lambda y, p, w: _iou(y, p.argmax(-1), w, [1, 3]),
        "classes",
        "softmax",
        {"num_classes": CLASSES, "target_class_ids": [1, 3], "sparse_y_pred": False},
    ),
    Row(
        "MeanIoU",
        lambda y, p, w: _iou(y, p, w, ALL),
        "classes",
        "classes2",
        {"num_classes": CLASSES},
    ),
    Row(
        "MeanIoU",
        lambda y, p, w: _iou(y, p.argmax(-1), w, [0, 1, 3, 4], ignore=2) * 4 / 5,
        "classes",
        "softmax",
        {"num_classes": CLASSES, "sparse_y_pred": False, "ignore_class": 2},
    ),
    Row("BinaryIoU", lambda y, p, w: _iou(y, p >= 0.4, w, [0, 1]), "bits", "shares", {"threshold": 0.4}),
    Row(
        "OneHotIoU",
        lambda y, p, w: _iou(y.argmax(-1), p.argmax(-1), w, [0, 2]),
        "one_hot",
        "softmax",
        {"num_classes": CLASSES, "target_class_ids": [0, 2]},
    ),
    Row(
        "OneHotMeanIoU",
        lambda y, p, w: _iou(y.argmax(-1), p.argmax(-1), w, ALL),
        "one_hot",
        "softmax",
        {"num_classes": CLASSES},
    ),
]


def _numbers(kind: str, seed: int) -> NDArray[np.float32]:
    rng, shape = np.random.default_rng(seed), (SAMPLES, CLASSES)
    made = {
        "numbers": lambda: rng.normal(size=shape),
        "shares": lambda: rng.uniform(0.05, 0.95, shape),
        "grid": lambda: (rng.integers(0, 199, shape) + 0.5) / 199,  # between AUC's thresholds, with ties
        "softmax": lambda: _softmax(rng.normal(size=shape)),
        "bits": lambda: rng.integers(0, 2, shape),
        "signs": lambda: rng.choice([-1, 1], shape),
        "one_hot": lambda: np.eye(CLASSES)[rng.integers(0, CLASSES, SAMPLES)],
        "classes": lambda: rng.integers(0, CLASSES, SAMPLES),
        "classes2": lambda: rng.integers(0, CLASSES, SAMPLES),
    }
    return np.asarray(made[kind](), np.float32)


def _given(row: Row) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    weights = np.random.default_rng(3).choice([0.0, 0.25, 0.5, 1.0, 2.0], SAMPLES).astype(np.float32)
    return _numbers(row.labels, 1), _numbers(row.outputs, 2), weights


def _wanted(row: Row, weights: NDArray[np.float32] | None) -> Any:
    y, p, _ = _given(row)
    w = np.ones(SAMPLES) if weights is None else weights.astype(float)
    return row.oracle(y.astype(float), p.astype(float), w)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_by_hand(row: Row, isa: str) -> None:
    y, p, weights = _given(row)
    metric = row.make()
    for given in (None, weights):
        metric.reset_state()
        for start in range(0, SAMPLES, BATCH):
            part = slice(start, start + BATCH)
            metric.update_state(y[part], p[part], None if given is None else given[part])
        np.testing.assert_allclose(metric.result(), _wanted(row, given), rtol=1e-5, atol=2e-6)
    again = metrics.get({"class_name": row.name, "config": metric.get_config()})
    assert again.get_config() == metric.get_config()
    np.testing.assert_allclose(again(y, p), _wanted(row, None), rtol=1e-5, atol=2e-6)
    assert pickle.loads(pickle.dumps(metric)).get_config() == metric.get_config()


class _Scaled(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((), "ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def _model(row: Row) -> Any:
    """A model whose outputs are its inputs."""
    source = Input((CLASSES,) if row.outputs != "classes2" else (1,))
    return Model(source, _Scaled()(source))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_in_compiled_steps(row: Row, isa: str) -> None:
    """Unweighted, weighted, and through an epoch of training and its log."""
    y, p, weights = _given(row)
    p = p if p.ndim > 1 else p[:, None]
    model, name = _model(row), row.make().display_name
    loss = losses.SparseCategoricalCrossentropy() if row.sparse else "mse"
    model.compile("sgd", loss, metrics=[row.make()])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True)[name]
    np.testing.assert_allclose(told, _wanted(row, None), rtol=1e-5, atol=2e-6)
    model.compile("sgd", loss, weighted_metrics=[row.make()])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True, sample_weight=weights)[name]
    np.testing.assert_allclose(told, _wanted(row, weights), rtol=1e-5, atol=2e-6)
    history = model.fit(p, y, batch_size=BATCH, epochs=2, verbose=2, sample_weight=weights).history
    assert np.shape(history[name][1]) == np.shape(told)


def test_pixels() -> None:
    """Of images: labels without the classes' axis, weights of images."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(11, 4, 3, CLASSES)).astype(np.float32)
    y = rng.integers(0, CLASSES, scores.shape[:-1])
    weights = rng.uniform(0.5, 1.5, 11).astype(np.float32)
    source = Input(scores.shape[1:])
    model = Model(source, layers.Softmax()(source))
    own = [metrics.MeanIoU(CLASSES, sparse_y_pred=False), metrics.SparseTopKCategoricalAccuracy(2)]
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=own)
    _, overlap, top = model.evaluate(scores, y, batch_size=4, sample_weight=weights, verbose=0)
    assert overlap == pytest.approx(_iou(y, scores.argmax(-1), weights.astype(float), ALL), rel=1e-5)
    two = np.argsort(-scores, -1)[..., :2]
    right = (two == y[..., None]).any(-1).reshape(11, -1).mean(1)
    assert top == pytest.approx(np.average(right, weights=weights), rel=1e-5)
    np.testing.assert_allclose(own[0].total_cm.numpy().sum(), 12 * weights.sum(), rtol=1e-5)


def test_a_spread_about_a_large_mean() -> None:
    rng = np.random.default_rng(0)
    y = (3000 + rng.normal(size=(400, 1))).astype(np.float32)
    p = (y + 0.5 * rng.normal(size=y.shape)).astype(np.float32)
    metric = metrics.R2Score()
    for start in range(0, 400, 64):
        metric.update_state(y[start : start + 64], p[start : start + 64])
    want = _r2(y.astype(float), p.astype(float), np.ones(400), "uniform_average")
    assert metric.result() == pytest.approx(want, rel=1e-4)


def test_an_adjusted_score() -> None:
    y, p = _numbers("numbers", 1)[:, :1], _numbers("numbers", 2)[:, :1]
    plain, adjusted = float(metrics.R2Score()(y, p)), float(metrics.R2Score(num_regressors=3)(y, p))
    assert adjusted == pytest.approx(1 - (1 - plain) * (SAMPLES - 1) / (SAMPLES - 4))
    with pytest.warns(UserWarning, match="not more samples than regressors"):
        assert float(metrics.R2Score(num_regressors=SAMPLES)(y, p)) == plain


@pytest.mark.parametrize("summation", ["interpolation", "majoring", "minoring"])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_areas_of_given_thresholds(curve: str, summation: str) -> None:
    """Riemann's sums over the points that the thresholds make; between counts where PR interpolates."""
    y, p, w = _numbers("bits", 1), _numbers("shares", 2), np.ones(SAMPLES)
    thresholds = [0.7, 0.2, 0.5]
    got = metrics.AUC(curve=curve, summation_method=summation, thresholds=thresholds)(y, p)
    points = [_counts(y, p, w, t) for t in (-1, 0.2, 0.5, 0.7, 2)]
    want = 0.0
    for (tp, fp, tn, fn), (tp2, fp2, _, _) in itertools.pairwise(points):
        if curve == "ROC":
            width, heights = (fp - fp2) / (fp + tn), (tp / (tp + fn), tp2 / (tp + fn))
        else:
            width, heights = (tp - tp2) / (tp + fn), (tp / (tp + fp), tp2 / (tp2 + fp2) if tp2 else 0.0)
        if curve == "PR" and summation == "interpolation":
            steps = np.linspace(0, 1, 20001)
            hits, wrong = tp2 + steps * (tp - tp2), fp2 + steps * (fp - fp2)
            want += width * np.trapezoid(hits / np.maximum(hits + wrong, 1e-12), steps)
        else:
            want += width * {"interpolation": np.mean, "majoring": max, "minoring": min}[summation](heights)
    assert float(got) == pytest.approx(want, rel=2e-4)


def test_sums_and_means_by_hand() -> None:
    total, mean = metrics.Sum(), metrics.Mean()
    for values, weights in (([[1.0, 3.0], [5.0, 7.0]], [1.0, 3.0]), ([2.0], None)):
        total.update_state(values, weights)
        mean.update_state(values, weights)
    assert float(total.result()) == 1 + 3 + 15 + 21 + 2
    assert float(mean.result()) == (2 + 3 * 6 + 2) / (1 + 3 + 1)
    mean.reset_state()
    assert float(mean.result()) == 0
    assert float(mean(7.0)) == 7


def test_a_wrapper_with_another_result() -> None:
    """What tells another result is told by its own words; a function's mean is one of samples."""

    class Root(metrics.MeanMetricWrapper):
        def result(self) -> Any:
            return np.sqrt(super().result())

    def distance(y_true: Any, y_pred: Any) -> Any:
        return ops.square(y_true - y_pred)

    y, p, w = _given(ROWS[0])[2][:, None] + _numbers("numbers", 1), _numbers("numbers", 2), _given(ROWS[0])[2]
    row = Row("MeanSquaredError", mean_of(lambda y, p: (y - p) ** 2))
    model = _model(row)
    model.compile("sgd", "mse", metrics=[Root(distance, "root")], weighted_metrics=[distance, "mse"])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, sample_weight=w, return_dict=True)
    assert told["root"] == pytest.approx(np.sqrt(((y - p).astype(float) ** 2).mean()), rel=1e-5)
    assert told["distance"] == pytest.approx(row.oracle(y.astype(float), p.astype(float), w), rel=1e-5)
    assert told["mse"] == pytest.approx(told["distance"], rel=1e-5)


def test_names_that_are_taken_get_numbers() -> None:
    y, p, _ = _given(Row("AUC", _pairs, "bits", "grid"))
    model = _model(ROWS[1])
    model.compile("sgd", "mse", metrics=[metrics.AUC(), metrics.AUC(curve="PR")])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True)
    assert list(told) == ["loss", "auc", "auc_1"]
    assert told["auc_1"] == pytest.approx(float(metrics.AUC(curve="PR")(y, p)), rel=1e-5)
    stop = cnnfast.callbacks.EarlyStopping("auc_1", patience=1)
    model.fit(p, y, epochs=2, verbose=0, callbacks=[stop])
    assert stop._larger_is_better()


def test_several_numbers_in_a_log(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The bar shows their mean, the history has them all, and what watches one number says so."""
    y, p, _ = _given(Row("F1Score", _pairs, "one_hot", "softmax"))
    model = _model(ROWS[1])
    model.compile("sgd", "mse", metrics=[metrics.F1Score()])
    history = model.fit(
        p, y, epochs=2, verbose=2, callbacks=[cnnfast.callbacks.CSVLogger(tmp_path / "log.csv")]
    )
    assert np.shape(history.history["f1_score"]) == (2, CLASSES)
    assert f"f1_score {np.mean(history.history['f1_score'][1]):.4f}" in capsys.readouterr().out
    with pytest.raises(ValueError, match="watches one number"):
        model.fit(p, y, verbose=0, callbacks=[cnnfast.callbacks.EarlyStopping("f1_score")])


def test_refusals() -> None:
    y, p = np.zeros((4, 3)), np.zeros((4, 3))
    for make, rule in (
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "thresholds must be from 0 to 1"),
        (lambda: metrics.Recall(top_k=0), "top_k must be at least 1"),
        (lambda: metrics.Precision(class_id=3)(y, p), "class_id 3"),
        (lambda: metrics.Precision()(y[:, 0], p), "labels of the outputs' shape"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be at least 2"),
        (lambda: metrics.AUC(curve="area"), "curve must be one of"),
        (lambda: metrics.AUC(summation_method="middle"), "summation_method must be one of"),
        (lambda: metrics.AUC(num_labels=2), "multi_label=True only"),
        (lambda: metrics.AUC(multi_label=True)(y[:, 0], p[:, 0]), "outputs \\(n, labels\\)"),
        (lambda: metrics.PrecisionAtRecall(1.2), "recall must be from 0 to 1"),
        (lambda: metrics.F1Score(average="mean"), "average must be one of"),
        (lambda: metrics.FBetaScore(beta=0.0), "beta must be a float above 0"),
        (lambda: metrics.FBetaScore(threshold=1.5), "threshold must be None or a float"),
        (lambda: metrics.F1Score()(y[:, 0], p[:, 0]), "shape \\(n, classes\\)"),
        (lambda: metrics.R2Score(class_aggregation="sum"), "class_aggregation must be one of"),
        (lambda: metrics.R2Score()(y[:, 0], p[:, 0]), "shape \\(n, outputs\\)"),
        (lambda: metrics.IoU(2, [2]), "below num_classes"),
        (lambda: metrics.MeanIoU(3)(y[:, 0], p), "as many labels as outputs"),
        (lambda: metrics.Hinge(dtype="float16"), "does not offer dtype"),
    ):
        with pytest.raises(ValueError, match=rule):
            make()
    model = _model(Row("MeanSquaredError", _pairs, "classes", "softmax"))
    for metric in (metrics.KLDivergence(), metrics.Precision()):
        with pytest.raises(ValueError, match="needs labels"):
            model.compile("sgd", losses.SparseCategoricalCrossentropy(), metrics=[metric])


@pytest.mark.peers
def test_against_scikit_learn() -> None:
    told = pytest.importorskip(
        "sklearn.metrics", reason="compares metrics with scikit-learn: pip install scikit-learn"
    )
    y, p, w = _given(Row("AUC", _pairs, "bits", "grid"))
    flat, shares = y.ravel(), p.ravel()
    numbers, classes = _numbers("classes", 1), _numbers("classes2", 2)
    real, guess = _numbers("numbers", 1), _numbers("numbers", 2)
    one_hot = np.eye(CLASSES)[numbers.astype(int)]
    chosen = np.eye(CLASSES)[classes.astype(int)]
    for got, want in (
        (metrics.AUC()(y, p, w), told.roc_auc_score(flat, shares, sample_weight=np.repeat(w, CLASSES))),
        (metrics.Precision()(y, p), told.precision_score(flat, shares > 0.5)),
        (metrics.Recall()(y, p), told.recall_score(flat, shares > 0.5)),
        (metrics.F1Score("weighted")(one_hot, chosen), told.f1_score(numbers, classes, average="weighted")),
        (metrics.MeanIoU(CLASSES)(numbers, classes), told.jaccard_score(numbers, classes, average="macro")),
        (metrics.R2Score()(real, guess, w), told.r2_score(real, guess, sample_weight=w)),
        (
            metrics.RootMeanSquaredError()(real, guess),
            told.root_mean_squared_error(real.ravel(), guess.ravel()),
        ),
    ):
        assert float(got) == pytest.approx(want, rel=1e-5)
