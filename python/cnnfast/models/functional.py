"""Models that are any graph from one input to one output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import new_name
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.base import BaseModel
from cnnfast.models.blueprint import Blueprint
from cnnfast.models.registry import each_layer_once, layer_from_config, layer_to_config

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast.utils.serialization import Config


class Model(BaseModel):
    """A graph of layers from one input to one output; branches meet in `layers.Add`.

    Layers may be in several models, and in several places of one; a model may be called on a symbolic tensor
    like a layer. Wherever a layer is, it has the same weights.

    Args:
        inputs: What `Input` returned (or, to cut a model out of another, what a layer returned).
        outputs: What the last layer returned.
        name: The model's name; None makes one up.

    Raises:
        ValueError: If one of the two is not symbolic, they are not connected, or there are several.

    Source:
        Keras 3, `keras.Model`.

    Example:
        >>> from cnnfast.layers import Dense, Input, add
        >>> x = Input((4,))
        >>> model = Model(x, Dense(2)(add([x, Dense(4, activation="relu")(x)])))
        >>> model.output_shape, model.count_params()
        ((None, 2), 30)
    """

    def __init__(
        self,
        inputs: SymbolicTensor | Sequence[SymbolicTensor],
        outputs: SymbolicTensor | Sequence[SymbolicTensor],
        name: str | None = None,
    ) -> None:
        super().__init__(new_name("functional") if name is None else name)
        self._source, self._target = _single(inputs, "inputs"), _single(outputs, "outputs")
        self._blueprint = Blueprint(self._source, self._target)

    @property
    def input(self) -> SymbolicTensor:
        """Where the graph begins."""
        return self._source

    @property
    def output(self) -> SymbolicTensor:
        """Where the graph ends."""
        return self._target

    def get_config(self) -> Config:
        """Returns what makes a model of the same structure, without its weights."""
        plan = self.blueprint
        places = {layer.name: place for place, layer in enumerate(plan.layers)}
        with each_layer_once():
            listed = [layer_to_config(layer) for layer in plan.layers]
        nodes = [{"layer": places[n.layer.name], "sources": list(n.sources)} for n in plan.nodes]
        return {"name": self.name, "layers": listed, "nodes": nodes}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the model that `config` describes, with new weights."""
        with each_layer_once():
            layers = [layer_from_config(entry) for entry in config["layers"]]
        symbols: list[SymbolicTensor] = []
        for node in config["nodes"]:
            layer, sources = layers[node["layer"]], [symbols[place] for place in node["sources"]]
            if not sources:
                symbols.append(layer.output)
            else:
                symbols.append(layer(sources if layer.joins else sources[0]))
        return cls(symbols[0], symbols[-1], name=config["name"])


def _single(value: Any, name: str) -> SymbolicTensor:
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(listed) != 1:
        raise ValueError(f"a model has one input and one output; {name} lists {len(listed)}")
    if not isinstance(listed[0], SymbolicTensor):
        raise ValueError(f"{name} must be what Input or a layer returned, got {listed[0]!r}")
    return listed[0]
