"""Layers that are short sentences over operations: activations by name or function, merges, scaling."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, activations, layers, models, ops

Array = np.ndarray


def _gelu(x: Array) -> Array:
    """Exact, as Keras's layers have it."""
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "exponential": np.exp,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(-abs(x))) + np.maximum(x, 0),
    "softsign": lambda x: x / (1 + abs(x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "gelu": _gelu,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
}


def _x(*shape: int) -> Array:
    return np.random.default_rng(0).normal(0, 2, (3, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name(name: str) -> None:
    x = _x(5, 4, 17)
    want = ACTIVATIONS[name](x.astype(np.float64))
    np.testing.assert_allclose(layers.Activation(name)(x), want, rtol=1e-5, atol=1e-6)
    dense = layers.Dense(17, activation=name, kernel_initializer="identity")
    np.testing.assert_allclose(dense(x[:, 0, 0]), want[:, 0, 0], rtol=1e-5, atol=1e-6)
    conv = layers.Conv2D(17, 1, activation=name)
    conv.build((None, 5, 4, 17))
    conv.set_weights([np.eye(17)[None, None], np.zeros(17)])
    np.testing.assert_allclose(conv(x), want, rtol=1e-5, atol=1e-6)
    same = type(conv).from_config(conv.get_config())
    assert same.activation is conv.activation is activations.get(name)


def test_activations_by_function() -> None:
    x = _x(4)
    for layer in (layers.Dense(2, activation=activations.gelu), layers.Activation("gelu")):
        assert layer.activation is activations.gelu
        assert layer.get_config()["activation"] == "gelu"
    assert layers.Dense(2, activation=ops.relu).activation is activations.relu
    assert layers.Conv2D(2, 3).activation.__name__ == "linear"
    by_tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(layers.Activation(ops.gelu)(x), by_tanh, rtol=1e-4, atol=1e-6)
    own = layers.Activation(lambda v: v * v + 1)
    np.testing.assert_allclose(own(x), x.astype(np.float64) ** 2 + 1, rtol=1e-6)
    with pytest.raises(ValueError, match="code of your own"):
        own.get_config()


LAYERS: list[tuple[Any, Callable[[Array], Array]]] = [
    (layers.LeakyReLU(), lambda x: np.where(x > 0, x, 0.3 * x)),
    (layers.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    (layers.Rescaling(1 / 127.5, offset=-1), lambda x: x / 127.5 - 1),
    (layers.ReLU(3.0), lambda x: np.clip(x, 0, 3)),
    (layers.ReLU(negative_slope=0.1), lambda x: np.where(x >= 0, x, 0.1 * x)),
    (layers.ReLU(2.0, 0.5, 1.0), lambda x: np.where(x > 1, np.minimum(x, 2), 0.5 * (x - 1))),
]


@pytest.mark.parametrize(("layer", "expected"), LAYERS)
def test_elementwise_layers(layer: Any, expected: Callable[[Array], Array]) -> None:
    x = _x(6, 5)
    want = expected(x.astype(np.float64))
    np.testing.assert_allclose(layer(x), want, rtol=1e-5, atol=1e-6)
    same = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(same(x), layer(x))


MERGES: dict[str, Callable[[list[Array]], Array]] = {
    "Add": lambda xs: xs[0] + xs[1] + xs[2],
    "Multiply": lambda xs: xs[0] * xs[1] * xs[2],
    "Average": lambda xs: (xs[0] + xs[1] + xs[2]) / 3,
    "Maximum": np.maximum.reduce,
    "Minimum": np.minimum.reduce,
}


@pytest.mark.parametrize("name", MERGES)
def test_merges(name: str, tmp_path: Path) -> None:
    entries = [Input((4, 5, 6)) for _ in range(3)]
    model = Model(entries, getattr(layers, name)()(entries))
    xs = [_x(4, 5, 6) + i * _x(4, 5, 6)[::-1] for i in range(3)]
    want = MERGES[name]([x.astype(np.float64) for x in xs])
    np.testing.assert_allclose(model.predict(xs), want, rtol=1e-5, atol=1e-6)
    same = Model(entries, getattr(layers, name.lower())(entries))
    np.testing.assert_array_equal(same.predict(xs), model.predict(xs))
    model.save(tmp_path / "merge")
    np.testing.assert_array_equal(models.load_model(tmp_path / "merge").predict(xs), model.predict(xs))


@pytest.mark.parametrize(
    "shapes", [((4,), (1,)), ((5, 1, 3), (1, 4, 3)), ((4, 5, 3), (3,)), ((3,), (4, 5, 3))]
)
@pytest.mark.parametrize("name", MERGES)
def test_merges_of_several_shapes(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    """What lacks axes has them behind the batch's."""
    xs = [_x(*shape) + i for i, shape in enumerate([*shapes, shapes[0]])]
    entries = [Input(x.shape[1:]) for x in xs]
    layer = getattr(layers, name)()
    got = Model(entries, layer(entries)).predict(xs, verbose=0)
    rank = max(x.ndim for x in xs)
    wide = [x.astype(np.float64).reshape(3, *(1,) * (rank - x.ndim), *x.shape[1:]) for x in xs]
    np.testing.assert_allclose(got, MERGES[name](np.broadcast_arrays(*wide)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer(xs), got)
    assert layer.compute_output_shape([(None, *x.shape[1:]) for x in xs]) == (None, *got.shape[1:])


def test_the_difference_of_two() -> None:
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], layers.subtract([a, b]))
    np.testing.assert_array_equal(model.predict([_x(4), 2 * _x(4)]), -_x(4))
    with pytest.raises(ValueError, match="exactly two inputs, got 3"):
        layers.Subtract()([a, b, a])


def test_channels_are_scaled_by_a_gate() -> None:
    """Squeeze and excite: a value a channel multiplies the image."""
    entry = Input((8, 8, 16))
    gate = layers.Dense(16, activation="sigmoid")(layers.GlobalAveragePooling2D()(entry))
    model = Model(entry, layers.Multiply()([entry, layers.Reshape((1, 1, 16))(gate)]))
    x = _x(8, 8, 16)
    kernel, bias = (w.astype(np.float64) for w in model.get_weights())
    want = x * (1 / (1 + np.exp(-(x.mean((1, 2)) @ kernel + bias))))[:, None, None]
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Activation("nothing"), "unknown activation 'nothing'"),
        (lambda: layers.Multiply()([Input((4,))]), "at least two inputs"),
        (lambda: layers.LeakyReLU(-1), "negative_slope must be at least 0"),
        (lambda: layers.ReLU(-1), "max_value must be at least 0"),
    ],
)
def test_refusals(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def _normalized(x: Array, axes: tuple[int, ...], epsilon: float = 1e-3) -> Array:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + epsilon)


def _grouped(x: Array, groups: int, axis: int, epsilon: float = 1e-3) -> Array:
    cut = x.reshape(*x.shape[:axis], groups, -1, *x.shape[axis + 1 :])
    axes = tuple(i for i in range(1, cut.ndim) if i != axis)
    return _normalized(cut, axes, epsilon).reshape(x.shape)


def _local(x: Array, axis: int, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> Array:
    squares = np.moveaxis(x**2, axis, -1)
    padded = np.pad(squares, [(0, 0)] * 3 + [(size // 2, (size - 1) // 2)])
    total = np.lib.stride_tricks.sliding_window_view(padded, size, -1).sum(-1)
    return x / np.moveaxis(k + alpha / size * total, -1, axis) ** beta


# Of samples (6, 5, 8): the layer, what NumPy makes of them, and the shape of its weights, as it is broadcast.
NORMALIZATIONS: list[tuple[Any, Callable[[Array], Array], tuple[int, ...]]] = [
    (layers.LayerNormalization(), lambda x: _normalized(x, (3,)), (8,)),
    (layers.LayerNormalization(axis=1, epsilon=0.1), lambda x: _normalized(x, (1,), 0.1), (6, 1, 1)),
    (layers.LayerNormalization(axis=(1, 3)), lambda x: _normalized(x, (1, 3)), (6, 1, 8)),
    (layers.LayerNormalization(axis=[1, 2, 3]), lambda x: _normalized(x, (1, 2, 3)), (6, 5, 8)),
    (layers.GroupNormalization(4), lambda x: _grouped(x, 4, 3), (8,)),
    (layers.GroupNormalization(1), lambda x: _normalized(x, (1, 2, 3)), (8,)),
    (layers.GroupNormalization(3, axis=1), lambda x: _grouped(x, 3, 1), (6, 1, 1)),
    (layers.GroupNormalization(-1, epsilon=0.1), lambda x: _normalized(x, (1, 2), 0.1), (8,)),
    (layers.InstanceNormalization(), lambda x: _normalized(x, (1, 2)), (8,)),
    (layers.InstanceNormalization(axis=1), lambda x: _normalized(x, (2, 3)), (6, 1, 1)),
    (
        layers.RMSNormalization(),
        lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6),
        (8,),
    ),
    (layers.UnitNormalization(), lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True)), ()),
    (layers.UnitNormalization(axis=(1, 2)), lambda x: x / np.sqrt((x**2).sum((1, 2), keepdims=True)), ()),
    (layers.LocalResponseNormalization(5), lambda x: _local(x, 3, 5), ()),
    (layers.LocalResponseNormalization(4, 0.5, 0.6, 2.0), lambda x: _local(x, 3, 4, 0.5, 0.6, 2.0), ()),
    (layers.LocalResponseNormalization(9, 1.0, 1.5, axis=1), lambda x: _local(x, 1, 9, 1.0, 1.5), ()),
    (layers.LocalResponseNormalization(1, k=0.5), lambda x: _local(x, 3, 1, k=0.5), ()),
]


@pytest.mark.parametrize(("layer", "expected", "shape"), NORMALIZATIONS)
def test_normalization(
    layer: Any, expected: Callable[[Array], Array], shape: tuple[int, ...], isa: str
) -> None:
    x = _x(6, 5, 8)
    layer.build((None, 6, 5, 8))
    rng = np.random.default_rng(1)
    values = [rng.uniform(0.5, 1.5, weight.shape).astype(np.float32) for weight in layer.weights]
    layer.set_weights(values)
    scale = values[0].reshape(shape).astype(float) if values else 1.0
    shift = values[1].reshape(shape) if len(values) > 1 else 0.0
    np.testing.assert_allclose(layer(x), expected(x.astype(float)) * scale + shift, rtol=1e-5, atol=2e-6)
    same = type(layer).from_config(layer.get_config())
    same.build((None, 6, 5, 8))
    same.set_weights(values)
    np.testing.assert_array_equal(same(x), layer(x))


@pytest.mark.parametrize(("layer", "expected", "shape"), NORMALIZATIONS)
def test_normalization_is_differentiated(
    layer: Any, expected: Callable[[Array], Array], shape: tuple[int, ...]
) -> None:
    x = _x(6, 5, 8)
    layer.build((None, 6, 5, 8))
    scale = layer.get_weights()[0].reshape(shape).astype(float) if layer.weights else 1.0
    model = Model(source := Input((6, 5, 8)), layer(source))
    rates = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    grad, _ = model.network.vjp(x, rates)
    for at in [(0, 0, 0, 0), (1, 5, 4, 7), (2, 3, 1, 4), (0, 2, 2, 2)]:
        sides = []
        for side in (1e-6, -1e-6):
            moved = x.astype(float)
            moved[at] += side
            sides.append((rates * expected(moved) * scale).sum())
        np.testing.assert_allclose(grad[at], (sides[0] - sides[1]) / 2e-6, rtol=2e-4, atol=2e-5)


def test_layers_are_built_once() -> None:
    layer = layers.LayerNormalization()
    for _ in range(2):
        layer.build((None, 4))
    assert len(layer.weights) == 2


def test_normalization_refuses() -> None:
    with pytest.raises(ValueError, match="groups must divide the channels"):
        layers.GroupNormalization(3)(Input((4, 8)))
    with pytest.raises(ValueError, match="axis must be different ones of 1 to 2"):
        layers.LayerNormalization(axis=0)(Input((4, 8)))
    for groups in (0, -2, 1.5, "32"):
        with pytest.raises(ValueError, match="groups must be"):
            layers.GroupNormalization(groups)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="axis must be a whole number, got 'axis'"):
        layers.LayerNormalization(axis="axis")  # type: ignore[arg-type]
    frozen = layers.LayerNormalization(center=False, scale=False)
    frozen.build((None, 4))
    assert frozen.weights == []


@pytest.mark.parametrize(
    ("shared", "shape"), [(None, (6, 5, 8)), ([1, 2], (1, 1, 8)), (1, (1, 5, 8)), ((-1, 2), (6, 1, 1))]
)
def test_learnt_slopes(shared: Any, shape: tuple[int, ...], isa: str) -> None:
    x = _x(6, 5, 8)
    layer = layers.PReLU(shared_axes=shared)
    model = Model(source := Input((6, 5, 8)), layer(source))
    assert layer.alpha.shape == shape
    alpha = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    layer.set_weights([alpha])
    want = np.where(x > 0, x, x * alpha.astype(float))
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-6, atol=1e-7)
    rates = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    grad, (grad_alpha,) = model.network.vjp(x, rates)
    np.testing.assert_allclose(grad, np.where(x > 0, 1, alpha) * rates, rtol=1e-6)
    terms = np.where(x > 0, 0, x * rates.astype(float))
    axes = tuple(i for i, size in enumerate(shape, 1) if size == 1)
    np.testing.assert_allclose(grad_alpha, terms.sum((0, *axes)).reshape(shape), rtol=1e-5, atol=1e-5)
    same = layers.PReLU.from_config(layer.get_config())
    same.build((None, 6, 5, 8))
    same.set_weights([alpha])
    np.testing.assert_array_equal(same(x), layer(x))


