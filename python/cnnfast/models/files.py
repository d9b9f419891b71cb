"""Files that appear complete or not at all, under the name that was meant, and that several may share."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# Of temporary files: short, so that any name that a folder takes can be written.
_PREFIX, _SUFFIX = ".cnnfast-", ".tmp"
# A temporary file is locked right after it is made, before anything is in it.
_SECONDS_TO_LOCK = 60.0
_OTHERS_SUFFIXES = {
    ".keras": "Keras",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".onnx": "ONNX",
    ".tflite": "TensorFlow Lite",
    ".npz": "NumPy",
}
_WRITTEN_BY = {
    "ONNX": "; cnnfast.io.save_onnx(model, file) writes such files",
    "PyTorch": "; torch.save(cnnfast.to_torch_state_dict(model), file) writes such files",
}
_OURS = {".cnnfast": "whole models", ".safetensors": "weights alone"}
_WRITTEN_TOO = {".cnnfast": ".keras", ".safetensors": ".weights.h5"}  # in place of ours, Keras's of the same


def target_path(filepath: str | os.PathLike[str], suffix: str, overwrite: bool) -> Path:
    """Returns where to write: `filepath`, with `suffix` if it has none.

    Args:
        filepath: The path that was given.
        suffix: Of our format.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.
        ValueError: If the suffix is that of another format, or of our other one.

    Example:
        >>> target_path("net", ".cnnfast", True).name
        'net.cnnfast'
    """
    path = Path(filepath)
    if not path.name:
        raise ValueError(f"a file needs a name, got {os.fspath(filepath)!r}")
    own = path.suffix.lower()
    other = _OTHERS_SUFFIXES.get(own)
    if other is not None and not path.name.lower().endswith(_WRITTEN_TOO[suffix]):
        raise ValueError(
            f"{path} has the suffix of {other} files, which this does not write; give it {suffix!r}, "
            f"{_WRITTEN_TOO[suffix]!r}, or none{_WRITTEN_BY.get(other, '')}"
        )
    if own in _OURS and own != suffix:
        raise ValueError(
            f"{path} has the suffix of {_OURS[own]}, this writes {_OURS[suffix]}; give it {suffix!r}, or none"
        )
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; remove it or pass overwrite=True")
    return path


def source_path(filepath: str | os.PathLike[str], *suffixes: str) -> Path:
    """Returns where to read: `filepath`, or with the first suffix of which there is a file.

    Raises:
        FileNotFoundError: If there is neither.
        IsADirectoryError: If there is a folder only.

    Example:
        >>> source_path("absent", ".cnnfast", ".safetensors")
        Traceback (most recent call last):
        FileNotFoundError: there is no file absent, nor absent.cnnfast, nor absent.safetensors
    """
    path = Path(filepath)
    longer = [] if path.suffix or not path.name else [path.with_name(path.name + s) for s in suffixes]
    for each in (path, *longer):
        if each.is_file():
            return each
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the file that was saved in it")
    raise FileNotFoundError(", nor ".join([f"there is no file {path}", *map(str, longer)]))


@contextmanager
def written_at_once(path: Path) -> Iterator[IO[bytes]]:
    """Yields a file under a temporary name beside `path`; it takes that name when all went well.

    A link is followed, and a file that is replaced hands on its mode. What processes that were killed left in
    the folder is removed.

    Raises:
        FileNotFoundError: If its folder is missing.
        PermissionError: If the file is there and may not be written.
        OSError: If it cannot be written; names the path.
    """
    with naming(path):
        target = Path(os.path.realpath(path))
        mode = _mode_to_keep(path)
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"there is no folder {target.parent}; make it before {path.name} is written"
            )
        _remove_left_over(target.parent)
        temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(6)}{_SUFFIX}")
        try:
            with open(temporary, "xb") as file:
                try_lock(file)
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within it an error of the system names the file; Python's own, as of a full disk, do not."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _mode_to_keep(path: Path) -> int | None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder; name a file in it")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is not an ordinary file; name another")
    # One without any right to write is meant to stay, also for root.
    if not mode & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is write-protected; save elsewhere, or change its mode first")
    return stat.S_IMODE(mode)


def _remove_left_over(folder: Path) -> None:
    """Removes temporary files whose process is gone: nobody holds their lock."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError), open(path, "rb") as file:  # another user's, or gone already
            status = os.fstat(file.fileno())
            old = status.st_size > 0 or time.time() - status.st_mtime > _SECONDS_TO_LOCK
            if old and try_lock(file):
                path.unlink()


def try_lock(file: IO[bytes]) -> bool:
    """Returns whether the file is now locked by us, until it is closed; some network drives cannot lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Makes the file if there is none and holds its lock: of all who do so one runs at a time.

    The one who holds it may remove or rename the file. Where a drive cannot lock, nobody waits.
    """
    while True:
        with open(path, "ab") as file:
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file):  # the one before removed it
                continue
            yield
            return


def _is_still(path: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
