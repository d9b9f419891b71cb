"""Callbacks: what counts as better, when a training ends, what is refused before it begins."""

import csv
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.models import images, same_bits, small_model
from support.nets import refusal

import cnnfast
from cnnfast import callbacks

X, Y = images(60)
NAN = float("nan")


class Script(callbacks.Callback):
    """Writes numbers into the logs and keeps the weights of each epoch."""

    def __init__(self, values: list[float], name: str = "val_loss") -> None:
        self.values, self.name = values, name
        self.weights: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        logs[self.name] = self.values[epoch]
        self.weights.append(self.model.get_weights())


def _epochs(values: list[float], watcher: callbacks.Callback) -> tuple[Any, Script]:
    model, script = small_model(), Script(values)
    model.fit(X, Y, epochs=len(values), verbose=0, callbacks=[script, watcher])
    return model, script


# -- NaN ---------------------------------------------------------------------------------------------------

# numbers, patience, epochs that run, the epoch whose weights come back (None: those of the last)
STOPS: list[tuple[list[float], int, int, int | None]] = [
    ([NAN, 3, 2, 1, 1.5], 3, 5, 3),
    ([NAN, 3, 4, 5, 1], 2, 4, 1),
    ([NAN, NAN, NAN, NAN], 2, 2, None),
    ([3, NAN, NAN, 2], 2, 3, 0),
    ([3, NAN, 2, NAN], 2, 4, 2),
    ([3, 2, 2, 2, 1], 2, 4, 1),
    ([np.inf, np.inf, 3, 4], 2, 4, 2),
    ([NAN, NAN, 1], 0, 2, None),
]


@pytest.mark.parametrize(("values", "patience", "epochs", "best"), STOPS)
def test_early_stopping_never_takes_nan_for_better(
    values: list[float], patience: int, epochs: int, best: int | None
) -> None:
    stop = callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    model, script = _epochs(values, stop)
    assert len(script.weights) == epochs
    assert same_bits(model.get_weights(), script.weights[-1 if best is None else best])


def test_a_log_has_validation_s_columns_whenever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    model = small_model()
    logger = callbacks.CSVLogger(path)
    done = model.fit(
        *(X, Y), epochs=2, verbose=0, validation_data=(X, Y), validation_freq=2, callbacks=logger
    ).history
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["val_loss"] for row in rows] == ["NA", str(done["val_loss"][0])]


def test_a_larger_number_may_be_better() -> None:
    stop = callbacks.EarlyStopping(patience=2, mode="max", restore_best_weights=True)
    model, script = _epochs([NAN, 1, 2, NAN, 1.5, 9], stop)
    assert len(script.weights) == 5
    assert same_bits(model.get_weights(), script.weights[2])


def test_baseline_must_be_beaten_but_the_best_epoch_is_kept() -> None:
    stop = callbacks.EarlyStopping(patience=2, baseline=1.0, restore_best_weights=True)
    model, script = _epochs([5, 4, 3, 0.5], stop)
    assert len(script.weights) == 4, "each of the first three is better than those before it"
    stop = callbacks.EarlyStopping(patience=2, baseline=1.0, restore_best_weights=True)
    model, script = _epochs([5, 4, 6, 0.5], stop)
    assert len(script.weights) == 3, "the third is better than none of them, and none beat the baseline"
    assert same_bits(model.get_weights(), script.weights[1])


@pytest.mark.parametrize("threshold", [None, NAN])
def test_checkpoint_never_takes_nan_for_better(threshold: float | None, tmp_path: Path) -> None:
    path = tmp_path / "best-{epoch}.cnnfast"
    keep = callbacks.ModelCheckpoint(path, save_best_only=True, initial_value_threshold=threshold)
    _, script = _epochs([NAN, 3, 4, NAN, 2], keep)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best-2.cnnfast", "best-5.cnnfast"]
    kept = cnnfast.models.load_model(tmp_path / "best-5.cnnfast")
    assert same_bits(kept.get_weights(), script.weights[4])


def test_checkpoint_beats_its_threshold(tmp_path: Path) -> None:
    keep = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.cnnfast", save_best_only=True, initial_value_threshold=2.5
    )
    _epochs([3, 2.6, 2.4], keep)
    assert [p.name for p in tmp_path.iterdir()] == ["3.cnnfast"]


# -- the end of a training ---------------------------------------------------------------------------------


