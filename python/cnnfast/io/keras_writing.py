"""Configurations of our models as Keras has them.

Most layers have Keras's names and arguments already. What Keras spells otherwise is spelt so: borders of its
own become a layer, or an operation, before. What it lacks is refused, by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast import layers
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.wrapper import Wrapper
from cnnfast.models.base import BaseModel
from cnnfast.models.functional import Model
from cnnfast.models.order import layer_order
from cnnfast.models.sequential import Sequential
from cnnfast.utils.keras_names import NAMES
from cnnfast.utils.nest import mapped

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.models.blueprint import Node
    from cnnfast.utils.serialization import Config

# Arguments that Keras lacks, and the values that say nothing.
_OURS: dict[str, Any] = {
    "input_shape": ...,  # what stands for anything: it is told by the model
    "learning_rate_factor": 1.0,
    "padding_mode": "zeros",
    "ceil_mode": False,
    "return_indices": False,
    "coordinates": "half_pixel",
    "count_include_pad": ...,  # borders are written apart
}
# Keras keeps a lambda as code, and normalizes spectra in training alone.
_NOT_WRITTEN = ("Lambda", "SpectralNormalization")
_LARGE = -3.4e38  # what borders of maximum pooling hold: less than any number
_OTHERWISE = {"InstanceNormalization": ("GroupNormalization", {"groups": -1})}
_WORDS_OF_NN = (
    "relu", "relu6", "sigmoid", "silu", "gelu", "leaky_relu", "elu", "selu", "softplus", "softsign",
    "softmax", "log_softmax", "hard_sigmoid", "hard_silu", "log_sigmoid", "celu", "tanh_shrink",
    "soft_shrink", "hard_shrink", "hard_tanh", "threshold", "glu",
)  # fmt: skip
_WORDS_OF_NUMPY = (
    "add", "subtract", "multiply", "divide", "true_divide", "power", "maximum", "minimum", "negative",
    "absolute", "exp", "log", "log1p", "expm1", "sqrt", "square", "reciprocal", "sign", "tanh", "sin", "cos",
    "floor", "ceil", "matmul", "mean", "sum", "max", "min", "prod", "reshape", "transpose", "expand_dims",
    "squeeze", "concatenate", "stack", "clip", "swapaxes", "flip", "greater", "less",
)  # fmt: skip


class NotWrittenError(ValueError):
    """What Keras's files cannot hold."""


class _Step(NamedTuple):
    """One layer of Keras's, in place of one of ours.

    Attributes:
        entry: Its configuration.
        layer: Ours, if it is that; None for what stands before it.
        also: What it is called with beside the tensor, if it is an operation.
    """

    entry: Config
    layer: Layer | None
    also: tuple[Any, ...] = ()


