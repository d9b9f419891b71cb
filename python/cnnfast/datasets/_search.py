"""Where the files of a data set are looked for, and the check that every one of them must pass.

Order: `$CNNFAST_DATA/<name>/`, the cache, an installed package that carries the set, the mirrors (into the
cache).
"""

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast.datasets import _idx
from cnnfast.utils import cache
from cnnfast.utils.fetching import Place, first

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
    found = [_find(data_set, file, data_dir) for file in data_set.files]
    train_x, train_y, test_x, test_y = (array for array, _ in found)
    return (train_x, train_y), (test_x, test_y), " and ".join(dict.fromkeys(place for _, place in found))


def _find(
    data_set: DataSet, file: IdxFile, data_dir: str | os.PathLike[str] | None
) -> tuple[NDArray[np.uint8], str]:
    others: list[Place[bytes]] = []
    package, cached = data_set.package, cache_folder(data_set.name)
    if package is not None:
        others.append((f"the package {package.distribution}", partial(_from_package, package, file)))
    others += [(mirror, partial(_from_mirror, mirror, cached, file)) for mirror in data_set.mirrors]
    looked = file.name, data_set.name, cached, data_dir
    content, place = first(*looked, partial(_from_folder, file), others)
    return _idx.decode(content, file.shape), place


def cache_folder(name: str) -> Path:
    """Where downloaded files of a data set are kept."""
    return Path(cache.cache_folder(), "datasets", name)


def _from_folder(file: IdxFile, folder: Path) -> bytes:
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
    name = package.arrays[file.name]
    try:
        with zarr.storage.ZipStore(path, mode="r") as store:
            array = zarr.open_array(store, path=name, mode="r")
            if array.shape != file.shape:
                raise ValueError(f"its {name} has shape {array.shape}, not {file.shape}")
            content = _idx.encode(np.asarray(array[...]))
    except Exception as error:  # the library raises whatever a damaged file leads it to
        raise ValueError(f"its {path.name} cannot be read ({error or type(error).__name__})") from error
    _check(f"its {name}", content, file.sha256)
    return content


def _from_mirror(mirror: str, cached: Path, file: IdxFile) -> bytes:
    from cnnfast.datasets import _download  # urllib and tqdm cost 25 ms

    path = cached / f"{file.name}.gz"

    def check(part: Path) -> None:
        _idx.decode(_read_gz(part, file), file.shape)

    _download.download(mirror + path.name, path, file.gz_bytes, check, _GZIP_MAGIC)
    return _read_gz(path, file)
