"""Several batches in one call of the core: the same bits as one call each, and an end where others wait."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.models import same_bits
from support.nets import get_weights
from support.training import KINDS, data, network

import cnnfast
from cnnfast import Input, Model, Sequential, _core, callbacks, layers, ops, optimizers, schedules

BATCH, BATCHES = 37, 5


def _trained(kind: str, steps: Callable[["_core.Network", list[Any], np.ndarray], list[Any]]) -> list[Any]:
    built, reference = network(kind)
    x, y = data(kind)
    index = np.random.default_rng(6).permutation(len(x)).astype(np.int64)[: BATCH * BATCHES]
    reports = steps(built, [x, y], index)
    state = [np.array(buffer) for _, buffer in sorted(built.optimizer_state().items())]
    parts = [*get_weights(built, len(reference.weights)), *state, built.predict(x[:21])]
    return [reports, built.step, *(part.tobytes() for part in parts)]


def _one_by_one(built: "_core.Network", arrays: list[Any], index: np.ndarray) -> list[Any]:
    return [built.train_step(arrays, rows) for rows in index.reshape(BATCHES, BATCH)]


def _at_once(built: "_core.Network", arrays: list[Any], index: np.ndarray) -> list[Any]:
    return built.train_steps(arrays, BATCH, index, 60.0)


def _in_their_order(built: "_core.Network", arrays: list[Any], index: np.ndarray) -> list[Any]:
    return built.train_steps([array[index] for array in arrays], BATCH, None, 60.0)


@pytest.mark.parametrize("kind", KINDS)
def test_as_one_call_each(kind: str, threads: Callable[[int], None], isa: str) -> None:
    threads(1)
    expected = _trained(kind, _one_by_one)
    assert expected[1] == BATCHES
    for count in (1, 2, 5):
        threads(count)
        assert _trained(kind, _at_once) == expected
        assert _trained(kind, _in_their_order) == expected


def test_evaluation() -> None:
    built, _ = network("lanes")
    x, y = data("lanes", BATCH * BATCHES)
    expected = [built.evaluate_step([x[i : i + BATCH], y[i : i + BATCH]]) for i in range(0, len(x), BATCH)]
    assert built.evaluate_steps([x, y], BATCH, None, 60.0) == expected
    assert built.step == 0


@pytest.mark.parametrize("count", [1, 8, 9, 80, 1000])
def test_predictions(count: int) -> None:
    model, (x, _) = _model(), _samples(count)
    expected = np.concatenate([model.predict_on_batch(x[i : i + 8]) for i in range(0, count, 8)])
    told: list[int] = []
    listener = callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: told.append(len(logs["outputs"]))
    )
    assert same_bits([model.predict(x, 8, 0)], [expected])
    assert same_bits([model.predict(x, 8, 0, callbacks=listener)], [expected])
    assert sum(told) == count


@pytest.mark.parametrize("size", [7, 10, 100])
def test_outputs_that_are_one_for_a_batch(size: int) -> None:
    """Batch after batch along the first axis, as in Keras, from arrays and from what makes batches."""
    x, inputs = np.random.default_rng(2).normal(size=(50, 10)).astype(np.float32), Input((10,))
    model = Model(inputs, [ops.mean(inputs, 0), ops.mean(inputs, 0, keepdims=True), 2.0 * inputs])
    batches = [x[i : i + size] for i in range(0, 50, size)]
    for told in (None, callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: None)):
        for made in (model.predict(x, size, 0, callbacks=told), model.predict(iter(batches), verbose=0)):
            means = np.stack([each.mean(0) for each in batches])
            np.testing.assert_allclose(made[0], means.ravel(), atol=1e-6)
            np.testing.assert_allclose(made[1], means, atol=1e-6)
            np.testing.assert_array_equal(made[2], 2 * x)
    single = Model(inputs, ops.mean(inputs))
    assert single.predict_on_batch(x) == pytest.approx(x.mean(), abs=1e-6)
    with pytest.raises(ValueError, match="keepdims=True"):
        single.predict(x, verbose=0)


def test_arrays_for_predictions_that_do_not_suit() -> None:
    built, _ = network("mlp")
    x, _ = data("mlp", 20)
    out = np.zeros((20, 10), np.float32)
    assert built.predict_into([x], [out], 5, 60.0) == 4
    assert same_bits([out], [np.concatenate([built.predict(x[i : i + 5]) for i in range(0, 20, 5)])])
    with pytest.raises(ValueError, match="must have 200 numbers"):
        built.predict_into([x], [out[:19]], 5, 1.0)
    with pytest.raises(ValueError, match="1 outputs, got 2"):
        built.predict_into([x], [out, out], 5, 1.0)
    with pytest.raises(ValueError, match="20 samples"):
        built.predict_into([x], [out], 3, 1.0)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        built.predict_into([x], [out], 5, 1.0)


def test_an_end_by_time_and_batches_that_are_not_whole() -> None:
    built, _ = network("mlp")
    x, y = data("mlp", 20)
    assert len(built.train_steps([x, y], 5, None, 0.0)) == 1
    assert built.step == 1
    with pytest.raises(ValueError, match="20 samples are no whole number of batches of 7"):
        built.train_steps([x, y], 7, None, 1.0)
    with pytest.raises(ValueError, match="at least one batch"):
        built.train_steps([x[:0], y[:0]], 7, None, 1.0)
    with pytest.raises(ValueError, match="labels"):  # in the last batch: none is run
        built.train_steps([x, np.append(y[:-1], 10).astype(np.int32)], 5, None, 1.0)
    assert built.step == 1


@pytest.mark.parametrize("waiting", ["network", "weight"])
def test_who_waits_is_let_in(waiting: str) -> None:
    built, _ = network("mlp")
    x, y = data("mlp")
    many = np.zeros(2_000_000, np.int64)  # batches of one, for more than ten seconds
    made: list[int] = []
    thread = threading.Thread(target=lambda: made.append(len(built.train_steps([x, y], 1, many, 600.0))))
    thread.start()
    while built.arena_bytes == 0:  # not begun yet
        time.sleep(0.001)
    for _ in range(3):
        start = time.monotonic()
        _ = built.step if waiting == "network" else built.weights[0].numpy()
        assert time.monotonic() - start < 2
    thread.join(5)
    assert not thread.is_alive()
    assert 0 < made[0] < len(many)


def _model(optimizer: Any = "adam") -> Any:
    cnnfast.set_random_seed(3)
    model = Sequential(
        [Input((6,)), layers.Dense(16, activation="relu"), layers.Dropout(0.2), layers.Dense(3)]
    )
    model.compile(
        optimizer, cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    return model


def _samples(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6)).astype(np.float32), rng.integers(0, 3, count).astype(np.int32)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_fit_tells_and_makes_the_same_with_one_who_listens(count: int) -> None:
    x, y = _samples(count)
    told: list[int] = []
    listener = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: told.append(batch))
    each, several = _model(), _model()
    expected = each.fit(x, y, 8, 2, verbose=0, callbacks=listener, validation_data=(x, y)).history
    assert told == 2 * list(range(-(-count // 8)))
    assert several.fit(x, y, 8, 2, verbose=0, validation_data=(x, y)).history == expected
    assert same_bits(each.get_weights(), several.get_weights())
    assert several.optimizer.iterations == len(told)


def test_another_thread_ends_an_epoch_that_is_long() -> None:
    model, (x, y) = _model(), _samples(3_000_000)

    def stop() -> None:
        while model.optimizer.iterations < 10:
            time.sleep(0.001)
        model.stop_training = True

    thread = threading.Thread(target=stop)
    thread.start()
    model.fit(x, y, 1, verbose=0)
    thread.join()
    assert 10 <= model.optimizer.iterations < len(x)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Lets them come: what a shell starts in the background ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_an_interrupt_ends_a_call_that_is_long(call: str, interrupts: None) -> None:
    model, (x, y) = _model(), _samples(3_000_000)
    calls = {
        "fit": lambda: model.fit(x, y, 1, verbose=0),
        "evaluate": lambda: model.evaluate(x, y, 1, verbose=0),
        "predict": lambda: model.predict(x, 1, verbose=0),
    }
    sent: list[float] = []

    def interrupt() -> None:
        time.sleep(0.5)
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)  # Python's handler runs in the main thread

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        calls[call]()
    assert time.monotonic() - sent[0] < 2
    thread.join()
    assert model.optimizer.iterations < len(x)
    assert np.isfinite(model.train_on_batch(x[:8], y[:8])).all()


def test_a_function_of_python_that_fails_ends_the_batches() -> None:
    left = [10**9]

    def fails_in_the_end(values: np.ndarray) -> np.ndarray:
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("the third")
        return values

    model = Sequential(
        [
            Input((6,)),
            layers.Lambda(lambda t: ops.numpy_function(fails_in_the_end, t, lambda v, g: g)),
            layers.Dense(3),
        ]
    )
    model.compile("sgd", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = _samples(80)
    model.train_on_batch(x[:8], y[:8])
    left[0] = 3
    with pytest.raises(RuntimeError, match="the third"):
        model.fit(x, y, 8, verbose=0, shuffle=False)
    assert model.optimizer.iterations == 3
    model.fit(x, y, 8, verbose=0)
    assert model.optimizer.iterations == 13


@pytest.mark.parametrize(
    "make",
    [
        lambda rate: optimizers.SGD(rate, momentum=0.5),
        lambda rate: optimizers.Adam(rate),
        lambda rate: optimizers.Adam(rate, gradient_accumulation_steps=3),
        lambda rate: optimizers.Lion(rate),
        lambda rate: optimizers.Lamb(rate),  # traced into the step
    ],
)
def test_each_step_has_its_rate(make: Callable[[Any], Any]) -> None:
    x, y = _samples(80)
    together, alone = (_model(make(schedules.ExponentialDecay(0.1, 3, 0.5))) for _ in range(2))
    together.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    for step in range(30):
        part = slice(step % 10 * 8, step % 10 * 8 + 8)
        alone.train_on_batch(x[part], y[part])
    assert same_bits(together.get_weights(), alone.get_weights())
    assert together.optimizer.learning_rate == alone.optimizer.learning_rate


def test_rates_are_checked() -> None:
    built, _ = network("lanes")
    arrays = list(data("lanes", BATCH * 2))
    before = [np.array(weight) for weight in get_weights(built, len(built.weights))]
    for rates, message in (
        ([0.1], "there are 2 batches, got 1 learning rates"),
        ([0.1, -1.0], "a learning rate must be at least 0 and finite in float32, got -1"),
        ([np.nan, 0.1], "got nan"),
    ):
        with pytest.raises(ValueError, match=message):
            built.train_steps(arrays, BATCH, None, 60.0, rates)
    assert same_bits(before, get_weights(built, len(built.weights)))
