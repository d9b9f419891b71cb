"""Models that are one chain of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.input import InputLayer
from cnnfast.layers.layer import Layer, new_name
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.base import BaseModel
from cnnfast.models.blueprint import Blueprint
from cnnfast.models.inputs import fits
from cnnfast.models.registry import each_layer_once, layer_from_config, layer_to_config
from cnnfast.utils.arguments import batch_shape
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.samples import check_samples

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config


class Sequential(BaseModel, builds_once=False):
    """A chain of layers, each fed by the one before.

    Args:
        layers: The layers, models among them; the first may be an `Input`, or have `input_shape`. Without
            either, the shape is taken from the first data or from `build`.
        trainable: Whether training changes any layer; False freezes those that are given.
        name: The model's name; None makes one up.

    Raises:
        ValueError: If a layer does not suit what comes before it.

    Source:
        Keras 3, `keras.Sequential`.

    Example:
        >>> from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
        >>> model = Sequential()
        >>> model.add(Conv2D(4, (3, 3), activation="relu", input_shape=(8, 8, 1)))
        >>> model.add(MaxPooling2D((2, 2)))
        >>> model.add(Flatten())
        >>> model.add(Dense(10, activation="softmax"))
        >>> model.output_shape, model.count_params()
        ((None, 10), 410)
    """

    def __init__(
        self,
        layers: Sequence[Layer | SymbolicTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(new_name("sequential") if name is None else name)
        self._layers: list[Layer] = []
        self._names: set[str] = set()
        self._source: SymbolicTensor | None = None
        self._chain: list[SymbolicTensor] = []  # outputs of the layers, once the input's shape is known
        self._built_here: list[Layer] = []  # by the shape that was taken from data or told to `build`
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Layer | SymbolicTensor, rebuild: bool = True) -> None:
        """Adds a layer at the end. Weights stay; a compiled model's optimizer begins anew.

        Args:
            layer: A layer, or an `Input` as the first.
            rebuild: Keras's argument; nothing here depends on it.

        Raises:
            ValueError: If it is neither, does not suit the layer before it, or its name is taken.
        """
        self._check_free()
        if isinstance(layer, SymbolicTensor):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise ValueError(f"Sequential takes layers from cnnfast.layers, got {layer!r}")
        if isinstance(layer, InputLayer):
            self._begin(layer)
            return
        if layer.joins:
            raise ValueError(
                f"Sequential is one chain; for {type(layer).__name__} use Model(inputs, outputs)"
            )
        if isinstance(layer, BaseModel) and layer._contains(self):
            raise ValueError(f"model {self.name!r} cannot be a layer of itself")
        if layer.name in self._names:
            raise ValueError(
                f"the model has a layer {layer.name!r} already; make another one, with another name"
            )
        source = self._source
        if source is None and not self._layers and layer._first_shape is not None:
            source = InputLayer(layer._first_shape).output
        if source is not None:
            self._chain.append(layer(self._chain[-1] if self._chain else source))
        self._source = source
        self._names.add(layer.name)
        self._layers.append(layer)
        self._changed()

    def _check_free(self) -> None:
        """A model that has described this one would not hear of the change."""
        if self._symbol is not None and self._symbol() is not None:
            raise ValueError(
                f"model {self.name!r} is a layer of another model; change it before it becomes one"
            )

    def _begin(self, layer: InputLayer) -> None:
        if self._layers or self._source is not None:
            raise ValueError("an Input must come first, and once")
        self._source = layer.output
        self._names.add(layer.name)

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer off and returns it. Weights stay; a compiled model's optimizer begins anew.

        Args:
            rebuild: Keras's argument; nothing here depends on it.

        Raises:
            ValueError: If there is no layer.
        """
        self._check_free()
        if not self._layers:
            raise ValueError(f"model {self.name!r} has no layer to take off")
        layer = self._layers.pop()
        self._names.remove(layer.name)
        if self._chain:
            self._chain.pop()
        self._changed()
        return layer

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Tells the input's shape.

        Args:
            input_shape: Shape of a batch, as in Keras: the first axis, None or a number, is the batch's.
                None where the model knows it.

        Raises:
            ValueError: If it does not suit, or the model knows another one, or none.
        """
        if input_shape is None:
            self.blueprint  # noqa: B018  # says what is missing
            return
        shape = batch_shape(input_shape)[1]
        if self._source is not None and not fits(shape, self._source.shape[1:]):
            raise ValueError(
                f"model {self.name!r} takes samples of shape {self._source.shape[1:]}, got {shape}"
            )
        if self._source is None and not self._take_shape(shape):
            raise ValueError(f"model {self.name!r} has no layers yet; add some first")

    def _take_shape_of(self, x: Any) -> bool:
        return self._take_shape(check_samples(x, None, "x").shape[1:])

    def _take_shape(self, shape: tuple[int, ...]) -> bool:
        if self._source is not None or not self._layers:
            return False
        source = InputLayer(shape).output
        chain: list[SymbolicTensor] = []
        self._built_here = [layer for layer in self._layers if not layer.built]
        try:
            for layer in self._layers:
                chain.append(layer(chain[-1] if chain else source))
        except BaseException:
            self._drop_shape()
            raise
        self._source, self._chain = source, chain  # at once: another thread may ask whether it is built
        self._changed()
        return True

    def _drop_shape(self) -> None:
        self._source, self._chain = None, []
        for layer in self._built_here:
            layer._unbuild()
        self._changed()

    def _unbuild(self) -> None:
        self._drop_shape()

    def _changed(self) -> None:
        """Plans anew when next needed."""
        self._forget_networks()
        self._blueprint = None

    @property  # type: ignore[misc]
    def built(self) -> bool:
        """Whether the model knows its input's shape, and so its weights."""
        return self._source is not None and bool(self._chain)

    @property
    def blueprint(self) -> Blueprint:
        """The model's nodes and graph.

        Raises:
            ValueError: If the input's shape is not known yet.
        """
        if self._blueprint is None and self.built:
            self._blueprint = Blueprint(*self._ends())
        return super().blueprint

    @property
    def input(self) -> Any:
        """Where the graph begins."""
        return self._ends()[0]

    @property
    def output(self) -> Any:
        """Where the graph ends."""
        return self._ends()[1]

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the input."""
        return list(self._layers)

    def _ends(self) -> tuple[SymbolicTensor, SymbolicTensor]:
        if self._source is None or not self._chain:
            raise ValueError(f"model {self.name!r} does not know its input's shape yet, or has no layers")
        return self._source, self._chain[-1]

    def get_config(self) -> Config:
        """Returns what makes a model of the same structure, without its weights."""
        shape = None if self._source is None else self._source.shape[1:]
        with each_layer_once():
            listed = [layer_to_config(layer) for layer in self._layers]
        return {"name": self.name, "input_shape": shape, "layers": listed}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes the model that `config` describes, with new weights; see `Model.from_config`."""
        model = cls(name=config["name"])
        if config["input_shape"] is not None:
            model.add(InputLayer(config["input_shape"]))
        with custom_object_scope(custom_objects), each_layer_once():
            for entry in config["layers"]:
                model.add(layer_from_config(entry))
        return model
