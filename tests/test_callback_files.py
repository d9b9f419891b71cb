"""Callbacks that write: tables, logs for TensorBoard, backups of a training; and averages of weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import images, small_model

import cnnfast
from cnnfast import callbacks, layers

X, Y = images(60)


def test_a_table_of_the_epochs(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    model = small_model()
    first = model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks.CSVLogger(path, separator=";"))
    again = model.fit(
        X, Y, epochs=1, verbose=0, callbacks=callbacks.CSVLogger(path, separator=";", append=True)
    )
    lines = [line.split(";") for line in path.read_text().splitlines()]
    names = sorted(first.history)
    assert lines[0] == ["epoch", *names]
    assert [line[0] for line in lines[1:]] == ["0", "1", "0"]
    for column, name in enumerate(names, 1):
        assert [float(line[column]) for line in lines[1:]] == first.history[name] + again.history[name]
    model.fit(X, Y, epochs=1, verbose=0, callbacks=callbacks.CSVLogger(path))
    assert len(path.read_text().splitlines()) == 2


def test_columns_that_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"b": 2.0, "a": 1.0})
    logger.on_epoch_end(1, {"a": 3.0, "c": 4.0})
    logger.on_train_end()
    assert path.read_text().split() == ["epoch,a,b", "0,1.0,2.0", "1,3.0,NA"]


def test_a_table_that_cannot_be_written(tmp_path: Path) -> None:
    model = small_model()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        model.fit(X, Y, verbose=0, callbacks=callbacks.CSVLogger(tmp_path / "nowhere" / "log.csv"))
    assert model.optimizer.iterations == 0


def test_a_full_disk_names_the_table() -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        small_model().fit(X, Y, verbose=0, callbacks=callbacks.CSVLogger("/dev/full"))


def _events(folder: Path) -> dict[tuple[str, int], float]:
    """The numbers in TensorBoard's files: records of length, check sum, event, check sum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[tuple[str, int], float] = {}
    for path in folder.iterdir():
        data, at = path.read_bytes(), 0
        while at < len(data):
            size = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + size])
            for value in event.summary.value:
                found[value.tag, event.step] = (
                    value.histo.num if value.HasField("histo") else value.simple_value
                )
            at += 16 + size
    return found


def test_logs_for_tensorboard(tmp_path: Path) -> None:
    model = small_model()
    board = callbacks.TensorBoard(tmp_path / "logs", histogram_freq=2, update_freq=2)
    history = model.fit(
        X, Y, batch_size=20, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[board]
    ).history
    train, validation = _events(tmp_path / "logs" / "train"), _events(tmp_path / "logs" / "validation")
    for epoch in range(3):
        assert train["epoch_loss", epoch] == pytest.approx(history["loss"][epoch], rel=1e-6)
        assert validation["epoch_loss", epoch] == pytest.approx(history["val_loss"][epoch], rel=1e-6)
        assert train["epoch_learning_rate", epoch] == pytest.approx(model.optimizer.learning_rate)
    assert sorted(step for name, step in train if name == "batch_loss") == [0, 2, 4, 6, 8]
    for weight in model.weights:
        assert [train.get((weight.name, epoch)) for epoch in range(3)] == [weight.size, None, weight.size]


def test_tensorboards_arguments() -> None:
    with pytest.raises(ValueError, match="update_freq must be one of 'epoch', 'batch'"):
        callbacks.TensorBoard(update_freq="never")
    with pytest.raises(ValueError, match="profile_batch"):
        callbacks.TensorBoard(profile_batch=2)


class _Power(callbacks.Callback):
    """Goes off after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def _dropping(optimizer: Any) -> Any:
    cnnfast.set_random_seed(3)
    model = cnnfast.Sequential([cnnfast.Input((5,)), cnnfast.layers.Dense(8), cnnfast.layers.Dropout(0.5)])
    model.add(cnnfast.layers.Dense(2))
    model.compile(optimizer(), "mse")
    return model


@pytest.mark.parametrize(
    "optimizer",
    [cnnfast.optimizers.SGD, cnnfast.optimizers.Adam, cnnfast.optimizers.Lamb, cnnfast.optimizers.Nadam],
)
def test_an_interrupted_training_goes_on(tmp_path: Path, optimizer: Any) -> None:
    """Dropout and shuffling too: bit for bit."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 2))
    whole = _dropping(optimizer)
    history = whole.fit(x, y, epochs=5, verbose=0, batch_size=7).history["loss"]
    stopped = [callbacks.BackupAndRestore(tmp_path), _Power(2)]
    with pytest.raises(KeyboardInterrupt):
        _dropping(optimizer).fit(x, y, epochs=5, verbose=0, batch_size=7, callbacks=stopped)
    model = _dropping(optimizer)
    model._seed += 1  # as in a process with other random numbers
    backup = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    rest = model.fit(x, y, epochs=5, verbose=0, batch_size=7, callbacks=backup)
    assert rest.history["loss"] == history[2:]
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), whole.get_weights(), strict=True))
    assert model.optimizer.iterations == whole.optimizer.iterations
    none_left = model.fit(x, y, epochs=5, verbose=0, callbacks=callbacks.BackupAndRestore(tmp_path))
    assert none_left.history == {}
    assert not tmp_path.exists()


