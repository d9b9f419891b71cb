"""The pickles in PyTorch's files, of which only tensors, numbers, texts and their containers are read.

A pickle can name any function of any module and have it called. This reader knows six of PyTorch's names and
refuses all others, so that no code of a file, or that it chose, runs.
"""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from typing import IO, Any, ClassVar, NamedTuple

import numpy as np

from cnnfast.models.errors import ModelFileError

# Types of numbers by PyTorch's names of their storages; those of bfloat16 are its bits.
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# Instructions that take memory before they read, that look into registries, or make objects of classes.
_NOT_NEEDED = (
    pickle.BYTEARRAY8,
    pickle.NEXT_BUFFER,
    pickle.READONLY_BUFFER,
    pickle.EXT1,
    pickle.EXT2,
    pickle.EXT4,
    pickle.INST,
    pickle.OBJ,
)
# State dicts of thousands of tensors stay below a megabyte.
_LIMIT_BYTES = 64 << 20


class Storage(NamedTuple):
    """A run of numbers in the file.

    Attributes:
        key: Its name.
        dtype: NumPy's name of their type, or "bfloat16".
        length: How many there are.
        offset: Where they begin in what the file keeps under this key, in numbers.
    """

    key: str
    dtype: str
    length: int
    offset: int = 0

    @property
    def numpy_type(self) -> np.dtype[Any]:
        """The type of the numbers as they are read."""
        return np.dtype("<u2" if self.dtype == "bfloat16" else self.dtype)


class Tensor(NamedTuple):
    """A tensor: which numbers of a storage it consists of.

    Attributes:
        storage: The storage.
        offset: Where it begins there, in numbers.
        shape: Its shape.
        strides: Steps along each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Known:
    """A name that pickles may use. It has no attributes, so that none can be set by one."""

    __slots__ = ("_make",)
    _make: Callable[..., Any]

    def __init__(self, make: Callable[..., Any]) -> None:
        object.__setattr__(self, "_make", make)

    def __call__(self, *args: Any) -> Any:
        return self._make(*args)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be set")


class _StorageType(NamedTuple):
    dtype: str


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Checks that a tensor lies in its storage: what comes later relies on it."""
    numbers = (offset, *shape, *strides)
    whole = all(type(each) is int and 0 <= each < 1 << 62 for each in numbers)
    if not isinstance(storage, Storage) or not whole or len(shape) != len(strides) or len(shape) > 8:
        raise ModelFileError(f"it describes a tensor that cannot be: {numbers}")
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.length:
        raise ModelFileError(
            f"it describes a tensor of shape {tuple(shape)} that ends behind its storage of {storage.length}"
        )
    return Tensor(storage, offset, tuple(shape), tuple(strides))


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _Known(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Known(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Known(lambda tensor, *_: tensor),
    ("torch", "Size"): _Known(tuple),
    **{("torch", name): _StorageType(dtype) for name, dtype in _STORAGES.items()},
}


class _Unpickler(pickle._Unpickler):
    """Python's own unpickler in Python: the one in C takes gigabytes for a pickle that asks it to."""

    dispatch: ClassVar[dict[int, Any]] = {
        code: load for code, load in pickle._Unpickler.dispatch.items() if bytes([code]) not in _NOT_NEEDED
    }

    def __init__(self, file: IO[bytes], persistent: Callable[[Any], Storage]) -> None:
        super().__init__(file, encoding="utf-8")
        self._persistent = persistent

    def persistent_load(self, pid: Any) -> Storage:
        return self._persistent(pid)

    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get((module, name))
        if known is None:
            raise ModelFileError(
                f"it is a pickle that uses {module}.{name}; only tensors, OrderedDict and numbers are read "
                "from such files, as a pickle may run any code. In PyTorch, "
                "torch.save(model.state_dict(), file) writes nothing else"
            )
        return known


class Pickles:
    """Reads the pickles of a file, one after another, and no more bytes than pickles can have.

    Args:
        file: The file, at the first of them.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, _LIMIT_BYTES
        self.storages: dict[str, Storage] = {}

    def next(self) -> Any:
        """Returns what the next pickle holds."""
        return _Unpickler(self, self._storage).load()  # type: ignore[arg-type]

    def read(self, size: int) -> bytes:
        """Reads for the unpickler."""
        if size > self._left:
            raise ModelFileError(f"its description asks for {size} bytes, more than it can have")
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        """Reads for the unpickler."""
        line = self._file.readline(self._left)
        self._left -= len(line)
        return line

    def _storage(self, described: Any) -> Storage:
        """Returns the storage that a pickle refers to; where it lay, on which device, does not matter."""
        kind, storage_type, key, _, length, *view = described
        if kind != "storage" or not isinstance(storage_type, _StorageType):
            raise ModelFileError(f"it refers to something that is no storage of PyTorch's: {kind!r}")
        if not isinstance(key, str) or type(length) is not int or not 0 <= length < 1 << 48:
            raise ModelFileError(f"it describes a storage that cannot be: {key!r} of {length!r} numbers")
        known = self.storages.setdefault(key, Storage(key, storage_type.dtype, length))
        if known.dtype != storage_type.dtype or known.length != length:
            raise ModelFileError(f"it describes the storage {key!r} in two ways")
        return _view(known, view[0]) if view and view[0] is not None else known


def _view(storage: Storage, described: Any) -> Storage:
    """A part of a storage, as PyTorch once wrote them."""
    _, offset, length = described
    whole = type(offset) is int and type(length) is int
    if not whole or not 0 <= offset <= offset + length <= storage.length:
        raise ModelFileError(f"it describes a part of the storage {storage.key!r} that is not there")
    return storage._replace(length=length, offset=offset)
