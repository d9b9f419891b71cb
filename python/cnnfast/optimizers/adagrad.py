"""Steps scaled by all squares so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class Adagrad(FormulaOptimizer):
    """Steps divided by the root of the sum of the gradient's squares.

    Formula: a += g^2; w -= rate * g / sqrt(a + e)

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        initial_accumulator_value: What a begins with, at least 0.
        epsilon: Guard against division by 0, at least 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Duchi, Hazan and Singer, 2011; Keras 3, `keras.optimizers.Adagrad`.

    Example:
        >>> Adagrad().learning_rate
        0.001
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value = real_number(initial_accumulator_value, "initial_accumulator_value")
        self.epsilon = real_number(epsilon, "epsilon")

    def _own_begins(self) -> list[float]:
        return [self.initial_accumulator_value]

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        total = slots[0] + ops.square(gradient)
        return weight - rate * gradient / ops.sqrt(total + self.epsilon), [total]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
