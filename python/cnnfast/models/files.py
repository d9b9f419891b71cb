"""Files that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def target_path(filepath: str | os.PathLike[str], suffix: str, overwrite: bool) -> Path:
    """Returns where to write: `filepath`, with `suffix` if it has none.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.

    Example:
        >>> target_path("net", ".cnnfast", True).name
        'net.cnnfast'
    """
    path = Path(filepath)
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; remove it or pass overwrite=True")
    return path


@contextmanager
def written_at_once(path: Path) -> Iterator[IO[bytes]]:
    """Yields a file under a temporary name beside `path`; it takes that name when all went well."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":  # elsewhere a directory cannot be opened
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
