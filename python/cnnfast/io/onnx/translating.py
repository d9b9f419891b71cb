"""ONNX's graph as layers: goes through the nodes in order and asks the table for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnfast.io.onnx.constants import evaluated, is_constant, tensor
from cnnfast.io.onnx.node import TABLE, Node, OpenSizeError, Sizes, layer_name
from cnnfast.io.onnx.patterns import Step, merged
from cnnfast.io.onnx.reading import opset_of, outline, required
from cnnfast.models.errors import ModelFileError
from cnnfast.utils.distinct import distinct

# What shapes have for a batch of any size, in each of the examples: no size of an image.
_ANY_BATCH = (7919, 7927, 7933)
_KNOWN = ("Shape", "Size")  # what they make is known, whatever they are asked about
_TRANSLATED = (*_KNOWN, "Expand")  # also what they make of what is known
_FAILURES = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
)


class Translation:
    """One graph of ONNX on its way into layers, or run at once.

    Args:
        model: The `ModelProto`.

    Attributes:
        inputs: The graph's inputs that have no values of their own.
        outputs: Its outputs' names.
    """

    def __init__(self, model: Any) -> None:
        from cnnfast.io.onnx import translators  # noqa: F401  # fills the table

        self._model, self._graph = model, model.graph
        self.opset = opset_of(model)
        self._values: dict[str, Any] = {"": None}
        for each in self._graph.initializer:
            self._values[each.name] = tensor(each)
        self.inputs = [each for each in self._graph.input if each.name not in self._values]
        self.outputs = [each.name for each in self._graph.output]
        self._kinds = _kinds(model)
        self._names: set[str] = set()
        self._live: set[str] = {each.name for each in self.inputs}
        self._steps = merged(self._unknown(), self._values, self.outputs, self.opset)

    def run(self, values: Mapping[str, Any], batch: int | None = None) -> list[Any]:
        """Returns the outputs for these values of the inputs: symbolic tensors, or arrays, at once.

        Args:
            values: By the inputs' names.
            batch: How many samples, where the graph tells; None for any number.

        Raises:
            ModelFileError: If a node is not supported; the message names it.
        """
        self._names = set()
        known, batches = (
            {**self._values, **values},
            _ANY_BATCH if batch is None else (batch,) * len(_ANY_BATCH),
        )
        for step in self._steps:
            self._follow(step, known, batches)
        missing = [name for name in self.outputs if name not in known]
        if missing:
            raise ModelFileError(f"its output {missing[0]!r} is one that is not supported")
        return [known[name] for name in self.outputs]

    def _unknown(self) -> list[Step]:
        """The nodes that remain when all that depends on no input is evaluated."""
        steps = []
        for proto in self._graph.node:
            inputs = [each for each in proto.input if each]
            folds = not _has_graphs(proto) and is_constant(proto.op_type)
            if folds and all(each in self._values for each in inputs):
                self._evaluate(proto, self._values)
                continue
            steps.append(Step.of(proto))
            if proto.op_type in _KNOWN:
                continue
            if self._live.intersection(inputs) or not inputs:
                self._live.update(each for each in proto.output if each)
        return steps

    def _evaluate(self, proto: Any, values: dict[str, Any]) -> None:
        name = proto.name or next(iter(proto.output), "")
        try:
            given = [values[each] for each in proto.input]
            made = evaluated(proto, self._model.opset_import, given)
        except Exception as error:  # ONNX's reference raises whatever its NumPy code comes to
            raise self._failure(proto.op_type, name, error) from error
        values.update(zip(proto.output, made, strict=False))

    def _follow(self, step: Step, values: dict[str, Any], batches: tuple[int, ...]) -> None:
        known = step.op not in _TRANSLATED and step.inputs and not self._live.intersection(step.inputs)
        if known and step.proto is not None and not _has_graphs(step.proto):
            self._evaluate(step.proto, values)
            return
        missing = [each for each in step.inputs if each not in values]
        if missing:
            error = ValueError(f"its input {missing[0]!r} is an output that is not supported")
            raise self._failure(step.op, step.name, error)
        given = [values[each] for each in step.inputs]
        kinds = [self._kinds.get(each, "") for each in step.inputs]
        name = self._layer_name(step)
        node = Node(step.op, name, self.opset, step.attributes, kinds, len(step.outputs), batches)
        try:
            if step.op not in TABLE or step.domain not in ("", "ai.onnx"):
                raise NotImplementedError(f"the operator {step.domain + step.op} is not supported")
            made = TABLE[step.op](node, *given)
        except _FAILURES as error:
            raise self._failure(step.op, step.name, error) from error
        listed = made if isinstance(made, (list, tuple)) and not isinstance(made, Sizes) else [made]
        values.update(zip(step.outputs, listed, strict=False))
        values[""] = None

    def _failure(self, op: str, name: str, error: Exception) -> ModelFileError:
        told = f"node {name!r} ({op}, opset {self.opset}): {error}"
        if isinstance(error, OpenSizeError):
            return OpenSizeError(f"{told}; give the file's inputs fixed sizes")
        return ModelFileError(told)

    def _layer_name(self, step: Step) -> str:
        """The node's name, made one that layers may have and no other has."""
        return distinct(layer_name(step.name) or step.op, self._names)


def _has_graphs(proto: Any) -> bool:
    return any(each.HasField("g") or each.graphs for each in proto.attribute)


def _kinds(model: Any) -> dict[str, str]:
    """NumPy's kind of each value's numbers, as far as ONNX infers it."""
    onnx = required()
    told = outline(model, shapes=False)  # over some shapes, ONNX ends the process
    try:
        graph = onnx.shape_inference.infer_shapes(told).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        graph = told.graph
    return {
        each.name: _kind(onnx, each.type.tensor_type.elem_type)
        for each in (*graph.input, *graph.value_info, *graph.output)
    }


def _kind(onnx: Any, data_type: int) -> str:
    if data_type not in onnx.TensorProto.DataType.values() or not data_type:
        return ""
    return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).kind)
