"""Models as graphs of ONNX: what layers and words add to a graph of the core is written down as it is added.

So whatever is made of the core's operations can be exported, layers of one's own included; a writer for each
operation of the core stands in the tables of `writers`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from cnnfast import _core
from cnnfast.io.onnx.examples import EVEN, ODD, filled
from cnnfast.io.onnx.reading import required
from cnnfast.layers.tracing import Tracing
from cnnfast.utils.distinct import distinct

OPSET = 19  # the first that pads in circles
IR_VERSION = 9
WRITERS: dict[str, Callable[..., str]] = {}


def writes(method: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Returns a decorator that makes a function the writer of a method of `_core.Graph`.

    The writer gets the export, the number of the new value, and what the method was called with; it returns
    the name of the value.

    Args:
        method: The method's name.

    Example:
        >>> @writes("nothing")
        ... def nothing(to, made, src, name):
        ...     return to.names[src]
        >>> WRITERS.pop("nothing") is nothing
        True
    """

    def enter(writer: Callable[..., str]) -> Callable[..., str]:
        WRITERS[method] = writer
        return writer

    return enter


class Export(Tracing):
    """A graph of the core that is described, and written down on the way.

    Attributes:
        nodes: What was written.
        constants: Weights and constants by name.
        names: Of values, by their numbers.
        first: The names of values with channels first, by those of the same with channels last. Turns that
            nobody needs are left out in the end.
    """

    def __init__(self) -> None:
        from cnnfast.io.onnx import writers  # noqa: F401  # fills the table

        super().__init__()
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray[Any, Any]] = {}
        self.names: dict[int, str] = {}
        self.first: dict[str, str] = {}
        self._taken: set[str] = set()
        self._ranks: dict[str, int] = {}  # of those that were turned
        for method, writer in WRITERS.items():
            setattr(self, method, self._written(method, writer))

    def _written(self, method: str, writer: Callable[..., str]) -> Callable[..., int]:
        core = getattr(super(Tracing, self), method)

        def call(*args: Any, **kwargs: Any) -> int:
            number: int = core(*args, **kwargs)
            self.names[number] = writer(self, number, *args, **kwargs)
            return number

        return call

    def name_of(self, number: int) -> str:
        """Returns the name of a value.

        Raises:
            NotImplementedError: If what makes it cannot be exported.
        """
        if number not in self.names:
            raise NotImplementedError(
                f"ONNX has no operator for {self.maker(number)!r}, of which the model is made; what NumPy "
                "computes cannot be exported"
            )
        return self.names[number]

    def add_node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Adds a node and returns the name of its output.

        Args:
            op: Its operator.
            inputs: Names of values; "" for one that is left out.
            name: What it is called, made one that no other has.
            attributes: What it is told.
        """
        unique = self.unique(name)
        node = required().helper.make_node(op, inputs, [unique], name=unique, **attributes)
        self.nodes.append(node)
        return unique

    def add_each(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Adds what treats each number alone, with channels first where all its inputs are to be had so."""
        single = {each for each in inputs if each in self.constants and self.constants[each].ndim == 0}
        turned = [self.first.get(each, each if each in single else "") for each in inputs]
        ranks = {self._ranks[each] for each in inputs if each in self.first}
        if len(ranks) != 1 or not all(turned):
            return self.add_node(op, inputs, name, **attributes)
        made = self.add_node(op, turned, f"{name}/channels_first", **attributes)
        return self.turned_back(made, name, ranks.pop())

    def turned_first(self, value: str, name: str, rank: int) -> str:
        """Returns what has channels first of a value that has them last, adding it where it is not there."""
        if value not in self.first:
            order = [0, rank - 1, *range(1, rank - 1)]
            self.first[value] = self.add_node("Transpose", [value], f"{name}/turned", perm=order)
            self._ranks[value] = rank
        return self.first[value]

    def turned_back(self, value: str, name: str, rank: int) -> str:
        """Adds what has channels last of a value that has them first."""
        made = self.add_node("Transpose", [value], name, perm=[0, *range(2, rank), 1])
        self.first[made], self._ranks[made] = value, rank
        return made

    def constant_of(self, value: Any, name: str, dtype: Any = np.float32) -> str:
        """Adds a constant and returns its name."""
        unique = self.unique(name)
        self.constants[unique] = np.asarray(value, dtype, order="C")
        return unique

    def integers(self, values: Any, name: str) -> str:
        """Adds a constant of whole numbers, such as a shape."""
        return self.constant_of(np.asarray(values, np.int64), f"{name}/numbers", np.int64)

    def weight_of(self, weight: Any, turned: Callable[[Any], Any] | None = None) -> str:
        """Adds a weight's numbers, turned to ONNX's layout."""
        (value,) = _core.get_weights([weight])
        return self.constant_of(value if turned is None else turned(value), weight.name)

    def batched(self, number: int) -> int:
        """Returns how many axes a value has before those of a sample: 1 for the batch's, or 0."""
        return int(self.rows(number) > 0)

    def unique(self, name: str) -> str:
        """Returns a name that nothing else has."""
        return distinct(name, self._taken)


