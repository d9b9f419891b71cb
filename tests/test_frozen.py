"""The frozen prefix: computed once or for each batch, in memory or in a file, it gives the same bytes; what
is not frozen is not taken for it.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnfast
from cnnfast import Input, Model, Sequential, layers, ops
from cnnfast.callbacks import Callback
from cnnfast.models import frozen
from cnnfast.models.frozen import FrozenFeed, split_of

Array = NDArray[Any]
SAMPLES, BATCH, EPOCHS = 70, 16, 3


def _trunk(shape: tuple[int, ...] = (12, 12, 3)) -> Model:
    x = source = Input(shape)
    for filters, strides in ((16, 1), (24, 2)):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return Model(source, x)


def _nested() -> Model:
    """Transfer learning as Keras has it: a trunk that is one layer."""
    trunk = _trunk()
    trunk.trainable = False
    source = Input((12, 12, 3))
    x = layers.GlobalAveragePooling2D()(trunk(source, training=False))
    return Model(source, layers.Dense(4, activation="softmax")(layers.Dropout(0.3)(x)))


def _layer_by_layer() -> Model:
    trunk = _trunk()
    trunk.trainable = False
    x = layers.BatchNormalization()(layers.Conv2D(8, 3)(trunk.output))
    return Model(trunk.input, layers.Dense(4, activation="softmax")(layers.Flatten()(x)))


def _skips() -> Model:
    """What is frozen is read at several places, and so is the image."""
    source = Input((12, 12, 3))
    first = layers.Conv2D(8, 3, padding="same", activation="relu", trainable=False)
    second = layers.Conv2D(8, 3, strides=2, padding="same", trainable=False)
    a = first(layers.Rescaling(0.5)(source))
    b = layers.UpSampling2D(2)(layers.Conv2D(8, 1)(second(a)))
    x = layers.concatenate([a, b, source])
    return Model(source, layers.Dense(4, activation="softmax")(layers.Flatten()(layers.Conv2D(4, 3)(x))))


def _two_inputs() -> Model:
    image, vector = Input((12, 12, 3)), Input((5,))
    frozen_conv = layers.Conv2D(8, 5, trainable=False)
    x = layers.concatenate([layers.GlobalMaxPooling2D()(frozen_conv(image)), vector])
    return Model([image, vector], layers.Dense(4, activation="softmax")(x))


def _sequential() -> Model:
    model = Sequential(
        [
            Input((12, 12, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(20, activation="tanh"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    for layer in model.layers[:2]:
        layer.trainable = False
    return model


MODELS: dict[str, Callable[[], Model]] = {
    "nested": _nested,
    "layer by layer": _layer_by_layer,
    "skips": _skips,
    "two inputs": _two_inputs,
    "sequential": _sequential,
}


def _data(count: int = SAMPLES, inputs: int = 1) -> tuple[Any, Array]:
    rng = np.random.default_rng(0)
    x: list[Array] = [rng.normal(size=(count, 12, 12, 3)).astype(np.float32)]
    x += [rng.normal(size=(count, 5)).astype(np.float32)] * (inputs - 1)
    return x[0] if inputs == 1 else x, np.arange(count) % 4


def _run(make: Callable[[], Model], cache: Any, **options: Any) -> tuple[list[Array], dict[str, Any]]:
    """Weights and history after training from the same beginning."""
    cnnfast.set_random_seed(5)
    model = make()
    model.compile(options.pop("optimizer", "adam"), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = _data(inputs=len(model.inputs))
    history = model.fit(x, y, BATCH, EPOCHS, verbose=0, cache_frozen=cache, validation_split=0.2, **options)
    return model.get_weights(), history.history


def _same(a: tuple[list[Array], dict[str, Any]], b: tuple[list[Array], dict[str, Any]]) -> None:
    for one, other in zip(a[0], b[0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert a[1] == b[1]


@pytest.mark.parametrize("name", MODELS)
def test_same_bytes(
    name: str, isa: str, threads: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads(1)
    without = _run(MODELS[name], False)
    _same(_run(MODELS[name], True), without)
    _same(_run(MODELS[name], "auto"), without)
    threads(3)
    _same(_run(MODELS[name], True), without)
    monkeypatch.setattr(frozen, "MEMORY_LIMIT", 0)
    _same(_run(MODELS[name], True), without)


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"steps_per_epoch": 2},
        {"sample_weight": np.linspace(0, 2, SAMPLES, dtype=np.float32)},
        {"class_weight": {1: 3.0}},
        {"validation_batch_size": 5, "validation_freq": 2},
        {"optimizer": cnnfast.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0)},
        {"optimizer": cnnfast.optimizers.Lamb(0.01)},
    ],
    ids=lambda options: next(iter(options)),
)
def test_arguments_of_fit(options: dict[str, Any]) -> None:
    def fresh() -> dict[str, Any]:
        given = dict(options)
        if "optimizer" in given:
            given["optimizer"] = type(given["optimizer"]).from_config(given["optimizer"].get_config())
        return given

    _same(_run(_nested, True, **fresh()), _run(_nested, False, **fresh()))


@pytest.mark.parametrize("name", MODELS)
def test_it_trains_as_the_whole_network(name: str) -> None:
    """Up to rounding: the whole network's plan may choose other algorithms."""
    weights, history = _run(MODELS[name], True, shuffle=False, optimizer="sgd")
    cnnfast.set_random_seed(5)
    model = MODELS[name]()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = _data(inputs=len(model.inputs))
    rows = int(SAMPLES * 0.8)
    losses = []
    for _ in range(EPOCHS):
        found = []
        for start in range(0, rows, BATCH):
            part = slice(start, min(start + BATCH, rows))
            one = x[part] if isinstance(x, np.ndarray) else [each[part] for each in x]
            found.append((model.train_on_batch(one, y[part])[0], part.stop - part.start))
        losses.append(sum(loss * n for loss, n in found) / rows)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_it_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    before = FrozenFeed._activations

    def counted(self: FrozenFeed, samples: list[Array]) -> list[Array]:
        seen.append(len(samples[0]))
        return before(self, samples)

    monkeypatch.setattr(FrozenFeed, "_activations", counted)
    _run(_nested, True)
    assert sum(seen) == SAMPLES
    seen.clear()
    _run(_nested, False)
    assert sum(seen) == SAMPLES * EPOCHS


