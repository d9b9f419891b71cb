"""What a file of weights holds: named arrays that are read when it is known that they are wanted."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnfast.models.errors import ModelFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class StoredArray(NamedTuple):
    """An array in a file.

    Attributes:
        name: Its name there.
        shape: Its shape, as the file tells it.
        read: Takes the memory and returns it, while the file is open.
        ordered: Whether the file keeps the order in which its arrays were given.
    """

    name: str
    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.generic]]
    ordered: bool = True


def stored_part(archive: zipfile.ZipFile, name: str, size: int = 0) -> bytes:
    """Returns a part of a zip file.

    Args:
        archive: The file.
        name: The part's.
        size: How many bytes it must have at least.

    Raises:
        ModelFileError: If it is compressed, and might be of any size, or shorter.
    """
    check_stored(archive, name, size)
    return archive.read(name)


def check_stored(archive: zipfile.ZipFile, name: str, size: int = 0) -> None:
    """Sees to it that a part of a zip file takes no more memory than it takes there; see `stored_part`."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ModelFileError(f"its part {name} is compressed, which those who write such files never do")
    if info.file_size < size:
        raise ModelFileError(f"its part {name} has {info.file_size} bytes, its tensors need {size}")


def from_bfloat16(bits: NDArray[np.generic]) -> NDArray[np.float32]:
    """Returns the numbers whose bfloat16 bits these are: the upper half of a float32's.

    Example:
        >>> from_bfloat16(np.array([0x3F80, 0xC000], np.uint16))
        array([ 1., -2.], dtype=float32)
    """
    return (bits.astype(np.uint32) << 16).view(np.float32)


def natural_order(name: str) -> list[tuple[int, str]]:
    """Returns what sorts names with numbers in them by these: "conv_2" before "conv_10".

    Example:
        >>> sorted(["conv_10", "conv_2", "conv"], key=natural_order)
        ['conv', 'conv_2', 'conv_10']
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
