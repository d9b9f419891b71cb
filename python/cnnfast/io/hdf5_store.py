"""HDF5 files, read by another process: what a damaged one does to the HDF5 library does not happen here."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast.io.arrays import StoredArray
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHILD = os.path.join(os.path.dirname(__file__), "hdf5_child.py")
MISSING = "files of Keras's weights need h5py: pip install 'cnnfast[h5]'"
# Of computing, which no busy machine stretches: a sound file takes 0.1 s and 2 s for each GB.
_SECONDS, _BYTES_A_SECOND = 5, 20_000_000


class Store(NamedTuple):
    """What is in a file, while it is open.

    Attributes:
        arrays: Arrays of numbers, by their paths.
        attributes: Of each group, by its path ("" is the whole), those that Keras writes.
    """

    arrays: dict[str, StoredArray]
    attributes: dict[str, dict[str, Any]]


@contextmanager
def opened(path: Path, part: str | None = None) -> Iterator[Store]:
    """Yields what is in an HDF5 file.

    Args:
        path: The file.
        part: The part of it that is one, where it is a zip file.

    Raises:
        ImportError: If h5py is not installed.
        ModelFileError: If it is damaged, refers to other files, or there is no other process.
    """
    if importlib.util.find_spec("h5py") is None:
        raise ImportError(MISSING)
    seconds = _SECONDS + path.stat().st_size // _BYTES_A_SECOND
    child = subprocess.Popen([_python(), "-I", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        told = {"import_path": sys.path, "path": os.fspath(path), "part": part, "seconds": seconds}
        found = _asked(child, told)
        arrays = {
            name: StoredArray(name, tuple(shape), partial(_read, child, name, shape, dtype))
            for name, (shape, dtype) in found["arrays"].items()
        }
        yield Store(arrays, found["attributes"])
    finally:
        child.kill()
        child.communicate()


def _python() -> str:
    """The program that is Python. One that embeds it may not know, and tells it as multiprocessing asks."""
    from multiprocessing.spawn import get_executable

    found = get_executable()
    if not found or (getattr(sys, "frozen", False) and os.fsdecode(found) == sys.executable):
        raise ModelFileError(
            "HDF5 files are read by another process of Python, and this program knows of none: "
            "multiprocessing.set_executable(path) tells it"
        )
    return os.fsdecode(found)


def _asked(child: subprocess.Popen[bytes], question: Any) -> dict[str, Any]:
    """Asks the other process; returns its answer, which arrays follow."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(question).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        raise ModelFileError(_end_of(child)) from None
    line = child.stdout.readline()
    if not line.endswith(b"\n"):
        raise ModelFileError(_end_of(child))
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise ModelFileError(answer["error"])
    return answer


def _read(
    child: subprocess.Popen[bytes], name: str, shape: tuple[int, ...], dtype: str
) -> NDArray[np.generic]:
    _asked(child, name)
    assert child.stdout is not None
    array: NDArray[np.generic] = np.empty(shape, dtype)
    if child.stdout.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:  # type: ignore[attr-defined]
        raise ModelFileError(_end_of(child))
    return array


def _end_of(child: subprocess.Popen[bytes]) -> str:
    """Why there is no answer."""
    status = child.wait()
    if status == -signal.SIGXCPU:
        return "it is damaged: the HDF5 library does not come to an end with it; fetch a sound copy"
    if status < 0:
        return (
            f"it is damaged: the HDF5 library ended with {signal.Signals(-status).name}; fetch a sound copy"
        )
    return (
        f"HDF5 files are read by another process, and {child.args!r} ended with status {status}: "
        "multiprocessing.set_executable(path) tells where Python is"
    )
