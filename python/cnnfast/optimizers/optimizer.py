"""What every optimizer has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import ref

from cnnfast.utils.arguments import not_offered, real_number
from cnnfast.utils.serialization import serialize

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast import schedules
    from cnnfast._core import Network
    from cnnfast.utils.serialization import Config


Rate = float | Callable[[int], float] | dict[str, Any]


class Optimizer:
    """Base of the optimizers.

    Formula: with g the gradient, regularizers' included: clipnorm: g *= clipnorm / max(norm(g), clipnorm) for
    each weight alone; global_clipnorm: the same with the norm over all trainable weights; clipvalue: g =
    min(max(g, -clipvalue), clipvalue).

    Args:
        learning_rate: Size of a step, finite and at least 0, or a schedule: an object of
            `cnnfast.schedules`, or a function of the number of updates made so far.
        clipnorm: Largest norm of the gradient of one weight, above 0.
        clipvalue: Largest absolute value in a gradient, above 0.
        global_clipnorm: Largest norm of all gradients together, above 0.
        name: Its name; None takes that of the class.

    Raises:
        ValueError: If more than one way of clipping is given.

    Source:
        Keras 3, `keras.optimizers.Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Rate,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.name = type(self).__name__.lower() if name is None else str(name)
        self._bound: ref[Network] | None = None  # a model that is dropped goes, whoever holds its optimizer
        self._schedule: schedules.LearningRateSchedule | None = None
        self.learning_rate = learning_rate
        self.clipnorm = _limit(clipnorm, "clipnorm")
        self.clipvalue = _limit(clipvalue, "clipvalue")
        self.global_clipnorm = _limit(global_clipnorm, "global_clipnorm")
        if len(self._clipping()) > 1:
            raise ValueError(
                f"only one of clipnorm, clipvalue and global_clipnorm may be given, got {self._clipping()}"
            )

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
        return 0 if network is None else network.step

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        rate = self._learning_rate if self._schedule is None else serialize(self._schedule)
        return {"learning_rate": rate, **self._clipping()}

    def _refuse(
        self,
        weight_decay: None,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: None,
        loss_scale_factor: None,
        gradient_accumulation_steps: None,
        **given: tuple[Any, Any],
    ) -> None:
        not_offered(
            type(self).__name__,
            weight_decay=(weight_decay, None),
            use_ema=(use_ema, False),
            ema_momentum=(ema_momentum, 0.99),
            ema_overwrite_frequency=(ema_overwrite_frequency, None),
            loss_scale_factor=(loss_scale_factor, None),
            gradient_accumulation_steps=(gradient_accumulation_steps, None),
            **given,
        )

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

    def _core_config(self) -> dict[str, Any]:
        numbers = {**self.get_config(), "learning_rate": self.learning_rate}
        return {"name": type(self).__name__.lower(), **numbers}

    def _bind(self, network: Network) -> None:
        """Lets `learning_rate` and `iterations` speak for this network from now on."""
        self._bound = ref(network)

    @property
    def _network(self) -> Network | None:
        return None if self._bound is None else self._bound()

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
