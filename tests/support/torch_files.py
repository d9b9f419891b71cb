"""Files as torch.save writes them, put together byte by byte, so that tests need no PyTorch and may lie."""

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]

_STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
}
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class Global:
    """A name of a module, in a pickle."""

    def __init__(self, module: str, name: str) -> None:
        self.text = f"c{module}\n{name}\n".encode()


class Call:
    """A call of a name, in a pickle."""

    def __init__(self, function: Global, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Persistent:
    """What a pickle refers to, outside it."""

    def __init__(self, *described: Any) -> None:
        self.described = described


def dumped(value: Any) -> bytes:
    """The pickle of a value that may hold the three above."""
    return b"\x80\x02" + _written(value) + b"."


def _written(value: Any) -> bytes:
    if isinstance(value, Global):
        return value.text
    if isinstance(value, Call):
        return _written(value.function) + _written(value.arguments) + b"R"
    if isinstance(value, Persistent):
        return _written(value.described) + b"Q"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_written, value)) + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(_written(k) + _written(v) for k, v in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_written, value)) + b"e"
    return pickle.dumps(value, 2)[2:-1].replace(b"q\x00", b"")


def tensor(key: str, array: np.ndarray, place: str = "cpu", view: tuple[Any, ...] = ()) -> Call:
    """A tensor whose numbers lie in a storage of its own."""
    kind = Global("torch", _STORAGES[array.dtype.name])
    storage = Persistent("storage", kind, key, place, array.size, *view)
    strides = tuple(step // array.itemsize for step in array.strides)
    hooks = Call(Global("collections", "OrderedDict"))
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, 0, array.shape, strides, False, hooks)


def _memory(array: np.ndarray) -> bytes:
    """The numbers as they lie, whatever the order of axes."""
    return array.transpose(np.argsort([-step for step in array.strides], kind="stable")).tobytes()


def zipped(arrays: Arrays, state: Any = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The zip format; `state` in place of a dict of the tensors."""
    described = {name: tensor(str(k), array) for k, (name, array) in enumerate(arrays.items())}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", dumped(described if state is None else state))
        archive.writestr("archive/byteorder", "little")
        for k, array in enumerate(arrays.values()):
            archive.writestr(f"archive/data/{k}", _memory(array))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def legacy(arrays: Arrays, state: Any = None, keys: Sequence[str] | None = None) -> bytes:
    """The format before version 1.6."""
    described = {
        name: tensor(str(k), array, "cuda:0", (None,)) for k, (name, array) in enumerate(arrays.items())
    }
    system = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"int": 4}}
    listed = [str(k) for k in range(len(arrays))] if keys is None else list(keys)
    parts = [MAGIC, PROTOCOL, system, described if state is None else state, listed]
    numbers = [struct.pack("<q", array.size) + _memory(array) for array in arrays.values()]
    return b"".join([*map(dumped, parts), *numbers])
