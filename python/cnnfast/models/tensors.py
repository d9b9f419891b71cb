"""Named arrays in safetensors files, with a digest of them in the file's metadata.

The library reads. Writing is ours, since the library puts all arrays together in memory once more, ends the
process where that is not to be had, and leaves temporary files behind when it is killed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Tensors = dict[str, "NDArray[np.float32]"]
Shapes = Mapping[str, tuple[int, ...]]

ADVICE = "save the model again, or fetch a sound copy"
_DIGEST = "sha256"
_HEADER_BYTES = 1 << 16  # and for each array as much as its entry takes at most:
_ENTRY_BYTES = 1 << 10


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Returns the SHA-256 over names, types, shapes and bytes of arrays, in the order of names.

    Example:
        >>> digest({"a": np.zeros(2, np.float32)})[:8]
        '4049c0b2'
    """
    sha = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        sha.update(json.dumps([name, value.dtype.str, value.shape]).encode())
        sha.update(_raw(value))
    return sha.hexdigest()


def write(file: IO[bytes], tensors: Tensors, sha256: str) -> None:
    """Writes arrays one by one as a safetensors file.

    Args:
        file: Where to.
        tensors: Float32 arrays by name.
        sha256: Their `digest`.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "cnnfast", _DIGEST: sha256}}
    offset = 0
    for name, value in tensors.items():
        ends = [offset, offset + value.nbytes]
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": ends}
        offset += value.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the numbers aligned
    file.write(len(text).to_bytes(8, "little") + text)
    for value in tensors.values():
        file.write(_raw(value))


def _raw(value: NDArray[Any]) -> memoryview:
    little = value.dtype.newbyteorder("<")
    return np.ascontiguousarray(value, little).reshape(-1).view(np.uint8).data


def read_part(data: bytes, needed: Shapes, owner: str, sha256: str | None) -> Tensors:
    """Returns the arrays of a safetensors file's content.

    Args:
        data: The content, of a size that `check_size` found right.
        needed: The shapes that there must be, by name.
        owner: Whose they are, for messages.
        sha256: Their digest; None if it is not known.

    Raises:
        ModelFileError: If it is damaged, or the arrays are not those needed.
        MemoryError: If there is not enough memory.
    """
    from safetensors.numpy import load

    _make_sure_of(len(data))
    with _read_by_library():
        tensors = load(data)
    _check(needed, {name: (value.dtype.name, value.shape) for name, value in tensors.items()}, owner)
    _check_digest(sha256, tensors)
    return tensors


def read_file(path: Path, needed: Shapes, owner: str) -> tuple[Tensors, bool]:
    """The same for a file, whose header is checked before memory is taken; also whether it had a digest."""
    from safetensors import safe_open

    with _read_by_library(), safe_open(path, framework="np") as file:
        parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        found = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
        _check(needed, found, owner)
        _make_sure_of(_bytes(needed))
        tensors = {name: file.get_tensor(name) for name in needed}
        sha256 = (file.metadata() or {}).get(_DIGEST)
    _check_digest(sha256, tensors)
    return tensors, sha256 is not None


def _make_sure_of(size: int) -> None:
    """Raises MemoryError if that many bytes are not to be had; the library would end the process."""
    np.empty(size, np.uint8)


def _bytes(shapes: Shapes) -> int:
    return 4 * sum(math.prod(shape) for shape in shapes.values())


def check_size(size: int, needed: Shapes) -> None:
    """Checks that a file, or part of one, is as large as these arrays.

    Raises:
        ModelFileError: If it is not.
    """
    least = _bytes(needed)
    most = least + _HEADER_BYTES + _ENTRY_BYTES * len(needed)
    if not least <= size <= most:
        raise ModelFileError(
            f"it takes {size} bytes for arrays where {least} to {most} are needed; use a file saved from a "
            "model of the same structure"
        )


def _check(needed: Shapes, found: Mapping[str, tuple[str, tuple[int, ...]]], owner: str) -> None:
    if set(needed) != set(found):
        missing, extra = sorted(set(needed) - set(found))[:3], sorted(set(found) - set(needed))[:3]
        raise ModelFileError(
            f"its arrays are not those of this {owner} (missing: {missing}, unknown: {extra}); use a file "
            "saved from a model of the same structure, or cnnfast.io.load_weights for another library's"
        )
    for name, (dtype, shape) in found.items():
        if dtype not in ("F32", "float32"):
            raise ModelFileError(f"{name!r} holds {dtype}, weights must be float32")
        if shape != needed[name]:
            raise ModelFileError(
                f"array {name!r} has shape {shape}, this {owner} needs {needed[name]}; use a file saved "
                "from a model of the same structure"
            )


def _check_digest(sha256: str | None, tensors: Tensors) -> None:
    if sha256 is not None and sha256 != digest(tensors):
        raise ModelFileError(f"its arrays are not those that were saved (their SHA-256 differs); {ADVICE}")


@contextmanager
def _read_by_library() -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"its weights are not a sound safetensors file ({error}); {ADVICE}") from error
    except BaseException as error:
        # Rust's panic, which is no Exception and has no name to import.
        if type(error).__name__ != "PanicException":
            raise
        raise MemoryError(f"the library safetensors gave up, as where memory is short ({error})") from error
