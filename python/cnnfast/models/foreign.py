"""What a file is that is not the one that was asked for, told by its first bytes and its parts' names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HDF5 = "an HDF5 file, such as Keras wrote"
KERAS, TORCH, NUMPY = "a model of Keras", "a model of PyTorch", "a file of arrays of NumPy"
_BEGINNINGS = {
    b"\x89HDF\r\n\x1a\n": HDF5,
    b"\x93NUMPY": "an array of NumPy",
    b"\x80\x02": "a pickle, such as PyTorch and scikit-learn write",
    b"\x80\x03": "a pickle, such as scikit-learn writes",
    b"\x80\x04": "a pickle, such as scikit-learn writes",
    b"\x80\x05": "a pickle, such as scikit-learn writes",
    b"\x1f\x8b": "compressed with gzip",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
WEIGHTS = "a file of weights alone (safetensors)"
KERAS_SUFFIX = ".keras"
_ZIP = b"PK\x03\x04"


def is_zip(path: Path) -> bool:
    """Returns whether the file begins as a zip file."""
    return _first_bytes(path).startswith(_ZIP)


def is_keras(path: Path) -> bool:
    """Returns whether the file holds a model that Keras saved, or may do so: HDF5 holds other things, too."""
    if is_zip(path):
        import zipfile

        try:
            with zipfile.ZipFile(path) as archive:
                return {"config.json", "model.weights.h5"} <= set(archive.namelist())
        except Exception:  # damaged in ways that the library does not list: whoever reads it tells of it
            return False
    return kind_of(path) == HDF5


def kind_of(path: Path) -> str | None:
    """Returns what kind of file it is, as part of a sentence; None for one that is not known."""
    first = _first_bytes(path)
    if not first:
        return "empty"
    if first[4:8] == b"TFL3":
        return "a model of TensorFlow Lite"
    if len(first) > 8 and first[8:9] == b"{" and int.from_bytes(first[:8], "little") < 1 << 27:
        return WEIGHTS
    return next((kind for magic, kind in _BEGINNINGS.items() if first.startswith(magic)), None)


def kind_of_zip(names: Sequence[str]) -> str | None:
    """Returns whose zip file holds parts of these names; None for one that is not known.

    Example:
        >>> kind_of_zip(["metadata.json", "config.json", "model.weights.h5"])
        'a model of Keras'
    """
    if "model.weights.h5" in names:
        return KERAS
    if any(name.endswith(("data.pkl", "constants.pkl")) for name in names):
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        return NUMPY
    return None


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)
