"""cnnfast as a backend of ONNX: what `onnx.backend.base` asks for, so that ONNX's own tests run against us.

Each node runs at once on the arrays, by the same translators that make a model of a file.

Example:
    >>> import numpy as np
    >>> import onnx
    >>> from cnnfast.io import onnx_backend
    >>> onnx_backend.run_node(onnx.helper.make_node("Relu", ["x"], ["y"]), [np.array([-1.0, 2.0])])[0]
    array([0., 2.])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.io.onnx import translators  # noqa: F401  # fills the table
from cnnfast.io.onnx.node import TABLE
from cnnfast.io.onnx.reading import read, required
from cnnfast.io.onnx.translating import Translation

required()

from onnx.backend.base import Backend, BackendRep, namedtupledict  # noqa: E402  # said above what is missing


class Prepared(BackendRep):  # type: ignore[misc]  # ONNX's package is not typed
    """A graph that is ready to run.

    Args:
        model: The `ModelProto`.
    """

    def __init__(self, model: Any) -> None:
        self._translation = Translation(model)
        self._types = [each.type.tensor_type.elem_type for each in model.graph.output]

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Returns the outputs, of the types that the graph tells.

        Args:
            inputs: Arrays in the order of the graph's inputs, or by their names.
            kwargs: Not used.
        """
        names = [each.name for each in self._translation.inputs]
        listed = [inputs[name] for name in names] if isinstance(inputs, dict) else inputs
        given = {name: _number_array(each) for name, each in zip(names, listed, strict=False)}
        made = self._translation.run(given)
        typed = [_typed(each, kind) for each, kind in zip(made, self._types, strict=True)]
        return tuple(namedtupledict("Outputs", self._translation.outputs)(*typed))


class CnnfastBackend(Backend):  # type: ignore[misc]
    """The backend itself."""

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether there is a translator for each node."""
        known = {*TABLE, "Constant"}
        return all(each.op_type in known and each.domain in ("", "ai.onnx") for each in model.graph.node)

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Prepared:
        """Returns a model that is ready to run.

        Raises:
            ModelFileError: If it is damaged, or a node is not supported.
        """
        return Prepared(read(model))

    @classmethod
    def run_model(cls, model: Any, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple[Any, ...]:
        """Returns a model's outputs for these inputs."""
        return cls.prepare(model, device).run(inputs)

    @classmethod
    def run_node(
        cls, node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any
    ) -> tuple[Any, ...]:
        """Returns what one node makes of these inputs.

        Args:
            node: The `NodeProto`.
            inputs: Arrays in the order of its inputs.
            device: "CPU".
            outputs_info: Not used: types follow from the inputs'.
            kwargs: `opset_version`.
        """
        onnx = required()
        arrays = [np.asarray(each) for each in inputs]
        types = [onnx.helper.np_dtype_to_tensor_dtype(each.dtype) for each in arrays]
        infos = [
            onnx.helper.make_tensor_value_info(name, kind, each.shape)
            for name, kind, each in zip(filter(None, node.input), types, arrays, strict=True)
        ]
        results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", infos, results)
        opset = kwargs.get("opset_version", onnx.defs.onnx_opset_version())
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
        return cls.run_model(onnx.shape_inference.infer_shapes(model), arrays)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether it is the CPU."""
        return device.split(":")[0] == "CPU"


def _number_array(value: Any) -> Any:
    """An array of numbers that the core takes; of others, such as bfloat16, float32 is made."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "V" or array.dtype.itemsize == 2 else array


def _typed(value: Any, kind: int) -> Any:
    dtype = required().helper.tensor_dtype_to_np_dtype(kind) if kind else np.float32
    return np.asarray(value).astype(dtype)


prepare = CnnfastBackend.prepare
run_model = CnnfastBackend.run_model
run_node = CnnfastBackend.run_node
supports_device = CnnfastBackend.supports_device
is_compatible = CnnfastBackend.is_compatible
