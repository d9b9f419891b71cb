"""What every layer has in common: configuration, its weights, and its place in a graph.

A layer computes nothing. It adds nodes to a graph of the core (`_emit`), which bind its weights. It makes
these when it first knows its input's shape, and keeps them: wherever it is called, in however many models,
all compute with the same numbers.

A symbolic tensor knows its layer; a layer knows its symbolic tensors only while others hold them, so that
models are freed as soon as they are dropped.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, overload
from weakref import ref

import numpy as np

from cnnfast import _core
from cnnfast._core import Graph, Network
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.variable import Variable
from cnnfast.tuning import new_network
from cnnfast.utils.arguments import batch_shape, not_offered, sample_shape
from cnnfast.utils.missing import advice
from cnnfast.utils.samples import check_samples
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    from cnnfast._core import Weight
    from cnnfast.utils.serialization import Config

_names: Counter[str] = Counter()


class UnnamedOptions(TypedDict, total=False):
    """Arguments that every layer takes by keyword.

    Attributes:
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, for the first layer of a `Sequential`.
        input_dim: Short for `input_shape=(input_dim,)`.
        dtype, autocast: Keras's arguments, which must have their defaults.
    """

    trainable: bool
    input_shape: Sequence[int] | None
    input_dim: int | None
    dtype: Any
    autocast: bool


class LayerOptions(UnnamedOptions, total=False):
    """The same, and the name where it has no place of its own.

    Attributes:
        name: Its name in the model; None makes one up.
    """

    name: str | None


@dataclass(frozen=True)
class Description:
    """What the core says of one layer on given inputs."""

    graph: Graph
    output: int
    shape: tuple[int, ...]


class Layer:
    """Base of the layers.

    Args:
        name: Its name in the model; None makes one up, such as `conv2d_1`.
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, for the first layer of a `Sequential`.
        input_dim: Short for `input_shape=(input_dim,)`.
        activity_regularizer, dtype, autocast: Keras's arguments, which must have their defaults.

    Raises:
        ValueError: If an argument is not known, or out of its range.
    """

    joins: ClassVar[bool] = False  # whether it takes a list of inputs

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int] | None = None,
        input_dim: int | None = None,
        activity_regularizer: None = None,
        dtype: Any = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        for argument in unknown:
            near = advice("", argument, inspect.signature(type(self)).parameters)
            raise ValueError(f"{type(self).__name__} has no argument {argument!r}{near}")
        not_offered(
            type(self).__name__,
            activity_regularizer=(activity_regularizer, None),
            dtype=(None if dtype == "float32" else dtype, None),
            autocast=(autocast, True),
        )
        if input_dim is not None:
            input_shape = (input_dim,)
        self.name = new_name(snake_case(type(self).__name__)) if name is None else _checked_name(name)
        self.declared_shape = None if input_shape is None else sample_shape(input_shape, "input_shape")
        self._trainable = bool(trainable)
        self._built_shape: tuple[int, ...] | None = None
        self._symbol: ref[SymbolicTensor] | None = None
        self._weights: list[Variable] = []
        self._alone: tuple[tuple[int, ...], Network] | None = None  # runs it on arrays of that shape

    # -- the graph ---------------------------------------------------------------------------------------

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        """Adds this layer to a graph of the core and returns the number of its output.

        `weights` are to be bound; where there are none, the graph makes some that have the shapes needed.
        """
        raise NotImplementedError

    def _describe(self, shapes: Sequence[tuple[int, ...]], weights: Sequence[Weight]) -> Description:
        graph = Graph()
        srcs = [graph.input(shape, f"input_{i}") for i, shape in enumerate(shapes)]
        output = self._emit(graph, srcs, weights)
        return Description(graph, output, tuple(graph.shape(output)))

    def _build(self, shapes: Sequence[tuple[int, ...]]) -> Description:
        """Makes the weights if there are none yet; if there are, they must suit these inputs."""
        description = self._describe(shapes, self._weights)
        if self._built_shape is None:
            self._weights = [self._new_variable(weight) for weight in description.graph.weights]
            self._built_shape = shapes[0]
        return description

    def _unbuild(self) -> None:
        """Forgets the input's shape, and with it the weights: that was no shape for the model."""
        self._built_shape, self._weights, self._alone = None, [], None

    def _connect(self, sources: Sequence[SymbolicTensor]) -> SymbolicTensor:
        description = self._build([source.sample_shape for source in sources])
        return self._note(SymbolicTensor((None, *description.shape), self, tuple(sources)))

    def _note(self, symbol: SymbolicTensor) -> SymbolicTensor:
        self._symbol = ref(symbol)
        return symbol

    @overload
    def __call__(self, inputs: SymbolicTensor | list[SymbolicTensor]) -> SymbolicTensor: ...
    @overload
    def __call__(self, inputs: NDArray[Any]) -> NDArray[np.float32]: ...
    def __call__(self, inputs: Any) -> SymbolicTensor | NDArray[np.float32]:
        """Extends a graph where `inputs` is symbolic; runs at once, without training, where it is an array.

        Args:
            inputs: What `Input` or another layer returned (a list of these for layers that join branches), or
                an array with the batch axis first.

        Raises:
            ValueError: If `inputs` is neither, or its shape does not suit the layer.
        """
        sources = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        symbols = [source for source in sources if isinstance(source, SymbolicTensor)]
        if symbols and len(symbols) == len(sources) and isinstance(inputs, (list, tuple)) == self.joins:
            return self._connect(symbols)
        if symbols or self.joins:
            wants = "a list of what Input or other layers returned" if self.joins else "one input"
            raise ValueError(
                f"layer {self.name!r} ({type(self).__name__}) takes {wants}, got {type(inputs).__name__}"
            )
        return self._run(inputs)

    @property
    def output(self) -> SymbolicTensor:
        """What the layer returned when it was last called on a symbolic input, if a model or you hold it."""
        symbol = self._symbol() if self._symbol is not None else None
        if symbol is None:
            raise ValueError(f"layer {self.name!r} is in no graph; call it on an Input or add it to a model")
        return symbol

    @property
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """What the layer was last called on: one symbolic tensor, or a list where it joins branches."""
        sources = self.output.sources
        return list(sources) if self.joins else sources[0]

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Returns the output's shape for an input's; in both the batch axis comes first, None or a number."""
        batch, shape = batch_shape(input_shape)
        return (batch, *self._describe([shape], ()).shape)

    # -- weights -----------------------------------------------------------------------------------------

    @property
    def _first_shape(self) -> tuple[int, ...] | None:
        """The shape of the samples of a `Sequential` that begins with this layer, if the layer tells it."""
        return self.declared_shape

    @property
    def built(self) -> bool:
        """Whether the layer knows its input's shape, and so its weights."""
        return self._built_shape is not None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Makes the weights for inputs of a shape.

        Args:
            input_shape: Shape of a batch, as in Keras: the first axis, None or a number, is the batch's.

        Raises:
            ValueError: If the shape does not suit the layer, or the layer has weights for another one.
        """
        self._build([batch_shape(input_shape)[1]])

    def _new_variable(self, weight: Weight) -> Variable:
        """Returns what the layer keeps in place of a weight that a graph made for it."""
        variable = Variable(weight.name, weight.shape)
        variable.trainable = self._trainable
        return variable

    def _initialize(self) -> None:
        """Gives initial values to weights that have none yet; there are none here."""

    @property
    def weights(self) -> list[Variable]:
        """Its weights, kernel first; none before it knows its input's shape."""
        self._initialize()
        return list(self._weights)

    def _weight(self, suffix: str) -> Variable:
        for variable in self.weights:
            if variable.name.endswith(f"/{suffix}"):
                return variable
        raise ValueError(
            f"layer {self.name!r} has no {suffix} before it is built; call build(shape) or add it to a model"
        )

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Returns copies of the weights, kernel first."""
        return _core.get_weights(self.weights)

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets all weights; all are checked before one is set.

        Args:
            weights: Arrays as `get_weights` returns them.

        Raises:
            ValueError: If their number or a shape differs.
        """
        assign_all(self.weights, weights, f"layer {self.name!r}")

    def count_params(self) -> int:
        """Returns how many numbers the weights hold."""
        return sum(variable.size for variable in self._weights)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; takes effect at once."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._weights:
            variable.trainable = self._trainable

    # -- on an array -------------------------------------------------------------------------------------

    def _run(self, inputs: ArrayLike) -> NDArray[np.float32]:
        x = check_samples(inputs, None, f"the input of layer {self.name!r}")
        shape = x.shape[1:]
        if self._alone is None or self._alone[0] != shape:
            self._build([shape])
            description = self._describe([shape], self.weights)
            self._alone = (shape, new_network(description.graph, description.output))
        return self._alone[1].predict(x)

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {"name": self.name, "trainable": self._trainable, "input_shape": self.declared_shape}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the layer that `config` describes, with new weights."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}, built={self.built}>"


def assign_all(variables: Sequence[Variable], values: Sequence[ArrayLike], owner: str) -> None:
    """Sets several weights; all are checked before one is set.

    Raises:
        ValueError: If their number or a shape differs.

    Example:
        >>> assign_all([], [], "nobody")
    """
    if not isinstance(values, (list, tuple)):
        raise ValueError(f"{owner} takes a list of arrays as get_weights returns it, got {values!r}")
    if len(values) != len(variables):
        shapes = [variable.shape for variable in variables]
        raise ValueError(
            f"{owner} has {len(variables)} arrays of weights, of shapes {shapes}; got {len(values)}"
        )
    arrays = [variable._checked(value) for variable, value in zip(variables, values, strict=True)]
    _core.set_weights(variables, arrays)


def new_name(base: str) -> str:
    """Returns a name that no layer or model made up so far has.

    Example:
        >>> new_name("doctest"), new_name("doctest")
        ('doctest', 'doctest_1')
    """
    number = _names[base]
    _names[base] += 1
    return f"{base}_{number}" if number else base


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[^/\x00-\x1f]{1,200}", name):
        raise ValueError(f"a layer's name must be a non-empty string without '/', got {name!r}")
    return name