def test_backups_that_do_not_suit(tmp_path: Path) -> None:
    x, y = np.ones((4, 3)), np.ones((4, 1))
    kept = callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    small = cnnfast.Sequential([cnnfast.Input((3,)), cnnfast.layers.Dense(1)])
    small.compile("adam", "mse")
    small.fit(x, y, epochs=1, verbose=0, callbacks=kept)
    other = cnnfast.Sequential([cnnfast.Input((3,)), cnnfast.layers.Dense(2), cnnfast.layers.Dense(1)])
    other.compile("adam", "mse")
    before = other.get_weights()
    with pytest.raises(ValueError, match="arrays"):
        other.fit(x, y, epochs=1, verbose=0, callbacks=kept)
    assert all(np.array_equal(a, b) for a, b in zip(before, other.get_weights(), strict=True))
    file = tmp_path / "latest.backup"
    file.write_bytes(file.read_bytes()[:-4] + b"1234")
    with pytest.raises(ValueError, match="SHA"):
        small.fit(x, y, epochs=2, verbose=0, callbacks=kept)
    file.write_bytes(b"{}\n")
    with pytest.raises(ValueError, match="no sound state"):
        small.fit(x, y, epochs=2, verbose=0, callbacks=kept)
    with pytest.raises(ValueError, match="save_freq"):
        callbacks.BackupAndRestore(tmp_path, save_freq=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [cnnfast.optimizers.SGD, cnnfast.optimizers.Adam, cnnfast.optimizers.Lamb])
@pytest.mark.parametrize("on_epoch", [False, True])
def test_averages_are_validated(tmp_path: Path, make: Any, on_epoch: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 5)), rng.normal(size=(20, 2))

    def run(*extra: Any) -> tuple[Any, Any]:
        model = _dropping(lambda: make(0.1, use_ema=True, ema_momentum=0.7))
        return model, model.fit(x, y, epochs=3, validation_data=(x, y), verbose=0, callbacks=list(extra))

    keep = callbacks.ModelCheckpoint(tmp_path / "m.cnnfast")
    swapped, history = run(callbacks.SwapEMAWeights(on_epoch), keep)
    plain, _ = run()
    for one, other in zip(swapped.get_weights(), plain.get_weights(), strict=True):
        assert np.array_equal(one, other)  # training is not disturbed
    assert swapped.evaluate(x, y, verbose=0) == history.history["val_loss"][-1]
    saved = cnnfast.models.load_model(tmp_path / "m.cnnfast")
    same = np.array_equal(saved.predict(x, verbose=0), swapped.predict(x, verbose=0))
    assert same == on_epoch
    model = _dropping(make)
    with pytest.raises(ValueError, match="use_ema=True"):
        model.fit(x, y, verbose=0, callbacks=callbacks.SwapEMAWeights())


def test_a_checkpoint_may_be_a_file_of_keras(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="Keras's files need it: pip install 'cnnfast[h5]'")
    model, path = small_model(), tmp_path / "best.keras"
    model.fit(X, Y, verbose=0, callbacks=callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True))
    again = cnnfast.models.load_model(path)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_checkpoints_after_so_many_batches(tmp_path: Path) -> None:
    """Counted on over epochs: of two times three batches the second, fourth and sixth."""
    model = small_model()
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.cnnfast", save_freq=2)
    best = callbacks.ModelCheckpoint(
        tmp_path / "best" / "{epoch}-{loss:.0f}", "loss", save_best_only=True, save_freq=6
    )
    model.fit(X, Y, batch_size=20, epochs=2, verbose=0, callbacks=[keep, best])
    names = sorted(path.name for path in tmp_path.glob("*.cnnfast"))
    assert names == ["1-2.cnnfast", "2-1.cnnfast", "2-3.cnnfast"]
    assert len(list((tmp_path / "best").iterdir())) == 1
    saved = cnnfast.models.load_model(tmp_path / "2-3.cnnfast")
    assert np.array_equal(saved.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(ValueError, match="save_freq must be at least 1"):
        callbacks.ModelCheckpoint("m", save_freq=0)


def test_what_no_file_holds_is_refused_before_it_is_written(tmp_path: Path) -> None:
    class Pair(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    class Net(cnnfast.Model):
        def __init__(self) -> None:
            super().__init__()
            self.pair = Pair()

        def call(self, inputs: Any) -> Any:
            return self.pair(inputs)

        def get_config(self) -> dict[str, Any]:
            return {}

    model = Net()
    model(np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match="code, which no file of ours holds"):
        model.save(tmp_path / "net.cnnfast")
    assert not list(tmp_path.iterdir())