class Stop(callbacks.Callback):
    """Ends the training at one place and notes what was called."""

    def __init__(self, where: str) -> None:
        self.where, self.calls = where, []  # type: ignore[var-annotated]

    def _note(self, what: str) -> None:
        self.calls.append(what)
        if what == self.where:
            self.model.stop_training = True

    def on_train_begin(self, logs: Any = None) -> None:
        self._note("train begins")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._note(f"epoch {epoch} begins")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._note(f"batch {batch} begins")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._note(f"batch {batch} ends")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert set(logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        self._note(f"epoch {epoch} ends")

    def on_train_end(self, logs: Any = None) -> None:
        self._note("train ends")


@pytest.mark.parametrize(
    ("where", "steps"),
    [
        ("train begins", 1),
        ("epoch 0 begins", 1),
        ("batch 0 begins", 1),
        ("batch 0 ends", 1),
        ("batch 2 ends", 3),
        ("epoch 0 ends", 5),
        ("epoch 1 begins", 6),
        ("nowhere", 15),
    ],
)
def test_training_ends_after_the_batch_in_which_it_is_stopped(where: str, steps: int) -> None:
    model, stop = small_model(), Stop(where)
    history = model.fit(
        X, Y, batch_size=10, epochs=3, validation_split=1 / 6, verbose=0, callbacks=stop
    ).history
    assert model.optimizer.iterations == steps
    epochs = -(-steps // 5)
    assert stop.calls[-2:] == [f"epoch {epochs - 1} ends", "train ends"]
    assert {len(values) for values in history.values()} == {epochs}
    # The next training begins anew.
    model.fit(X, Y, batch_size=10, verbose=0)
    assert model.optimizer.iterations == steps + 6


def test_another_thread_may_stop_a_training() -> None:
    model, begun = small_model(), threading.Event()

    def stop() -> None:
        begun.wait()
        model.stop_training = True

    thread = threading.Thread(target=stop)
    thread.start()
    begin = callbacks.LambdaCallback(on_train_begin=lambda logs: begun.set())
    history = model.fit(X, Y, batch_size=2, epochs=10**6, verbose=0, callbacks=begin)
    thread.join()
    assert len(history.epoch) < 10**6


# -- refused before the first epoch ------------------------------------------------------------------------


def _refused(callback: Any, *words: str, **arguments: Any) -> None:
    model = small_model()
    before = model.get_weights()
    with pytest.raises((ValueError, OSError)) as info:
        model.fit(X, Y, epochs=2, verbose=0, callbacks=callback, **arguments)
    refusal(info.value, *words)
    assert same_bits(before, model.get_weights())
    assert model.optimizer.iterations == 0


def test_monitors_are_known_before_the_first_epoch() -> None:
    _refused(callbacks.EarlyStopping(), "val_loss", "accuracy", "validation")
    _refused(callbacks.EarlyStopping("val_acc"), "val_acc", "val_accuracy", validation_split=0.5)
    _refused(callbacks.ModelCheckpoint("m", monitor="val_loss", save_best_only=True), "val_loss")
    _refused([Script([1.0, 2.0], "score"), callbacks.EarlyStopping("score")], "score", "mode")


def test_numbers_of_one_of_several_outputs_are_watched() -> None:
    x = cnnfast.Input((4,))
    ends = {name: cnnfast.layers.Dense(2, name=name)(x) for name in ("a", "b")}
    model = cnnfast.Model(x, ends)
    model.compile("sgd", dict.fromkeys(ends, "mse"), metrics={"a": ["mae"]}, weighted_metrics={"b": ["mae"]})
    labels = dict.fromkeys(ends, np.ones((6, 2), np.float32))
    for name in ("a_loss", "a_mae", "b_mae"):
        watcher = callbacks.EarlyStopping(name, patience=9)
        log = model.fit(np.ones((6, 4), np.float32), labels, epochs=2, verbose=0, callbacks=watcher).history
        assert watcher.best == min(log[name])


def test_monitors_of_other_callbacks_are_theirs() -> None:
    model = small_model()
    rate = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    own = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=-epoch))
    for added, watched in ((rate, "learning_rate"), (Script([3, 2, 1], "score"), "score"), (own, "score")):
        stop = callbacks.EarlyStopping(watched, mode="min", patience=1)
        assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[added, stop]).epoch) == 3
    _refused([callbacks.EarlyStopping("learning_rate", mode="min"), rate], "learning_rate", "loss")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{epoch}-{val_loss:.2f}.cnnfast", ["val_loss", "accuracy"]),
        ("{epochs:02d}.cnnfast", ["epochs", "epoch"]),
        ("{loss:d}.cnnfast", ["cannot be filled", "{epoch:02d}"]),
        ("{loss", ["cannot be filled"]),
        ("{}", ["cannot be filled"]),
        ("", ["folder"]),
    ],
)
def test_fields_of_a_checkpoint_are_known_before_the_first_epoch(
    name: str, words: list[str], tmp_path: Path
) -> None:
    _refused(callbacks.ModelCheckpoint(f"{tmp_path}/{name}"), *words)