class _Changes(Callback):
    """Does something to the model after the first epoch."""

    def __init__(self, change: Callable[[Any], None]) -> None:
        self._change = change

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self._change(self.model)


def _thaw(model: Any) -> None:
    model.layers[1].trainable = True


def _set(model: Any) -> None:
    trunk = model.layers[1]
    trunk.set_weights([weight * 1.5 for weight in trunk.get_weights()])


@pytest.mark.parametrize("change", [_thaw, _set])
def test_changes_on_the_way_are_seen(change: Callable[[Any], None]) -> None:
    found = [_run(_nested, cache, callbacks=[_Changes(change)]) for cache in (True, False)]
    _same(*found)
    unchanged = _run(_nested, True)
    assert any((a != b).any() for a, b in zip(found[0][0], unchanged[0], strict=True))


class _Mixing(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs - ops.mean(inputs, 0, keepdims=True)


class _Counting(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.count = self.add_weight((), "zeros", trainable=False)

    def call(self, inputs: Any) -> Any:
        self.count.assign_add(1.0)
        return inputs


class _InPython(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return ops.numpy_function(np.abs, inputs)


@pytest.mark.parametrize(
    ("first", "holds"),
    [
        (list, True),
        (lambda: [layers.Dropout(0.5)], False),
        (lambda: [layers.GaussianNoise(0.5)], False),
        (lambda: [layers.RandomFlip()], False),
        (lambda: [_Mixing()], False),
        (lambda: [_Counting()], False),
        (lambda: [_InPython()], False),
        (lambda: [layers.BatchNormalization()], False),
        (lambda: [layers.BatchNormalization(trainable=False)], True),
        (lambda: [layers.BatchNormalization(scale=False, center=False, trainable=False)], False),
        (lambda: [layers.ActivityRegularization(0.1)], False),
        (lambda: [layers.Conv2D(3, 1)], False),
    ],
)
def test_what_is_frozen(first: Callable[[], list[Any]], holds: bool) -> None:
    """A frozen convolution behind some layer: it is in the prefix if all before it is."""
    conv = layers.Conv2D(4, 3, trainable=False)
    model = Sequential([Input((8, 8, 3)), *first(), conv, layers.Flatten(), layers.Dense(2)])
    split = split_of(model.blueprint)
    assert (split is not None) == holds
    if split is not None:
        assert split.prefix.output_shape == (6 * 6 * 4,)
        assert [layer.name for layer in split.head.layers][1:] == [model.layers[-1].name]


def test_without_trainable_layers_nothing_is_split() -> None:
    model = _sequential()
    model.trainable = False
    assert split_of(model.blueprint) is None
    model = _sequential()
    model.trainable = True
    assert split_of(model.blueprint) is None


def test_auto_weighs(monkeypatch: pytest.MonkeyPatch) -> None:
    trunk = _trunk((64, 64, 3))
    trunk.trainable = False
    model = Sequential([trunk, layers.GlobalAveragePooling2D(), layers.Dense(2)])
    split = split_of(model.blueprint)
    assert split is not None
    assert frozen._store(split, 100, 1, "auto") is None, "one epoch reads nothing again"
    assert frozen._store(split, 100, 5, "auto") is frozen._in_memory
    monkeypatch.setattr(frozen, "MEMORY_LIMIT", 0)
    assert frozen._store(split, 100, 5, "auto") is frozen._in_file
    monkeypatch.setattr(frozen.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert frozen._store(split, 100, 5, "auto") is None
    with pytest.raises(ValueError, match="set TMPDIR"):
        frozen._store(split, 100, 5, True)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="cache_frozen must be"):
        model.fit(np.zeros((2, 64, 64, 3)), np.zeros((2, 2)), cache_frozen="yes")
