"""Saving while training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from cnnfast.callbacks.callback import Logs
from cnnfast.callbacks.monitor import Mode, MonitorCallback
from cnnfast.utils.arguments import one_of, whole_number


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch, or so many batches, or each best one.

    NaN is never better. After an epoch without the number that is watched, or one that the file's name has a
    field for, as one that is not validated, nothing is saved. Folders on the way to the file are made where
    they are missing.

    Args:
        filepath: Where to; may hold fields such as "{epoch:02d}", "{batch}" (from 1 on; of batches where
            `save_freq` counts them) and "{val_loss:.3f}".
        monitor: The number that says which is best.
        verbose: 1 says when it saves.
        save_best_only: Whether only epochs better than all before are saved.
        save_weights_only: Whether only weights are saved.
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        save_freq: "epoch", or after how many batches it saves, counted on over epochs; numbers are then those
            of the epoch so far.
        initial_value_threshold: The number to beat at first; None means any.

    Raises:
        ValueError: Before the first epoch, if there will be no number of that name, or none for a field, the
            suffix is that of another format, or the model holds code of your own and not only its weights are
            saved.
        OSError: Before the first epoch, if the folder cannot be made or written to.

    Source:
        Keras 3, `keras.callbacks.ModelCheckpoint`.

    Example:
        >>> ModelCheckpoint("best.cnnfast", monitor="val_accuracy", save_best_only=True).filepath
        'best.cnnfast'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0, initial_value_threshold)
        if isinstance(save_freq, str):
            one_of(save_freq, "save_freq", ("epoch",))
        else:
            whole_number(save_freq, "save_freq", 1)
        self.save_freq = save_freq
        self._epoch = self._batches = 0  # the one that runs; those since it saved
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only

    def _check(self, names: Sequence[str], complete: bool) -> None:
        from cnnfast.models.files import target_path  # its package needs this one
        from cnnfast.models.saving import check_held

        self._expected = names
        if self.save_best_only:
            super()._check(names, complete)
        if complete:
            self._path(dict.fromkeys(names, 0.0), 0 if self.listens_to_batches else None)
        if not self.save_weights_only:
            # Keras's files hold code as the graph that it calls.
            (self.model.get_config if self.filepath.endswith(".keras") else partial(check_held, self.model))()
        target_path(self.filepath, ".safetensors" if self.save_weights_only else ".cnnfast", overwrite=True)
        folder = os.path.dirname(self.filepath.partition("{")[0])
        _make_folder(folder)
        if not os.access(folder or ".", os.W_OK | os.X_OK):
            raise PermissionError(
                f"ModelCheckpoint may not write to the folder {folder or '.'!r}; name another"
            )

    @property
    def listens_to_batches(self) -> bool:
        """Whether it counts them."""
        return self.save_freq != "epoch"

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves after so many."""
        self._batches += 1
        if self._batches == self.save_freq:
            self._batches = 0
            self._save(logs or {}, batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves, where epochs are what counts."""
        self._epoch = epoch
        if self.save_freq == "epoch":
            self._save(logs or {})

    def _save(self, logs: Logs, batch: int | None = None) -> None:
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._improves(value, self.best):
                return
            self.best = value
        path = self._path(logs, batch)
        if path is None:
            return
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: saving to {path}")
        _make_folder(os.path.dirname(path))
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)

    def _path(self, logs: Logs, batch: int | None = None) -> str | None:
        """Returns where to; None where a field's number is not in these logs, but in others'."""
        counts = {"epoch": self._epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            path = self.filepath.format(**logs, **counts)
        except KeyError as error:
            if error.args[0] in self._expected:
                return None
            raise ValueError(
                f"ModelCheckpoint's filepath {self.filepath!r} names {error}, but there are only "
                f"{[*counts, *logs]}; name one of these, or give fit validation data"
            ) from None
        except (ValueError, IndexError, AttributeError, TypeError) as error:
            raise ValueError(
                f"ModelCheckpoint's filepath {self.filepath!r} has a field that cannot be filled ({error}); "
                "write fields as in '{epoch:02d}-{val_loss:.3f}.cnnfast'"
            ) from None
        if os.path.isdir(path):
            raise ValueError(f"ModelCheckpoint's filepath {path!r} is a folder; name a file in it")
        return path


def _make_folder(folder: str) -> None:
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"ModelCheckpoint cannot make the folder {folder!r}: {error.strerror}"
        ) from None