@pytest.mark.parametrize("first", [[], [callbacks.LambdaCallback(on_epoch_end=print)]])
def test_epochs_that_are_not_validated_do_not_count(first: list[Any], tmp_path: Path) -> None:
    """A number in the logs of each second epoch is watched in each second one, whoever comes first."""

    def run(watcher: callbacks.Callback, **arguments: Any) -> Any:
        model = small_model()
        model.fit(*(X, Y), epochs=6, validation_freq=2, verbose=0, callbacks=[*first, watcher], **arguments)
        return model

    data = {"validation_data": (X, np.full_like(Y, 3))}
    stop = callbacks.EarlyStopping("val_loss", min_delta=1e9, patience=1)
    run(stop, **data)
    assert (stop.best_epoch, stop.stopped_epoch) == (1, 3)
    plateau = callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1e9)
    assert run(plateau, **data).optimizer.learning_rate == pytest.approx(0.001 / 4)
    run(callbacks.ModelCheckpoint(tmp_path / "{epoch}-{val_accuracy:.0f}.cnnfast"), **data)
    assert sorted(path.name[:2] for path in tmp_path.iterdir()) == ["2-", "4-", "6-"]
    best = callbacks.ModelCheckpoint(tmp_path / "best.cnnfast", save_best_only=True)
    run(best, **data)
    assert best.best is not None
    assert (tmp_path / "best.cnnfast").is_file()
    _refused(callbacks.EarlyStopping("val_loss"), "val_loss", "validation", validation_freq=3, **data)


@pytest.mark.parametrize("number", [np.float32, np.float64, np.array, int])
def test_numbers_of_numpy_are_numbers(number: Any) -> None:
    stop = callbacks.EarlyStopping("score", mode="max", patience=1)
    script = Script([number(value) for value in (1, 2, 2, 3)], "score")
    assert len(small_model().fit(X, Y, epochs=4, verbose=0, callbacks=[script, stop]).epoch) == 3


def test_checkpoint_makes_its_folder(tmp_path: Path) -> None:
    model = small_model()
    path = tmp_path / "runs" / "{epoch:02d}" / "{val_loss:.1f}.safetensors"
    keep = callbacks.ModelCheckpoint(path, save_weights_only=True)
    history = model.fit(X, Y, epochs=2, validation_split=0.5, verbose=0, callbacks=keep).history
    for epoch, loss in enumerate(history["val_loss"], start=1):
        assert (tmp_path / "runs" / f"{epoch:02d}" / f"{loss:.1f}.safetensors").is_file()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _refused(callbacks.ModelCheckpoint(tmp_path / "file" / "m.cnnfast"), "folder", "file")
    _refused(callbacks.ModelCheckpoint(tmp_path), "is a folder")
    _refused(callbacks.ModelCheckpoint(tmp_path / "best.h5"), ".h5", "HDF5")


