"""What layers with weights have in common: how these begin and which rules they follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from cnnfast import constraints, initializers, regularizers
from cnnfast.config import next_seed
from cnnfast.initializers.initializer import first_values
from cnnfast.layers.activation import Activated, activation_config, emit_activation
from cnnfast.layers.adding import follow
from cnnfast.layers.layer import Layer
from cnnfast.utils.serialization import described

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class Rules(NamedTuple):
    """How one array of weights begins and what holds it."""

    initializer: initializers.Initializer | Callable[..., Any]
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

    def set_on(self, layer: Layer, name: str) -> None:
        """Makes them attributes of a layer, as in Keras: `kernel_initializer` of the weight "kernel"."""
        for rule, value in self._asdict().items():
            setattr(layer, f"{name}_{rule}", value)

    @classmethod
    def on(cls, layer: Layer, name: str) -> Rules:
        """Returns those that a layer has as attributes."""
        return cls(*(getattr(layer, f"{name}_{rule}") for rule in cls._fields))

    def weight_of(self, layer: Layer, shape: Sequence[int], name: str) -> Variable:
        """Makes a weight that follows them; for layers with `build`."""
        return layer.add_weight(
            shape, self.initializer, regularizer=self.regularizer, constraint=self.constraint, name=name
        )

    def config(self, name: str) -> Config:
        """Returns the arguments that they come from, of the weight of this name."""
        return {
            f"{name}_initializer": described(self.initializer, initializers.get),
            f"{name}_regularizer": described(self.regularizer, regularizers.get),
            f"{name}_constraint": described(self.constraint, constraints.get),
        }


class RuledLayer(Layer):
    """Base of the layers whose weights begin and are held as arguments say.

    Args:
        rules: Rules of the weights, by the first word of their arguments: "kernel" for `kernel_initializer`.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        options: Arguments of every layer.
    """

    # The key in `rules` of each weight, by its name in the core behind the layer's.
    rule_names: ClassVar[dict[str, str]]
    # Those of its weights that only have an initializer: training moves them by no gradient.
    untrained: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, rules: dict[str, Rules], activity_regularizer: Any = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self._ruled = tuple(rules)
        for kind, given in rules.items():
            given.set_on(self, kind)
        # Drawn here, so that weights depend on the order in which layers are made and on nothing later.
        self._seed = next_seed()

    def _new_variable(self, weight: Weight) -> Variable:
        variable = super()._new_variable(weight)
        rules = self._rules_of(variable)
        follow(variable, rules.regularizer, rules.constraint)
        if _kind(variable) in self.untrained:
            variable.trainable = False
            self._untrained.append(variable)
        return variable

    def _initialize(self) -> None:
        for position, variable in enumerate(self._weights):
            if not variable.has_values:
                begins, seed = self._rules_of(variable).initializer, (self._seed, position)
                variable.assign_first(first_values(begins, variable.shape, seed))

    def _rules_of(self, variable: Variable) -> Rules:
        return Rules.on(self, self.rule_names[_kind(variable)])

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        config: Config = {}
        for name in self._ruled:
            config |= Rules.on(self, name).config(name)
            if name in self.untrained:
                del config[f"{name}_regularizer"], config[f"{name}_constraint"]
        return {**super().get_config(), **config}


def _kind(variable: Variable) -> str:
    return variable.name.split("/", 1)[1]


class WeightedLayer(Activated, RuledLayer):
    """Base of the layers with a kernel, a bias and an activation.

    Args:
        activation: Name of the function applied to the output; None for none.
        use_bias: Whether a bias is added.
        rules: As for `RuledLayer`.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        options: Arguments of every layer.
    """

    rule_names: ClassVar[dict[str, str]] = {"kernel": "kernel", "bias": "bias"}

    def __init__(
        self,
        activation: Any,
        use_bias: bool,
        rules: dict[str, Rules],
        activity_regularizer: Any,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(rules, activity_regularizer, **options)
        self.activation = activation
        self.use_bias = bool(use_bias)

    @property
    def kernel(self) -> Variable:
        """The kernel."""
        return self._weight("kernel")

    @property
    def bias(self) -> Variable | None:
        """The bias; None without one."""
        return self._weight("bias") if self.use_bias else None

    def _emit_activation(self, graph: Graph, value: int) -> int:
        activation = self._activation
        if activation == "linear":
            return value
        name = getattr(activation, "__name__", activation)
        return emit_activation(graph, value, activation, f"{self.name}/{name}")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        activation = activation_config(self._activation)
        return {**super().get_config(), "activation": activation, "use_bias": self.use_bias}