class Writing:
    """Makes configurations.

    Attributes:
        listed: By `id` of a model, its layers in the order in which Keras will have them.
    """

    def __init__(self) -> None:
        self.listed: dict[int, list[Layer]] = {}

    def model(self, model: BaseModel) -> Config:
        """Returns the configuration of a model.

        Raises:
            NotWrittenError: If Keras lacks a layer, or an argument of one.
        """
        if type(model) is Sequential:
            return _entry("keras", "Sequential", self._chain(model))
        if type(model) is Model and not model._has_call:
            return _entry("keras.src.models.functional", "Functional", self._graph(model))
        raise NotWrittenError(
            f"model {model.name!r} ({type(model).__name__}) is code, which Keras's files do not hold; save "
            "its weights alone"
        )

    def _chain(self, model: Sequential) -> Config:
        plan = model.blueprint
        listed = [_input(plan.sources[0].layer, plan.sources[0])]
        for node in plan.nodes[1:]:
            steps = self._steps(node, model)
            if any(".ops." in step.entry["module"] for step in steps):
                raise NotWrittenError(
                    f"{_told(node.layer)}: in a chain Keras has no borders of maximum pooling; make a "
                    "Model of inputs and outputs"
                )
            listed.extend(step.entry for step in steps)
        self.listed[id(model)] = model.layers
        return {"name": model.name, "trainable": model.trainable, "layers": listed}

    def _graph(self, model: Model) -> Config:
        graph = _Graph()
        plan = model.blueprint
        for node in plan.nodes:
            graph.add(node, [] if not node.sources else self._steps(node, model))
        ends = {
            name: mapped(lambda each: graph.history(plan.place_of(each)), value)
            for name, value in (("input_layers", plan.inputs), ("output_layers", plan.outputs))
        }
        self.listed[id(model)] = graph.in_keras_order([plan.place_of(each) for each in plan.targets])
        return {
            "name": model.name,
            "trainable": model.trainable,
            "layers": list(graph.entries.values()),
            **ends,
        }

    def _steps(self, node: Node, model: BaseModel) -> list[_Step]:
        layer = node.layer
        if isinstance(layer, BaseModel):
            return [_Step(_named(self.model(layer), layer.name), layer)]
        if isinstance(layer, layers.Operation):
            return [_Step(_operation(layer), layer)]
        kind, config = type(layer).__name__, dict(layer.get_config())
        kind, more = _OTHERWISE.get(kind, (kind, {}))
        if kind not in NAMES["layers"].split() or kind in _NOT_WRITTEN:
            raise NotWrittenError(f"{_told(layer)} is a layer that Keras's files do not hold")
        before = _borders(node, config)
        config = _plain(_cleaned(layer, kind, config)) | more
        return [*before, _Step(_named(_entry("keras.layers", kind, config), layer.name), layer)]


def _cleaned(layer: Layer, kind: str, config: Config) -> Config:
    """A layer's arguments as Keras takes them."""
    config = dict(config)
    for name, value in _OURS.items():
        if config.pop(name, value) != value and value is not ...:
            raise NotWrittenError(f"{_told(layer)} has an argument {name}, which Keras lacks")
    if "Pooling" in kind and set(config.pop("dilation_rate", (1,))) != {1}:
        raise NotWrittenError(f"{_told(layer)} has a dilation_rate, which Keras lacks")
    if kind.endswith("Transpose") and config.pop("groups", 1) != 1:
        raise NotWrittenError(f"{_told(layer)} has groups, which Keras lacks")
    if config.get("trainable") is True:  # some of Keras's layers do not take it
        del config["trainable"]
    if kind == "Cropping1D":
        (config["cropping"],) = config["cropping"]
        if config.pop("data_format") == "channels_first":
            raise NotWrittenError(f"{_told(layer)}: Keras crops sequences with channels_last only")
    if kind == "UpSampling1D":
        (config["size"],) = config["size"]
    if isinstance(layer, Wrapper):
        inner = layer.layer
        name = type(inner).__name__
        config["layer"] = _entry("keras.layers", name, _plain(_cleaned(inner, name, inner.get_config())))
    return config


def _told(layer: Layer) -> str:
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _entry(module: str, kind: str, config: Config) -> Config:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _named(entry: Config, name: str) -> Config:
    return {**entry, "name": name}


def _input(layer: Layer, symbol: SymbolicTensor) -> Config:
    config = {"batch_shape": list(symbol.shape), "dtype": "float32", "sparse": False, "name": layer.name}
    return _named(_entry("keras.layers", "InputLayer", config), layer.name)


def _operation(layer: layers.Operation) -> Config:
    word = layer.operation
    place = "nn" if word in _WORDS_OF_NN else "numpy"
    if place == "numpy" and word not in _WORDS_OF_NUMPY:
        raise NotWrittenError(f"{_told(layer)} is ops.{word}, which is not written to Keras's files")
    kind = "".join(part.capitalize() for part in word.split("_"))
    from cnnfast.ops.operation import TABLE

    entry = TABLE[word]
    config = {k: v for k, v in layer.arguments.items() if k not in (*entry.tensors, *entry.lists)}
    config = {k: v for k, v in config.items() if v is not None}
    made = _entry(f"keras.src.ops.{place}", kind, {**config, "name": layer.name})
    return _named({**made, "registered_name": kind}, layer.name)


