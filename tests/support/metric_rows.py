"""The metrics as rows: each with what NumPy makes of float64 labels, outputs and weights of samples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import metrics

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


def r2(y: Floats, p: Floats, w: Floats, how: str | None) -> Any:
    w = w[:, None]
    errors = (w * (y - p) ** 2).sum(0)
    spread = (w * (y - np.average(y, 0, w[:, 0])) ** 2).sum(0)
    scores = 1 - errors / spread
    return {None: scores, "uniform_average": scores.mean()}.get(how, (scores * spread).sum() / spread.sum())


def counts(y: Floats, p: Floats, w: Floats, threshold: float) -> Any:
    """True and false positives, true and false negatives."""
    w = np.broadcast_to(w.reshape(-1, *(1,) * (y.ndim - 1)), y.shape)
    above, real = p > threshold, y != 0
    return [w[c].sum() for c in (above & real, above & ~real, ~above & ~real, ~above & real)]


def _count(kind: int, threshold: float = 0.5) -> Any:
    return lambda y, p, w: counts(y, p, w, threshold)[kind]


def _precision(y: Floats, p: Floats, w: Floats, threshold: float = 0.5) -> Any:
    tp, fp, _, _ = counts(y, p, w, threshold)
    return tp / (tp + fp)


def _recall(y: Floats, p: Floats, w: Floats, threshold: float = 0.5) -> Any:
    tp, _, _, fn = counts(y, p, w, threshold)
    return tp / (tp + fn)


def _top(p: Floats, k: int) -> Floats:
    return np.where(np.argsort(np.argsort(-p, -1), -1) < k, p, -1e10)


def _rates(y: Floats, p: Floats, w: Floats) -> Any:
    """Sensitivity, specificity and precision over 200 thresholds."""
    tp, fp, tn, fn = np.array([counts(y, p, w, t) for t in np.linspace(0, 1, 200)]).T
    return tp / (tp + fn), tn / (tn + fp), tp / np.maximum(tp + fp, 1e-9)


def _best(held: int, wanted: int, least: float) -> Any:
    def oracle(y: Floats, p: Floats, w: Floats) -> Any:
        rates = _rates(y, p, w)
        return rates[wanted][rates[held] >= least].max(initial=0)

    return oracle


def pairs(y: Floats, p: Floats, w: Floats) -> Any:
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
        columns = [counts(y[:, i], chosen[:, i], w, 0.5) for i in range(CLASSES)]
        tp, fp, _, fn = np.array(columns).T
        if average == "micro":
            tp, fp, fn = tp.sum(), fp.sum(), fn.sum()
        scores = (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)
        if average == "weighted":
            return np.average(scores, weights=(w[:, None] * y).sum(0))
        return scores if average is None else scores.mean()

    return oracle


def iou(y: Floats, p: Floats, w: Floats, wanted: Any, ignore: int | None = None) -> Any:
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
        Row("R2Score", lambda y, p, w, how=how: r2(y, p, w, how), options={"class_aggregation": how})
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
        lambda y, p, w: np.array([counts(y, p, w, t)[3] for t in (0.2, 0.6)]),
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
    Row("AUC", pairs, "bits", "grid"),
    Row(
        "AUC",
        lambda y, p, w: np.mean([pairs(y[:, i], p[:, i], w) for i in ALL]),
        "bits",
        "grid",
        {"multi_label": True},
    ),
    Row(
        "AUC",
        lambda y, p, w: np.average([pairs(y[:, i], p[:, i], w) for i in ALL], weights=[1, 2, 3, 4, 5]),
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
        lambda y, p, w: iou(y, p.argmax(-1), w, [1, 3]),
        "classes",
        "softmax",
        {"num_classes": CLASSES, "target_class_ids": [1, 3], "sparse_y_pred": False},
    ),
    Row(
        "MeanIoU",
        lambda y, p, w: iou(y, p, w, ALL),
        "classes",
        "classes2",
        {"num_classes": CLASSES},
    ),
    Row(
        "MeanIoU",
        lambda y, p, w: iou(y, p.argmax(-1), w, [0, 1, 3, 4], ignore=2) * 4 / 5,
        "classes",
        "softmax",
        {"num_classes": CLASSES, "sparse_y_pred": False, "ignore_class": 2},
    ),
    Row("BinaryIoU", lambda y, p, w: iou(y, p >= 0.4, w, [0, 1]), "bits", "shares", {"threshold": 0.4}),
    Row(
        "OneHotIoU",
        lambda y, p, w: iou(y.argmax(-1), p.argmax(-1), w, [0, 2]),
        "one_hot",
        "softmax",
        {"num_classes": CLASSES, "target_class_ids": [0, 2]},
    ),
    Row(
        "OneHotMeanIoU",
        lambda y, p, w: iou(y.argmax(-1), p.argmax(-1), w, ALL),
        "one_hot",
        "softmax",
        {"num_classes": CLASSES},
    ),
]


def numbers_of(kind: str, seed: int) -> NDArray[np.float32]:
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


def data_of(row: Row) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    weights = np.random.default_rng(3).choice([0.0, 0.25, 0.5, 1.0, 2.0], SAMPLES).astype(np.float32)
    return numbers_of(row.labels, 1), numbers_of(row.outputs, 2), weights


def wanted(row: Row, weights: NDArray[np.float32] | None) -> Any:
    y, p, _ = data_of(row)
    w = np.ones(SAMPLES) if weights is None else weights.astype(float)
    return row.oracle(y.astype(float), p.astype(float), w)
