"""Follow the regularized leader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config

_ARGUMENTS = (
    "learning_rate_power",
    "initial_accumulator_value",
    "l1_regularization_strength",
    "l2_regularization_strength",
    "l2_shrinkage_regularization_strength",
    "beta",
)


class Ftrl(FormulaOptimizer):
    """Follow the regularized leader: for linear models of many rare features.

    Formula: with q = -learning_rate_power: n = a + g'^2, g' = g + 2 s w; z += g' - (n^q - a^q) / rate * w;
    w = (clip(z, -l1, l1) - z) / (n^q / rate + 2 (l2 + beta / (2 rate))); a = n

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        learning_rate_power: At most 0.
        initial_accumulator_value: What a begins with, at least 0.
        l1_regularization_strength: l1, at least 0.
        l2_regularization_strength: l2, at least 0.
        l2_shrinkage_regularization_strength: s, at least 0.
        beta: At least 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        McMahan et al., 2013; Keras 3, `keras.optimizers.Ftrl`.

    Example:
        >>> Ftrl().learning_rate_power
        -0.5
    """

    initial_accumulator_value: float
    l1_regularization_strength: float
    l2_regularization_strength: float
    l2_shrinkage_regularization_strength: float
    beta: float

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        numbers = (
            initial_accumulator_value,
            l1_regularization_strength,
            l2_regularization_strength,
            l2_shrinkage_regularization_strength,
            beta,
        )
        self.learning_rate_power = -real_number(-learning_rate_power, "-learning_rate_power")
        for argument, number in zip(_ARGUMENTS[1:], numbers, strict=True):
            setattr(self, argument, real_number(number, argument))

    def _own_begins(self) -> list[float]:
        return [self.initial_accumulator_value, 0.0]

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        total, linear = slots
        power, limit = -self.learning_rate_power, self.l1_regularization_strength
        new = total + ops.square(gradient)
        shrunk = gradient + 2.0 * self.l2_shrinkage_regularization_strength * weight
        root = ops.power(new, power)
        linear = linear + shrunk - (root - ops.power(total, power)) / rate * weight
        quadratic = root / rate + 2.0 * self.l2_regularization_strength + self.beta / rate
        return (ops.clip(linear, -limit, limit) - linear) / quadratic, [new, linear]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {argument: getattr(self, argument) for argument in _ARGUMENTS}
        return {**super().get_config(), **own}
