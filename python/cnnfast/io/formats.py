"""Files of weights, told by their content: PyTorch's two kinds, safetensors, Keras's HDF5, NumPy's."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cnnfast.io import torch_file
from cnnfast.io.arrays import StoredArray, check_stored, from_bfloat16, natural_order
from cnnfast.models import foreign, tensors
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KERAS_WEIGHTS = "model.weights.h5"


@contextmanager
def stored_arrays(path: Path) -> Iterator[list[StoredArray]]:
    """Yields the arrays of a file in their order there; they can be read until it is left.

    Args:
        path: The file.

    Raises:
        ModelFileError: If it is damaged, or of no format that is known.
        ImportError: If a library is missing that reads it.
    """
    with path.open("rb") as file, _told_of(path), _opened(path, file) as arrays:
        yield arrays


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Makes whatever readers raise over damaged bytes one error that names the file."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from error
    except (MemoryError, ImportError, PermissionError):
        raise
    except Exception as error:
        what = str(error) or type(error).__name__
        raise ModelFileError(f"{path} cannot be used: it is damaged ({what}); fetch a sound copy") from error


@contextmanager
def _opened(path: Path, file: IO[bytes]) -> Iterator[list[StoredArray]]:
    kind = foreign.kind_of(path)
    if foreign.is_zip(path):
        with zipfile.ZipFile(file) as archive, _zipped(archive, path) as arrays:
            yield arrays
    elif kind == foreign.WEIGHTS:
        with _safetensors(path) as arrays:
            yield arrays
    elif kind == foreign.HDF5:
        with _hdf5(path) as arrays:
            yield arrays
    elif kind is not None and kind.startswith("a pickle"):
        with torch_file.legacy(file) as arrays:
            yield arrays
    else:
        raise ModelFileError(
            f"it is {kind or 'no file of weights that is known'}; read are PyTorch's .pth, safetensors, "
            "Keras's .weights.h5 and .h5, and npz"
        )


@contextmanager
def _zipped(archive: zipfile.ZipFile, path: Path) -> Iterator[list[StoredArray]]:
    size = path.stat().st_size
    if sum(info.compress_size for info in archive.infolist()) > size:
        raise ModelFileError(f"it claims to hold more than its {size} bytes")
    names = archive.namelist()
    kind = foreign.kind_of_zip(names)
    if kind == foreign.TORCH:
        with torch_file.zipped(archive) as arrays:
            yield arrays
    elif kind == foreign.NUMPY:
        yield [_npy(archive, name) for name in names]
    elif kind == foreign.KERAS:
        check_stored(archive, _KERAS_WEIGHTS)
        with _hdf5(path, _KERAS_WEIGHTS) as arrays:
            yield arrays
    elif "weights.safetensors" in names:
        raise ModelFileError("it is a model that cnnfast saved; model.load_weights(file) reads its weights")
    else:
        raise ModelFileError(f"it is a zip file of {names[:5]}, not of weights")


@contextmanager
def _hdf5(path: Path, part: str | None = None) -> Iterator[list[StoredArray]]:
    from cnnfast.io import hdf5, hdf5_store

    with hdf5_store.opened(path, part) as store:
        yield hdf5.named(store)


def _npy(archive: zipfile.ZipFile, name: str) -> StoredArray:
    with archive.open(name) as entry:
        version = np.lib.format.read_magic(entry)
        read = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(entry)

    def array() -> NDArray[np.generic]:
        if dtype.kind not in "fiub":  # texts and structures may take gigabytes each
            raise ModelFileError(f"its array {name} is of {dtype}, not of numbers")
        with archive.open(name) as entry:
            found: NDArray[np.generic] = np.lib.format.read_array(entry, allow_pickle=False)
            return found

    return StoredArray(name.removesuffix(".npy"), shape, array)


@contextmanager
def _safetensors(path: Path) -> Iterator[list[StoredArray]]:
    from safetensors import safe_open

    with tensors._read_by_library(), safe_open(path, framework="np") as file:
        # The format sorts them by name, layer 10 before layer 2.
        names = sorted(file.keys(), key=natural_order)
        yield [
            StoredArray(
                n, tuple(file.get_slice(n).get_shape()), partial(_tensor, file, path, n), ordered=False
            )
            for n in names
        ]


def _tensor(file: Any, path: Path, name: str) -> NDArray[np.generic]:
    if file.get_slice(name).get_dtype() == "BF16":  # which the library has no NumPy type for
        return _bfloat16(path, name)
    found: NDArray[np.generic] = file.get_tensor(name)
    return found


def _bfloat16(path: Path, name: str) -> NDArray[np.generic]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]
        file.seek(8 + length + begin)
        return from_bfloat16(np.frombuffer(file.read(end - begin), "<u2").reshape(entry["shape"]))
