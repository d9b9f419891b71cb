"""The same seed gives the same bits: with 1, 2 and 5 threads, from run to run, and through `fit`."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from support.machine import run_python
from support.training import KINDS, data, network, run

import cnnfast


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_change_the_bits(kind: str, threads: Callable[[int], None], isa: str) -> None:
    results = []
    for count in (1, 2, 5):
        threads(count)
        assert cnnfast.get_num_threads() == count
        results.append(run(kind))
    assert np.isfinite(results[0]["losses"]).all()
    assert results[0] == results[1]
    assert results[0] == results[2]


@pytest.mark.parametrize("kind", KINDS)
def test_run_to_run(kind: str) -> None:
    assert run(kind, 10) == run(kind, 10)


def test_threads_really_run() -> None:
    """Otherwise the comparisons above would compare one thread with itself."""
    code = "import os; from support.training import run; run('blocked', 2); "
    code += "print(len(os.listdir('/proc/self/task')))"
    counts = [int(run_python(code, CNNFAST_NUM_THREADS=str(n), OPENBLAS_NUM_THREADS="1")) for n in (1, 2, 5)]
    assert counts[1] - counts[0] == 1
    assert counts[2] - counts[0] == 4


def test_process_to_process() -> None:
    code = "from support.training import run; print(run('lanes', 10)['digest'])"
    digests = {run_python(code, CNNFAST_NUM_THREADS=str(n)).strip() for n in (1, 2, 3)}
    assert len(digests) == 1


def test_the_digest_sees_one_bit() -> None:
    """The comparison itself can fail: another dropout seed gives other bits."""
    built, _ = network("mlp")
    x, y = data("mlp")
    built.train_step(x, y)
    first = built.predict(x).tobytes()
    built, _ = network("mlp")
    built.seed = 78
    built.train_step(x, y)
    assert built.predict(x).tobytes() != first


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns(kind: str) -> None:
    """Bits that agree but learn nothing would be worthless: fifty steps halve the loss on the same batch."""
    built, _ = network(kind)
    x, y = data(kind, 40)
    losses = [built.train_step(x, y)[0] for _ in range(50)]
    assert losses[-1] < losses[0] / 2


def _fit_digest(threads: int) -> str:
    cnnfast.set_num_threads(threads)
    cnnfast.set_random_seed(11)
    layers = cnnfast.layers
    model = cnnfast.Sequential(
        [
            cnnfast.Input((10, 10, 1)),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 10, 10, 1)).astype(np.float32), rng.integers(0, 10, 70)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, validation_split=0.2)
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def test_fit(threads: Callable[[int], None]) -> None:
    """Initial weights, shuffling, dropout and training all follow from set_random_seed."""
    assert len({_fit_digest(1), _fit_digest(2), _fit_digest(1)}) == 1
