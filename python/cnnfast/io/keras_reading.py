"""Models of ours that Keras's configurations describe: chains, graphs, and models in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers, ops
from cnnfast.io.keras_objects import made, new
from cnnfast.layers.layer import Layer
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential
from cnnfast.utils.custom_objects import custom_object
from cnnfast.utils.keras_names import NEAR
from cnnfast.utils.serialization import snake_case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cnnfast.models.base import BaseModel
    from cnnfast.utils.serialization import Config

# Keras's normalizes in training alone, and leaves what it made in the kernel.
_OTHERS = ("SpectralNormalization",)
_CHAINS, _GRAPHS = ("Sequential",), ("Functional", "Model")


class Reading:
    """Makes layers and models of configurations.

    Args:
        own: Whether the file was written here, so that what calls say of training counts: in Keras each call
            of the whole model overrides it.

    """

    def __init__(self, own: bool = False) -> None:
        self.own = own
        self._listed: dict[int, list[Layer]] = {}

    def model(self, entry: Config) -> Model | Sequential:
        """Makes the model that a file describes.

        Raises:
            ModelFileError: If it is none of a chain and a graph, or has what has no counterpart.
        """
        found = self._layer(entry)
        if not isinstance(found, (Model, Sequential)):
            raise ModelFileError(f"it describes a {entry.get('class_name')!r}, which is no model")
        return found

    def layers_of(self, model: BaseModel) -> Sequence[Layer]:
        """Returns a model's layers in the order of the file, in which weights are numbered."""
        return self._listed.get(id(model), model.layers)  # the second, where a class of one's own made it

    def _layer(self, entry: Config) -> Layer:
        kind, config = str(entry.get("class_name")), entry.get("config", {})
        own = custom_object(entry.get("registered_name")) or custom_object(kind)
        if own is not None:
            return own.from_config({k: v for k, v in config.items() if k != "dtype"})  # type: ignore[no-any-return]
        if kind in _CHAINS and "layers" in config:
            return self._chain(config)
        if kind in _GRAPHS and "layers" in config:
            return self._graph(config)
        name = config.get("name", kind)
        known = kind in layers.__all__ and kind not in _OTHERS
        cls = getattr(layers, kind, None) if known else None
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            near = f"; use {NEAR[kind]}" if kind in NEAR else ""
            raise ModelFileError(
                f"layer {name!r} is a {kind}, which cnnfast lacks{near}; give layers of your own as "
                f"custom_objects={{{kind!r}: ...}}"
            )
        return self._known(cls, {**config, "name": str(name).replace("/", "_")}, f"layer {name!r} ({kind})")

    def _known(self, cls: type[Layer], config: Config, what: str) -> Layer:
        inner: Config = (
            {"layer": self._layer(config["layer"])} if isinstance(config.get("layer"), dict) else {}
        )
        if isinstance(config.get("layers"), list):
            inner["layers"] = [self._layer(each) for each in config["layers"]]
        try:
            arguments = {name: made(value) for name, value in config.items() if name not in inner} | inner
        except ModelFileError as error:
            raise ModelFileError(f"{what}: {error}") from error
        if "batch_input_shape" in arguments:  # before Keras 3
            shape = arguments.pop("batch_input_shape")
            arguments["batch_shape" if cls is layers.InputLayer else "input_shape"] = (
                shape if cls is layers.InputLayer else shape[1:]
            )
        if cls is layers.BatchNormalization and isinstance(arguments.get("axis"), list):
            (arguments["axis"],) = arguments["axis"]
        if cls is layers.LayerScale:
            arguments.pop("projection_dim", None)  # which its input tells
        found: Layer = new(cls, arguments, what)
        return found

    def _chain(self, config: Config) -> Sequential:
        listed = [self._layer(entry) for entry in config["layers"]]
        model = Sequential(name=config.get("name"))
        for layer in listed:
            model.add(layer)
        shape = config.get("build_input_shape")
        if not model.built and shape is not None:
            model.build(shape)
        self._done(model, listed, config)
        return model

    def _graph(self, config: Config) -> Model:
        graph = _Graph(self, config["layers"])
        inputs, outputs = graph.ends(config["input_layers"]), graph.ends(config["output_layers"])
        model = Model(inputs, outputs, config.get("name"))
        self._done(model, list(graph.made.values()), config)
        return model

    def _done(self, model: Layer, listed: list[Any], config: Config) -> None:
        if config.get("trainable") is False:
            model.trainable = False
        self._listed[id(model)] = [each for each in listed if isinstance(each, Layer)]


