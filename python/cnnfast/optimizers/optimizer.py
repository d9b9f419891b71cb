"""What every optimizer has in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from cnnfast import ops
from cnnfast.layers.layer import new_name
from cnnfast.layers.tracing import current_tracing
from cnnfast.layers.variable import Variable
from cnnfast.optimizers.state import Stateful
from cnnfast.utils.arguments import real_number, whole_number
from cnnfast.utils.custom_objects import custom_object_scope
from cnnfast.utils.serialization import serialize, snake_case

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast import schedules
    from cnnfast._core import Network, Weight
    from cnnfast.utils.serialization import Config


Rate = float | Callable[[int], float] | dict[str, Any]


class LearningRate(float):
    """The size of a step, with what Keras's variable of that name has.

    Args:
        rate: The number.
        optimizer: Whose it is.

    Example:
        >>> from cnnfast.optimizers import SGD
        >>> optimizer = SGD(0.1)
        >>> optimizer.learning_rate.assign(0.5)
        >>> optimizer.learning_rate, optimizer.learning_rate.value
        (0.5, 0.5)
    """

    def __new__(cls, rate: float, optimizer: Optimizer) -> LearningRate:
        """Makes the number."""
        made = super().__new__(cls, rate)
        made._optimizer = ref(optimizer)
        return made

    _optimizer: ref[Optimizer]

    @property
    def value(self) -> float:
        """The number."""
        return float(self)

    def numpy(self) -> np.float32:
        """Returns the number."""
        return np.float32(self)

    def assign(self, value: float) -> None:
        """Sets the optimizer's learning rate."""
        optimizer = self._optimizer()
        if optimizer is not None:
            optimizer.learning_rate = value

    def __reduce__(self) -> Any:
        """Copies are numbers."""
        return float, (float(self),)