def exported(model: Any) -> Any:
    """Returns a model as ONNX's `ModelProto`.

    Args:
        model: The model; it must know its inputs' shapes.

    Raises:
        NotImplementedError: If a part of it has no operator in ONNX.
        ValueError: If its operators depend on sizes that are not known.
    """
    plan = model.blueprint
    model.weights  # noqa: B018  # gives those their first values that have none
    first, *others = _graphs(model, plan)
    if any(_without_shapes(each) != _without_shapes(first) for each in others):
        raise ValueError(
            f"model {model.name!r} has inputs of unknown sizes, and its operators depend on them; give its "
            "Input fixed ones"
        )
    helper = required().helper
    return helper.make_model(
        first, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="cnnfast"
    )


def _graphs(model: Any, plan: Any) -> list[Any]:
    """The graph for each example of shapes, and for one of odd sizes, or of even ones if it takes no odd."""
    count = max(len(source.examples) for source in plan.sources)
    shapes = [[s.examples[min(i, len(s.examples) - 1)] for s in plan.sources] for i in range(count)]
    made = [_graph(model, plan, each) for each in shapes]
    for sizes in (ODD, EVEN) if count > 1 else ():
        with suppress(ValueError):
            made.append(_graph(model, plan, [filled(s.shape[s.batched :], sizes) for s in plan.sources]))
            break
    return made


def _graph(model: Any, plan: Any, shapes: Any) -> Any:
    onnx = required()
    export = Export()
    inputs = [export.value(export.input(*each)) for each in zip(shapes, plan.input_names, strict=True)]
    made = plan.trace(export, inputs)
    results = []
    for value, name in zip(made, plan.output_names, strict=True):
        output = f"{name}/output"
        export.nodes.append(onnx.helper.make_node("Identity", [export.name_of(value.number)], [output]))
        results.append(output)
    return onnx.helper.make_graph(
        _read(export.nodes, results),
        model.name,
        [
            _info(onnx, *each)
            for each in zip(map(export.name_of, (v.number for v in inputs)), plan.sources, strict=True)
        ],
        [_info(onnx, *each) for each in zip(results, plan.targets, strict=True)],
        [onnx.numpy_helper.from_array(value, name) for name, value in export.constants.items()],
    )


def _read(nodes: list[Any], results: list[str]) -> list[Any]:
    """The nodes that the results depend on, in their order."""
    wanted, kept = set(results), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _info(onnx: Any, name: str, symbol: Any) -> Any:
    axes = [f"{name}.{i}" if size is None else size for i, size in enumerate(symbol.shape)]
    if symbol.batched:
        axes[0] = "batch"
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, axes)


def _without_shapes(graph: Any) -> bytes:
    copy = type(graph)()
    copy.CopyFrom(graph)
    del copy.input[:], copy.output[:]
    return bytes(copy.SerializeToString())
