"""The IDX container: a four-byte magic number, a big-endian int32 per dimension, the bytes of the array."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UINT8_CODE = 8


def header(shape: tuple[int, ...]) -> bytes:
    """The bytes that precede a uint8 array of this shape.

    Example:
        >>> header((3, 2)).hex(" ", 4)
        '00000802 00000003 00000002'
    """
    magic = bytes((0, 0, _UINT8_CODE, len(shape)))
    return magic + b"".join(size.to_bytes(4, "big") for size in shape)


def encode(array: NDArray[Any]) -> bytes:
    """The IDX file of a uint8 array."""
    if array.dtype != np.uint8:
        raise ValueError(f"IDX files of these data sets hold uint8, but the array is {array.dtype}.")
    return header(array.shape) + array.tobytes()


def decode(content: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array of an IDX file that must have this shape. The array owns its memory and may be written to.

    Raises:
        ValueError: the header names another type or shape, or the file is too short or too long for it.

    Example:
        >>> decode(encode(np.arange(6, dtype=np.uint8).reshape(3, 2)), (3, 2)).tolist()
        [[0, 1], [2, 3], [4, 5]]
    """
    expected = header(shape)
    if content[: len(expected)] != expected:
        raise ValueError(
            f"not an IDX file of uint8 with shape {shape}: it starts with {content[: len(expected)].hex()}, "
            f"not with {expected.hex()}"
        )
    size = len(expected) + math.prod(shape)
    if len(content) != size:
        raise ValueError(f"an IDX file of shape {shape} has {size} bytes, this one has {len(content)}")
    return np.frombuffer(content, np.uint8, offset=len(expected)).reshape(shape).copy()
