"""Models made anew: cloned, from JSON; what the clone shares with the model and what it does not."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers
from cnnfast.models import clone_model, load_model, model_from_json, save_model

X = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)


def chain() -> Sequential:
    return Sequential([Input((6,)), layers.Dense(4, activation="relu", name="a"), layers.Dense(2, name="b")])


def graph() -> Model:
    """Two inputs, a layer that is used twice, a model as a layer, outputs in a dict."""
    left, right = Input((6,), name="left"), Input((6,), name="right")
    shared = layers.Dense(4, name="shared")
    joined = layers.Concatenate()([shared(left), shared(right), chain()(left)])
    return Model([left, right], {"sum": layers.Dense(1, name="end")(joined), "left": shared(left)})


def same(model: Any, other: Any, x: Any) -> None:
    other.set_weights(model.get_weights())
    got, want = other.predict(x, verbose=0), model.predict(x, verbose=0)
    for name in want if isinstance(want, dict) else [slice(None)]:
        np.testing.assert_array_equal(got[name], want[name])


@pytest.mark.parametrize("make", [chain, graph])
def test_clones_compute_the_same_with_weights_of_their_own(make: Any) -> None:
    model = make()
    x = X if make is chain else [X, X + 1]
    for clone in (clone_model(model), model_from_json(model.to_json(indent=2))):
        assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
        before = model.get_weights()
        clone.set_weights([w + 1 for w in before])
        for got, want in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(got, want)
        same(model, clone, x)
        assert not clone.compiled


def test_clone_function_chooses_layers() -> None:
    model = graph()

    def kept(layer: Any) -> Any:
        return layer if layer.name == "shared" else type(layer).from_config(layer.get_config())

    clone = clone_model(model, clone_function=kept)
    assert isinstance(clone, Model)
    assert clone.get_layer("shared") is model.get_layer("shared")
    assert clone.get_layer("end") is not model.get_layer("end")
    names: list[str] = []

    def noted(layer: Any) -> Any:
        names.append(layer.name)
        return kept(layer)

    clone_model(model, clone_function=noted, recursive=True)
    assert {"a", "b", "end"} <= set(names)


def test_clones_begin_where_they_are_told() -> None:
    source = Input((6,))
    clone = clone_model(chain(), input_tensors=layers.Dense(6)(source))
    assert len(clone.weights) == 4
    begins = [Input((6,)), Input((6,))]
    same(graph(), clone_model(graph(), input_tensors=begins), [X, X])
    with pytest.raises(ValueError, match="has 2 inputs, got 1"):
        clone_model(graph(), input_tensors=begins[:1])


def test_an_unbuilt_chain_is_cloned() -> None:
    clone = clone_model(Sequential([layers.Dense(3)]))
    assert clone.predict(X, verbose=0).shape == (5, 3)


class Called(Model):
    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.dense = units, layers.Dense(units)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def test_models_with_a_call_are_cloned_from_their_configuration() -> None:
    model = Called(3, name="mine")
    assert model.get_config() == {"name": "mine", "units": 3}
    clone = clone_model(model)
    assert clone.name == "mine"
    assert clone.predict(X, verbose=0).shape == (5, 3)
    with pytest.raises(ValueError, match="cloned from its get_config"):
        clone_model(Called(3), clone_function=lambda layer: layer)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"class_name": "Dense", "config": {"units": 2}}', '{"class_name": "os"}']
)
def test_json_that_is_no_model(text: str) -> None:
    with pytest.raises(ValueError, match=r"no model|unknown layer"):
        model_from_json(text)


def test_save_model_is_save(tmp_path: Any) -> None:
    model = chain()
    save_model(model, tmp_path / "m.cnnfast")
    same(model, load_model(tmp_path / "m.cnnfast"), X)
    with pytest.raises(FileExistsError):
        save_model(model, tmp_path / "m.cnnfast", overwrite=False)
