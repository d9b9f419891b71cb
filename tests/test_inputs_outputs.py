"""Models of several inputs and outputs: as lists and dicts, nested, saved, and what their logs say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Model, ops
from cnnfast.layers import Add, Conv2D, Dense, Flatten, GlobalAveragePooling2D, Input, Layer, Reshape
from cnnfast.models import load_model

N = 40
RNG = np.random.default_rng(3)
IMAGES = RNG.normal(size=(N, 6, 6, 1)).astype(np.float32)
ROWS = RNG.normal(size=(N, 4)).astype(np.float32)
CLASSES = RNG.integers(0, 3, N)
VALUES = RNG.normal(size=(N, 2)).astype(np.float32)


def _model(as_dict: bool = False) -> Model:
    image, row = Input((6, 6, 1), name="image"), Input((4,), name="row")
    features = Flatten()(Conv2D(3, 3, activation="relu")(image))
    shared = Add()([Dense(8)(features), Dense(8)(row)])
    kind = Dense(3, activation="softmax", name="kind")(shared)
    value = Dense(2, name="value")(shared)
    if as_dict:
        return Model({"row": row, "image": image}, {"value": value, "kind": kind})
    return Model([image, row], [kind, value])


def _compiled(model: Model, **options: Any) -> Model:
    chosen = {
        "loss": {"kind": "sparse_categorical_crossentropy", "value": "mse"},
        "loss_weights": {"kind": 2.0, "value": 0.25},
        "metrics": {"kind": ["accuracy"], "value": "mae"},
        **options,
    }
    model.compile("sgd", **chosen)
    return model


def _expected(kind: np.ndarray, value: np.ndarray, rates: np.ndarray | float = 1.0) -> dict[str, float]:
    rows = -np.log(kind.astype(float)[np.arange(N), CLASSES]) * rates
    squares = ((value.astype(float) - VALUES) ** 2).mean(-1) * rates
    return {
        "loss": float(2 * rows.mean() + 0.25 * squares.mean()),
        "kind_loss": float(rows.mean()),
        "value_loss": float(squares.mean()),
        "kind_accuracy": float((kind.argmax(-1) == CLASSES).mean()),
        "value_mae": float(np.abs(value.astype(float) - VALUES).mean()),
    }


def test_names_and_shapes() -> None:
    model = _model()
    assert model.input_names == ["image", "row"]
    assert model.output_names == ["kind", "value"]
    assert model.input_shape == [(None, 6, 6, 1), (None, 4)]
    assert model.output_shape == [(None, 3), (None, 2)]
    assert _model(as_dict=True).output_shape == {"kind": (None, 3), "value": (None, 2)}


def test_inputs_by_name_and_in_order() -> None:
    model = _model()
    expected = model.predict([IMAGES, ROWS], verbose=0)
    assert [out.shape for out in expected] == [(N, 3), (N, 2)]
    for given in ((IMAGES, ROWS), {"row": ROWS, "image": IMAGES}):
        for got, wanted in zip(model.predict(given, batch_size=7, verbose=0), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    named = _model(as_dict=True)
    named.set_weights(model.get_weights())
    out = named.predict_on_batch({"image": IMAGES, "row": ROWS})
    np.testing.assert_allclose(out["kind"], expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(out["value"], expected[1], rtol=1e-6, atol=1e-6)
    called = model([IMAGES, ROWS])
    np.testing.assert_allclose(called[1], expected[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("as_dict", [False, True])
@pytest.mark.parametrize("batch", [7, 16, N])
def test_logs_are_exact_over_uneven_batches(as_dict: bool, batch: int) -> None:
    model = _compiled(_model(as_dict))
    x = {"image": IMAGES, "row": ROWS}
    y = {"kind": CLASSES, "value": VALUES}
    out = model.predict(x, verbose=0)
    kind, value = (out["kind"], out["value"]) if as_dict else out
    logs = model.evaluate(x, y, batch_size=batch, verbose=0, return_dict=True)
    expected = _expected(kind, value)
    assert list(logs) == ["loss", "kind_loss", "value_loss", "kind_accuracy", "value_mae"]
    assert model.metrics_names == list(logs)
    for name, wanted in expected.items():
        assert logs[name] == pytest.approx(wanted, rel=2e-5), name
    assert logs["kind_accuracy"] == expected["kind_accuracy"]
    assert model.evaluate(x, y, batch_size=batch, verbose=0) == list(logs.values())


def test_fit_learns_both_outputs() -> None:
    model = _compiled(_model())
    history = model.fit(
        [IMAGES, ROWS], [CLASSES, VALUES], epochs=30, batch_size=8, verbose=0, validation_split=0.2
    ).history
    assert set(history) == {prefix + name for prefix in ("", "val_") for name in model.metrics_names}
    assert history["kind_loss"][-1] < 0.7 * history["kind_loss"][0]
    assert history["value_loss"][-1] < history["value_loss"][0]
    again = model.fit(
        {"image": IMAGES, "row": ROWS},
        {"kind": CLASSES, "value": VALUES},
        verbose=0,
        validation_data=([IMAGES, ROWS], [CLASSES, VALUES]),
    )
    assert "val_kind_accuracy" in again.history


def test_sample_and_class_weights() -> None:
    rates = RNG.uniform(0, 2, N).astype(np.float32)
    model = _compiled(_model())
    kind, value = model.predict([IMAGES, ROWS], verbose=0)
    logs = model.evaluate(
        [IMAGES, ROWS], [CLASSES, VALUES], sample_weight=rates, batch_size=16, verbose=0, return_dict=True
    )
    for name, wanted in _expected(kind, value, rates.astype(float)).items():
        assert logs[name] == pytest.approx(wanted, rel=2e-5), name
    single = cnnfast.Sequential([Input((4,)), Dense(3, activation="softmax")])
    single.compile("sgd", "sparse_categorical_crossentropy")
    out = single.predict(ROWS, verbose=0).astype(float)
    losses = -np.log(out[np.arange(N), CLASSES])
    by_class = np.array([1.0, 3.0, 0.5])
    loss = single.train_on_batch(ROWS, CLASSES, class_weight={1: 3.0, 2: 0.5})
    assert loss == pytest.approx((losses * by_class[CLASSES]).mean(), rel=1e-5)
    one_hot = cnnfast.utils.to_categorical(CLASSES, 3)
    single.compile("sgd", "categorical_crossentropy")
    out = single.predict(ROWS, verbose=0).astype(float)
    losses = -np.log(out[np.arange(N), CLASSES])
    loss = single.train_on_batch(ROWS, one_hot, class_weight={1: 3.0, 2: 0.5})
    assert loss == pytest.approx((losses * by_class[CLASSES]).mean(), rel=1e-5)
    with pytest.raises(ValueError, match="class_weight is for a model of one output"):
        model.fit([IMAGES, ROWS], [CLASSES, VALUES], class_weight={0: 1.0}, verbose=0)
    with pytest.raises(ValueError, match="one number for each of the 40 samples"):
        single.fit(ROWS, one_hot, sample_weight=np.ones(3), verbose=0)


def test_a_loss_for_one_output_alone() -> None:
    model = _compiled(
        _model(), loss={"kind": "sparse_categorical_crossentropy"}, metrics=None, loss_weights=None
    )
    before = [w.copy() for w in model.get_layer("value").get_weights()]
    logs = model.train_on_batch([IMAGES, ROWS], [CLASSES, None], return_dict=True)
    assert list(logs) == ["loss", "kind_loss"]
    assert logs["loss"] == logs["kind_loss"]
    for old, new in zip(before, model.get_layer("value").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_losses_of_pixels_train() -> None:
    model = cnnfast.Sequential([Input((6, 6, 1)), Conv2D(4, 3, padding="same", activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = RNG.integers(0, 4, (N, 6, 6))
    out = model.predict(IMAGES, verbose=0).astype(float)
    picked = np.take_along_axis(out, y[..., None], -1)
    loss, accuracy = model.evaluate(IMAGES, y[..., None], batch_size=16, verbose=0)
    assert loss == pytest.approx(-np.log(picked).mean(), rel=1e-5)
    assert accuracy == (out.argmax(-1) == y).mean()


def test_nested_models_with_several_ends(tmp_path: Path) -> None:
    """A model of two inputs and outputs in a model, called twice, saved and loaded."""
    a, b = Input((4,), name="a"), Input((4,), name="b")
    inner = Model([a, b], [Add()([a, b]), Dense(4, name="turn")(a)], name="inner")
    x, y = Input((4,), name="x"), Input((4,), name="y")
    left, right = inner([x, y])
    outer = Model([x, y], [*inner([left, right]), ops.relu(ops.add(left, y))])
    p, q = RNG.normal(size=(2, 5, 4)).astype(np.float32)
    kernel, bias = (w.astype(float) for w in outer.get_weights())
    assert len(outer.get_weights()) == 2
    first, second = p.astype(float) + q, p @ kernel + bias
    expected = [first + second, first @ kernel + bias, np.maximum(first + q, 0)]
    for got, wanted in zip(outer.predict([p, q], verbose=0), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)
    outer.compile("sgd", ["mse", None, "mse"])
    outer.train_on_batch([p, q], [p, None, q])
    outer.save(tmp_path / "net")
    again = load_model(tmp_path / "net")
    for got, wanted in zip(again.predict([p, q], verbose=0), outer.predict([p, q], verbose=0), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert again.train_on_batch([p, q], [p, None, q]) == outer.train_on_batch([p, q], [p, None, q])
    dicts = _compiled(_model(as_dict=True))
    dicts.save(tmp_path / "dicts")
    loaded = load_model(tmp_path / "dicts")
    x = {"image": IMAGES, "row": ROWS}
    np.testing.assert_array_equal(loaded.predict(x, verbose=0)["kind"], dicts.predict(x, verbose=0)["kind"])
    assert loaded.metrics_names == dicts.metrics_names


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.predict(IMAGES), r"there must be 2, \['image', 'row'\], got 1"),
        (lambda m: m.predict({"image": IMAGES, "rows": ROWS}), "by name there must be"),
        (lambda m: m.predict([IMAGES, ROWS[:3]]), "as many samples"),
        (lambda m: m.predict([ROWS, IMAGES]), r"x \(image\) must have shape"),
        (lambda m: m.evaluate([IMAGES, ROWS], CLASSES), "there must be 2"),
        (lambda m: m.evaluate([IMAGES, ROWS], [CLASSES, VALUES[:, :1]]), r"y \(value\) must have shape"),
        (lambda m: m.evaluate([IMAGES, ROWS], [CLASSES + 1, VALUES]), r"y \(kind\) must lie in 0 ... 2"),
        (lambda m: _compiled(m, loss={"nobody": "mse"}), "the outputs are named"),
        (lambda m: _compiled(m, loss=["mse"]), "there must be 2"),
        (lambda m: _compiled(m, metrics=["mae"]), "metrics must be a list or dict"),
    ],
)
def test_what_does_not_fit_says_so(call: Any, words: str) -> None:
    model = _compiled(_model())
    before = model.get_weights()
    with pytest.raises(ValueError, match=words):
        call(model)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_samples_may_be_single_numbers(tmp_path: Path) -> None:
    x = Input(())
    assert x.shape == (None,)
    model = Model(x, Dense(2)(Reshape((1,))(ops.exp(x))))
    model.compile("sgd", "mse")
    numbers = np.linspace(-1, 1, 8, dtype=np.float32)
    before = model.evaluate(numbers, np.ones((8, 2)), verbose=0)
    model.fit(numbers, np.ones((8, 2)), epochs=3, verbose=0)
    assert model.evaluate(numbers, np.ones((8, 2)), verbose=0) < before
    kernel, bias = model.get_weights()
    want = np.exp(numbers)[:, None] * kernel + bias
    np.testing.assert_allclose(model.predict(numbers, verbose=0), want, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model")
    same = load_model(tmp_path / "model").predict(numbers, verbose=0)
    np.testing.assert_array_equal(same, model.predict(numbers, verbose=0))
    with pytest.raises(ValueError, match="Dense needs an axis of features, got one number a row"):
        Dense(2)(Input(()))
    with pytest.raises(ValueError, match="must have a batch axis, got the single number"):
        model.predict(3.0, verbose=0)


def test_sizes_that_are_not_known_from_the_first_layer(tmp_path: Path) -> None:
    first = Conv2D(4, 3, input_shape=(None, None, 3))
    model = cnnfast.Sequential([first, GlobalAveragePooling2D()])
    assert model.input_shape == (None, None, None, 3)
    model.save(tmp_path / "model")
    for made in (model, load_model(tmp_path / "model")):
        for size in (5, 8):
            x = RNG.normal(size=(2, size, size + 1, 3)).astype(np.float32)
            np.testing.assert_allclose(
                made.predict(x, verbose=0), first(x).mean((1, 2)), rtol=1e-4, atol=1e-6
            )
    with pytest.raises(ValueError, match="every axis of input_shape must be at least 1"):
        Conv2D(4, 3, input_shape=(None, 0, 3))


class _Told(Layer):
    def call(self, inputs: Any) -> Any:
        self.add_loss(ops.mean(ops.square(inputs)))
        return inputs


def test_a_loss_that_layers_tell_is_enough() -> None:
    source = Input((4,))
    model = Model(source, _Told()(Dense(3, use_bias=False)(source)))
    with pytest.raises(ValueError, match=r"nothing tells what training makes smaller: give compile a loss"):
        Model(source, Dense(3)(source)).compile("sgd")
    model.compile("sgd")
    kernel = model.get_weights()[0]
    expected = np.mean((ROWS.astype(float) @ kernel) ** 2)
    assert model.evaluate(ROWS, verbose=0) == pytest.approx(expected, rel=1e-5)
    history = model.fit(ROWS, batch_size=N, epochs=2, verbose=0).history["loss"]
    assert history[0] == pytest.approx(expected, rel=1e-5)
    assert history[1] < history[0]
    assert model.train_on_batch(ROWS) < history[1]


@pytest.mark.parametrize("name", ["train_step", "compute_loss"])
def test_steps_of_ones_own_are_not_silently_ignored(name: str) -> None:
    own = type("Own", (Model,), {name: lambda self, data: {}})
    source = Input((4,))
    model = own(source, Dense(3)(source))
    with pytest.raises(ValueError, match=f"Own. defines {name}, which nobody would call"):
        model.compile("sgd", "mse")
