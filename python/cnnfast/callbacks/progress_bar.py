"""Progress on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnnfast.callbacks.callback import Callback, Logs

if TYPE_CHECKING:
    from tqdm import tqdm

_REFRESH_SECONDS = (
    0.1  # what an eye can follow; a bar drawn after each batch would cost more than small batches
)


class ProgressBar(Callback):
    """A bar for each epoch, or a line.

    Args:
        verbose: 0 quiet; 1 or "auto" a bar, if the output is a terminal or a notebook; 2 a line after each
            epoch.

    Raises:
        ValueError: If `verbose` is none of these.

    Example:
        >>> ProgressBar(0).listens_to_batches
        False
    """

    def __init__(self, verbose: int | str = "auto") -> None:
        self._mode = _mode(verbose)
        self._bar: tqdm[Any] | None = None
        self._waiting = 0
        self._drawn = 0.0
        self._began = 0.0

    @property
    def listens_to_batches(self) -> bool:
        """Whether it draws a bar."""
        return self._mode == 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Opens the bar."""
        self._began = time.monotonic()
        if self._mode == 1:
            self.close()
            self._bar = open_bar(self.params["steps"], f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar, ten times a second at most."""
        self._waiting += 1
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_SECONDS:
            self._drawn = now
            self._move(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Closes the bar, or writes the line."""
        if self._mode == 1:
            self._move(logs)
            self.close()
        elif self._mode == 2:
            seconds = time.monotonic() - self._began
            numbers = " - ".join([f"{seconds:.1f}s", *(f"{n}: {v:.4g}" for n, v in (logs or {}).items())])
            print(f"Epoch {epoch + 1}/{self.params['epochs']} - {numbers}")

    def _move(self, logs: Logs | None) -> None:
        if self._bar is not None:
            self._bar.set_postfix(logs or {}, refresh=False)
            self._bar.update(self._waiting)
        self._waiting = 0

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def batches_with_bar(samples: int, batch: int, verbose: int | str, title: str) -> Iterator[int]:
    """Yields the beginning of each batch, with a bar where `verbose` and the output allow.

    Example:
        >>> list(batches_with_bar(10, 4, 0, "predict"))
        [0, 4, 8]
    """
    starts = range(0, samples, batch)
    if _mode(verbose) != 1:
        yield from starts
        return
    bar = open_bar(len(starts), title)
    try:
        for start in starts:
            yield start
            bar.update()
    finally:
        bar.close()


def open_bar(steps: int, title: str) -> tqdm[Any]:
    """Returns a bar on standard output."""
    from tqdm import tqdm

    return tqdm(total=steps, desc=title, file=sys.stdout, unit="batch", dynamic_ncols=True)


def _mode(verbose: int | str) -> int:
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {verbose!r}")
    if verbose in (0, 2):
        return int(verbose)
    return int(sys.stdout.isatty() or "ipykernel" in sys.modules)
