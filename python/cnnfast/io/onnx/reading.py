"""Files of ONNX, checked before anything is made of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import source_path

OLDEST = 1
MOST = 2**28  # numbers that a tensor may have
_LARGEST = 2**31 - 1  # bytes: protobuf's limit
_DEPRECATED = "GroupNormalization", range(18, 21)  # which networks have all the same


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
        model, folder = _loaded(onnx, source)
        _load_beside(onnx, model, folder)
        _check(onnx, model)
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


def outline(model: Any, shapes: bool = True) -> Any:
    """Returns a copy without the weights' numbers: they are inputs of it. Functions are left out.

    Args:
        model: The model.
        shapes: Whether shapes are told; over some, ONNX's inference ends the process. Outputs that tell none
            are numbers there.
    """
    onnx = required()
    told, graph = type(model)(ir_version=model.ir_version), model.graph
    told.opset_import.extend(model.opset_import)
    told.graph.name = graph.name
    told.graph.node.extend(graph.node)
    for place in ("input", "value_info", "output"):
        for each in getattr(graph, place):
            if each.type.WhichOneof("value") not in (None, "tensor_type"):
                continue
            made = getattr(told.graph, place).add()
            made.CopyFrom(each)
            kind = made.type.tensor_type
            if shapes:
                kind.elem_type = kind.elem_type or onnx.TensorProto.FLOAT
                kind.shape.SetInParent()
            else:
                kind.ClearField("shape")
    inputs = {each.name for each in graph.input}
    told.graph.input.extend(
        onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims if shapes else None)
        for each in graph.initializer
        if each.name not in inputs
    )
    return told


def _check(onnx: Any, model: Any) -> None:
    """Asks ONNX about the graph and about each tensor: about all at once, it would make a copy of them."""
    for sparse in model.graph.sparse_initializer:
        raise ModelFileError(f"its weights {sparse.values.name!r} are sparse, which is not supported")
    told = outline(model)
    op, opsets = _DEPRECATED
    if opset_of(model) in opsets:
        told.opset_import.add(domain="deprecated", version=1)
        for node in told.graph.node:
            node.domain = "deprecated" if node.op_type == op else node.domain
    onnx.checker.check_model(told)
    for tensor in model.graph.initializer:
        check_dims(tensor)
        onnx.checker.check_tensor(tensor)


def check_dims(tensor: Any) -> int:
    """Returns how many numbers a `TensorProto` has, by what it tells.

    Raises:
        ModelFileError: If there are too many.
    """
    count: int = math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or count > MOST:
        raise ModelFileError(f"tensor {tensor.name!r} has the shape {tuple(tensor.dims)}")
    return count


def _load_beside(onnx: Any, model: Any, folder: Path | None) -> None:
    """Loads tensors that lie in other files, once it is clear that memory is enough."""
    beside = [each for each in _tensors(model.graph) if each.data_location == onnx.TensorProto.EXTERNAL]
    sizes = [check_dims(each) * _bytes(onnx, each) for each in beside]
    has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 2 * sum(sizes) > has:
        raise ModelFileError(f"its tensors have {sum(sizes)} bytes, too many for a machine of {has}")
    for tensor, size in zip(beside, sizes, strict=True):
        if folder is None:
            raise ModelFileError(f"tensor {tensor.name!r} is in another file: load the model by its path")
        told = {each.key: each.value for each in tensor.external_data}
        if "length" not in told:
            tensor.external_data.add(key="length", value=str(size))
        elif told["length"].isdigit() and int(told["length"]) > size:
            raise ModelFileError(f"tensor {tensor.name!r} of {size} bytes has {told['length']} in its file")
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except (OSError, ValueError) as error:
            raise ModelFileError(_first_line(error)) from None


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        yield from (each.t for each in node.attribute if each.HasField("t"))


def _bytes(onnx: Any, tensor: Any) -> int:
    try:
        return int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except KeyError:
        raise ModelFileError(f"tensor {tensor.name!r} is of no type that ONNX knows") from None


def _loaded(onnx: Any, source: Any) -> tuple[Any, Path | None]:
    """The model, without what is in other files, and the folder where these are."""
    if isinstance(source, onnx.ModelProto):
        return source, None
    if isinstance(source, (bytes, bytearray, memoryview)):
        return onnx.load_model_from_string(bytes(source)), None
    if not isinstance(source, (str, PathLike)):
        raise TypeError(f"a path, bytes or a ModelProto is expected, got {type(source).__name__}")
    path: Path = source_path(source)
    if path.stat().st_size > _LARGEST:
        raise ModelFileError(f"it has {path.stat().st_size} bytes; no file of ONNX has over {_LARGEST}")
    return onnx.load(path, load_external_data=False), path.parent


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
