"""What depends on no input of the network is evaluated once, by ONNX's own reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast.io.onnx.folding import agree, formulas
from cnnfast.io.onnx.node import OpenSizeError, Sizes, check_size
from cnnfast.io.onnx.reading import MOST, check_dims, required
from cnnfast.models.errors import ModelFileError

_ARGUMENTS = 64  # numbers of a constant that may be an argument: a shape, sides, or factors
_DRAWS = (
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
)


def tensor(proto: Any) -> np.ndarray[Any, Any]:
    """Returns the numbers of a `TensorProto`.

    Raises:
        ModelFileError: If it is damaged, or too large.
    """
    check_dims(proto)
    try:
        return np.asarray(required().numpy_helper.to_array(proto))
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"tensor {proto.name!r} is damaged: {error}") from None


# What ONNX's reference computes by many products, or by loops of Python: how many numbers are tried at most.
_SLOW = dict.fromkeys(("MatMul", "Gemm"), 2**25) | dict.fromkeys(
    (
        *("Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "Einsum", "MatMulInteger"),
        *(
            "QLinearMatMul",
            "MaxPool",
            "AveragePool",
            "LpPool",
            "MaxUnpool",
            "MaxRoiPool",
            "RoiAlign",
            "Resize",
        ),
        *("Upsample", "GridSample", "AffineGrid", "Col2Im", "LRN", "LSTM", "GRU", "RNN", "Attention"),
        *("Det", "DFT", "STFT", "NonMaxSuppression", "ScatterElements", "ScatterND", "Scatter", "GatherND"),
        *(
            "TopK",
            "Unique",
            "Compress",
            "OneHot",
            "ReverseSequence",
            "Pad",
            "CenterCropPad",
            "EyeLike",
            "CumSum",
        ),
    ),
    2**18,
)


def is_constant(op: str) -> bool:
    """Whether the operator makes the same of the same inputs.

    Example:
        >>> is_constant("Add"), is_constant("RandomNormal")
        (True, False)
    """
    return op not in _DRAWS


def evaluated(proto: Any, opsets: Any, inputs: list[Any]) -> list[Any]:
    """Returns what a node makes of inputs that are known; of `Sizes`, what it makes in each example.

    Args:
        proto: The node.
        opsets: Of its model.
        inputs: Arrays, `Sizes`, or None.

    Raises:
        ModelFileError: If the result would be too large.
    """
    count = max((len(each.examples) for each in inputs if isinstance(each, Sizes)), default=0)
    if not count:
        return _run(proto, opsets, inputs)
    runs = [
        _run(proto, opsets, [each.examples[i] if isinstance(each, Sizes) else each for each in inputs])
        for i in range(count)
    ]
    told = formulas(proto, inputs, lambda arrays: _run(proto, opsets, arrays)) or [None] * len(runs[0])
    return [_joined(examples, each) for examples, each in zip(zip(*runs, strict=True), told, strict=True)]


def _joined(examples: tuple[Any, ...], told: Any) -> Any:
    """One array where all are the same; else `Sizes`, with formulas where these say what is there."""
    if all(np.array_equal(each, examples[0]) for each in examples[1:]):
        return examples[0]
    shape = np.shape(examples[0])
    if any(np.shape(each) != shape for each in examples):
        raise OpenSizeError("how many numbers it makes depends on the size of the network's inputs")
    if told is None:
        return Sizes(examples, np.full(shape, None))
    rows = zip(*(np.ravel(each).tolist() for each in examples), strict=True)
    kept = np.empty(np.size(told), object)
    kept[:] = [each if agree(each, row) else None for each, row in zip(np.ravel(told), rows, strict=True)]
    return Sizes(examples, kept.reshape(shape))


def _run(proto: Any, opsets: Any, arrays: list[Any]) -> list[Any]:
    onnx = required()
    from onnx.reference import ReferenceEvaluator

    given = {name: array for name, array in zip(proto.input, arrays, strict=True) if name}
    infos = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in given.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in proto.output if name]
    graph = onnx.helper.make_graph([proto], "constant", infos, outputs)
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    _check_growth(model, given)
    made = iter(ReferenceEvaluator(model).run(None, given))
    return [np.asarray(next(made)) if name else None for name in proto.output]


def _check_growth(model: Any, given: dict[str, Any]) -> None:
    """Refuses what would be larger than constants are, or take long: told before memory is taken."""
    onnx, told = required(), type(model)()
    told.CopyFrom(model)
    told.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name)
        for name, array in given.items()
        if array.size <= _ARGUMENTS and array.dtype.kind in "fi"
    )
    outputs = onnx.shape_inference.infer_shapes(told, data_prop=True).graph.output
    sizes = [[each.dim_value for each in info.type.tensor_type.shape.dim] for info in outputs]
    numbers = sum(array.size for array in given.values()) + sum(map(math.prod, sizes))
    (node,) = model.graph.node
    check_size(numbers, "what it computes with, a constant of all,", _SLOW.get(node.op_type, MOST))
