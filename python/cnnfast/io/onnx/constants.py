"""What depends on no input of the network is evaluated once, by ONNX's own reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnfast.io.onnx.node import Sizes
from cnnfast.io.onnx.reading import required
from cnnfast.models.errors import ModelFileError

_MOST = 2**28  # numbers that a constant may have
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
    if any(size < 0 for size in proto.dims) or math.prod(proto.dims) > _MOST:
        raise ModelFileError(f"tensor {proto.name!r} has the shape {tuple(proto.dims)}")
    try:
        return np.asarray(required().numpy_helper.to_array(proto))
    except (ValueError, TypeError, KeyError) as error:
        raise ModelFileError(f"tensor {proto.name!r} is damaged: {error}") from None


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
    count = max((len(each.examples) for each in inputs if isinstance(each, Sizes)), default=1)
    runs = []
    for place in range(count):
        arrays = [each.examples[place] if isinstance(each, Sizes) else each for each in inputs]
        runs.append(_run(proto, opsets, arrays))
    return [_joined(tuple(each)) for each in zip(*runs, strict=True)]


def _joined(examples: tuple[Any, ...]) -> Any:
    same = all(np.array_equal(each, examples[0]) for each in examples[1:])
    return examples[0] if same else Sizes(examples)


def _run(proto: Any, opsets: Any, arrays: list[Any]) -> list[Any]:
    onnx = required()
    _check_growth(proto.op_type, arrays)
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
    made = iter(ReferenceEvaluator(model).run(None, given))
    return [np.asarray(next(made)) if name else None for name in proto.output]


def _check_growth(op: str, arrays: list[Any]) -> None:
    """Refuses what would be larger than constants are: told by its arguments, before memory is taken."""
    total = sum(array.size for array in arrays if array is not None)
    if op in ("ConstantOfShape", "Expand"):
        total += math.prod(max(int(each), 1) for each in np.ravel(arrays[-1]))
    elif op == "Tile":
        total *= math.prod(max(int(each), 1) for each in np.ravel(arrays[1]))
    elif op == "Range":
        start, limit, step = (float(each) for each in arrays)
        total += 0 if step == 0 else int(abs(limit - start) / abs(step))
    elif op in ("Pad", "Resize", "Upsample", "OneHot", "EyeLike", "CenterCropPad", "Col2Im", "MaxUnpool"):
        raise ModelFileError(f"a constant made by {op} is not supported")
    if total > _MOST:
        raise ModelFileError(f"it would make a constant of {total} numbers; {_MOST} are the most")