# -- objects in configurations -------------------------------------------------------------------------------

_MODULES = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "learning_rate": "keras.optimizers.schedules",
}


def _plain(config: Config) -> Config:
    """A layer's configuration, with the modules of what is described in it."""
    return {name: placed(value, _MODULES.get(name.rpartition("_")[2])) for name, value in config.items()}


def placed(value: Any, module: str | None) -> Any:
    """Returns a described object, or lists and dicts of these, with Keras's module.

    Args:
        value: What `serialize` returned.
        module: The module; None leaves it as it is.

    Raises:
        NotWrittenError: If Keras has no such class.

    Example:
        >>> placed({"class_name": "L2", "config": {"l2": 0.5}}, "keras.regularizers")["module"]
        'keras.regularizers'
    """
    if isinstance(value, list):
        return [placed(each, module) for each in value]
    if module is None or not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {name: placed(each, module) for name, each in value.items()}
    kind, family = value["class_name"], module.rpartition(".")[2]
    if kind == "AutoAccuracy":  # which Keras has by this name alone
        return "accuracy"
    if family in NAMES and kind not in NAMES[family].split():
        raise NotWrittenError(f"Keras has no {kind!r} in {module}")
    config = {name: placed(each, _MODULES.get(name)) for name, each in value["config"].items()}
    return _entry(module, kind, config)


# -- borders -------------------------------------------------------------------------------------------------


def _borders(node: Node, config: Config) -> list[_Step]:
    """Takes borders of its own out of a layer's configuration; returns what makes them."""
    layer, padding = node.layer, config.get("padding")
    if isinstance(layer, layers.ZeroPadding1D | layers.ZeroPadding2D | layers.ZeroPadding3D):
        if layer.rank == 1:
            config["padding"] = padding[0]  # type: ignore[index]
        return []
    pools, ceil = "Pooling" in type(layer).__name__, config.get("ceil_mode", False)
    if not ceil and (padding is None or isinstance(padding, str)):
        return []
    if type(layer).__name__.endswith("Transpose"):
        raise NotWrittenError(f"{_told(layer)} has borders of its own, which Keras lacks; cut them off apart")
    sides = _sides(node) if ceil else [tuple(each) for each in padding]  # type: ignore[union-attr]
    config["padding"], config["ceil_mode"] = "valid", False
    if not any(map(any, sides)):
        return []
    name, first = f"{layer.name}_padding", config["data_format"] == "channels_first"
    if isinstance(layer, layers.MaxPooling1D | layers.MaxPooling2D | layers.MaxPooling3D):
        width = [(0, 0), *([(0, 0)] if first else []), *sides, *([] if first else [(0, 0)])]
        entry = _entry("keras.src.ops.numpy", "Pad", {"pad_width": width, "mode": "constant", "name": name})
        return [_Step(_named({**entry, "registered_name": "Pad"}, name), None, (_LARGE,))]
    if pools and (ceil or not config.get("count_include_pad")):
        raise NotWrittenError(f"{_told(layer)} leaves borders out of its means, which Keras lacks")
    rank = len(sides)
    own = {"name": name, "padding": sides[0] if rank == 1 else sides, "data_format": config["data_format"]}
    if rank == 1 and first:
        raise NotWrittenError(f"{_told(layer)} has borders, for which Keras has channels_last only")
    return [_Step(_named(_entry("keras.layers", f"ZeroPadding{rank}D", own), name), None)]


def _sides(node: Node) -> list[tuple[int, int]]:
    """Borders of a pooling that counts windows that hang over: as many cells as these need."""
    layer: Any = node.layer
    first = layer.data_format == "channels_first"
    before = node.call.sources[0].sample_shape
    sizes, counts = ((each[1:] if first else each[:-1]) for each in (before, node.shape))
    padding = [(0, 0)] * len(sizes) if isinstance(layer.padding, str) else layer.padding
    if layer.padding == "same":
        raise NotWrittenError(f'{_told(layer)} has padding="same" and ceil_mode, which Keras lacks')
    return [
        (begin, max(0, (count - 1) * stride + window - size - begin))
        for (begin, _), size, count, window, stride in zip(
            padding, sizes, counts, layer.pool_size, layer.strides, strict=True
        )
    ]


