"""The metrics against NumPy in float64: by hand and in compiled steps, over uneven batches, weighted."""

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from support.metric_rows import (
    ALL,
    BATCH,
    CLASSES,
    ROWS,
    SAMPLES,
    Row,
    counts,
    data_of,
    iou,
    mean_of,
    numbers_of,
    pairs,
    r2,
    wanted,
)

import cnnfast
from cnnfast import Input, Model, layers, losses, metrics, ops


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_by_hand(row: Row, isa: str) -> None:
    y, p, weights = data_of(row)
    metric = row.make()
    for given in (None, weights):
        metric.reset_state()
        for start in range(0, SAMPLES, BATCH):
            part = slice(start, start + BATCH)
            metric.update_state(y[part], p[part], None if given is None else given[part])
        np.testing.assert_allclose(metric.result(), wanted(row, given), rtol=1e-5, atol=2e-6)
    again = metrics.get({"class_name": row.name, "config": metric.get_config()})
    assert again.get_config() == metric.get_config()
    np.testing.assert_allclose(again(y, p), wanted(row, None), rtol=1e-5, atol=2e-6)
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
    y, p, weights = data_of(row)
    p = p if p.ndim > 1 else p[:, None]
    model, name = _model(row), row.make().display_name
    loss = losses.SparseCategoricalCrossentropy() if row.sparse else "mse"
    model.compile("sgd", loss, metrics=[row.make()])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True)[name]
    np.testing.assert_allclose(told, wanted(row, None), rtol=1e-5, atol=2e-6)
    model.compile("sgd", loss, weighted_metrics=[row.make()])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True, sample_weight=weights)[name]
    np.testing.assert_allclose(told, wanted(row, weights), rtol=1e-5, atol=2e-6)
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
    own = [
        metrics.MeanIoU(CLASSES, sparse_y_pred=False),
        metrics.SparseTopKCategoricalAccuracy(2),
        metrics.SparseCategoricalCrossentropy(ignore_class=1),
    ]
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=own)
    _, overlap, top, entropy = model.evaluate(scores, y, batch_size=4, sample_weight=weights, verbose=0)
    assert overlap == pytest.approx(iou(y, scores.argmax(-1), weights.astype(float), ALL), rel=1e-5)
    two = np.argsort(-scores, -1)[..., :2]
    right = (two == y[..., None]).any(-1).reshape(11, -1).mean(1)
    assert top == pytest.approx(np.average(right, weights=weights), rel=1e-5)
    logarithms = np.log(np.exp(scores) / np.exp(scores).sum(-1, keepdims=True))
    counts = (y != 1) * weights[:, None, None]
    want = -np.average(np.take_along_axis(logarithms, y[..., None], -1)[..., 0], weights=counts)
    assert entropy == pytest.approx(want, rel=1e-5)
    np.testing.assert_allclose(own[0].total_cm.numpy().sum(), 12 * weights.sum(), rtol=1e-5)


