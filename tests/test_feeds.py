"""Batches from generators, objects of the form of PyDataset and any iterable, against the same arrays."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, callbacks, layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 22)
WEIGHTS = RNG.uniform(0.5, 1.5, 22).astype(np.float32)
BATCH, STEPS = 8, 3  # the last one is smaller


def _model(begin: list[Any] | None = None) -> Any:
    model = Sequential([Input((5,)), layers.Dense(3, activation="softmax")])
    if begin is not None:
        model.set_weights(begin)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _batches(parts: int = 2) -> list[tuple[Any, ...]]:
    arrays = (X, Y, WEIGHTS)[:parts]
    return [tuple(a[i : i + BATCH] for a in arrays) for i in range(0, len(X), BATCH)]


def _forever(parts: int = 2) -> Iterator[tuple[Any, ...]]:
    while True:
        yield from _batches(parts)


class Items:
    """As Keras's PyDataset."""

    def __init__(self, parts: int = 2) -> None:
        self.parts, self.read, self.ends = parts, [], 0
        self.read: list[int]

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, number: int) -> Any:
        self.read.append(number)
        return _batches(self.parts)[number % STEPS]  # as Keras's, which has no end

    def on_epoch_end(self) -> None:
        self.ends += 1


class Loader:
    """As PyTorch's DataLoader: an iterable with a length, whose batches are lists."""

    def __len__(self) -> int:
        return STEPS

    def __iter__(self) -> Iterator[list[Any]]:
        return iter([list(batch) for batch in _batches()])


SOURCES: dict[str, Any] = {
    "generator": (_forever, {"steps_per_epoch": STEPS}),
    "items": (Items, {}),
    "loader": (Loader, {}),
    "list of batches": (lambda: iter(_batches() * 3), {"steps_per_epoch": STEPS}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_fit_as_with_arrays(name: str) -> None:
    make, options = SOURCES[name]
    arrays = _model()
    fed = _model(arrays.get_weights())
    want = arrays.fit(X, Y, batch_size=BATCH, epochs=3, shuffle=False, validation_data=(X, Y), verbose=0)
    got = fed.fit(
        make(), epochs=3, shuffle=False, validation_data=make(), validation_steps=STEPS, verbose=0, **options
    )
    assert got.history.keys() == want.history.keys()
    for key, values in want.history.items():
        np.testing.assert_allclose(got.history[key], values, rtol=1e-6)
    for one, other in zip(arrays.get_weights(), fed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_samples_and_classes() -> None:
    arrays = _model()
    begin = arrays.get_weights()
    fed = _model(begin)
    options: dict[str, Any] = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    want = arrays.fit(X, Y, sample_weight=WEIGHTS, **options).history["loss"]
    assert fed.fit(Items(3), shuffle=False, verbose=0).history["loss"] == pytest.approx(want)
    classes = {0: 2.0, 2: 0.5}
    first, second = _model(begin), _model(begin)
    want = first.fit(X, Y, class_weight=classes, **options).history["loss"]
    got = second.fit(Items(), class_weight=classes, shuffle=False, verbose=0).history["loss"]
    assert got == pytest.approx(want)


def test_items_are_read_in_another_order_each_epoch() -> None:
    cnnfast.set_random_seed(0)  # four orders of few batches may be equal
    items = Items()
    _model().fit(items, epochs=4, verbose=0)
    epochs = [items.read[1 + i * STEPS : 1 + (i + 1) * STEPS] for i in range(4)]  # behind a first look
    assert all(sorted(epoch) == list(range(STEPS)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert items.ends == 4


def test_evaluate_and_predict() -> None:
    model = _model()
    want = model.evaluate(X, Y, batch_size=BATCH, verbose=0)
    assert model.evaluate(Items(), verbose=0) == pytest.approx(want)
    assert model.evaluate(_forever(), steps=STEPS, verbose=0) == pytest.approx(want)
    assert model.evaluate(X, Y, batch_size=BATCH, steps=1, verbose=0) == pytest.approx(
        model.evaluate(X[:BATCH], Y[:BATCH], verbose=0)
    )
    for batches in (Loader(), Items()):
        np.testing.assert_array_equal(model.predict(batches, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_array_equal(
        model.predict((x for x, _ in _batches()), verbose=0), model.predict(X, verbose=0)
    )
    assert len(model.predict(X, batch_size=4, steps=2, verbose=0)) == 8


def test_steps_of_arrays() -> None:
    batches = []
    counting = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    _model().fit(X, Y, batch_size=4, steps_per_epoch=2, epochs=2, callbacks=counting, verbose=0)
    assert batches == [0, 1, 0, 1]


def test_how_often_is_validated() -> None:
    for frequency, epochs in ((2, [2, 4]), ([1, 4], [1, 4])):
        seen = []
        noting = callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, seen=seen: seen.append(epoch + 1) if "val_loss" in logs else None
        )
        _model().fit(
            X, Y, epochs=4, validation_data=(X, Y), validation_freq=frequency, callbacks=noting, verbose=0
        )
        assert seen == epochs


def test_a_model_takes_its_shape_from_the_first_batch() -> None:
    model = Sequential([layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(_forever(), steps_per_epoch=1, verbose=0)
    assert model.layers[0].kernel.shape == (5, 3)


def test_several_inputs_and_outputs() -> None:
    a, b = Input((5,), name="a"), Input((5,), name="b")
    outputs = {"one": layers.Dense(1, name="one")(a), "two": layers.Dense(2, name="two")(b)}
    model = Model({"a": a, "b": b}, outputs)
    model.compile("sgd", "mse")
    y = {"one": X[:, :1], "two": X[:, :2]}
    batches = [({"a": X, "b": X}, y)] * 2
    want = model.evaluate({"a": X, "b": X}, y, verbose=0)
    assert model.evaluate(iter(batches), verbose=0) == pytest.approx(want)
    model.fit(iter(batches), verbose=0)
    assert model.evaluate({"a": X, "b": X}, y, verbose=0) < want


def test_errors_say_what_to_do() -> None:
    model = _model()
    before = model.get_weights()
    with pytest.raises(ValueError, match="leave out y"):
        model.fit(_forever(), Y, steps_per_epoch=1, verbose=0)
    with pytest.raises(ValueError, match="there is no batch"):
        model.fit(iter(()), verbose=0)
    with pytest.raises(ValueError, match="got 4 parts"):
        model.fit(iter([(X, Y, WEIGHTS, X)]), verbose=0)
    with pytest.raises(ValueError, match="must have shape"):
        model.fit(iter([(X[:, :2], Y)]), verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="the batches ended after 0"):
        model.fit(itertools.islice(_forever(), 3), epochs=2, verbose=0)