def test_slopes_are_held_by_rules() -> None:
    layer = layers.PReLU("ones", alpha_regularizer="l2", alpha_constraint="non_neg", shared_axes=[1])
    layer.build((None, 4))
    twin = layers.PReLU.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="axis 0 must be one of 1 to 1"):
        layers.PReLU(shared_axes=0).build((None, 4))


@pytest.mark.parametrize(
    ("axis", "shape", "like"), [(-1, (6, 5, 8), (8,)), (1, (4, 6, 5), (4, 1, 1)), (1, (3,), (3,))]
)
def test_learnt_factors(axis: int, shape: tuple[int, ...], like: tuple[int, ...], isa: str) -> None:
    x = _x(*shape)
    layer = layers.LayerScale(0.25, axis=axis)
    model = Model(source := Input(shape), layer(source))
    np.testing.assert_array_equal(model.predict(x), x * np.float32(0.25))
    gamma = np.random.default_rng(1).normal(size=shape[axis if axis < 0 else 0]).astype(np.float32)
    layer.set_weights([gamma])
    np.testing.assert_allclose(model.predict(x), x * gamma.reshape(like), rtol=1e-6)
    rates = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    grad, (grad_gamma,) = model.network.vjp(x, rates)
    np.testing.assert_allclose(grad, gamma.reshape(like) * rates, rtol=1e-6)
    others = tuple(a for a in range(x.ndim) if a != axis % x.ndim)
    expected = (x * rates.astype(float)).sum(others)
    np.testing.assert_allclose(grad_gamma, expected, rtol=1e-5, atol=1e-5)
    same = layers.LayerScale.from_config(layer.get_config())
    assert (same.init_values, same.axis) == (0.25, axis)
    with pytest.raises(ValueError, match="axis 5 must be one of"):
        layers.LayerScale(axis=5).build((None, 4))


