"""What every layer has in common: configuration, its weights, and its place in a graph.

A layer computes nothing. Traced, it adds nodes to a graph of the core, which bind its weights: by `_emit`, or
by `call`, written with other layers and functions of `cnnfast.ops`, as Keras has it. It makes its weights
when it first knows its input's shape, and keeps them: wherever it is called, in however many models, all
compute with the same numbers.

A symbolic tensor knows its layer; a layer knows its symbolic tensors only while others hold them, so that
models are freed as soon as they are dropped.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict
from weakref import ref

import numpy as np

from cnnfast import _core
from cnnfast.layers import calls
from cnnfast.layers.input_spec import check_inputs
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value, current_tracing
from cnnfast.layers.variable import Variable
from cnnfast.utils.arguments import batch_shape, not_offered, open_shape, real_number
from cnnfast.utils.missing import advice
from cnnfast.utils.nest import leaves
from cnnfast.utils.serialization import serialize, snake_case

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

    from cnnfast._core import Graph, Weight
    from cnnfast.utils.serialization import Config

_names: Counter[str] = Counter()
_OF_CALLS = {"_alone", "_calls", "_told_losses"}  # attributes that calls on arrays set


class UnnamedOptions(TypedDict, total=False):
    """Arguments that every layer takes by keyword.

    Attributes:
        trainable: Whether training changes its weights.
        learning_rate_factor: By what optimizers multiply the learning rate for its weights.
        input_shape: Shape of one sample, for the first layer of a `Sequential`; None for an axis that is not
            known in advance.
        input_dim: Short for `input_shape=(input_dim,)`.
        dtype, autocast: Keras's arguments, which must have their defaults.
    """

    trainable: bool
    learning_rate_factor: float
    input_shape: Sequence[int | None] | None
    input_dim: int | None
    dtype: Any
    autocast: bool


class LayerOptions(UnnamedOptions, total=False):
    """The same, and the name where it has no place of its own.

    Attributes:
        name: Its name in the model; None makes one up.
    """

    name: str | None


class Layer:
    """Base of the layers, and of your own: define `call`, and `build` where it has weights.

    Args:
        name: Its name in the model; None makes one up, such as `conv2d_1`.
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, for the first layer of a `Sequential`; None for an axis that is not
            known in advance.
        input_dim: Short for `input_shape=(input_dim,)`.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        learning_rate_factor: By what optimizers multiply the learning rate for its weights, at least 0.
        dtype, autocast: Keras's arguments, which must have their defaults.

    Raises:
        ValueError: If an argument is not known, or out of its range.

    Source:
        Keras 3, `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> from cnnfast import ops
        >>> class Doubled(Layer):
        ...     def call(self, inputs):
        ...         return ops.relu(inputs + inputs)
        >>> Doubled()(np.array([[-3.0, 2.0]]))
        array([[0., 4.]], dtype=float32)
    """

    dtype: ClassVar[str] = "float32"  # what weights are kept in and all is computed in
    compute_dtype: ClassVar[str] = "float32"
    variable_dtype: ClassVar[str] = "float32"
    input_spec: Any = None  # what inputs it takes, as layers of one's own tell it
    joins: ClassVar[bool] = False  # whether it takes a list of inputs
    acts_in_training_only: ClassVar[bool] = False  # elsewhere it returns its input
    _acts: ClassVar[bool]  # whether `call` has training=True by default, once someone asked
    _changed_at = 0  # when an attribute was set last

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        activity_regularizer: Any = None,
        learning_rate_factor: float = 1.0,
        dtype: Any = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        for argument in unknown:
            near = advice("", argument, inspect.signature(type(self)).parameters)
            raise ValueError(f"{type(self).__name__} has no argument {argument!r}{near}")
        not_offered(
            type(self).__name__,
            dtype=(dtype, None),
            autocast=(autocast, True),
        )
        if input_dim is not None:
            input_shape = (input_dim,)
        self.name = new_name(snake_case(type(self).__name__)) if name is None else _checked_name(name)
        self.declared_shape: tuple[int | None, ...] | None = (
            None if input_shape is None else open_shape(input_shape, "input_shape")
        )
        self.activity_regularizer = None if activity_regularizer is None else _penalty(activity_regularizer)
        if not isinstance(trainable, (bool, np.bool_)):
            raise ValueError(f"trainable must be True or False, got {trainable!r}")
        self._trainable = bool(trainable)
        self._learning_rate_factor = real_number(learning_rate_factor, "learning_rate_factor")
        self._built = False
        self._symbol: ref[SymbolicTensor] | None = None
        self._weights: list[Variable] = []  # its own, without those of layers in it
        self._untrained: list[Variable] = []  # those that no training moves by gradients
        self._told_losses: list[NDArray[np.float32]] = []
        # Runs it on arrays like those of the last call.
        self._alone: calls.Alone | None = None
        self._calls = 0  # on arrays, of a layer that draws

    def __init_subclass__(cls, builds_once: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        if builds_once and "build" in cls.__dict__:
            cls.build = _noting_that_it_is_built(cls.__dict__["build"])  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets an attribute, which the next call goes by; a variable of one's own becomes a weight."""
        if isinstance(value, Variable) and not any(value is each for each in self._variables()):
            self._take(value, value.trainable)
        super().__setattr__(name, value)
        if name not in _OF_CALLS:
            vars(self)["_changed_at"] = calls.next_change()

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles hold all but the graph that it was last described in, and what ran it alone."""
        return {**vars(self), "_symbol": None, "_alone": None, "_changed_at": 0}

    # -- the graph ---------------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer makes of its inputs: layers of your own define it with layers and `cnnfast.ops`.

        Args:
            args: What stands for arrays: one, or a list, tuple or dict of them.
            kwargs: What else there is to say; `training` is whether it is a training step.

        Returns:
            What stands for the output, or a list, tuple or dict of outputs.
        """
        raise NotImplementedError(f"layer {self.name!r} ({type(self).__name__}) needs a method `call`")

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        """Adds this layer to a graph of the core and returns the number of its output.

        `weights` are to be bound; where there are none, the graph makes some that have the shapes needed.
        Layers with `call` do without.
        """
        raise NotImplementedError

    @property
    def _is_called(self) -> bool:
        """Whether `call` says what it does."""
        return type(self).call is not Layer.call or type(self)._emit is Layer._emit

    def _trace(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Adds the layer to a graph; values stand where it was called on tensors."""
        if self.input_spec is not None and args:
            check_inputs(self.name, self.input_spec, args[0])
        with graph.within(self.name, kwargs.get("training")):
            made = (self._trace_call if self._is_called else self._trace_emit)(graph, args, kwargs)
            if self.activity_regularizer is not None:
                for each in leaves(made):
                    graph.add_loss(self._activity(graph, graph.as_value(each)))
            return made

    def _activity(self, graph: Tracing, output: Value) -> Value:
        """Returns the penalty on what the layer makes, for each sample, as Keras has it."""
        from cnnfast import ops

        penalty = self.activity_regularizer(output)  # type: ignore[misc]
        if output.rows == 0:
            return graph.as_value(penalty)
        one = output[(slice(None), *(0,) * len(output.dims))]  # of each sample
        return graph.as_value(penalty / ops.sum(ops.ones_like(one)))

    def _trace_call(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not calls.takes_training(self):
            kwargs = {name: value for name, value in kwargs.items() if name != "training"}
        elif kwargs.get("training") is None:
            acts = graph.at_once and graph.told_training is None and calls.acts_by_default(self)
            kwargs = {**kwargs, "training": acts or graph.training}
        return self.call(*args, **kwargs)

    def _trace_emit(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Value:
        source = calls.single(self, args, kwargs)
        told = graph.told_training
        if told is False and self.acts_in_training_only:
            return graph.as_value(source)
        made = self._told_to_train(source) if told and not graph.describes_training else None
        if made is not None:
            return made
        srcs = [graph.as_value(each).number for each in leaves(source)]
        return graph.value(self._emit(graph, srcs, self._weights))

    def _told_to_train(self, source: Any) -> Value | None:
        """What the layer makes of `training=True` in a graph of no training; None if that is nothing else."""
        return None

    def _build_for(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        """Makes the weights for a call on inputs of these shapes, if there are none yet."""
        if self._built:
            return
        if self._is_called:
            given, named = calls.shapes_in_place(args, kwargs, shapes)
            self.build(given[0] if given else next(iter(named.values())))
            self._built = True
            return
        graph = _graph_of(shapes)
        self._emit(graph, graph.inputs, ())
        self._weights = [self._new_variable(weight) for weight in graph.weights]
        self._built = True

    def _note_build(self, *args: Any, **kwargs: Any) -> None:
        """What there is to do behind a `build` of one's own, which was called so."""

    def _unbuild(self) -> None:
        """Forgets the input's shape, and with it the weights: that was no shape for the model."""
        self._built, self._weights, self._untrained = False, [], []

    def _note(self, symbol: SymbolicTensor) -> SymbolicTensor:
        self._symbol = ref(symbol)
        return symbol

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Extends a graph where inputs are symbolic; runs at once, without training, where they are arrays.

        Args:
            args: What `Input` or another layer returned (a list of these for layers that join branches), or
                arrays with the batch axis first.
            kwargs: What else the layer's `call` takes, such as `training`.

        Raises:
            ValueError: If inputs are neither, or a shape does not suit the layer.
        """
        return calls.call_layer(self, args, kwargs)

    @property
    def output(self) -> SymbolicTensor:
        """What the layer returned when it was last called on a symbolic input, if a model or you hold it."""
        symbol = self._symbol() if self._symbol is not None else None
        if symbol is None:
            raise ValueError(f"layer {self.name!r} is in no graph; call it on an Input or add it to a model")
        return symbol

    @property
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """What the layer was last called on: one symbolic tensor, or a list of several."""
        sources = self.output.sources
        return list(sources) if self.joins or len(sources) != 1 else sources[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the output's shape for an input's; in both the batch axis comes first, None or a number."""
        if self._is_called:
            return calls.output_shape(self, input_shape)
        batch, shape = batch_shape(input_shape)
        graph = _graph_of([shape])
        return (batch, *graph.shape(self._emit(graph, graph.inputs, ())))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Returns None: masks do not travel with what layers return here. For layers written for Keras."""

    # -- weights -----------------------------------------------------------------------------------------

    @property
    def _first_shape(self) -> tuple[int | None, ...] | None:
        """The shape of the samples of a `Sequential` that begins with this layer, if the layer tells it."""
        return self.declared_shape

    @property
    def built(self) -> bool:
        """Whether the layer knows its input's shape, and so its weights."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = bool(value)

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of a shape; layers of your own define it with `add_weight`.

        Args:
            input_shape: Shape of a batch, as in Keras: the first axis, None or a number, is the batch's. A
                list or dict of shapes where the layer takes several inputs.

        Raises:
            ValueError: If the shape does not suit the layer, or the layer has weights for another one.
        """
        if self._is_called:
            return
        shape = batch_shape(input_shape)[1]
        self._build_for((), {}, [shape])
        graph = _graph_of([shape])
        self._emit(graph, graph.inputs, self._weights)  # refuses another shape

    def add_weight(
        self,
        shape: Sequence[int] | int | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Makes a weight of this layer.

        Args:
            shape: Its shape; () or None for a single number.
            initializer: How it begins; None is "glorot_uniform".
            dtype: "float32" or None.
            trainable: Whether training changes it.
            autocast: Keras's argument; nothing here depends on it.
            regularizer: What is added to the loss for it.
            constraint: What holds it after each step.
            aggregation: Keras's argument; nothing here depends on it.
            overwrite_with_gradient: Keras's argument; nothing here depends on it.
            name: Its name in the layer; None makes one up.

        Returns:
            The weight, for use in `call`.
        """
        from cnnfast.layers.adding import new_weight

        not_offered(type(self).__name__, dtype=(dtype, None))
        sizes = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        suffix = f"variable_{len(self._weights)}" if name is None else name
        variable = new_weight(f"{self.name}/{suffix}", sizes, initializer, regularizer, constraint)
        variable.learning_rate_factor = self._learning_rate_factor
        self._take(variable, trainable)
        return variable

    def _take(self, variable: Variable, trainable: bool) -> None:
        variable.trainable = trainable and self._trainable
        if trainable:  # before all others, as Keras lists and stores them
            self._weights.insert(len(self._weights) - len(self._untrained), variable)
        else:
            self._weights.append(variable)
            self._untrained.append(variable)

    def add_loss(self, loss: Any) -> None:
        """Adds to the loss of the model what `call` made of its inputs: the sum of its numbers."""
        graph = current_tracing()
        if graph is None:
            raise ValueError(f"layer {self.name!r}: add_loss belongs into `call`")
        for each in leaves(loss):
            graph.add_loss(graph.as_value(each))

    @property
    def losses(self) -> list[NDArray[np.float32]]:
        """What the last call on arrays would have added to a model's loss: by `add_loss` and by penalties."""
        return list(self._told_losses)

    def _new_variable(self, weight: Weight) -> Variable:
        """Returns what the layer keeps in place of a weight that a graph made for it."""
        variable = Variable.named(weight.name, weight.shape)
        variable.trainable = self._trainable
        variable.learning_rate_factor = self._learning_rate_factor
        return variable

    def _initialize(self) -> None:
        """Gives initial values to weights that have none yet; there are none here."""

    def _sublayers(self) -> Iterator[Layer]:
        """Layers that are attributes of this one, or in lists and dicts of it."""
        for value in list(vars(self).values()):
            for each in leaves(value) if isinstance(value, (list, tuple, dict)) else [value]:
                if isinstance(each, Layer):
                    yield each

    def _last_change(self) -> int:
        """When an attribute of it was set last, or of a layer in it."""
        return max([self._changed_at, *(layer._last_change() for layer in self._sublayers())])

    def _leaves(self) -> list[Layer]:
        """This layer, then those in it, each once."""
        found: dict[int, Layer] = {id(self): self}
        for layer in self._sublayers():
            for leaf in layer._leaves():
                found.setdefault(id(leaf), leaf)
        return list(found.values())

    def _variables(self) -> list[Variable]:
        return [variable for leaf in self._leaves() for variable in leaf._weights]

    @property
    def weights(self) -> list[Variable]:
        """Its weights, kernel first, then those of layers in it; none before it knows its input's shape."""
        for leaf in self._leaves():
            leaf._initialize()
        return self._variables()

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [variable for variable in self.weights if not variable.trainable]

    @property
    def variables(self) -> list[Variable]:
        """Keras's name for `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Keras's name for `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Keras's name for `non_trainable_weights`."""
        return self.non_trainable_weights

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
        return sum(variable.size for variable in self._variables())

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; takes effect at once."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._weights:
            variable.trainable = self._trainable and all(variable is not each for each in self._untrained)
        for layer in self._sublayers():
            layer.trainable = value

    @property
    def learning_rate_factor(self) -> float:
        """By what optimizers multiply the learning rate for its weights; takes effect at once."""
        return self._learning_rate_factor

    @learning_rate_factor.setter
    def learning_rate_factor(self, value: float) -> None:
        self._learning_rate_factor = real_number(value, "learning_rate_factor")
        for variable in self._weights:
            variable.learning_rate_factor = value
        for layer in self._sublayers():
            layer.learning_rate_factor = value

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        config = {"name": self.name, "trainable": self._trainable, "input_shape": self.declared_shape}
        if self._learning_rate_factor != 1:
            config["learning_rate_factor"] = self._learning_rate_factor
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        return config

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


def _penalty(identifier: Any) -> Any:
    from cnnfast import regularizers

    return regularizers.get(identifier)


def _graph_of(shapes: Sequence[tuple[int, ...]]) -> Tracing:
    graph = Tracing()
    for number, shape in enumerate(shapes):
        graph.input(shape, f"input_{number}")
    return graph


def _noting_that_it_is_built(build: Any) -> Any:
    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        if not self._built:  # or it would have its weights twice
            build(self, *args, **kwargs)
            if type(self).build is wrapped:  # else a subclass's goes on
                self._built = True
                self._note_build(*args, **kwargs)

    return wrapped


def new_name(base: str) -> str:
    """Returns a name that no layer or model made up so far has.

    Example:
        >>> new_name("doctest"), new_name("doctest")
        ('doctest', 'doctest_1')
    """
    number = _names[base]
    _names[base] += 1
    return f"{base}_{number}" if number else base


def forget_names() -> None:
    """Lets made-up names begin anew.

    Example:
        >>> forget_names()
        >>> new_name("forgotten")
        'forgotten'
    """
    _names.clear()


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[^/\x00-\x1f]{1,200}", name):
        raise ValueError(f"a layer's name must be a non-empty string without '/', got {name!r}")
    return name
