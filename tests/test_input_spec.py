"""Layers of one's own that tell what inputs they take; layers as plain data."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Sequential, layers, ops


class Picky(layers.Layer):
    """Takes what it is told to."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(name="picky")
        self.input_spec = layers.InputSpec(**spec)

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs)


SPECS: list[tuple[dict[str, Any], tuple[int, ...], tuple[int, ...], str]] = [
    # The spec, a shape of a sample that suits, one that does not, and why.
    ({"ndim": 3}, (4, 5), (4,), "input 0 must have 3 axes, got shape \\(None, 4\\)"),
    ({"min_ndim": 3}, (4, 5, 6), (4,), "must have at least 3 axes"),
    ({"max_ndim": 3}, (4,), (4, 5, 6), "must have at most 3 axes"),
    ({"axes": {-1: 3}}, (7, 3), (7, 4), "must have size 3 along axis -1"),
    ({"axes": {2: None}}, (7, 3), (7,), "must have size None along axis 2"),
    ({"shape": (None, None, 3)}, (7, 3), (7, 4), r"must have shape \(None, None, 3\)"),
    ({"shape": (None, 7), "allow_last_axis_squeeze": True}, (7, 1), (6, 1), "must have shape"),
]


@pytest.mark.parametrize(("spec", "good", "bad", "message"), SPECS)
def test_specs(spec: dict[str, Any], good: Any, bad: Any, message: str) -> None:
    layer = Picky(**spec)
    assert layer(Input(good)).shape == (None, *good)
    assert layer(np.ones((2, *good))).shape == (2, *good)
    for given in (Input(bad), np.ones((2, *bad))):
        with pytest.raises(ValueError, match=message):
            layer(given)
    kept = layer.input_spec.get_config()
    assert layers.InputSpec.from_config(kept).get_config() == kept


def test_several_inputs() -> None:
    class Both(layers.Layer):
        input_spec = [layers.InputSpec(ndim=2), layers.InputSpec(ndim=3, name="other")]  # noqa: RUF012

        def call(self, inputs: Any) -> Any:
            return inputs[0] + ops.sum(inputs[1], 1)

    assert Both()([Input((4,)), Input((3, 4))]).shape == (None, 4)
    with pytest.raises(ValueError, match="input 'other' must have 3 axes"):
        Both()([Input((4,)), Input((4,))])
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        Both()([Input((4,))] * 3)


def test_specs_are_refused() -> None:
    with pytest.raises(ValueError, match="axes must be below 2"):
        layers.InputSpec(ndim=2, axes={2: 3})


def test_layers_as_data() -> None:
    layer = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")
    again = layers.deserialize(layers.serialize(layer))  # type: ignore[arg-type]
    assert again.get_config() == layer.get_config()
    model = Sequential([Input((8, 8, 3)), layer, layers.Flatten()])
    assert layers.deserialize(layers.serialize(model)).output_shape == (None, 256)  # type: ignore[arg-type, attr-defined]
    with pytest.raises(ValueError, match="code of your own"):
        layers.serialize(Picky(ndim=2))
    with pytest.raises(ValueError, match="does not offer custom_objects"):
        layers.deserialize({}, {"Picky": Picky})  # type: ignore[arg-type]
