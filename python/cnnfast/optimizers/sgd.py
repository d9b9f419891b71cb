"""Gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class SGD(FormulaOptimizer):
    """Gradient descent, with momentum where wanted.

    Formula: w -= rate * g; with momentum m: v = m v - rate * g, w += v; with Nesterov's: w += m v - rate *
    g.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        momentum: Share of the last step that is kept, in [0, 1).
        nesterov: Whether the gradient is taken after that share of the step.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Keras 3, `keras.optimizers.SGD`.

    Example:
        >>> SGD(0.1, momentum=0.9)
        SGD(learning_rate=0.1, momentum=0.9, nesterov=False)
    """

    kernel = "sgd"

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
        )
        self.momentum = real_number(momentum, "momentum", below=1.0)
        self.nesterov = bool(nesterov)

    def _own_begins(self) -> list[float]:
        return [0.0] if self.momentum else []

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        if not slots:
            return weight - gradient * rate, []
        velocity = slots[0] * self.momentum - gradient * rate
        change = velocity * self.momentum - gradient * rate if self.nesterov else velocity
        return weight + change, [velocity]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"momentum": self.momentum, "nesterov": self.nesterov}
        return {**super().get_config(), **own}