class Optimizer(Stateful):
    """Base of the optimizers, and of your own, as Keras documents them: `build` and `update_step`.

    Of your own, `update_step` is traced into the compiled step, and may do with a weight whatever
    `cnnfast.ops` can, as a whole; `apply_gradients` runs it at once.

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
        loss_scale_factor: By what `scale_loss` multiplies losses and `apply_gradients` divides gradients; the
            compiled step computes in float32 and does without.
        gradient_accumulation_steps: How many steps' gradients make one update, by their mean; None for one.
        name: Its name; None makes one up, such as `adam_1`.

    Raises:
        ValueError: If an argument is out of its range, or more than one way of clipping is given.

    Source:
        Keras 3, `keras.optimizers.Optimizer`.

    Example:
        >>> class Signs(Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * ops.sign(gradient))
        >>> weight = Variable.named("weight", (2,))
        >>> Signs(0.1).apply_gradients([([3.0, -4.0], weight)])
        >>> weight.numpy()
        array([-0.1,  0.1], dtype=float32)
    """

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
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = new_name(snake_case(type(self).__name__)) if name is None else str(name)
        self._bound: ref[Network] | None = None  # a model that is dropped goes, whoever holds its optimizer
        self._schedule: schedules.LearningRateSchedule | None = None
        super().__init__()
        self.loss_scale_factor = _limit(loss_scale_factor, "loss_scale_factor")
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
        self._swapped = False  # whether weights and their moving averages are exchanged
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

    def exclude_from_weight_decay(
        self, var_list: Sequence[Weight] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Says which weights do not decay; before the model is compiled.

        Args:
            var_list: The weights.
            var_names: Parts of names; a weight whose name has one does not decay.
        """
        self._undecayed = (list(var_list or ()), "|".join(var_names or ()))

    def _may_decay(self, weight: Weight) -> bool:
        weights, names = self._undecayed
        named = bool(names) and re.search(names, weight.name) is not None
        return not named and all(weight is not each for each in weights)

    def _decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay if self._may_decay(variable) else None

    def _rate_of(self, variable: Variable) -> Any:
        factor = variable.learning_rate_factor
        return self.learning_rate if factor == 1 else self.learning_rate * factor

    @property
    def _is_traced(self) -> bool:
        """Whether its step is traced into that of the model; else the core has it."""
        return True

    def _core_config(self, weights: Sequence[Weight] = ()) -> dict[str, Any]:
        """What the core is to do with these weights."""
        return {"name": "graph", "learning_rate": self.learning_rate, **self._clipping()}

    def _begin(self, network: Network, listed: Sequence[Weight]) -> None:
        """Forgets what it kept, and begins anew with a network, of which it speaks from now on.

        What it keeps has the order in which the model lists its weights, as in Keras and its files.
        """
        self._forget()
        self._swapped = False
        weights = network.weights
        network.set_optimizer(self._core_config(weights))
        self._bound = ref(network)
        if self._is_traced:
            places = {id(each): place for place, each in enumerate(listed)}
            moved = [each for each in weights if isinstance(each, Variable) and each.trainable]
            self.build(sorted(moved, key=lambda each: places.get(id(each), len(places))))

    # -- the rate ----------------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """Size of the next step; setting it, also to a schedule, acts on the compiled model at once."""
        if (graph := current_tracing()) is not None:
            return graph.as_value(self._rate)
        return LearningRate(self._next_rates(1)[0] if self._schedule else self._learning_rate, self)

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
        self._rate.assign(rate)
        self._learning_rate = rate

    @property
    def _follows_schedule(self) -> bool:
        """Whether each update has a rate of its own."""
        return self._schedule is not None

    def _before_step(self) -> None:
        """Has the next update made at the schedule's rate."""
        if self._follows_schedule:
            self._set_rate(self.learning_rate)

    def _next_rates(self, steps: int) -> list[float]:
        """Returns the schedule's rate for each of the next steps; none where there is no schedule."""
        if self._schedule is None:
            return []
        count, made = self.gradient_accumulation_steps or 1, self._steps
        rates = [self._schedule((made + step) // count) for step in range(steps)]
        return [real_number(rate, "learning_rate, as the schedule has it,") for rate in rates]

    def _check_no_schedule(self, callback: str) -> None:
        """Refuses a callback that would replace a schedule."""
        if self._schedule is not None:
            raise TypeError(
                f"{callback} sets the learning rate, which {self._schedule!r} tells already; make the "
                "optimizer with a number"
            )

    @property
    def iterations(self) -> Any:
        """Updates made so far."""
        count, graph = self.gradient_accumulation_steps, current_tracing()
        if graph is not None:
            steps = graph.as_value(self._iterations)
            return ops.floor_divide(steps, float(count)) if count else steps
        return self._steps // (count or 1)

    @property
    def _steps(self) -> int:
        network = self._network
        return int(self._iterations.numpy()) if network is None else network.step

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        rate = self._learning_rate if self._schedule is None else serialize(self._schedule)
        config: Config = {"name": self.name, "learning_rate": rate, **self._clipping()}
        if self.weight_decay is not None:
            config["weight_decay"] = self.weight_decay
        if self.use_ema:
            config |= {"use_ema": True, "ema_momentum": self.ema_momentum}
            config["ema_overwrite_frequency"] = self.ema_overwrite_frequency
        for name in ("gradient_accumulation_steps", "loss_scale_factor"):
            if getattr(self, name) is not None:
                config[name] = getattr(self, name)
        return config

    def _clipping(self) -> Config:
        limits = {
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Makes the optimizer that `config` describes; code of your own in it has names in the other."""
        with custom_object_scope(custom_objects):
            return cls(**config)

    @property
    def _network(self) -> Network | None:
        return None if self._bound is None else self._bound()

    def finalize_variable_values(self, var_list: Sequence[Weight] = ()) -> None:
        """Has the moving averages become the weights, if there are such; `fit` ends with it.

        Args:
            var_list: Keras's argument; all weights of the model are meant.
        """
        if not self.use_ema or not self.iterations:
            return
        pairs = self._averages()
        if self._swapped:  # the weights are the averages, and stay so
            self._set_averages([weight.numpy() for weight, _ in pairs])
            self._swapped = False
            return
        for weight, average in pairs:
            weight.assign(average)

    def _swap_averages(self) -> None:
        """Exchanges weights and their moving averages; before the first step there are none."""
        if self.iterations:
            pairs = self._averages()
            before = [weight.numpy() for weight, _ in pairs]
            for weight, average in pairs:
                weight.assign(average)
            self._set_averages(before)
            self._swapped = not self._swapped

    def _averages(self) -> list[tuple[Weight, Any]]:
        """Returns weights and their moving averages."""
        averages = self._model_variables_moving_average
        pairs = zip(self._trainable_variables, averages, strict=True)
        return [(weight, average.numpy()) for weight, average in pairs]

    def _set_averages(self, values: Sequence[Any]) -> None:
        for average, value in zip(self._model_variables_moving_average, values, strict=True):
            average.assign(value)

    def __reduce__(self) -> Any:
        """Copies and pickles hold its arguments, not what it kept for weights."""
        return type(self).from_config, (self.get_config(),)

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in self.get_config().items() if name != "name")
        return f"{type(self).__name__}({', '.join(told)})"


def _limit(value: float | None, name: str) -> float | None:
    if value is None:
        return None
    limit = real_number(value, name)
    if limit == 0:
        raise ValueError(f"{name} must be above 0, or None for no clipping, got {value!r}")
    return limit


def _count(value: int | None, name: str, least: int) -> int | None:
    return None if value is None else whole_number(value, name, least)
