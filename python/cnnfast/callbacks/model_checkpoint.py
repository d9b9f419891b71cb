"""Saving while training."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cnnfast.callbacks.callback import Logs
from cnnfast.callbacks.monitor import Mode, MonitorCallback
from cnnfast.utils.arguments import not_offered


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch, or after each that was the best so far.

    NaN is never better. After an epoch without the number that is watched, or one that the file's name has a
    field for, as one that is not validated, nothing is saved. Folders on the way to the file are made where
    they are missing.

    Args:
        filepath: Where to; may hold fields such as "{epoch:02d}" (counted from 1) and "{val_loss:.3f}".
        monitor: The number that says which is best.
        verbose: 1 says when it saves.
        save_best_only: Whether only epochs better than all before are saved.
        save_weights_only: Whether only weights are saved.
        mode: "min" or "max" says which is better; "auto" knows it of the loss and the model's metrics.
        save_freq: Not offered; must be "epoch".
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
        save_freq: str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0, initial_value_threshold)
        not_offered("ModelCheckpoint", save_freq=(save_freq, "epoch"))
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only

    def _check(self, names: Sequence[str], complete: bool) -> None:
        from cnnfast.models.files import target_path  # its package needs this one

        self._expected = names
        if self.save_best_only:
            super()._check(names, complete)
        if complete:
            self._path(0, dict.fromkeys(names, 0.0))
        if not self.save_weights_only:
            self.model.get_config()  # refuses what no file holds
        target_path(self.filepath, ".safetensors" if self.save_weights_only else ".cnnfast", overwrite=True)
        folder = os.path.dirname(self.filepath.partition("{")[0])
        _make_folder(folder)
        if not os.access(folder or ".", os.W_OK | os.X_OK):
            raise PermissionError(
                f"ModelCheckpoint may not write to the folder {folder or '.'!r}; name another"
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves."""
        if self.save_best_only:
            value = self._value(logs)
            if value is None or not self._improves(value, self.best):
                return
            self.best = value
        path = self._path(epoch, logs or {})
        if path is None:
            return
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving to {path}")
        _make_folder(os.path.dirname(path))
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)

    def _path(self, epoch: int, logs: Logs) -> str | None:
        """Returns where to; None where a field's number is not in this epoch's logs, but in others'."""
        try:
            path = self.filepath.format(**{**logs, "epoch": epoch + 1})
        except KeyError as error:
            if error.args[0] in self._expected:
                return None
            raise ValueError(
                f"ModelCheckpoint's filepath {self.filepath!r} names {error}, but there are only "
                f"{['epoch', *logs]}; name one of these, or give fit validation data"
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
