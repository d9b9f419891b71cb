"""Progress on a terminal, and a line for each epoch everywhere."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cnnfast.callbacks.callback import Callback, Logs, one_number
from cnnfast.config import is_interactive_logging_enabled

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

_REFRESH_SECONDS = (
    0.1  # what an eye can follow; a bar drawn after each batch would cost more than small batches
)
_BAR = "{desc} |{bar}| {n_fmt}/{total_fmt} {elapsed}<{remaining}{postfix}"
# Where names would not fit a terminal; the first are parts of others.
_SHORT = (
    (r"sparse_|categorical_", ""),
    ("accuracy", "acc"),
    ("mean_squared_error", "mse"),
    ("mean_absolute_error", "mae"),
    ("crossentropy", "ce"),
    ("learning_rate", "lr"),
)


class ProgressBar(Callback):
    """A bar for each epoch, which becomes a line; or the line alone.

    Args:
        verbose: 0 quiet; 1 or "auto" a bar, where the output is a terminal or a notebook, and elsewhere as 2;
            2 a line after each epoch.

    Raises:
        ValueError: If `verbose` is none of these.

    Example:
        >>> ProgressBar(0).listens_to_batches
        False
    """

    def __init__(self, verbose: int | str = "auto") -> None:
        self._mode = _mode(verbose)
        self._bar: tqdm[Any] | None = None
        self._drawn = 0.0
        self._began = 0.0

    _counts_batches = False

    @property
    def listens_to_batches(self) -> bool:
        """Whether it draws a bar."""
        return self._mode == 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Opens the bar."""
        self._began = time.monotonic()
        if self._mode == 1:
            self.close()
            self._bar = open_bar(self.params["steps"], self._title(epoch))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar, ten times a second at most."""
        now = time.monotonic()
        if now - self._drawn >= _REFRESH_SECONDS and self._bar is not None:
            self._drawn = now
            self._bar.set_postfix_str("  ".join(_told(logs or {})), refresh=False)
            self._bar.update(batch + 1 - self._bar.n)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Puts the line in the bar's place."""
        if self._bar is not None:
            self._bar.leave = False
        self.close()
        if self._mode:
            start = f"{self._title(epoch)} {time.monotonic() - self._began:6.1f}s"
            print(epoch_line(start, logs or {}, _columns()), flush=True)

    def _title(self, epoch: int) -> str:
        last = str(self.params["epochs"])
        return f"Epoch {epoch + 1:>{len(last)}}/{last}"

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None


def epoch_line(start: str, logs: Logs, columns: int | None) -> str:
    """What is told of an epoch: all of it, or with shorter names and without the last, to fit the columns.

    Args:
        start: What comes first.
        logs: Its numbers by name.
        columns: How many characters there is room for; None: any number.

    Example:
        >>> logs = {"loss": 0.25, "accuracy": 0.5, "learning_rate": 1e-4}
        >>> epoch_line("Epoch 1/2  3.0s", logs, 80)
        'Epoch 1/2  3.0s  loss 0.2500  accuracy 0.5000  learning_rate 0.0001'
        >>> epoch_line("Epoch 1/2  3.0s", logs, 45)
        'Epoch 1/2  3.0s  loss 0.2500  acc 0.5000'
    """
    line = "  ".join([start, *_told(logs)])
    if columns is None or len(line) <= columns:
        return line
    told = _told({_short(name): value for name, value in logs.items()})
    while told and len("  ".join([start, *told])) > columns:
        told.pop()
    return "  ".join([start, *told])


@contextmanager
def bar_of(steps: int | None, verbose: int | str, title: str) -> Iterator[Callable[[int], object]]:
    """Shows a bar where `verbose` and the output allow; yields what moves it on by a number of steps.

    Example:
        >>> with bar_of(3, 0, "evaluate") as move:
        ...     _ = move(2)
    """
    if _mode(verbose) != 1:
        yield lambda made: None
        return
    with open_bar(steps, title) as bar:
        yield bar.update


def with_bar(batches: Iterable[T], steps: int | None, verbose: int | str, title: str) -> Iterator[T]:
    """Yields batches, with a bar where `verbose` and the output allow.

    Example:
        >>> list(with_bar([0, 4, 8], 3, 0, "predict"))
        [0, 4, 8]
    """
    with bar_of(steps, verbose, title) as move:
        for batch in batches:
            yield batch
            move(1)


def open_bar(steps: int | None, title: str) -> tqdm[Any]:
    """Returns a bar on standard output."""
    from tqdm import tqdm

    return tqdm(total=steps, desc=title, file=sys.stdout, bar_format=_BAR, dynamic_ncols=True)


def _told(logs: Logs) -> list[str]:
    return [f"{name} {_number(one_number(value))}" for name, value in logs.items()]


def _number(value: float) -> str:
    """Four decimals, so that columns stay, or what very small and very large numbers need."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"


def _short(name: str) -> str:
    for long, short in _SHORT:
        name = re.sub(long, short, name)
    return name


def _columns() -> int | None:
    import shutil  # a tenth of the time that `import cnnfast` takes

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _mode(verbose: int | str) -> int:
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose must be 0, 1, 2 or 'auto', got {verbose!r}")
    if verbose in (0, 2):
        return int(verbose)
    if verbose == "auto" and not is_interactive_logging_enabled():
        return 2
    return 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2
