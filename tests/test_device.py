"""Devices: their names, what is refused, and, where there is one, what users do with it besides `fit`."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, _core, callbacks, layers, ops, optimizers

HAS_CUDA = len(cnnfast.devices()) > 1
without_cuda = pytest.mark.skipif(HAS_CUDA, reason="this build has a CUDA device")
needs_cuda = pytest.mark.skipif(not HAS_CUDA, reason="needs a build with CUDA, and a device")

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 5)).astype(np.float32)
Y = rng.normal(size=(20, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def _device_stays() -> Iterator[None]:
    before = cnnfast.get_device(), cnnfast.get_precision()
    cnnfast.set_precision("exact")
    yield
    cnnfast.set_device(before[0])
    cnnfast.set_precision(before[1])


def mlp() -> Sequential:
    cnnfast.set_random_seed(1)
    model = Sequential([layers.Dense(8, activation="relu", input_shape=(5,)), layers.Dense(3)])
    model.compile(optimizers.SGD(0.05, momentum=0.9), "mean_squared_error")
    return model


def test_the_cpu_is_the_first_device_and_the_default() -> None:
    assert cnnfast.devices()[0] == "cpu"
    assert cnnfast.get_device() == "cpu"


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:0.5", "CPU"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r'a device is "cpu", "cuda" or "cuda:1" and so on, got'):
        cnnfast.set_device(name)
    with pytest.raises(ValueError, match="a device is"):
        mlp().to(name)
    assert cnnfast.get_device() == "cpu"


@pytest.mark.parametrize("name", [None, 0])
def test_what_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(TypeError, match="a device is"):
        cnnfast.set_device(name)  # type: ignore[arg-type]


@without_cuda
def test_without_cuda_it_is_told_how_to_build_with_it() -> None:
    with pytest.raises(ValueError, match=r"cuda:0 .*-Ccmake\.define\.CNNFAST_CUDA=ON"):
        cnnfast.set_device("cuda")
    model = mlp()
    with pytest.raises(ValueError, match=r"cuda:1 .*-Ccmake\.define\.CNNFAST_CUDA=ON"):
        model.to("cuda:1")
    assert model.device == "cpu"
    assert model.predict(np.zeros((2, 5), np.float32), verbose=0).shape == (2, 3)


def test_a_model_follows_the_process_until_it_is_moved() -> None:
    model = mlp()
    assert model.device == cnnfast.get_device()
    assert model.to("cpu") is model
    assert model.device == "cpu"
    assert model.network.device == "cpu"


def test_the_configuration_names_devices() -> None:
    lines: list[str] = []
    cnnfast.show_config(lines.append)
    assert any(line.startswith("device ") and "cpu (available: cpu" in line for line in lines)
    assert any(line.startswith("cuda ") for line in lines)


def test_copies_and_files_do_not_keep_the_device(tmp_path: Path) -> None:
    model = mlp().to("cpu")
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin._device is None
    model.save(tmp_path / "model.cnnfast")
    assert cnnfast.models.load_model(tmp_path / "model.cnnfast")._device is None


def test_a_model_that_does_not_move_keeps_its_memory_and_state() -> None:
    model = mlp()
    model.fit(X, Y, verbose=0)
    memory = model.network.arena_bytes
    assert memory > 0
    model.to("cpu")
    assert model.network.arena_bytes == memory


# ---- Where there is one -----------------------------------------------------------------------------------


@needs_cuda
def test_the_first_device_has_one_name() -> None:
    model = mlp().to("cuda")
    assert model.device == model.network.device == mlp().to("cuda:0").device == "cuda:0"
    cnnfast.set_device("cuda")
    assert cnnfast.get_device() == mlp().device == "cuda:0"


@needs_cuda
def test_a_model_that_leaves_gives_memory_back_and_takes_its_state_along() -> None:
    moves, stays = mlp(), mlp()
    for device in ("cuda", "cpu", "cuda", "cpu"):
        moves.to(device)
        assert moves.network.arena_bytes == 0
        moves.fit(X, Y, batch_size=6, shuffle=False, verbose=0)
        stays.fit(X, Y, batch_size=6, shuffle=False, verbose=0)
        assert moves.network.arena_bytes > 0
    for a, b in zip(moves.get_weights(), stays.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@needs_cuda
def test_batches_of_many_sizes() -> None:
    here, there = mlp(), mlp().to("cuda")
    for size in (1, 20, 3, 7, 20, 1):
        for model in (here, there):
            model.train_on_batch(X[:size], Y[:size])
    for a, b in zip(here.get_weights(), there.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    assert there.evaluate(X, Y, batch_size=7, verbose=0) == pytest.approx(
        here.evaluate(X, Y, batch_size=7, verbose=0), rel=1e-4
    )


class EachBatch(callbacks.Callback):
    """Does something behind each batch, and keeps what it is told."""

    def __init__(self, then: Callable[[Any, int], object]) -> None:
        super().__init__()
        self.then, self.losses = then, list[float]()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Between two batches."""
        assert logs is not None
        self.losses.append(logs["loss"])
        self.then(self.model, batch)