# -- graphs --------------------------------------------------------------------------------------------------


class _Graph:
    """The layers and nodes of Keras's that a graph of ours becomes."""

    def __init__(self) -> None:
        self.entries: dict[str, Config] = {}
        self._values: list[tuple[list[Any], SymbolicTensor, int]] = []  # history, tensor, node
        self._layers: list[str] = []  # of nodes
        self._sources: list[list[int]] = []  # of nodes
        self._ours: dict[str, Layer] = {}
        self._counts: Counter[str] = Counter()
        self._made: tuple[list[Any], SymbolicTensor]  # what stands before a layer makes for it

    def add(self, node: Node, steps: Sequence[_Step]) -> None:
        """Adds what a node becomes."""
        if not steps:
            self._place(_Step(_input(node.layer, node.symbols[0]), node.layer), [], None)
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            args, kwargs = node.call.args, node.call.kwargs or {}
            if isinstance(step.layer, layers.Operation):
                args, kwargs = _words_arguments(step.layer, node), {}
            sources = list(node.sources)
            told = mapped(self._told, (list(args), kwargs))
            if number:  # what stands before it has made its input
                told, sources = ([self._tensor(*self._made)], {}), []
            elif not last:
                told = ([told[0][0], *step.also], {})
            inbound = {"args": told[0], "kwargs": told[1]}
            before = [self._values[place][2] for place in sources] or (
                [len(self._layers) - 1] if number else []
            )
            self._place(step, before, inbound)
            self._made = ([step.entry["name"], self._counts[step.entry["name"]] - 1, 0], node.call.sources[0])
        for symbol in node.symbols:
            name = self._layers[-1]
            self._values.append(([name, self._counts[name] - 1, symbol.place], symbol, len(self._layers) - 1))

    def _place(self, step: _Step, before: list[int], inbound: Config | None) -> None:
        name = step.entry["name"]
        entry = self.entries.setdefault(name, {**step.entry, "inbound_nodes": []})
        if inbound is not None:
            entry["inbound_nodes"].append(inbound)
        self._counts[name] += 1
        self._layers.append(name)
        self._sources.append(before)
        if step.layer is not None:
            self._ours[name] = step.layer

    def _told(self, value: Any) -> Any:
        if not isinstance(value, SymbolicTensor):
            return value
        history = next(h for h, symbol, _ in self._values if _same(symbol, value))
        return self._tensor(history, value)

    def _tensor(self, history: list[Any], symbol: SymbolicTensor) -> Config:
        shape = list(symbol.shape)
        config = {"shape": shape, "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}

    def history(self, place: int) -> list[Any]:
        """Returns layer, node and output that make a value."""
        return self._values[place][0]

    def in_keras_order(self, targets: Sequence[int]) -> list[Layer]:
        """Returns our layers in the order in which Keras has the layers of this graph."""
        names = list(dict.fromkeys(self._layers))
        numbers = [names.index(name) for name in self._layers]
        order = layer_order(numbers, self._sources, [self._values[place][2] for place in targets])
        return [self._ours[names[number]] for number in order if names[number] in self._ours]


def _same(one: SymbolicTensor, other: SymbolicTensor) -> bool:
    return one.call is other.call and one.place == other.place


def _words_arguments(layer: layers.Operation, node: Node) -> tuple[Any, ...]:
    """The tensors that a function is called with, and the numbers in their places."""
    from cnnfast.ops.operation import TABLE

    entry = TABLE[layer.operation]

    def given(argument: Any) -> Any:
        if isinstance(argument, dict):
            return node.call.sources[argument["tensor"]]
        if isinstance(argument, list):
            return [given(each) for each in argument]
        return argument

    return tuple(given(layer.arguments[name]) for name in (*entry.tensors, *entry.lists))