def test_a_model_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    own = cnnfast.layers.Lambda(lambda x: x + x)
    model = cnnfast.Sequential([cnnfast.Input((3,)), own, cnnfast.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones((4, 1))
    with pytest.raises(ValueError, match="code of your own"):
        model.fit(x, y, verbose=0, callbacks=callbacks.ModelCheckpoint(tmp_path / "m.cnnfast"))
    assert model.optimizer.iterations == 0
    keep = callbacks.ModelCheckpoint(tmp_path / "m.safetensors", save_weights_only=True)
    model.fit(x, y, verbose=0, callbacks=keep)
    model.load_weights(tmp_path / "m.safetensors")


def test_what_is_no_callback_is_refused() -> None:
    for wrong in (3, [3], callbacks.EarlyStopping, [[callbacks.History(), "x"]]):
        _refused(wrong, "callbacks must be")
    with pytest.raises(ValueError, match="on_exception"):
        callbacks.LambdaCallback(on_exception=print)


def test_one_callback_and_nested_lists_do() -> None:
    seen: list[int] = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    for given in (note, [note], (note,), [[note], [callbacks.History()]]):
        small_model().fit(X, Y, verbose=0, callbacks=given)
    assert seen == [0, 0, 0, 0]


_HOOKS = tuple(
    f"on_{what}_{when}"
    for what in ("test", "test_batch", "predict", "predict_batch", "train", "train_batch", "epoch")
    for when in ("begin", "end")
)


def _listener(seen: list[str]) -> callbacks.LambdaCallback:
    """Notes the hooks that are called, with the names in their logs."""

    def noting(hook: str) -> Any:
        def note(*args: Any) -> None:
            seen.append(" ".join([hook.removeprefix("on_"), *map(str, args[:-1]), *sorted(args[-1] or ())]))

        return note

    return callbacks.LambdaCallback(**{hook: noting(hook) for hook in _HOOKS})


def test_evaluation_and_prediction_call_theirs() -> None:
    model, seen = small_model(), list[str]()
    model.evaluate(X[:12], Y[:12], batch_size=8, verbose=0, callbacks=_listener(seen))
    logs = " ".join(sorted(model.metrics_names))
    batches = [f"test_batch_{when}" for when in ("begin 0", f"end 0 {logs}", "begin 1", f"end 1 {logs}")]
    assert seen == ["test_begin", *batches, f"test_end {logs}"]
    seen.clear()
    whole = model.predict(X[:12], batch_size=8, verbose=0, callbacks=[_listener(seen)])
    steps = [f"predict_batch_{when}" for when in ("begin 0", "end 0 outputs", "begin 1", "end 1 outputs")]
    expected = ["predict_begin", *steps, "predict_end"]
    assert seen == expected
    seen.clear()
    batched = model.predict(iter([(X[:8],), (X[8:12],)]), verbose=0, callbacks=_listener(seen))
    assert seen == expected
    assert_array_equal(whole, batched)


def test_what_a_prediction_tells() -> None:
    model, told = small_model(), list[Any]()
    note = callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: told.append(logs["outputs"]))
    whole = model.predict(X[:12], batch_size=8, verbose=0, callbacks=note)
    assert_array_equal(np.concatenate(told), whole)


def test_validation_tells_of_its_batches() -> None:
    seen: list[str] = []
    model = small_model()
    model.fit(X[:9], Y[:9], validation_data=(X[:9], Y[:9]), verbose=0, callbacks=_listener(seen))
    hooks = [each.split(" ")[0] for each in seen]
    validation = ["test_begin", "test_batch_begin", "test_batch_end", "test_end"]
    training = ["train_begin", "epoch_begin", "train_batch_begin", "train_batch_end"]
    assert hooks == [*training, *validation, "epoch_end", "train_end"]


def test_a_list_of_callbacks_by_hand() -> None:
    seen: list[str] = []
    model = small_model()
    each = callbacks.CallbackList(
        _listener(seen), add_history=True, add_progbar=True, model=model, epochs=1, steps=1, verbose=0
    )
    assert [type(one).__name__ for one in each.callbacks] == ["LambdaCallback", "ProgressBar", "History"]
    assert each.callbacks[0].model is model
    assert each.callbacks[0].params == each.params == {"epochs": 1, "steps": 1, "verbose": 0}
    each.on_train_begin()
    each.on_epoch_begin(0)
    each.on_batch_begin(0)
    each.on_batch_end(0, {"loss": 1.0})
    each.on_epoch_end(0, {"loss": 1.0})
    each.on_train_end()
    batches = ["train_batch_begin 0", "train_batch_end 0 loss"]
    assert seen == ["train_begin", "epoch_begin 0", *batches, "epoch_end 0 loss", "train_end"]
    history = each.found(callbacks.History)
    assert history is not None
    assert history.history == {"loss": [1.0]}
    assert len(callbacks.CallbackList([callbacks.History()], add_history=True).callbacks) == 1


# -- learning rates ----------------------------------------------------------------------------------------


def _always(value: Any) -> Any:
    return lambda epoch: value


def _rate_of_two(epoch: int, rate: float) -> float:
    return rate / 2


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch: 0.5 / (1 + epoch), [0.5, 0.25]),
        (lambda epoch, rate: rate / 2, [0.0005, 0.00025]),
        (lambda epoch, rate=0.25: rate, [0.001, 0.001]),
        (_rate_of_two, [0.0005, 0.00025]),
    ],
)
def test_schedules_take_the_epoch_or_the_rate_too(schedule: Any, rates: list[float]) -> None:
    model = small_model()
    history = model.fit(
        X, Y, epochs=2, verbose=0, callbacks=callbacks.LearningRateScheduler(schedule)
    ).history
    assert history["learning_rate"] == pytest.approx(rates)


