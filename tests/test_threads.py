"""A model in the hands of several threads: every call sees and leaves one whole state."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import same_bits

import cnnfast
from cnnfast import Input, Model, Sequential, layers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 6)).astype(np.float32), RNG.integers(0, 3, 8).astype(np.int32)


def _model() -> Any:
    model = Sequential(
        [Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    model.compile(cnnfast.optimizers.SGD(0.01, 0.9), "sparse_categorical_crossentropy")
    return model


def _beside(work: Callable[[], Any], other: Callable[[], Any], times: int) -> None:
    """Does `work` again and again in a thread of its own while `other` runs `times` times here."""
    stop, errors = threading.Event(), []

    def loop() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        for _ in range(times):
            other()
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


def test_training_beside_compile() -> None:
    model, metrics = _model(), iter(range(10**9))

    def train() -> None:
        values = np.atleast_1d(model.train_on_batch(X, Y))
        assert len(values) in (1, 2, 4)
        assert np.isfinite(values).all()

    def compile_anew() -> None:
        many = [[], ["accuracy"], ["accuracy", cnnfast.metrics.SparseTopKCategoricalAccuracy(2), "acc"]]
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=many[next(metrics) % 3])

    _beside(train, compile_anew, 300)


def test_files_beside_training(tmp_path: Path) -> None:
    """Weights, momentum and step of one moment: what comes from the file goes on like the model did."""
    model = _model()
    history: dict[int, list[np.ndarray]] = {0: model.get_weights()}
    twin = _model()
    twin.set_weights(history[0])
    saved: list[int] = []

    def save() -> None:
        model.save(tmp_path / "model")
        again = cnnfast.models.load_model(tmp_path / "model.cnnfast")
        step = again.optimizer.iterations
        while twin.optimizer.iterations < step:
            twin.train_on_batch(X, Y)
            history[twin.optimizer.iterations] = twin.get_weights()
        if step in history:
            assert same_bits(again.get_weights(), history[step])
            saved.append(step)
        again.train_on_batch(X, Y)
        while twin.optimizer.iterations < step + 1:
            twin.train_on_batch(X, Y)
            history[twin.optimizer.iterations] = twin.get_weights()
        if step + 1 in history:
            assert same_bits(again.get_weights(), history[step + 1]), "the momentum is of that step too"

    def train() -> None:
        model.train_on_batch(X, Y)
        time.sleep(0.002)  # the twin has to catch up

    _beside(train, save, 30)
    assert max(saved) > 0


def test_weights_are_set_and_read_at_once() -> None:
    model = _model()
    model.trainable = False
    values = [[np.full(w.shape, k, np.float32) for w in model.get_weights()] for k in range(3)]

    def read() -> None:
        firsts = {float(w.flat[0]) for w in model.get_weights()}
        assert len(firsts) == 1, f"of several moments: {firsts}"
        out = model.predict_on_batch(X)
        assert np.isfinite(out).all()

    model.set_weights(values[0])
    counter = iter(range(10**9))
    _beside(read, lambda: model.set_weights(values[next(counter) % 3]), 400)


@pytest.mark.parametrize("reversed_order", [False, True])
def test_two_models_that_share_layers_train_at_once(reversed_order: bool) -> None:
    x = Input((6,))
    one, two = layers.Dense(6), layers.Dense(6)
    models = [Model(x, layers.Dense(2)(two(one(x))))]
    models.append(Model(x, layers.Dense(2)(one(two(x)) if reversed_order else two(one(x)))))
    for model in models:
        model.compile(cnnfast.optimizers.SGD(1e-4), "mse")
    y = np.ones((8, 2), np.float32)

    def train(model: Any) -> None:
        assert np.isfinite(model.train_on_batch(X, y))

    _beside(lambda: train(models[0]), lambda: train(models[1]), 1000)
    assert all(np.isfinite(w).all() for model in models for w in model.get_weights())


def test_settings_beside_training() -> None:
    model = _model()
    toggles = iter(range(10**9))

    def settings() -> None:
        model.layers[0].trainable = next(toggles) % 2 == 0
        model.optimizer.learning_rate = 0.001
        assert model.optimizer.iterations >= 0
        model.network.seed = 3
        model.memory(8)

    _beside(lambda: model.train_on_batch(X, Y), settings, 300)


def test_operations_from_several_threads() -> None:
    """All `ops` share one block of memory; a thread that finds it busy takes its own."""
    images = RNG.normal(size=(2, 24, 24, 8)).astype(np.float32)
    kernels = [RNG.normal(size=(3, 3, 8, n)).astype(np.float32) for n in (4, 16, 20)]
    expected = [cnnfast.ops.conv(images, kernel) for kernel in kernels]
    wrong: list[int] = []

    def work(which: int) -> None:
        for _ in range(60):
            if not np.array_equal(cnnfast.ops.conv(images, kernels[which]), expected[which]):
                wrong.append(which)

    workers = [threading.Thread(target=work, args=(k % 3,)) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_networks_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that meet new shapes at once share each network; none is dropped while another looks."""
    model = Sequential([Input((None, 2)), layers.Conv1D(3, 3, padding="same")])
    networks, made = model._networks, []
    real = networks._make

    def make(*arguments: Any) -> Any:
        made.append(arguments)
        time.sleep(0.01)  # long enough for all to come
        return real(*arguments)

    monkeypatch.setattr(networks, "_make", make)
    inputs = [np.ones((1, size, 2), np.float32) for size in range(4, 8)]
    results: list[list[Any]] = []

    def work() -> None:
        results.append([model.predict(x, verbose=0) for x in inputs])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 4
    assert len(made) == len(inputs)
    assert all(same_bits(result, results[0]) for result in results)


def test_two_threads_meet_a_model_without_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither computes with the half of it that the other has connected."""
    real = layers.Dense._emit

    def emit(self: Any, *arguments: Any) -> Any:
        time.sleep(0.01)
        return real(self, *arguments)

    monkeypatch.setattr(layers.Dense, "_emit", emit)
    for _ in range(5):
        model, shapes, errors = Sequential([layers.Dense(n) for n in (5, 4, 3)]), [], []

        def work() -> None:
            try:
                shapes.append(model.predict(X, verbose=0).shape)  # noqa: B023
            except Exception as error:
                errors.append(error)  # noqa: B023

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
            time.sleep(0.005)
        for worker in workers:
            worker.join()
        assert (shapes, errors) == ([(8, 3)] * 3, [])
