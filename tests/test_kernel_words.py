"""Convolutions, dense layers and pooling as words of a layer's `call`: what layers make of the same weights.

Kernels are weights, or made of weights; steps of training move both alike.
"""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, layers, ops

X = np.random.default_rng(0).normal(size=(4, 9, 8, 3)).astype(np.float32)


class Word(layers.Layer):
    """A function of `ops` with weights of its own."""

    def __init__(
        self, word: str, kernel: tuple[int, ...], bias: int, computed: bool = False, **how: Any
    ) -> None:
        super().__init__()
        self.word, self.shape, self.size, self.computed, self.how = word, kernel, bias, computed, how

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(self.shape, "glorot_uniform", name="kernel")
        self.bias = self.add_weight((self.size,), "zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        kernel = self.kernel * 1.0 if self.computed else self.kernel
        return getattr(ops, self.word)(inputs, kernel, bias=self.bias, **self.how)


SAME: dict[str, tuple[Word, layers.Layer]] = {
    "conv": (
        Word("conv", (3, 2, 3, 5), 5, strides=2, padding="same", activation="relu"),
        layers.Conv2D(5, (3, 2), 2, "same", activation="relu"),
    ),
    "conv, channels first": (
        Word("conv", (3, 2, 9, 5), 5, data_format="channels_first"),
        layers.Conv2D(5, (3, 2), data_format="channels_first"),
    ),
    "computed": (
        Word("conv", (3, 2, 3, 5), 5, True, strides=2, padding="same", activation="relu"),
        layers.Conv2D(5, (3, 2), 2, "same", activation="relu"),
    ),
    "computed, channels first": (
        Word("conv", (3, 2, 9, 5), 5, True, dilation_rate=(1, 1), data_format="channels_first"),
        layers.Conv2D(5, (3, 2), data_format="channels_first"),
    ),
    "computed, in groups": (
        Word("conv", (3, 2, 1, 6), 6, True, strides=(2, 1), padding=((1, 0), (2, 1))),
        layers.Conv2D(6, (3, 2), (2, 1), ((1, 0), (2, 1)), groups=3),
    ),
    "computed, depthwise": (
        Word("depthwise_conv", (3, 2, 3, 2), 6, True, padding="same", dilation_rate=2, activation="relu"),
        layers.DepthwiseConv2D(
            (3, 2), padding="same", depth_multiplier=2, dilation_rate=2, activation="relu"
        ),
    ),
    "computed, depthwise, channels first": (
        Word("depthwise_conv", (3, 2, 9, 1), 9, True, strides=2, padding=1, data_format="channels_first"),
        layers.DepthwiseConv2D((3, 2), 2, 1, data_format="channels_first"),
    ),
    "depthwise_conv": (
        Word("depthwise_conv", (3, 3, 3, 2), 6, padding="same"),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
    ),
    "conv_transpose": (
        Word("conv_transpose", (3, 3, 5, 3), 5, strides=2),
        layers.Conv2DTranspose(5, 3, 2),
    ),
    "dense": (Word("dense", (3, 6), 6, activation="tanh"), layers.Dense(6, activation="tanh")),
}


@pytest.mark.parametrize("name", SAME)
def test_words_are_what_layers_are(name: str, isa: str) -> None:
    models = [
        Sequential([Input(X.shape[1:]), layer, layers.Flatten(), layers.Dense(2)]) for layer in SAME[name]
    ]
    word, layer = models
    word.set_weights([np.full(w.shape, 0.1) + w for w in layer.get_weights()])
    layer.set_weights(word.get_weights())
    np.testing.assert_allclose(word.predict(X, verbose=0), layer.predict(X, verbose=0), rtol=1e-4, atol=1e-5)
    y = np.ones((4, 2), np.float32)
    for model in models:
        model.compile("sgd", "mse")
        for _ in range(3):
            model.train_on_batch(X, y)
    for got, want in zip(word.get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)


def test_pooling_of_what_stands_for_images() -> None:
    source = Input(X.shape[1:])
    for word, layer in (
        (lambda x: ops.max_pool(x, 2, padding="same"), layers.MaxPooling2D(2, padding="same")),
        (lambda x: ops.average_pool(x, 3, 2), layers.AveragePooling2D(3, 2)),
    ):
        model = Model(source, word(source))
        np.testing.assert_array_equal(model.predict(X, verbose=0), layer(X))
        np.testing.assert_array_equal(word(X), layer(X))
        again = Model.from_config(model.get_config())
        np.testing.assert_array_equal(again.predict(X, verbose=0), layer(X))


@pytest.mark.parametrize("how", [{}, {"strides": 2, "padding": "same"}, {"padding": 1, "dilation_rate": 2}])
@pytest.mark.parametrize("shape", [(11, 4), (5, 6, 7, 4)])
@pytest.mark.parametrize("word", ["conv", "depthwise_conv"])
def test_computed_kernels_of_sequences_and_volumes(word: str, shape: Any, how: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *shape)).astype(np.float32)
    kernel = rng.normal(size=(*(2,) * (len(shape) - 1), 4, 3)).astype(np.float32)
    function = getattr(ops, word)

    class Doubled(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return function(inputs, ops.multiply(kernel, 2.0), **how)

    np.testing.assert_allclose(Doubled()(x), function(x, 2 * kernel, **how), rtol=1e-4, atol=1e-4)


FIXED = np.random.default_rng(1).normal(size=(3, 3, 3, 3)).astype(np.float32)
BY_ARRAYS: dict[str, Any] = {
    "conv": lambda x: ops.conv(x, FIXED, padding="same", bias=np.ones(3)),
    "depthwise_conv": lambda x: ops.depthwise_conv(x, FIXED[..., :1], padding="same"),
    "conv_transpose": lambda x: ops.conv_transpose(x, FIXED, 2, "same"),
    "separable_conv": lambda x: ops.separable_conv(x, FIXED[..., :1], FIXED[:1, :1]),
    "dense": lambda x: ops.dense(x, FIXED[0, 0]),
}


@pytest.mark.parametrize("name", BY_ARRAYS)
def test_arrays_as_kernels_stay_as_they_are(name: str, tmp_path: Any) -> None:
    """Fixed filters, such as those of blurs and edges, in a model: what is around them trains."""
    word = BY_ARRAYS[name]
    source = Input(X.shape[1:])
    hidden = layers.Conv2D(3, 1, name="trained")(source)
    model = Model(source, layers.Conv2D(2, 1)(word(hidden)))
    inner = Model(source, hidden)
    before = model.predict(X, verbose=0)
    np.testing.assert_allclose(
        before, model.layers[-1](word(inner.predict(X, verbose=0))), rtol=1e-4, atol=1e-5
    )
    assert len(model.weights) == 4
    model.compile("sgd", "mse")
    first = model.train_on_batch(X, before + 1)
    for _ in range(5):
        last = model.train_on_batch(X, before + 1)
    assert last < first
    after = model.predict(X, verbose=0)
    np.testing.assert_allclose(
        after, model.layers[-1](word(inner.predict(X, verbose=0))), rtol=1e-4, atol=1e-5
    )
    model.save_weights(tmp_path / "weights")
    model.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(model.predict(X, verbose=0), after)


def test_what_no_kernel_is() -> None:
    class Sequences(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight((2, 3, 3))

        def call(self, inputs: Any) -> Any:
            return ops.conv(inputs, self.kernel * 2.0)

    class Transposed(Sequences):
        def call(self, inputs: Any) -> Any:
            return ops.conv_transpose(inputs, self.kernel * 2.0)

    with pytest.raises(ValueError, match="as many axes as x"):
        Sequences()(np.ones((1, 5, 5, 3)))
    with pytest.raises(ValueError, match="must be what add_weight returned, or an array"):
        Transposed()(np.ones((1, 5, 3)))


@pytest.mark.parametrize("make", [np.ones, lambda shape: layers.Input(shape[1:])])
def test_inputs_by_their_name(make: Any) -> None:
    """Keras's: `inputs` of what has windows, on arrays and symbolic tensors."""
    x, square, each = make((2, 6, 6, 3)), np.ones((3, 3, 3, 4), np.float32), np.ones((3, 3, 3, 2), np.float32)
    assert ops.conv(inputs=x, kernel=square).shape[1:] == (4, 4, 4)
    assert ops.conv_transpose(inputs=x, kernel=np.swapaxes(square, 2, 3)).shape[1:] == (8, 8, 4)
    assert ops.depthwise_conv(inputs=x, kernel=each).shape[1:] == (4, 4, 6)
    for pool in (ops.max_pool, ops.average_pool):
        assert pool(inputs=x, pool_size=2).shape[1:] == (3, 3, 3)
