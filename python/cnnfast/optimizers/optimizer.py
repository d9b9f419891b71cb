"""What every optimizer has in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import ref

from cnnfast import ops
from cnnfast.utils.arguments import not_offered, real_number, whole_number
from cnnfast.utils.serialization import serialize

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast import schedules
    from cnnfast._core import Network, Weight
    from cnnfast.utils.serialization import Config


Rate = float | Callable[[int], float] | dict[str, Any]
Slots = list[Any]


class Optimizer:
    """Base of the optimizers.

    Formula: with g the gradient, regularizers' included: clipnorm: g *= clipnorm / max(norm(g), clipnorm) for
    each weight alone; global_clipnorm: the same with the norm over all trainable weights; clipvalue: g =
    min(max(g, -clipvalue), clipvalue). Then w -= learning_rate * weight_decay * w, and the step.

    Args:
        learning_rate: Size of a step, finite and at least 0, or a schedule: an object of
            `cnnfast.schedules`, or a function of the number of updates made so far.
        weight_decay: How fast weights decay, at least 0; None for not at all.
        clipnorm: Largest norm of the gradient of one weight, above 0.
        clipvalue: Largest absolute value in a gradient, above 0.
        global_clipnorm: Largest norm of all gradients together, above 0.
        use_ema: Whether moving averages of the weights are kept; they become the weights when `fit` ends.
        ema_momentum: How slowly these follow, in [0, 1].
        ema_overwrite_frequency: After how many updates they become the weights, each time; None for never.
        loss_scale_factor: Not offered; must be None.
        gradient_accumulation_steps: How many steps' gradients make one update, by their mean; None for one.
        name: Its name; None takes that of the class.

    Raises:
        ValueError: If an argument is out of its range, or more than one way of clipping is given.

    Source:
        Keras 3, `keras.optimizers.Optimizer`.
    """

    kernel: ClassVar[str | None] = None  # of the core, for its plain form

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        not_offered(type(self).__name__, loss_scale_factor=(loss_scale_factor, None))
        self.name = type(self).__name__.lower() if name is None else str(name)
        self._bound: ref[Network] | None = None  # a model that is dropped goes, whoever holds its optimizer
        self._schedule: schedules.LearningRateSchedule | None = None
        steps = gradient_accumulation_steps
        self.gradient_accumulation_steps = _count(steps, "gradient_accumulation_steps", 2)
        self.learning_rate = learning_rate
        self.weight_decay = None if weight_decay is None else real_number(weight_decay, "weight_decay")
        self.clipnorm = _limit(clipnorm, "clipnorm")
        self.clipvalue = _limit(clipvalue, "clipvalue")
        self.global_clipnorm = _limit(global_clipnorm, "global_clipnorm")
        self.use_ema = bool(use_ema)
        self.ema_momentum = real_number(ema_momentum, "ema_momentum", below=1 + 1e-7)
        self.ema_overwrite_frequency = _count(ema_overwrite_frequency, "ema_overwrite_frequency", 1)
        self._undecayed: tuple[list[Any], str] = ([], "")
        clipping = self._clipping()
        if len(clipping) > 1:
            raise ValueError(
                f"only one of clipnorm, clipvalue and global_clipnorm may be given, got {clipping}"
            )
        if clipping and self.gradient_accumulation_steps:
            raise ValueError(
                "clipping would act on each of the accumulated gradients, not on their mean; leave out "
                f"gradient_accumulation_steps or {next(iter(clipping))}"
            )

    # -- the step ----------------------------------------------------------------------------------------

    def _begins(self) -> list[float]:
        """What the numbers begin with that are kept for each number of a weight."""
        extra = [0.0] if self.gradient_accumulation_steps else []
        return [*self._own_begins(), *extra, *([0.0] if self.use_ema else [])]

    def _own_begins(self) -> list[float]:
        return []

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        """Returns what a weight and its slots become, written with `cnnfast.ops`."""
        raise NotImplementedError

    def _stepped(
        self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any, decays: bool
    ) -> tuple[Any, Slots]:
        """The same with accumulation, decay and moving averages around it."""
        own, extra = slots[: len(self._own_begins())], slots[len(self._own_begins()) :]
        count = self.gradient_accumulation_steps
        if not count:
            return self._updated(weight, gradient, own, extra, rate, step, decays)
        total, *average = extra
        mean, update = (total + gradient) / count, ops.floor_divide(step, count)
        moved, new = self._updated(weight, mean, own, average, rate, update, decays)
        acts = ops.equal(ops.mod(step + 1.0, count), 0.0)
        new.insert(len(own), 0.0)
        kept = [*own, total + gradient, *average]
        chosen = [ops.where(acts, *each) for each in zip(new, kept, strict=True)]
        return ops.where(acts, moved, weight), chosen

    def _updated(
        self, weight: Any, gradient: Any, own: Slots, average: Slots, rate: Any, step: Any, decays: bool
    ) -> tuple[Any, Slots]:
        if decays:
            weight = weight - weight * (rate * self.weight_decay)
        moved, new = self._moved(weight, gradient, own, rate, step)
        if not average:
            return moved, new
        momentum = ops.where(ops.equal(step, 0.0), 0.0, self.ema_momentum)
        averaged = momentum * average[0] + (1.0 - momentum) * moved
        if self.ema_overwrite_frequency:
            overwrites = ops.equal(ops.mod(step + 1.0, self.ema_overwrite_frequency), 0.0)
            moved = ops.where(overwrites, averaged, moved)
        return moved, [*new, averaged]

    def exclude_from_weight_decay(
        self, var_list: Sequence[Weight] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Says which weights do not decay; before the model is compiled.

        Args:
            var_list: The weights.
            var_names: Parts of names; a weight whose name has one does not decay.
        """
        self._undecayed = (list(var_list or ()), "|".join(var_names or ()))

    def _decays(self, weight: Weight) -> bool:
        weights, names = self._undecayed
        named = bool(names) and re.search(names, weight.name) is not None
        return self.weight_decay is not None and not named and all(weight is not each for each in weights)

    def _core_config(self, weights: Sequence[Weight] = ()) -> dict[str, Any]:
        """What the core is to do with these weights."""
        numbers = {"learning_rate": self.learning_rate, **self._clipping()}
        if self._is_plain:
            return {"name": self.kernel, **self.get_config(), **numbers}
        from cnnfast.optimizers.formulas import traced

        graph, outputs = traced(self, self.weight_decay is not None)
        config = {"name": "formula", "begins": self._begins(), "graph": graph, "outputs": outputs, **numbers}
        exempt = [weight for weight in weights if self.weight_decay is not None and not self._decays(weight)]
        if exempt:
            config["exempt"] = exempt
            config["exempt_graph"], config["exempt_outputs"] = traced(self, False)
        return config

    @property
    def _is_plain(self) -> bool:
        """Whether the core's kernel does all that it does."""
        extras = (self.weight_decay, self.use_ema or None, self.gradient_accumulation_steps)
        return self.kernel is not None and all(extra is None for extra in extras)

    # -- the rate ----------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """Size of the next step; setting it, also to a schedule, acts on the compiled model at once."""
        if self._schedule is None:
            return self._learning_rate
        return real_number(self._schedule(self.iterations), "learning_rate, as the schedule has it,")

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        self._schedule = None
        if isinstance(value, dict) or callable(value):  # a configuration, or a schedule
            from cnnfast import schedules

            value = schedules.deserialize(value) if isinstance(value, dict) else value
            self._schedule = schedules.LearningRateSchedule.of(value)
        self._set_rate(self.learning_rate if callable(value) else value)

    def _set_rate(self, value: float) -> None:
        rate = real_number(value, "learning_rate")
        if (network := self._network) is not None:
            network.learning_rate = rate
        self._learning_rate = rate

    def _before_step(self) -> None:
        """Has the next update made at the schedule's rate."""
        if self._schedule is not None:
            self._set_rate(self.learning_rate)

    @property
    def iterations(self) -> int:
        """Updates made so far."""
        network = self._network
        return 0 if network is None else network.step // (self.gradient_accumulation_steps or 1)

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        rate = self._learning_rate if self._schedule is None else serialize(self._schedule)
        config: Config = {"learning_rate": rate, **self._clipping()}
        if self.weight_decay is not None:
            config["weight_decay"] = self.weight_decay
        if self.use_ema:
            config |= {"use_ema": True, "ema_momentum": self.ema_momentum}
            config["ema_overwrite_frequency"] = self.ema_overwrite_frequency
        if self.gradient_accumulation_steps is not None:
            config["gradient_accumulation_steps"] = self.gradient_accumulation_steps
        return config

    def _clipping(self) -> Config:
        limits = {
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the optimizer that `config` describes."""
        return cls(**config)

    def _bind(self, network: Network) -> None:
        """Lets `learning_rate` and `iterations` speak for this network from now on."""
        self._bound = ref(network)

    @property
    def _network(self) -> Network | None:
        return None if self._bound is None else self._bound()

    def finalize_variable_values(self, var_list: Sequence[Weight] = ()) -> None:
        """Has the moving averages become the weights, if there are such; `fit` ends with it.

        Args:
            var_list: Keras's argument; all weights of the model are meant.
        """
        network = self._network
        if self.use_ema and network is not None and network.step > 0:
            for weight, average in zip(network.weights, network.last_slots(), strict=True):
                if weight.trainable:
                    weight.assign(average)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _limit(value: float | None, name: str) -> float | None:
    if value is None:
        return None
    limit = real_number(value, name)
    if limit == 0:
        raise ValueError(f"{name} must be above 0, or None for no clipping, got {value!r}")
    return limit


def _count(value: int | None, name: str, least: int) -> int | None:
    return None if value is None else whole_number(value, name, least)
