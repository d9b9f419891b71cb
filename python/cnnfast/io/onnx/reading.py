"""Files of ONNX, checked before anything is made of them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import source_path

OLDEST = 1
_LARGEST = 2**31 - 1  # bytes: protobuf's limit


def required() -> Any:
    """Returns the package `onnx`.

    Raises:
        ImportError: If it is not installed.

    Example:
        >>> required().__name__
        'onnx'
    """
    try:
        import onnx
    except ImportError:
        raise ImportError("ONNX files need the package onnx: pip install 'cnnfast[onnx]'") from None
    return onnx


def read(source: Any) -> Any:
    """Returns a checked model, as ONNX's package holds it.

    Args:
        source: A path, the bytes of a file, or a `ModelProto`.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, too large, or of an opset that is not known.
    """
    onnx = required()
    from google.protobuf.message import DecodeError

    try:
        model = _loaded(onnx, source)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, TypeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"it is no model of ONNX, or a damaged one: {_first_line(error)}") from None
    opset = opset_of(model)
    if not OLDEST <= opset <= onnx.defs.onnx_opset_version():
        raise ModelFileError(
            f"it is of opset {opset}; known are {OLDEST} to {onnx.defs.onnx_opset_version()}: "
            "onnx.version_converter makes another one of it"
        )
    return model


def opset_of(model: Any) -> int:
    """Returns the version of ONNX's own operators that a model uses; 0 if it tells none."""
    return next((int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def _loaded(onnx: Any, source: Any) -> Any:
    if isinstance(source, onnx.ModelProto):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return onnx.load_model_from_string(bytes(source))
    if not isinstance(source, (str, PathLike)):
        raise TypeError(f"a path, bytes or a ModelProto is expected, got {type(source).__name__}")
    path: Path = source_path(source)
    if path.stat().st_size > _LARGEST:
        raise ModelFileError(f"it has {path.stat().st_size} bytes; no file of ONNX has over {_LARGEST}")
    try:
        return onnx.load(path)
    except (OSError, ValueError) as error:  # its external data
        raise ModelFileError(_first_line(error)) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
