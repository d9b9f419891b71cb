"""What a CUDA device computes beside the CPU: training, words, optimizers, state that moves between them.

Run by `pytest -m cuda` where there is a device, or by a build whose device the processor emulates:
`pip install . -Ccmake.define.CNNFAST_CUDA=EMULATED`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnfast
from cnnfast import (
    Input,
    Model,
    Sequential,
    constraints,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
)
from cnnfast.optimizers import schedules

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(len(cnnfast.devices()) == 1, reason="needs a build with CUDA, and a device"),
]

RTOL, ATOL = 1e-4, 2e-5  # sums of float32 in another order, through two epochs
Value = Any
Make = Callable[[], Any]
Array = NDArray[Any]

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(18, 6, 7, 4)).astype(np.float32)
TARGETS = rng.normal(size=(18, 3)).astype(np.float32)
LABELS = rng.integers(0, 3, 18).astype(np.int32)


@pytest.fixture(autouse=True)
def _in_float32() -> Iterator[None]:
    before = cnnfast.get_precision()
    cnnfast.set_precision("exact")
    yield
    cnnfast.set_precision(before)
    cnnfast.set_device("cpu")


def trained(
    device: str,
    make: Make,
    x: Array,
    y: Array,
    optimizer: Make = lambda: optimizers.SGD(0.01),
    loss: Any = "mean_squared_error",
    measured: Any = None,
    **fit: Any,
) -> tuple[Any, list[Array]]:
    """A model trained for two epochs, and all of it that can be seen."""
    cnnfast.set_random_seed(3)
    model = make().to(device)
    model.compile(optimizer(), loss, metrics=measured)
    history = model.fit(x, y, batch_size=6, epochs=2, verbose=0, **fit).history
    seen = [np.array(list(history.values())), np.array(model.evaluate(x, y, batch_size=7, verbose=0))]
    return model, [*seen, model.predict(x, batch_size=7, verbose=0), *model.get_weights()]


def check(
    make: Make, x: Array = IMAGES, y: Array = TARGETS, rtol: float = RTOL, atol: float = ATOL, **options: Any
) -> None:
    """The device sees what the CPU sees."""
    _, here = trained("cpu", make, x, y, **options)
    _, there = trained("cuda", make, x, y, **options)
    assert len(here) == len(there)
    for a, b in zip(here, there, strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)


def headed(body: Callable[[Value], Value], data_format: str = "channels_last") -> Make:
    """A model of images that ends with a dense layer."""

    def make() -> Model:
        image = Input((6, 7, 4) if data_format == "channels_last" else (4, 6, 7))
        return Model(image, layers.Dense(3)(layers.Flatten(data_format=data_format)(body(image))))

    return make


def conv(filters: int = 3, size: Any = 3, **options: Any) -> layers.Layer:
    return layers.Conv2D(filters, size, **options)


CONV = headed(lambda i: conv()(i))
RELU = headed(lambda i: conv(activation="relu")(i))


def mlp() -> Sequential:
    return Sequential(
        [
            layers.Dense(16, activation="relu", input_shape=(5,)),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def residual(data_format: str = "channels_last") -> Model:
    """Batch normalization, a sum, pooling, groups: what ResNets are made of."""
    axis, last = (-1, True) if data_format == "channels_last" else (1, False)
    image = Input((8, 8, 3) if last else (3, 8, 8))
    options: dict[str, Any] = {"padding": "same", "data_format": data_format}
    h = layers.BatchNormalization(axis=axis)(conv(8, use_bias=False, **options)(image))
    h = layers.Activation("relu")(h)
    r = layers.BatchNormalization(axis=axis)(conv(8, **options)(h))
    h = layers.ReLU()(layers.add([h, r]))
    h = layers.MaxPooling2D(2, data_format=data_format)(h)
    h = layers.DepthwiseConv2D(3, strides=2, **options)(h)
    h = layers.Dropout(0.25)(layers.Flatten(data_format=data_format)(h))
    return Model(image, layers.Dense(4)(h))


def test_it_is_named() -> None:
    lines: list[str] = []
    cnnfast.set_device("cuda")
    cnnfast.show_config(lines.append)
    assert cnnfast.get_device() == "cuda:0"
    assert any(line.startswith("cuda:0 ") for line in lines)
    model = mlp()
    lines.clear()
    model.summary(print_fn=lines.append)
    assert lines[-1] == "Device: cuda:0"
    assert model.to("cpu").device == "cpu"


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="cuda:77 is not there: this machine has"):
        mlp().to("cuda:77")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_mlp(optimizer: str) -> None:
    x = rng.normal(size=(40, 5)).astype(np.float32)
    y = rng.integers(0, 3, 40).astype(np.int32)
    options = {"loss": "sparse_categorical_crossentropy", "measured": ["accuracy"]}
    check(mlp, x, y, optimizer=lambda: optimizers.get(optimizer), **options)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_residual_network(data_format: str) -> None:
    x = rng.normal(size=(24, 8, 8, 3)).astype(np.float32)
    if data_format == "channels_first":
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    y = rng.integers(0, 4, 24).astype(np.int32)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    momentum = {"optimizer": lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True)}
    check(lambda: residual(data_format), x, y, loss=loss, measured=["accuracy"], **momentum)


BODIES: dict[str, Callable[[Value], Value]] = {
    "concatenate": lambda i: layers.concatenate([conv(3, padding="same")(i), conv(2, 1)(i)]),
    "pad and crop": lambda i: layers.Cropping2D(1)(layers.ZeroPadding2D(2)(conv()(i))),
    "permute": lambda i: layers.Permute((3, 1, 2))(conv(3, 1)(i)),
    "reshape": lambda i: layers.Reshape((14, 12))(conv(4, 1)(i)),
    "upsample": lambda i: layers.UpSampling2D(2)(conv()(i)),
    "global average": lambda i: layers.GlobalAveragePooling2D()(conv(activation="tanh")(i)),
    "global maximum": lambda i: layers.GlobalMaxPooling2D()(conv(activation="sigmoid")(i)),
    "gelu": lambda i: layers.Activation("gelu")(conv()(i)),
    "silu": lambda i: layers.Activation("silu")(conv()(i)),
    "leaky relu": lambda i: layers.LeakyReLU()(conv()(i)),
    "prelu": lambda i: layers.PReLU()(conv()(i)),
    "softmax": lambda i: layers.Softmax()(conv()(i)),
    "layer normalization": lambda i: layers.LayerNormalization()(conv()(i)),
    "group normalization": lambda i: layers.GroupNormalization(2)(conv(4)(i)),
    "transposed": lambda i: layers.Conv2DTranspose(3, 3, strides=2, padding="same")(conv()(i)),
    "groups and dilation": lambda i: conv(4, groups=2, dilation_rate=2, padding="same")(i),
    "strides": lambda i: conv(5, (3, 2), strides=(2, 3), padding="same")(i),
    "separable": lambda i: layers.SeparableConv2D(5, 3)(i),
    "overlapping maximum": lambda i: layers.MaxPooling2D(3, strides=2, padding="same")(conv(3, 1)(i)),
    "average": lambda i: layers.AveragePooling2D(3, strides=2, padding="same")(conv(3, 1)(i)),
    "gate": lambda i: layers.multiply(
        [conv(1)(i), layers.Dense(1, "sigmoid")(ops.mean(i, (1, 2), keepdims=True))]
    ),
    "noise": lambda i: layers.GaussianNoise(0.3)(conv()(i)),
    "spatial dropout": lambda i: layers.SpatialDropout2D(0.3)(conv()(i)),
    "product": lambda i: ops.matmul(layers.Reshape((6, 28))(i), layers.Reshape((28, 6))(conv(4, 1)(i) / 20)),
    "frozen normalization": lambda i: layers.BatchNormalization(trainable=False)(conv()(i)),
    "bare normalization": lambda i: layers.BatchNormalization(center=False, scale=False)(conv()(i)),
    "extremes": lambda i: ops.max(conv()(i), axis=1) + ops.min(conv()(i), axis=1),
    "product of cells": lambda i: ops.prod(conv(activation="sigmoid")(i), axis=1),
    "mean of the batch": lambda i: conv()(i) * ops.mean(conv()(i), axis=0, keepdims=True),
    "penalties": lambda i: conv(kernel_regularizer=regularizers.L1L2(0.01, 0.02))(i),
    "constraint": lambda i: conv(kernel_constraint=constraints.NonNeg())(i),
    "norms": lambda i: conv(kernel_constraint=constraints.MinMaxNorm(0.3, 0.5, 0.7, (0, 2)))(i),
    "unit norms": lambda i: conv(kernel_constraint=constraints.UnitNorm(-1), use_bias=False)(i),
    "resizing": lambda i: layers.Resizing(9, 4, "bicubic", antialias=True)(conv()(i)),
    "bilinear": lambda i: layers.UpSampling2D(2, interpolation="bilinear")(conv()(i)),
    "take": lambda i: ops.take(conv(4, 1)(i), [3, 0, 3, -2], axis=2),
    "sorted": lambda i: ops.sort(conv(4, 1)(i), axis=1),
    "largest": lambda i: ops.top_k(conv(4, 1)(i), 2)[0],
    "embedding": lambda i: layers.Embedding(9, 3)(ops.floor(ops.abs(i[..., 0]) * 3)),
    "turned": lambda i: layers.RandomRotation(0.1)(conv(3, 1)(i)),
}


@pytest.mark.parametrize("body", list(BODIES))
def test_words(body: str) -> None:
    check(headed(BODIES[body]))


OPTIMIZERS: dict[str, Make] = {
    "clipnorm": lambda: optimizers.SGD(0.05, clipnorm=0.1),
    "global clipnorm": lambda: optimizers.Adam(0.01, global_clipnorm=0.1),
    "clipvalue": lambda: optimizers.SGD(0.05, clipvalue=0.01),
    "adamw": lambda: optimizers.AdamW(0.01),
    "nadam": lambda: optimizers.Nadam(0.01),
    "ftrl": lambda: optimizers.Ftrl(0.01),
    "schedule": lambda: optimizers.SGD(schedules.ExponentialDecay(0.05, 2, 0.5)),
}


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_optimizers(optimizer: str) -> None:
    check(RELU, optimizer=OPTIMIZERS[optimizer])


def deep() -> Model:
    """Of 44 parameters, where a launch moves 32, one of them with elements for two blocks."""
    image = Input((6, 7, 4))
    h = layers.Dense(13)(layers.Flatten()(image))
    for _ in range(20):
        step = layers.Dense(13, activation="tanh", kernel_regularizer=regularizers.L1L2(0.001, 0.02))
        h = layers.add([h, step(h)])
    return Model(image, layers.Dense(3)(h))


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_more_parameters_than_a_launch_moves(kind: Any, clip: str) -> None:
    atol = 2e-4  # Adam divides by the size of gradients that are next to 0
    check(deep, atol=atol, optimizer=lambda: kind(0.001, **{clip: 0.05}))


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "log_cosh"])
def test_losses(loss: str) -> None:
    check(RELU, loss=loss, measured=["mean_absolute_error", "mean_squared_error"])


def classifier(activation: str) -> Make:
    def make() -> Model:
        image = Input((6, 7, 4))
        return Model(image, layers.Dense(3, activation=activation)(layers.Flatten()(conv(2)(image))))

    return make


def test_losses_of_classes() -> None:
    one_hot = np.eye(3, dtype=np.float32)[LABELS]
    softmax, weights = classifier("softmax"), rng.random(18).astype(np.float32)
    top = [metrics.SparseTopKCategoricalAccuracy(2), "accuracy"]
    labelled = {"loss": "sparse_categorical_crossentropy", "measured": top, "sample_weight": weights}
    check(softmax, y=LABELS, **labelled)
    check(softmax, y=one_hot, loss="categorical_crossentropy", measured=["accuracy"])
    check(softmax, y=one_hot, loss=losses.CategoricalCrossentropy(label_smoothing=0.1))
    check(classifier("sigmoid"), y=one_hot, loss="binary_crossentropy", measured=["binary_accuracy"])


def test_what_is_not_there_is_refused_before_anything_runs() -> None:
    def cube(x: Value) -> Value:
        return ops.numpy_function(lambda a: a**3, x, gradient=lambda a, grad: 3 * a**2 * grad)

    model = headed(lambda i: cube(conv()(i)))().to("cuda")
    model.compile("sgd", "mean_squared_error")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"lambda.*: the CUDA target has no \w+ yet.*model\.to\(\"cpu\"\)"):
        model.fit(IMAGES, TARGETS, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.to("cpu").fit(IMAGES, TARGETS, verbose=0)


@pytest.mark.parametrize("precision", ["default", "fast"])
def test_tensor_cores_train_as_well(precision: Any) -> None:
    """Of factors with ten bits, or eight."""
    cnnfast.set_precision(precision)
    bits = {"default": 10, "fast": 8}[precision]
    check(RELU, rtol=2.0 ** (3 - bits), atol=2.0 ** (3 - bits))


def test_same_bits_from_run_to_run() -> None:
    make = headed(lambda i: layers.BatchNormalization()(conv()(i)))
    for a, b in zip(*(trained("cuda", make, IMAGES, TARGETS)[1] for _ in range(2)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_goes_on_where_the_model_is_moved() -> None:
    """Weights, the optimizer's state, its step and the seed of dropout move with the model."""
    stays, moves = (headed(lambda i: layers.Dropout(0.2)(conv()(i))) for _ in range(2))

    def run(make: Make, devices: tuple[str, ...]) -> list[Array]:
        cnnfast.set_random_seed(5)
        model = make()
        model.compile(optimizers.Adam(0.01), "mean_squared_error")
        for device in devices:
            model.to(device).fit(IMAGES, TARGETS, batch_size=6, verbose=0, shuffle=False)
        return [*model.get_weights(), model.predict(IMAGES, verbose=0)]

    for a, b in zip(run(stays, ("cpu",) * 4), run(moves, ("cpu", "cuda", "cpu", "cuda")), strict=True):
        np.testing.assert_allclose(b, a, rtol=RTOL, atol=1e-4)


