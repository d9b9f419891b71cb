"""Training that goes on where it was interrupted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.callbacks.callback import Callback, Logs
from cnnfast.utils.arguments import not_offered

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "latest.backup"


class BackupAndRestore(Callback):
    """Keeps the state of training after each epoch; `fit` goes on with it if the last run was interrupted.

    The state is the weights, the optimizer's, and where shuffling and dropout are: a run that was interrupted
    between two epochs and goes on ends with the weights of one that was not, bit for bit. It works for models
    of any code, which has to be made and compiled as before.

    Args:
        backup_dir: A folder for the state; it is made.
        save_freq: Not offered; must be "epoch".
        double_checkpoint: Keras's argument: a state appears complete or not at all.
        delete_checkpoint: Whether the state is removed when training has ended.

    Raises:
        OSError: Before the first epoch, if the folder cannot be made or written to.
        ValueError: If the state is damaged, or that of another model.

    Source:
        Keras 3, `keras.callbacks.BackupAndRestore`.

    Example:
        >>> BackupAndRestore("backup").delete_checkpoint
        True
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        not_offered("BackupAndRestore", save_freq=(save_freq, "epoch"))
        if not backup_dir:
            raise ValueError(f"BackupAndRestore needs a folder, got {backup_dir!r}")
        self.backup_dir = os.fspath(backup_dir)
        self.double_checkpoint = bool(double_checkpoint)
        self.delete_checkpoint = bool(delete_checkpoint)

    @property
    def _path(self) -> Path:
        from pathlib import Path  # takes a tenth of `import cnnfast`

        return Path(self.backup_dir, _FILE)

    def _check(self, names: Sequence[str], complete: bool) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if not os.access(self.backup_dir, os.W_OK | os.X_OK):
            raise PermissionError(
                f"BackupAndRestore may not write to {self.backup_dir!r}; name another folder"
            )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Goes on with the state, if there is one."""
        from cnnfast.models.backup import read_state

        if self._path.exists():
            self.model._resumed_at = read_state(self.model, self._path)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keeps the state."""
        from cnnfast.models.backup import write_state

        write_state(self.model, self._path, epoch + 1)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Removes the state, and the folder if nothing else is in it."""
        if self.delete_checkpoint:
            self._path.unlink(missing_ok=True)
            if not os.listdir(self.backup_dir):
                os.rmdir(self.backup_dir)