def test_schedules_are_checked() -> None:
    for schedule in (None, 0.1, lambda: 0.1, lambda a, b, c: 0.1):
        with pytest.raises(ValueError, match=r"\(epoch, rate\)"):
            callbacks.LearningRateScheduler(schedule)  # type: ignore[arg-type]
    for value in (None, "fast", NAN, 1e300, -1.0):
        _refused(callbacks.LearningRateScheduler(_always(value)), "learning_rate")


def test_an_error_of_the_schedule_itself_is_told_as_it_is() -> None:
    def schedule(epoch: int, rate: float) -> float:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        small_model().fit(X, Y, verbose=0, callbacks=callbacks.LearningRateScheduler(schedule))


@pytest.mark.parametrize(
    "make", [lambda: callbacks.LearningRateScheduler(float), callbacks.ReduceLROnPlateau]
)
def test_a_schedule_is_not_replaced(make: Any) -> None:
    model = small_model()
    model.compile(cnnfast.optimizers.SGD(lambda step: 0.1), model.loss)
    with pytest.raises(TypeError, match="make the optimizer with a number"):
        model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=make())


# -- a rate that falls, a loss that is none ----------------------------------------------------------------

# numbers, arguments, the rate in the logs of each epoch
PLATEAUS: list[tuple[list[float], dict[str, Any], list[float]]] = [
    ([3, 3, 3, 3, 3], {"patience": 2, "factor": 0.5}, [1, 1, 1, 0.5, 0.5]),
    ([3, 2, 2, 2, 1, 1, 1, 1], {"patience": 2, "factor": 0.5}, [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]),
    ([3, 3, 3, 3, 3, 3], {"patience": 1, "factor": 0.5, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
    ([3, NAN, 3, NAN], {"patience": 1, "factor": 0.5}, [1, 1, 0.5, 0.25]),
    ([3, 2.99, 2.98, 2.97], {"patience": 2, "factor": 0.5, "min_delta": 0.1}, [1, 1, 1, 0.5]),
    ([3, 3, 3, 3], {"patience": 1, "factor": 0.1, "min_lr": 0.3}, [1, 1, 0.3, 0.3]),
    ([1, 2, 2, 2], {"patience": 1, "factor": 0.5, "mode": "max"}, [1, 1, 1, 0.5]),
]


@pytest.mark.parametrize(("values", "arguments", "rates"), PLATEAUS)
def test_the_rate_falls_on_a_plateau(
    values: list[float], arguments: dict[str, Any], rates: list[float]
) -> None:
    model, script = small_model(), Script(values)
    model.optimizer.learning_rate = 1.0
    watcher = callbacks.ReduceLROnPlateau(**arguments)
    history = model.fit(X, Y, epochs=len(values), verbose=0, callbacks=[script, watcher])
    assert history.history["learning_rate"] == pytest.approx(rates)


def test_a_plateau_needs_a_factor_below_1() -> None:
    with pytest.raises(ValueError, match=r"factor must be .* below 1, got 1\.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def _exploding() -> Any:
    model = small_model()
    model.optimizer.learning_rate = 1e30
    return model


def test_a_loss_that_is_no_number_ends_training(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model = _exploding()
    model.fit(X, Y, batch_size=1, epochs=3, verbose=0, callbacks=[callbacks.TerminateOnNaN(), count])
    assert len(seen) < len(X)
    assert f"batch {seen[-1]}: the loss is" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="the loss is"):
        _exploding().fit(
            X, Y, batch_size=1, epochs=3, verbose=0, callbacks=callbacks.TerminateOnNaN(raise_error=True)
        )
