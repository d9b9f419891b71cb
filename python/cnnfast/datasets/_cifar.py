"""The CIFAR sets, from the archives of their binary form: plain bytes, of which nothing is run."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast.datasets._search import cache_folder
from cnnfast.utils.fetching import check_digest, find_or_fetch

Split = tuple[NDArray[np.uint8], NDArray[np.uint8]]

_HOME = "https://www.cs.toronto.edu/~kriz/"
_PIXELS = 3 * 32 * 32


class Archive(NamedTuple):
    """What is known of a set's archive.

    Attributes:
        name: The set's.
        file: The archive's.
        size: Its bytes.
        sha256: Of its content.
        train: The members that one learns from.
        test: The member to test with.
        labels: Bytes of labels before each picture.
    """

    name: str
    file: str
    size: int
    sha256: str
    train: tuple[str, ...]
    test: str
    labels: int


def load(archive: Archive, label: int, data_dir: str | os.PathLike[str] | None) -> tuple[Split, Split]:
    """Returns ((x_train, y_train), (x_test, y_test)); `label` is which of the labels.

    Raises:
        FileNotFoundError: If no place has the archive.
    """
    with tarfile.open(_located(archive, data_dir)) as file:
        parts = [
            _split(_member(file, name), archive.labels, label) for name in (*archive.train, archive.test)
        ]
    images, labels = zip(*parts[:-1], strict=True)
    return (np.concatenate(images), np.concatenate(labels)), parts[-1]


def _located(archive: Archive, data_dir: str | os.PathLike[str] | None) -> Path:
    looked = archive.file, archive.name, cache_folder(archive.name), data_dir
    return find_or_fetch(*looked, _HOME, archive.size, lambda path: _check(path, archive))


def _check(path: Path, archive: Archive) -> None:
    if path.stat().st_size != archive.size:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {archive.size}")
    check_digest(path, "sha256", archive.sha256)


def _member(file: tarfile.TarFile, name: str) -> bytes:
    stream = file.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} is no file in the archive")
    return stream.read()


def _split(content: bytes, labels: int, label: int) -> Split:
    rows = np.frombuffer(content, np.uint8).reshape(-1, labels + _PIXELS)
    images = rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, label : label + 1].copy()
