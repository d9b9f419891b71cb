"""What layers with kernels and a bias have in common: how these begin and which rules they follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast import constraints, initializers, regularizers
from cnnfast.config import next_seed
from cnnfast.layers.activation import emit_activation
from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import activation_name
from cnnfast.utils.serialization import serialize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Network, ParameterInfo
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


@dataclass(frozen=True)
class Rules:
    """How one array of weights begins and what holds it."""

    initializer: initializers.Initializer
    regularizer: regularizers.Regularizer | None
    constraint: constraints.Constraint | None

    @classmethod
    def of(cls, initializer: Any, regularizer: Any, constraint: Any) -> Rules:
        """Resolves names and configurations."""
        return cls(
            initializers.get(initializer),
            regularizers.get(regularizer),
            constraints.get(constraint),
        )


class WeightedLayer(Layer):
    """Base of the layers with weights.

    Args:
        activation: Name of the function applied to the output; None for none.
        use_bias: Whether a bias is added.
        rules: Rules of the weights, by the first word of their arguments: "kernel" for `kernel_initializer`.
        activity_regularizer: Not offered; must be None.
        options: Arguments of every layer.
    """

    has_weights: ClassVar[bool] = True
    # The key in `rules` of each weight, by its name in the core behind the layer's.
    rule_names: ClassVar[dict[str, str]] = {"kernel": "kernel", "bias": "bias"}

    def __init__(
        self,
        activation: str | None,
        use_bias: bool,
        rules: dict[str, Rules],
        activity_regularizer: None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.activation = activation_name(activation)
        self.use_bias = bool(use_bias)
        self._rules = rules
        # Drawn here, so that weights depend on the order in which layers are made and on nothing later.
        self._seed = next_seed()

    @property
    def kernel(self) -> Variable:
        """The kernel."""
        return self._weight("kernel")

    @property
    def bias(self) -> Variable | None:
        """The bias; None without one."""
        return self._weight("bias") if self.use_bias else None

    def _initial_values(self, parameters: Sequence[ParameterInfo]) -> list[NDArray[np.float32]]:
        from numpy.random import default_rng

        return [
            self._rules_of(info).initializer(tuple(info["shape"]), default_rng((self._seed, position)))
            for position, info in enumerate(parameters)
        ]

    def _apply_rules(self, network: Network, position: int, info: ParameterInfo) -> None:
        rules = self._rules_of(info)
        if rules.regularizer is not None:
            network.set_regularizer(position, *rules.regularizer._factors())
        if rules.constraint is not None:
            network.set_constraint(position, *rules.constraint._core_rule())

    def _rules_of(self, info: ParameterInfo) -> Rules:
        return self._rules[self.rule_names[info["name"].split("/", 1)[1]]]

    def _emit_activation(self, graph: Graph, value: int) -> int:
        if self.activation == "linear":
            return value
        return emit_activation(graph, value, self.activation, f"{self.name}/{self.activation}")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        config: Config = {"activation": self.activation, "use_bias": self.use_bias}
        for name, rules in self._rules.items():
            config[f"{name}_initializer"] = serialize(rules.initializer)
            config[f"{name}_regularizer"] = serialize(rules.regularizer)
            config[f"{name}_constraint"] = serialize(rules.constraint)
        return {**super().get_config(), **config}