BETWEEN: dict[str, Callable[[Any, int], object]] = {
    "nothing": lambda model, batch: None,
    "weights are set": lambda model, batch: model.set_weights([0.9 * w for w in model.get_weights()]),
    "the model moves": lambda model, batch: model.to("cuda" if batch % 2 else "cpu"),
    "it predicts": lambda model, batch: model.predict(X[:batch], verbose=0) if batch else None,
}


@needs_cuda
@pytest.mark.parametrize("what", list(BETWEEN))
def test_callbacks_between_batches(what: str) -> None:
    told = []
    for device in ("cpu", "cuda"):
        listening = EachBatch(BETWEEN[what if what != "the model moves" or device == "cuda" else "nothing"])
        model = mlp().to(device)
        model.fit(X, Y, batch_size=6, epochs=2, shuffle=False, verbose=0, callbacks=[listening])
        told.append((listening.losses, model.get_weights()))
    assert len(told[0][0]) == 8
    np.testing.assert_allclose(told[1][0], told[0][0], rtol=1e-4)
    for a, b in zip(told[0][1], told[1][1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


@needs_cuda
def test_weights_from_files_are_those_of_the_next_step(tmp_path: Path) -> None:
    trained, other = mlp().to("cuda"), mlp().to("cuda")
    trained.fit(X, Y, verbose=0)
    trained.save_weights(tmp_path / "w.weights.h5")
    other.predict(X, verbose=0)
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), trained.predict(X, verbose=0))