def test_bits_do_not_depend_on_threads(isa: str, threads: Any) -> None:
    rng = np.random.default_rng(0)
    y, p = (rng.integers(0, 2, (2000, CLASSES)), rng.random((2000, CLASSES)).astype(np.float32))
    weights = rng.random(2000).astype(np.float32)
    told = []
    for count in (1, 3):
        threads(count)
        model = _model(ROWS[1])
        own = [row.make() for row in ROWS if row.labels in ("bits", "one_hot", "numbers")]
        model.compile("sgd", "mse", weighted_metrics=own)
        told.append(model.evaluate(p, y, batch_size=700, verbose=0, sample_weight=weights))
    for first, second in zip(*told, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_spread_about_a_large_mean() -> None:
    rng = np.random.default_rng(0)
    y = (3000 + rng.normal(size=(400, 1))).astype(np.float32)
    p = (y + 0.5 * rng.normal(size=y.shape)).astype(np.float32)
    metric = metrics.R2Score()
    for start in range(0, 400, 64):
        metric.update_state(y[start : start + 64], p[start : start + 64])
    want = r2(y.astype(float), p.astype(float), np.ones(400), "uniform_average")
    assert metric.result() == pytest.approx(want, rel=1e-4)


def test_an_adjusted_score() -> None:
    y, p = numbers_of("numbers", 1)[:, :1], numbers_of("numbers", 2)[:, :1]
    plain, adjusted = float(metrics.R2Score()(y, p)), float(metrics.R2Score(num_regressors=3)(y, p))
    assert adjusted == pytest.approx(1 - (1 - plain) * (SAMPLES - 1) / (SAMPLES - 4))
    with pytest.warns(UserWarning, match="not more samples than regressors"):
        assert float(metrics.R2Score(num_regressors=SAMPLES)(y, p)) == plain


@pytest.mark.parametrize("summation", ["interpolation", "majoring", "minoring"])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_areas_of_given_thresholds(curve: str, summation: str) -> None:
    """Riemann's sums over the points that the thresholds make; between counts where PR interpolates."""
    y, p, w = numbers_of("bits", 1), numbers_of("shares", 2), np.ones(SAMPLES)
    thresholds = [0.7, 0.2, 0.5]
    got = metrics.AUC(curve=curve, summation_method=summation, thresholds=thresholds)(y, p)
    points = [counts(y, p, w, t) for t in (-1, 0.2, 0.5, 0.7, 2)]
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

    row = Row("MeanSquaredError", mean_of(lambda y, p: (y - p) ** 2))
    y, p, w = data_of(row)
    model = _model(row)
    model.compile("sgd", "mse", metrics=[Root(distance, "root")], weighted_metrics=[distance, "mse"])
    told = model.evaluate(p, y, batch_size=BATCH, verbose=0, sample_weight=w, return_dict=True)
    assert told["root"] == pytest.approx(np.sqrt(((y - p).astype(float) ** 2).mean()), rel=1e-5)
    assert told["distance"] == pytest.approx(row.oracle(y.astype(float), p.astype(float), w), rel=1e-5)
    assert told["mse"] == pytest.approx(told["distance"], rel=1e-5)


def test_names_that_are_taken_get_numbers() -> None:
    y, p, _ = data_of(Row("AUC", pairs, "bits", "grid"))
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
    y, p, _ = data_of(Row("F1Score", pairs, "one_hot", "softmax"))
    model = _model(ROWS[1])
    model.compile("sgd", "mse", metrics=[metrics.F1Score()])
    history = model.fit(
        p, y, epochs=2, verbose=2, callbacks=[cnnfast.callbacks.CSVLogger(tmp_path / "log.csv")]
    )
    assert np.shape(history.history["f1_score"]) == (2, CLASSES)
    assert f"f1_score {np.mean(history.history['f1_score'][1]):.4f}" in capsys.readouterr().out
    with pytest.raises(ValueError, match="watches one number"):
        model.fit(p, y, verbose=0, callbacks=[cnnfast.callbacks.EarlyStopping("f1_score")])


def test_models_keep_them_in_files(tmp_path: Any) -> None:
    y, p, _ = data_of(Row("AUC", pairs, "one_hot", "softmax"))
    source = Input((CLASSES,))
    model = Model(source, layers.Dense(CLASSES, activation="softmax")(source))
    own = [row.make() for row in ROWS if row.labels in ("one_hot", "bits", "numbers")]
    functions = [metrics.binary_accuracy, metrics.mean_absolute_error]
    model.compile("sgd", "mse", metrics=["f1_score", *functions, *own])
    model.save(tmp_path / "model.cnnfast")
    told, loaded = (
        each.evaluate(p, y, batch_size=BATCH, verbose=0, return_dict=True)
        for each in (model, cnnfast.models.load_model(tmp_path / "model.cnnfast"))
    )
    assert list(told) == list(loaded)
    assert len(told) == 4 + len(own)
    for name in told:
        np.testing.assert_array_equal(told[name], loaded[name])


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
    model = _model(Row("MeanSquaredError", pairs, "classes", "softmax"))
    for metric in (metrics.KLDivergence(), metrics.Precision()):
        with pytest.raises(ValueError, match="needs labels"):
            model.compile("sgd", losses.SparseCategoricalCrossentropy(), metrics=[metric])


@pytest.mark.peers
def test_against_scikit_learn() -> None:
    told = pytest.importorskip(
        "sklearn.metrics", reason="compares metrics with scikit-learn: pip install scikit-learn"
    )
    y, p, w = data_of(Row("AUC", pairs, "bits", "grid"))
    flat, shares = y.ravel(), p.ravel()
    numbers, classes = numbers_of("classes", 1), numbers_of("classes2", 2)
    real, guess = numbers_of("numbers", 1), numbers_of("numbers", 2)
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


def test_functions_are_called_as_keras_calls_them() -> None:
    def OwnRate(y_true: Any, y_pred: Any) -> Any:  # noqa: N802
        return ops.mean(y_pred, axis=-1)

    assert metrics.get(OwnRate).name == "own_rate"
    assert metrics.serialize(metrics.get(OwnRate)) == {"class_name": "OwnRate", "config": {}}
    assert metrics.get(lambda y_true, y_pred: OwnRate(y_true, y_pred)).name == "lambda"
