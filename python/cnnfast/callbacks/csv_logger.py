"""Logs as a table in a file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cnnfast.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes a line with the numbers of each epoch to a file.

    The columns are what is known to be in the logs, validation's even where it is not in every epoch, and
    what is in the first epoch's; what comes later and is not among them is left out, and what is missing is
    "NA".

    Args:
        filename: The file.
        separator: The character between the columns.
        append: Whether to go on with a file that there is; otherwise it is replaced.

    Raises:
        ValueError: If the separator is not one character.
        OSError: Before the first epoch, if the file cannot be opened, and later, if the disk is full; names
            the file.

    Source:
        Keras 3, `keras.callbacks.CSVLogger`.

    Example:
        >>> CSVLogger("training.csv").separator
        ','
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1:
            raise ValueError(f"separator must be one character, got {separator!r}")
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = bool(append)
        self._names: Sequence[str] = ()
        self._columns: list[str] | None = None

    def _check(self, names: Sequence[str], complete: bool) -> None:
        self._names = names

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begins the file, or finds that it can be gone on with."""
        with open(self.filename, "a" if self.append else "w"):
            self._columns = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes a line."""
        import csv

        from cnnfast.models.files import naming  # its package needs this one

        values = logs or {}
        with naming(self.filename), open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if self._columns is None:
                self._columns = sorted({*values, *self._names})
                if file.tell() == 0:
                    writer.writerow(["epoch", *self._columns])
            writer.writerow([epoch, *(values.get(name, "NA") for name in self._columns)])
