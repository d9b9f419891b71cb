"""A training is not lost: whatever ends it, and wherever its model cannot be written."""

import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal other than Ctrl-C's asked to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number  # what shells report


@contextmanager
def signals_raise() -> Iterator[None]:
    """Within it TERM and HUP raise `Stopped`, unless they are handled or, as by `nohup`, ignored already."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Stopped(number)


def save(model: Any, path: Path) -> Path:
    """Saves the model, elsewhere or without its structure if it must be, and returns where it is.

    Raises:
        OSError: it cannot be written anywhere; names the path.
    """
    try:
        return _write(model, path)
    except OSError as error:
        kept = _elsewhere(model, path.name)
        if kept is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        print(f"cnnfast: {path} could not be written ({error.strerror or error})", file=sys.stderr)
        return kept


def _write(model: Any, path: Path) -> Path:
    try:
        model.save(path)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # of a model made of code of one's own, which files do not hold
        path = path.with_suffix(".safetensors")
        model.save_weights(path)
        print(f"cnnfast: {error}; its weights alone are kept", file=sys.stderr)
    return path


def _elsewhere(model: Any, name: str) -> Path | None:
    for base in (Path.home(), Path(tempfile.gettempdir())):
        try:
            folder = Path(tempfile.mkdtemp(prefix="cnnfast-", dir=base))
        except OSError:
            continue
        try:
            return _write(model, folder / name)
        except OSError:
            folder.rmdir()
    return None
