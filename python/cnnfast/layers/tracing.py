"""Python code as part of a graph: the values that stand for arrays while a function is traced.

A layer's `call`, a loss, a metric or a plain function is run once with `Value`s in place of arrays; each
operation on them adds nodes to a graph of the core. What was traced then runs compiled, without Python.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cnnfast._core import Graph, Weight
from cnnfast.layers.operators import Unknown, apply
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.nest import leaves, mapped, packed

if TYPE_CHECKING:
    from types import FrameType

    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import Call

_PACKAGES = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,
    os.path.dirname(np.__file__),
)
_current: ContextVar[Tracing | None] = ContextVar("what is being traced", default=None)


class NeedsBatchError(Exception):
    """What acts on batches, such as a layer, was called where the first axes of arrays are no batch's."""


class Tracing(Graph):
    """A graph of the core that is being described.

    Args:
        training: Whether it describes what training does; else evaluation and prediction.
        begin: A graph that it goes on from; None for an empty one.
        batches: Whether the first axis of arrays is a batch's; else what needs one raises `NeedsBatchError`.
        probed: The layer, or the symbolic tensor, whose gradient is wanted; see `passed`.

    Attributes:
        told_training: What a call said with `training=...`, for all layers in it; None where none did.
        asked_training: Whether anyone wanted to know, so that the two are different graphs.
        at_once: Whether it is for arrays: layers that act by default (augmentation) do so unless told.
        draws: Whether there are random numbers of the model's seed in it; `draws_by_own_seed`: of a layer's.
        changes: How many variables change in a step.
        scope: The name of the layer that is being traced; nodes are named after it.
        calls: The layers that were called, the shapes of what they made, and their multiply-adds for one
            sample; not those that others call.

    Its own values it keeps by their numbers: they hold the graph, which would never be freed.
    """

    def __init__(
        self,
        training: bool = False,
        begin: Graph | None = None,
        batches: bool = True,
        probed: Layer | SymbolicTensor | None = None,
    ) -> None:
        super().__init__(*([] if begin is None else [begin]))
        self._training = training
        self._batches, self._probed = batches, probed
        self.told_training: bool | None = None
        self.asked_training = False
        self.at_once = self.draws = self.draws_by_own_seed = False
        self.changes = 0
        self.scope = ""
        self.states: dict[int, Value] = {}  # of variables that are not weights of the core's, for a while
        self.calls: list[tuple[Layer, list[tuple[int, ...]], int]] = []
        self._losses: list[int] = []
        self._probes: list[int] = []
        self._depth = 0
        self._read: dict[int, int] = {}

    def copy(self) -> Tracing:
        """Returns a graph that goes on from here by itself."""
        other = Tracing(self._training, self)
        other._losses = [*self._losses]
        return other

    @property
    def losses(self) -> list[Value]:
        """What layers add to the loss."""
        return [self.value(number) for number in self._losses]

    def add_loss(self, value: Value) -> None:
        """Adds to the loss."""
        self._losses.append(value.number)

    @property
    def probes(self) -> list[Value]:
        """The inputs that were added to what is probed."""
        return [self.value(number) for number in self._probes]

    @property
    def describes_training(self) -> bool:
        """Whether it describes what training does, whatever calls were told."""
        return self._training

    @property
    def training(self) -> bool:
        """Whether layers are to act as in training."""
        if self.told_training is not None:
            return self.told_training
        self.asked_training = True
        return self._training

    def check_batches(self) -> None:
        """Raises `NeedsBatchError` where the first axes of arrays are no batch's."""
        if not self._batches:
            raise NeedsBatchError

    def named(self, what: str) -> str:
        """Returns the name of a node."""
        return f"{self.scope}/{what}" if self.scope else what

    def value(self, number: int) -> Value:
        """Returns the value of this number."""
        return Value(self, number)

    def as_value(self, x: Any) -> Value:
        """Returns a value as it is; weights, arrays and numbers as values of one row for the whole batch.

        Raises:
            ValueError: If it is none of these, or a value of another graph.
        """
        if isinstance(x, Value):
            if x.graph is not self:
                raise ValueError(
                    f"{x!r} was made in another call, and has no value here; pass it as an argument"
                )
            return x
        if isinstance(x, Weight):
            if id(x) in self.states:
                return self.states[id(x)]
            if id(x) not in self._read:
                self._read[id(x)] = self.weight(x)
            return self.value(self._read[id(x)])
        from cnnfast.utils.samples import as_array

        array = np.require(as_array(x, "a constant"), np.float32, ["C", "A"])
        return self.value(self.constant(array, self.named("constant")))

    def assigned(self, variable: Weight, value: Value) -> None:
        """Notes what a variable is from here on; a weight keeps it after training steps only."""
        if id(variable) in self.states:
            self.states[id(variable)] = value
            return
        self._read[id(variable)] = value.number
        if self.training:
            self.changes += 1
            self.assign(variable, value.number)

    def call(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Adds a layer, and notes that it was called."""
        first, self._depth = self.size, self._depth + 1
        try:
            made = self.passed(layer, None, layer._trace(self, args, kwargs))
        finally:
            self._depth -= 1
        if self._depth == 0:
            work = sum(self.multiply_adds(value) for value in range(first, self.size))
            self.calls.append((layer, [each.dims for each in leaves(made) if isinstance(each, Value)], work))
        return made

    def passed(self, layer: Layer, call: Call | None, made: Any) -> Any:
        """Returns what a layer made. What is probed gets an input added, zeros, whose gradient is its own."""
        if self._probed is layer:
            return mapped(self._with_probe, made)
        if isinstance(self._probed, SymbolicTensor) and self._probed.call is call:
            values, place = leaves(made), self._probed.place
            values[place] = self._with_probe(values[place])
            return packed(made, values)
        return made

    def _with_probe(self, value: Value) -> Any:
        probe = self.input(value.dims, self.named("probe"), value.rows)
        self._probes.append(probe)
        return self.value(self.stop_gradient(value.number, self.named("probed"))) + self.value(probe)

    @contextmanager
    def within(self, scope: str | None = None, training: bool | None = None) -> Iterator[None]:
        """Within it this is what is being traced; by a layer of that name, that was told `training`."""
        before, token = (self.scope, self.told_training), _current.set(self)
        self.scope = self.scope if scope is None else scope
        self.told_training = self.told_training if training is None else bool(training)
        try:
            yield
        finally:
            self.scope, self.told_training = before
            _current.reset(token)


def current_tracing() -> Tracing | None:
    """Returns the graph that is being described by the code that runs, if there is one.

    Example:
        >>> current_tracing() is None
        True
    """
    return _current.get()


class Value(Unknown):
    """What stands for an array while a function is traced: a number in a graph of the core.

    Attributes:
        graph: The graph.
        number: Its number there.

    Example:
        >>> graph = Tracing()
        >>> graph.value(graph.input((3,), "x")).shape
        (None, 3)
    """

    __slots__ = ("graph", "number")

    def __init__(self, graph: Tracing, number: int) -> None:
        self.graph, self.number = graph, number

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape without the batch axis."""
        return self.graph.shape(self.number)

    @property
    def rows(self) -> int:
        """Rows a sample; 0: one for the whole batch, and no batch axis."""
        return self.graph.rows(self.number)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape; the batch axis is None. What is one for the whole batch, such as weights, has none."""
        return self.dims if self.rows == 0 else (None, *self.dims)

    @property
    def ndim(self) -> int:
        """Number of axes, the batch's included."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """Always "float32"."""
        return "float32"

    def __eq__(self, other: object) -> Any:
        return apply("equal", self, other)

    def __ne__(self, other: object) -> Any:
        return apply("not_equal", self, other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Value shape={self.shape}>"

    def __bool__(self) -> bool:
        self._refuse("decide by it", "ops.where(condition, x1, x2) chooses element by element")

    def __int__(self) -> int:
        self._refuse("make a number of it", "keep it, and compute with functions of cnnfast.ops")

    __index__ = __int__

    def __float__(self) -> float:
        self._refuse("make a number of it", "keep it, and compute with functions of cnnfast.ops")

    def __len__(self) -> int:
        if self.rows:
            self._refuse("count its samples", "use ops.shape(x)[0], or a mean over axis 0")
        return self.dims[0]

    def __iter__(self) -> Iterator[Any]:
        if self.rows:
            self._refuse("go through its samples", "functions of cnnfast.ops take all samples at once")
        return (self[i] for i in range(self.dims[0]))

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise TypeError(
            f"{users_line()}: cannot {what}: {self!r} only stands for an array while the function is traced, "
            f"and has no numbers yet; {instead}"
        )


class BatchSize(Value):
    """How many samples a batch has: in shapes the batch's axis, elsewhere a number of one row for all.

    Args:
        of: What has the batch's axis.

    Example:
        >>> graph = Tracing()
        >>> BatchSize(graph.value(graph.input((3,), "x"))).shape
        ()
    """

    __slots__ = ("_of",)

    def __init__(self, of: Value) -> None:
        self.graph, self._of = of.graph, of

    @property
    def number(self) -> int:  # type: ignore[override]
        """Its number in the graph, to which it is added only where someone computes with it."""
        from cnnfast import ops

        made: Value = ops.sum(ops.ones_like(self.one))
        return made.number

    @property
    def one(self) -> Value:
        """Some number of each sample."""
        made: Value = self._of[(slice(None), *(0,) * len(self._of.dims))]
        return made

    def __repr__(self) -> str:
        return "<the batch's size>"


def as_sizes(shape: Any) -> Any:
    """Returns a shape with None for the batch's axis; all else as it is.

    Example:
        >>> graph = Tracing()
        >>> as_sizes((BatchSize(graph.value(graph.input((3,), "x"))), 4)), as_sizes(4)
        ((None, 4), 4)
    """
    if not isinstance(shape, (list, tuple)):
        return shape
    return type(shape)([None if isinstance(each, BatchSize) else each for each in shape])


def weighted(values: Value, weights: Value | None) -> Value:
    """Returns values of each sample, times their weights: one a sample, or one a value.

    Raises:
        ValueError: If there is one value for the whole batch.

    Example:
        >>> graph = Tracing()
        >>> losses, weights = (graph.value(graph.input(d, "x")) for d in ((2, 3), ()))
        >>> weighted(losses, weights).shape
        (None, 2, 3)
    """
    if weights is None:
        return values
    if values.rows != weights.rows:
        raise ValueError(
            f"samples cannot be weighted where there is one number for all of them, {values!r}; return a "
            "number for each sample"
        )
    if len(weights.dims) < len(values.dims):
        graph, dims = values.graph, (*weights.dims, *(1,) * (len(values.dims) - len(weights.dims)))
        weights = graph.value(graph.reshape(weights.number, dims, weights.rows, graph.named("weights")))
    made: Value = values * weights
    return made


def users_line() -> str:
    """Returns file and line of the innermost code outside of this package and NumPy.

    Example:
        >>> users_line().startswith("<doctest")
        True
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGES):
        frame = frame.f_back
    return "?" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
