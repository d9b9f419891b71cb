"""Networks from files of ONNX, as models that train like any other, and models as such files."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnfast.layers import InputLayer
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import written_at_once

if TYPE_CHECKING:
    from cnnfast.io.onnx.examples import Sizes
    from cnnfast.models import Model
    from cnnfast.models.base import BaseModel


def load_onnx(source: Any) -> Model:
    """Returns the network of an ONNX file as a model of ours, with its weights, ready to be trained.

    Its arrays keep ONNX's order of axes, channels first; layers are named after nodes. What depends on no
    input is evaluated once; biases, batch normalizations and activations that are spelled out become layers.
    A batch may have any size, and an image, too, where the network allows.

    Args:
        source: A path, the bytes of a file, or a `ModelProto`, of opset 7 or later.

    Returns:
        A `Model`. Its inputs and outputs are in ONNX's order.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged or too large, or a node is not supported: the message names the node,
            its operator and the opset. A kind of ValueError.
        ImportError: If the package `onnx` is not installed.

    Source:
        ONNX, Operator Schemas, https://onnx.ai/onnx/operators.

    Example:
        >>> import onnx
        >>> graph = onnx.parser.parse_model('''
        ...     <ir_version: 8, opset_import: ["" : 17]>
        ...     net (float[n, 3, h, w] x) => (float[n, 3, h, w] y) { y = Relu(x) }''')
        >>> load_onnx(graph).output_shape
        (None, 3, None, None)
    """
    try:
        return _model(source)
    except ModelFileError as error:
        if isinstance(source, (str, PathLike)):
            raise ModelFileError(f"{os.fspath(source)} cannot be used: {error}") from error
        raise


def _model(source: Any) -> Model:
    from cnnfast.io.onnx.examples import EVEN, ODD
    from cnnfast.io.onnx.node import OpenSizeError, layer_name
    from cnnfast.io.onnx.reading import read
    from cnnfast.io.onnx.translating import Translation
    from cnnfast.models import Model
    from cnnfast.models.blueprint import rename_twins

    model = read(source)
    translation = Translation(model)
    is_open = any(None in _axes(each)[1:] for each in translation.inputs)
    for sizes in (ODD, EVEN, None) if is_open else (None,):
        try:
            inputs = {each.name: _input(each, sizes) for each in translation.inputs}
            outputs = translation.run(inputs, _batch(translation.inputs))
            break
        except OpenSizeError:
            raise
        except ModelFileError:
            if sizes is None:
                raise
    for name, made in zip(translation.outputs, outputs, strict=True):
        if not hasattr(made, "sources"):
            raise ModelFileError(f"its output {name!r} does not depend on its inputs")
    single = len(outputs) == 1
    name = layer_name(model.graph.name) or None
    listed = list(inputs.values())
    rename_twins(listed, outputs)
    return Model(listed[0] if len(listed) == 1 else listed, outputs[0] if single else outputs, name=name)


def _batch(inputs: Any) -> int | None:
    found = {_axes(each)[0] for each in inputs}
    return found.pop() if len(found) == 1 else None


def _axes(info: Any) -> list[int | None]:
    axes = info.type.tensor_type.shape.dim
    return [int(each.dim_value) if each.dim_value > 0 else None for each in axes] or [None]


def _input(info: Any, sizes: Sizes | None) -> Any:
    from cnnfast.io.onnx.examples import filled
    from cnnfast.io.onnx.node import layer_name

    kind = info.type.WhichOneof("value")
    if kind != "tensor_type" or not info.type.tensor_type.HasField("shape"):
        raise ModelFileError(f"its input {info.name!r} is no tensor of a known number of axes")
    if not len(info.type.tensor_type.shape.dim):
        raise ModelFileError(f"its input {info.name!r} is a number; samples of a batch are needed")
    batch, *axes = _axes(info)
    try:
        layer = InputLayer(axes, batch_size=batch, name=layer_name(info.name) or None)
    except ValueError as error:
        raise ModelFileError(f"its input {info.name!r}: {error}") from None
    if None in axes and sizes is not None:
        layer._examples = (*layer._examples, filled(axes, sizes))
    return layer.output


def save_onnx(model: BaseModel, filepath: str | PathLike[str]) -> None:
    """Writes a model as an ONNX file, as it predicts.

    Every layer and word that the core computes has its operator there, formulas are spelled out. The batch
    may have any size; images may, too, where the model's `Input` leaves their sizes open.

    Args:
        model: The model; it must know its inputs' shapes.
        filepath: The file; one that is there is replaced.

    Raises:
        NotImplementedError: If a part of it has no operator in ONNX: random numbers, what NumPy computes, or
            sequences and volumes that are read at places.
        ValueError: If the model does not know its inputs' shapes, or operators depend on sizes that are open.
        ImportError: If the package `onnx` is not installed.
        OSError: If the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> from cnnfast import Sequential, layers
        >>> model = Sequential([layers.Dense(2, activation="relu", input_shape=(3,))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_onnx(model, pathlib.Path(folder, "net.onnx"))
        ...     load_onnx(pathlib.Path(folder, "net.onnx")).output_shape
        (None, 2)
    """
    from cnnfast.io.onnx.exporting import exported
    from cnnfast.io.onnx.reading import required

    onnx = required()
    proto = exported(model)
    onnx.checker.check_model(proto, full_check=True)
    with written_at_once(Path(filepath)) as file:
        file.write(proto.SerializeToString())