def test_a_parameter_is_a_value_of_its_own(tmp_path: Path) -> None:
    x = _x(3, 4)
    source = Input((3, 4))
    layer = layers.Parameter((3, 1), "ones", name="factors")
    model = Model(source, ops.tanh(source * layer(source)))
    assert layer(source).shape == (3, 1)
    np.testing.assert_allclose(model.predict(x), np.tanh(x), rtol=1e-6)
    factors = np.array([[0.5], [-1.0], [2.0]], np.float32)
    layer.set_weights([factors])
    np.testing.assert_allclose(model.predict(x), np.tanh(x * factors), rtol=1e-6)
    rates = np.random.default_rng(2).normal(size=x.shape).astype(np.float32)
    grad, (grad_factors,) = model.network.vjp(x, rates)
    slope = rates * (1 - np.tanh(x * factors) ** 2)
    np.testing.assert_allclose(grad, slope * factors, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(grad_factors, (slope * x).sum((0, 2))[:, None], rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "net.cnnfast")
    again = models.load_model(tmp_path / "net.cnnfast")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_layer("factors").get_config() == layer.get_config()
    one = layers.Parameter((), "ones")
    assert one(source).shape == ()
    with pytest.raises(ValueError, match="shape must be at least 1"):
        layers.Parameter((3, 0))


def test_an_activation_may_be_set() -> None:
    """As when the last layer's softmax is taken off."""
    x = _x(4)
    dense = layers.Dense(3, activation="softmax")
    np.testing.assert_allclose(dense(x).sum(-1), 1, rtol=1e-5)
    dense.activation = None
    np.testing.assert_allclose(dense(x), x @ dense.get_weights()[0], rtol=1e-5, atol=1e-6)
    assert dense.get_config()["activation"] == "linear"


def test_layers_in_a_row(tmp_path: Path) -> None:
    x = _x(8, 8, 3)
    row = layers.Pipeline([layers.CenterCrop(4, 4), layers.Rescaling(2.0), layers.Dropout(0.5)])
    np.testing.assert_allclose(row(x), 2 * x[:, 2:6, 2:6], rtol=1e-6)
    assert (np.asarray(row(x, training=True)) == 0).any()
    model = Model(source := Input((8, 8, 3)), row(source))
    model.save(tmp_path / "row")
    np.testing.assert_array_equal(models.load_model(tmp_path / "row").predict(x), model.predict(x))
    with pytest.raises(ValueError, match="is made of layers"):
        layers.Pipeline(["relu"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="lists its layers"):
        layers.Pipeline.from_config({})


def test_losses_of_the_last_call() -> None:
    x = _x(4)
    layer = layers.Activation("relu", activity_regularizer="l2")
    assert layer.losses == []
    layer(x)
    (told,) = layer.losses
    np.testing.assert_allclose(told, 0.01 * (np.maximum(x, 0) ** 2).sum() / len(x), rtol=1e-5)


def test_an_array_in_a_word_stays_an_array() -> None:
    """A list of so many numbers takes eight times their memory; a file gets one all the same."""
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    inputs = layers.Input((2, 3))
    made = ops.add(inputs, numbers)
    model, wanted = Model(inputs, made), numbers.copy()
    numbers[:] = 0  # what becomes of the caller's own is not the model's concern
    assert isinstance(made.layer.arguments["x2"], np.ndarray)
    assert made.layer.get_config()["arguments"]["x2"] == wanted.tolist()
    np.testing.assert_array_equal(model.predict(np.ones((1, 2, 3))), 1 + wanted[np.newaxis])
