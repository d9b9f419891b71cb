"""PyTorch's files of tensors: since version 1.6 a zip file, before that pickles and raw numbers."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cnnfast.io.arrays import StoredArray, from_bfloat16, stored_part
from cnnfast.io.pickled import Pickles, Storage, Tensor
from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Where checkpoints keep the tensors of the model, beside those of the optimizer.
_STATES = ("state_dict", "model_state_dict", "model")
# What wrappers of models put before all names.
_WRAPPERS = ("module.", "_orig_mod.")

Bytes = Callable[[Storage], bytes]  # the numbers of a storage


@contextmanager
def zipped(archive: zipfile.ZipFile) -> Iterator[list[StoredArray]]:
    """Yields the tensors of a zip file.

    Args:
        archive: The file.

    Raises:
        ModelFileError: If it holds something else, or is damaged.
    """
    names = archive.namelist()
    root = next(name for name in names if name.endswith("data.pkl"))[: -len("data.pkl")]
    if f"{root}constants.pkl" in names:
        raise ModelFileError("it is a program of TorchScript; save its state_dict() with torch.save instead")
    if f"{root}byteorder" in names and stored_part(archive, f"{root}byteorder") != b"little":
        raise ModelFileError("its numbers were written by a big-endian machine; save it on another one")
    pickles = Pickles(io.BytesIO(stored_part(archive, f"{root}data.pkl")))
    found = pickles.next()

    def bytes_of(storage: Storage) -> bytes:
        return stored_part(archive, f"{root}data/{storage.key}", storage.length * storage.numpy_type.itemsize)

    yield _arrays(found, bytes_of)


@contextmanager
def legacy(file: IO[bytes]) -> Iterator[list[StoredArray]]:
    """Yields the tensors of a file of pickles.

    Args:
        file: The file, at its beginning.

    Raises:
        ModelFileError: If it holds something else, or is damaged.
    """
    pickles = Pickles(file)
    if pickles.next() != _MAGIC or pickles.next() != _PROTOCOL:
        raise ModelFileError("it is a pickle, but none that torch.save wrote")
    if pickles.next().get("little_endian") is not True:
        raise ModelFileError("its numbers were written by a big-endian machine; save it on another one")
    found, places = pickles.next(), _places(pickles, file)

    def bytes_of(storage: Storage) -> bytes:
        file.seek(places[storage.key])
        return file.read(pickles.storages[storage.key].length * storage.numpy_type.itemsize)

    yield _arrays(found, bytes_of)


def _places(pickles: Pickles, file: IO[bytes]) -> dict[str, int]:
    """Where the numbers of each storage begin: behind their count."""
    places = {}
    keys = pickles.next()
    end = file.seek(0, io.SEEK_CUR), file.seek(0, io.SEEK_END)
    place, size = end
    for key in keys:
        storage = pickles.storages.get(key)
        file.seek(place)
        count = struct.unpack("<q", file.read(8))[0]
        if storage is None or storage.length != count:
            raise ModelFileError(f"its storage {key!r} has {count} numbers where others are described")
        places[key] = place + 8
        place += 8 + count * storage.numpy_type.itemsize
        if place > size:
            raise ModelFileError(f"it ends within the storage {key!r}")
    return places


def _arrays(found: Any, bytes_of: Bytes) -> list[StoredArray]:
    tensors = _named_tensors(found)
    return [StoredArray(name, each.shape, partial(_read, each, bytes_of)) for name, each in tensors.items()]


def _named_tensors(found: Any) -> dict[str, Tensor]:
    if not isinstance(found, dict):
        raise ModelFileError(f"it holds {type(found).__name__.lower()}, not a dict of tensors by name")
    state = next((found[key] for key in _STATES if isinstance(found.get(key), dict)), found)
    tensors = {str(name): each for name, each in state.items() if isinstance(each, Tensor)}
    if not tensors:
        raise ModelFileError(f"it holds no tensors by name; its keys are {[str(key) for key in found][:5]}")
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name[len(wrapper) :]: each for name, each in tensors.items()}
    return tensors


def _read(tensor: Tensor, bytes_of: Bytes) -> NDArray[np.generic]:
    storage, dtype = tensor.storage, tensor.storage.numpy_type
    begin = (storage.offset + tensor.offset) * dtype.itemsize
    steps = [step * dtype.itemsize for step in tensor.strides]
    array = np.ndarray(tensor.shape, dtype, bytes_of(storage), begin, steps)
    return from_bfloat16(array) if storage.dtype == "bfloat16" else array