def test_weights_that_are_read_and_set_in_between() -> None:
    model, _ = trained("cuda", CONV, IMAGES, TARGETS)
    kernel = model.get_weights()[0]
    halved = [weight / 2 for weight in model.get_weights()]
    model.set_weights(halved)
    there = model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(model.to("cpu").predict(IMAGES, verbose=0), there, rtol=RTOL, atol=ATOL)
    np.testing.assert_array_equal(model.get_weights()[0], kernel / 2)


def test_files_and_copies_hold_what_the_device_has(tmp_path: Path) -> None:
    model, _ = trained("cuda", CONV, IMAGES, TARGETS, optimizer=lambda: optimizers.Adam(0.01))
    model.save(tmp_path / "model.cnnfast")
    for twin in (cnnfast.models.load_model(tmp_path / "model.cnnfast"), copy.deepcopy(model)):
        assert twin.device == "cpu"
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    resumed = cnnfast.models.load_model(tmp_path / "model.cnnfast").to("cuda")
    for each in (model, resumed):
        each.fit(IMAGES, TARGETS, batch_size=6, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_frozen_weights_stay() -> None:
    """And what follows the batch in a frozen normalization."""
    image = Input((6, 7, 4))
    frozen, norm = conv(trainable=False), layers.BatchNormalization(trainable=False)
    free = layers.BatchNormalization()
    model = Model(image, layers.Dense(3)(layers.Flatten()(free(norm(frozen(image)))))).to("cuda")
    model.compile("sgd", "mean_squared_error")
    before = [layer.get_weights() for layer in (frozen, norm, free)]
    model.fit(IMAGES, TARGETS, verbose=0)
    for layer, kept in zip((frozen, norm), before[:2], strict=True):
        for a, b in zip(layer.get_weights(), kept, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(free.get_weights(), before[2], strict=True):
        assert (a != b).any()


def test_two_models_share_weights_on_a_device() -> None:
    shared = layers.Dense(4, input_shape=(5,))
    first, second = Sequential([shared]).to("cuda"), Sequential([shared, layers.Dense(2)])
    x = rng.normal(size=(8, 5)).astype(np.float32)
    first.compile("sgd", "mean_squared_error")
    first.fit(x, np.ones((8, 4), np.float32), verbose=0)
    np.testing.assert_allclose(
        first.predict(x, verbose=0), Sequential([shared]).predict(x, verbose=0), rtol=RTOL, atol=ATOL
    )
    assert second.predict(x, verbose=0).shape == (8, 2)


def test_profile_and_memory_are_the_device_s() -> None:
    model, _ = trained("cuda", headed(lambda i: conv(name="filters")(i)), IMAGES, TARGETS)
    before = model.get_weights()
    profile = model.profile(IMAGES[:6], TARGETS[:6], training=True, runs=1)
    assert profile.device == "cuda:0"
    assert {row.bound for row in profile.rows} == {"unknown"}
    assert {row.layer for row in profile.rows} >= {"filters", "optimizer"}
    assert str(profile).endswith("for 6 sample(s) on cuda:0")
    assert model.memory(6) > 0
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_by_inputs() -> None:
    model, _ = trained("cuda", RELU, IMAGES, TARGETS)
    there = model.gradients(IMAGES[:2])
    assert np.abs(there).max() > 0
    np.testing.assert_allclose(model.to("cpu").gradients(IMAGES[:2]), there, rtol=RTOL, atol=ATOL)