class _Graph:
    """The nodes of one graph, which may stand behind those that read them."""

    def __init__(self, reading: Reading, entries: list[Config]) -> None:
        self.made: dict[str, Any] = {}
        self._left_out = () if reading.own else ("training",)
        self._values: dict[tuple[str, int], Any] = {}
        todo: list[tuple[str, int, Any]] = []
        for entry in entries:
            name = entry.get("name") or entry["config"]["name"]
            self.made[name] = _word(entry) if _is_word(entry) else reading._layer(entry)
            if isinstance(self.made[name], layers.InputLayer):
                self._values[name, 0] = [self.made[name].output]
            else:
                todo += [(name, place, node) for place, node in enumerate(entry["inbound_nodes"])]
        while todo:
            left = [node for node in todo if not self._called(*node)]
            if len(left) == len(todo):
                raise ModelFileError(f"its node {left[0][0]!r} reads what no node makes")
            todo = left

    def _called(self, name: str, place: int, node: Any) -> bool:
        """Calls a layer if what it reads is there; returns whether it was."""
        args, kwargs = (node["args"], node["kwargs"]) if isinstance(node, dict) else _old_form(node)
        try:
            args, kwargs = self._given(args), self._given(kwargs)
        except KeyError:
            return False
        kwargs = {k: value for k, value in kwargs.items() if value is not None and k not in self._left_out}
        what = self.made[name]
        made = what(*args, **kwargs)
        if isinstance(made, SymbolicTensor) and isinstance(made.layer, layers.Operation):
            made.layer.name = name if place == 0 else f"{name}_{place}"
        self._values[name, place] = made if isinstance(made, (list, tuple)) else [made]
        return True

    def _given(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._given(each) for each in value]
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            name, place, output = value["config"]["keras_history"]
            return self._values[name, place][output]
        if isinstance(value, dict) and "class_name" not in value:
            return {key: self._given(each) for key, each in value.items()}
        return made(value)

    def ends(self, told: Any) -> Any:
        """Returns the tensors that `[layer, node, output]` names, or lists and dicts of these."""
        if isinstance(told, dict):
            return {name: self.ends(each) for name, each in told.items()}
        if told and isinstance(told[0], str):
            name, place, output = told
            return self._values[name, place][output]
        ends = [self.ends(each) for each in told]
        return ends[0] if len(ends) == 1 else ends


def _old_form(node: Any) -> tuple[list[Any], Config]:
    """As files had it before Keras 3: [[layer, node, output, other arguments], ...]."""
    sources = [{"class_name": "__keras_tensor__", "config": {"keras_history": each[:3]}} for each in node]
    return [sources[0] if len(sources) == 1 else sources], dict(node[0][3]) if len(node[0]) > 3 else {}


def _is_word(entry: Config) -> bool:
    """Whether it is an operation; `.h5` does not tell modules, but most layers whether they are trained."""
    told = entry.get("module")
    if told is not None:
        return ".ops." in str(told)
    kind = entry["class_name"]
    if kind in layers.__all__ and snake_case(kind) not in ops.__all__:
        return False
    return not {"trainable", "layers"} & set(entry["config"])


def _word(entry: Config) -> Any:
    """The function of `ops` that an operation of Keras's is."""
    kind = str(entry["class_name"])
    word = snake_case(kind)
    image = ".image" in str(entry.get("module"))
    place = ops.image if image else ops
    if word not in place.__all__:
        raise ModelFileError(f"operation {entry.get('name')!r} is a {kind}, which cnnfast.ops lacks")
    config = {name: made(value) for name, value in entry["config"].items() if name not in ("name", "dtype")}

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(place, word)(*args, **config, **kwargs)

    return call
