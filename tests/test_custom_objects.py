"""Code of one's own in files: they hold names, and whoever loads them gives the code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Sequential, layers, ops, saving
from cnnfast.models import load_model, model_from_json


class Scale(layers.Layer):
    def __init__(self, factor: float = 2.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.offset = self.add_weight((input_shape[-1],), "ones", name="offset")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor + self.offset

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Largest(cnnfast.regularizers.Regularizer):
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return self.factor * ops.max(ops.abs(x))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor}


class Ramp(cnnfast.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None, **rest: Any) -> Any:
        return np.arange(np.prod(shape)).reshape(shape) / 10


class Error(cnnfast.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


def halved(w: Any) -> Any:
    return w * 0.5


def distance(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def bent(x: Any) -> Any:
    return x + 0.1 * ops.square(x)


def rate(step: int) -> float:
    return 0.1 / (1 + step)


OBJECTS: dict[str, Any] = {
    each.__name__: each for each in (Scale, Largest, Ramp, Error, halved, distance, bent, rate)
}


def _model() -> Any:
    model = Sequential(
        [
            Input((4,)),
            layers.Dense(3, bent, kernel_initializer=Ramp(), kernel_regularizer=Largest(0.2)),
            Scale(0.5),
            layers.Dense(2, kernel_constraint=halved),
            layers.Lambda(bent),
        ]
    )
    model.compile(cnnfast.optimizers.Adam(rate), Error(), metrics=[distance, "mae"])
    return model


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 4)), rng.normal(size=(8, 2))


def _goes_on_as(again: Any, model: Any) -> None:
    x, y = _data()
    for each in (model, again):
        each.fit(x, y, epochs=2, verbose=0)
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_given_by_name(tmp_path: Path) -> None:
    model = _model()
    model.fit(*_data(), verbose=0)
    model.save(tmp_path / "m")
    _goes_on_as(load_model(tmp_path / "m", custom_objects=OBJECTS), model)
    with saving.custom_object_scope(OBJECTS):
        again = load_model(tmp_path / "m", compile=False)
    assert np.array_equal(again.predict(_data()[0]), load_model(tmp_path / "m", OBJECTS).predict(_data()[0]))
    with pytest.raises(ValueError, match="compile"):
        again.evaluate(*_data())
    assert model_from_json(model.to_json(), OBJECTS).count_params() == model.count_params()


def test_nothing_is_made_that_was_not_given(tmp_path: Path) -> None:
    _model().save(tmp_path / "m")
    for name in ("Scale", "Largest", "Ramp", "halved", "bent"):
        given = {key: value for key, value in OBJECTS.items() if key != name}
        with pytest.raises(ValueError, match=f"unknown .*'{name}'"):
            load_model(tmp_path / "m", given)
    for name in ("Error", "distance", "rate"):
        given = {key: value for key, value in OBJECTS.items() if key != name}
        with pytest.warns(UserWarning, match=f"{name}.*as if it were not compiled"):
            assert load_model(tmp_path / "m", given).count_params() == _model().count_params()


def test_registered(tmp_path: Path) -> None:
    @saving.register_keras_serializable(package="tests")
    class Dense(Scale):
        """Under a name of ours."""

    @saving.register_keras_serializable("tests", "curved")
    def gelu(x: Any) -> Any:
        return x * x

    assert saving.get_registered_name(Dense) == "tests>Dense"
    assert saving.get_registered_object("tests>curved") is gelu
    model = Sequential([Input((4,)), layers.Dense(3, activation=gelu), Dense(3.0)])
    model.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    assert type(again.layers[-1]) is Dense
    assert np.array_equal(again.predict(_data()[0]), model.predict(_data()[0]))
    with pytest.raises(ValueError, match="registered already"):
        saving.register_keras_serializable("tests", "curved")(bent)


def test_refused(tmp_path: Path) -> None:
    class Dense(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    class Needy(layers.Layer):
        def __init__(self, factor: float) -> None:
            super().__init__()

        def call(self, inputs: Any) -> Any:
            return inputs

    def gelu(x: Any) -> Any:
        return x

    for layer, message in [
        (Dense(), "with the name of one of ours"),
        (Needy(1.0), "define get_config"),
        (layers.Lambda(lambda x: x), "without a name"),
        (layers.Lambda(gelu), "name of one of ours"),
        (layers.Dense(1, activation=gelu), "name of one of ours"),
        (layers.Dense(1, kernel_regularizer=lambda w: ops.sum(w)), "without a name"),
    ]:
        with pytest.raises(ValueError, match=message):
            Sequential([Input((3,)), layer]).save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_words_find_them() -> None:
    with saving.custom_object_scope({"mine": distance, "own": Error, "curve": bent, "Scale": Scale}):
        assert cnnfast.losses.get("mine").fn is distance
        assert isinstance(cnnfast.losses.get("own"), Error)
        assert cnnfast.metrics.get("mine").name == "distance"
        assert layers.Dense(2, activation="curve").activation is bent
        assert cnnfast.constraints.get("curve")(3.0) == pytest.approx(3.9)
        with saving.CustomObjectScope({"mine": halved}):
            assert cnnfast.regularizers.get("mine").fn is halved
        assert cnnfast.losses.get("mine").fn is distance
    with pytest.raises(ValueError, match="unknown loss 'mine'"):
        cnnfast.losses.get("mine")
    assert cnnfast.losses.deserialize("mine", {"mine": distance}).fn is distance