@needs_cuda
def test_threads() -> None:
    """Each with a model of its own, and all with one."""
    alone, together, shared = mlp().to("cuda"), [mlp().to("cuda") for _ in range(3)], mlp().to("cuda")
    seen: list[Any] = []

    def work(model: Sequential) -> None:
        model.fit(X, Y, batch_size=6, epochs=2, shuffle=False, verbose=0)
        seen.append(shared.predict(X, batch_size=3, verbose=0))

    threads = [threading.Thread(target=work, args=(model,)) for model in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(alone)
    for model in together:
        for a, b in zip(model.get_weights(), alone.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(seen) == 4
    for each in seen:
        np.testing.assert_array_equal(each, seen[0])


@needs_cuda
@pytest.mark.parametrize("kind", ["relu", "tanh", "linear"])
def test_activations_of_one_number_a_sample(kind: str) -> None:
    """A value without axes has no last one."""
    made = []
    for device in ("cpu", "cuda"):
        cnnfast.set_random_seed(2)
        image = Input((4, 4, 2))
        number = layers.Activation(kind)(ops.mean(layers.Conv2D(2, 3)(image), (1, 2, 3)))
        model = Model(image, layers.Reshape((1,))(number)).to(device)
        model.compile(optimizers.SGD(0.1), "mean_squared_error")
        x = np.linspace(-1, 1, 6 * 32, dtype=np.float32).reshape(6, 4, 4, 2)
        model.fit(x, np.ones((6, 1), np.float32), verbose=0)
        made.append([model.predict(x, verbose=0), *model.get_weights()])
    for a, b in zip(*made, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


@needs_cuda
def test_gradients_follow_the_device() -> None:
    """Of all weights, also of those that are frozen."""
    model = mlp()
    network, x, grad = model.network, X[:4], np.ones((4, 3), np.float32)
    here = network.vjp(x, grad)
    there = model.to("cuda").network.vjp(x, grad)
    for a, b in zip([here[0], *here[1]], [there[0], *there[1]], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


@needs_cuda
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_take_normalizations_and_sums_in(transposed: bool) -> None:
    kind = layers.Conv2DTranspose if transposed else layers.Conv2D
    x = rng.normal(size=(8, 5, 6, 3)).astype(np.float32)
    y = rng.normal(size=(8, 5, 6, 4)).astype(np.float32)

    def made(device: str) -> Model:
        cnnfast.set_random_seed(4)
        image = Input((5, 6, 3))
        first = layers.ReLU()(layers.BatchNormalization()(kind(4, 3, padding="same")(image)))
        second = layers.BatchNormalization()(kind(4, 3, padding="same", use_bias=False)(first))
        model = Model(image, layers.ReLU()(layers.add([first, second]))).to(device)
        model.compile(optimizers.SGD(0.1), "mean_squared_error")
        for weight in model.weights:  # biases and statistics that tell
            weight.assign(weight.numpy() + np.linspace(0.1, 0.5, weight.numpy().size).reshape(weight.shape))
        model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        return model

    here, there = made("cpu"), made("cuda")
    told = [here.predict(x, verbose=0), *here.get_weights()]
    for a, b in zip(told, [there.predict(x, verbose=0), *there.get_weights()], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4)
    predicts, trains = ([step["op"] for step in there.network.plan(8, mode)] for mode in ("predict", "train"))
    assert not {"add", "activation", "batch normalization"} & set(predicts)
    assert not {"add", "activation"} & set(trains)


class Traced(optimizers.Optimizer):
    """Gradient descent that the core knows nothing of."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one weight."""
        self.assign_sub(variable, gradient * learning_rate)


CLIPPED: dict[str, dict[str, Any]] = {
    "sgd": {"kind": optimizers.SGD, "momentum": 0.9},
    "adam": {"kind": optimizers.Adam},
    "formula": {"kind": optimizers.RMSprop},
    "traced": {"kind": Traced},
}


@needs_cuda
@pytest.mark.parametrize("by", ["clipvalue", "clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("optimizer", list(CLIPPED))
def test_gradients_are_clipped_where_they_are_read(optimizer: str, by: str) -> None:
    options = dict(CLIPPED[optimizer])
    kind, seen = options.pop("kind"), []
    for device, limits in (("cpu", {by: 0.02}), ("cuda", {by: 0.02}), ("cpu", {})):
        model = mlp().to(device)
        model.compile(kind(0.01, **options, **limits), "mean_squared_error")
        model.fit(X, 10 * Y, batch_size=6, epochs=2, shuffle=False, verbose=0)
        seen.append(model.get_weights())
    for a, b in zip(*seen[:2], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    if optimizer == "sgd":  # others divide by what gradients were
        assert np.abs(seen[0][0] - seen[2][0]).max() > 1e-3


def in_child(body: Callable[[], object]) -> str:
    """What the body comes to in a forked process: a text, or the error."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = str(body())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(writes, told.encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        told = pipe.read().decode()
    os.waitpid(child, 0)
    return told


REFUSED = (
    "RuntimeError: CUDA does not work in a process that was forked after CUDA was used. Start processes by "
)


@needs_cuda
def test_a_forked_process_is_told_that_cuda_does_not_work_there() -> None:
    model = mlp().to("cuda")
    model.fit(X, Y, verbose=0)
    new = mlp()
    assert in_child(cnnfast.devices) == "['cpu']"
    assert in_child(lambda: cnnfast.set_device("cuda")).startswith(REFUSED)
    assert in_child(lambda: new.to("cuda")).startswith(REFUSED)
    assert in_child(lambda: model.predict(X, verbose=0)).startswith(REFUSED)
    assert in_child(model.get_weights).startswith(REFUSED)
    assert in_child(lambda: new.predict(X, verbose=0).shape) == "(20, 3)"
    assert in_child(lambda: model.__dict__.clear()) == "None"  # what is there is dropped, not given back
    told = model.to("cpu").predict(X, verbose=0)
    assert in_child(lambda: np.array_equal(model.predict(X, verbose=0), told)) == "True"
    model.to("cuda").fit(X, Y, verbose=0)  # in this one it works on


TOO_LARGE = """
import resource
import numpy as np
import cnnfast
from cnnfast import Sequential, _core, layers

cnnfast.set_device("cuda")
wide = Sequential([layers.Dense(1 << 12, input_shape=(1,), use_bias=False), layers.Dense(1)])
few, many = np.ones((2, 1), np.float32), np.ones((1 << 24, 1), np.float32)  # 256 GB
before = wide.predict_on_batch(few)
if "emulated" in _core.describe_device("cuda"):  # whose memory is the process's
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))
try:
    wide.predict_on_batch(many)
except MemoryError as error:
    print(error)
print((wide.predict_on_batch(few) == before).all())
"""


@needs_cuda
def test_memory_that_is_not_there_is_told_and_work_goes_on() -> None:
    run = subprocess.run([sys.executable, "-c", TOO_LARGE], check=True, capture_output=True, text=True)
    told, goes_on = run.stdout.splitlines()
    assert told.startswith("could not take ")
    assert "bytes of the device's memory for a program; use a smaller batch" in told
    assert goes_on == "True"


@needs_cuda
def test_a_device_that_is_not_there_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match=r"cuda:77 is not there: this machine has \d+ for CUDA"):
        _core.device_name("cuda:77")


@needs_cuda
def test_too_many_axes_are_refused_by_the_layer_s_name() -> None:
    turn = layers.Permute((11, 1, 10, 2, 9, 3, 8, 4, 7, 5, 6), name="turn")
    model = Sequential([layers.Reshape((2,) * 11, input_shape=(2048,)), turn, layers.Flatten()]).to("cuda")
    x = np.arange(2 * 2048, dtype=np.float32).reshape(2, -1)
    with pytest.raises(
        ValueError, match=r"turn.*: \d+ axes are too many for CUDA, which takes 10; run .*model\.to"
    ):
        model.predict(x, verbose=0)
    assert model.to("cpu").predict(x, verbose=0).shape == (2, 2048)
