"""Steps of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class Lion(FormulaOptimizer):
    """Steps of one size, in the direction of a mean of the gradient.

    Formula: w -= rate * sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        beta_1: Share of the mean in the direction, in (0, 1).
        beta_2: Decay of the mean, in [0, 1).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Chen et al., 2023; Keras 3, `keras.optimizers.Lion`.

    Example:
        >>> Lion().beta_2
        0.99
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = real_number(beta_1, "beta_1", below=1.0)
        if self.beta_1 == 0:
            raise ValueError("beta_1 must be above 0, or only the sign of the gradient would count; got 0")
        self.beta_2 = real_number(beta_2, "beta_2", below=1.0)

    def _own_begins(self) -> list[float]:
        return [0.0]

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        mean = slots[0]
        direction = ops.sign(mean * self.beta_1 + gradient * (1.0 - self.beta_1))
        return weight - rate * direction, [mean * self.beta_2 + gradient * (1.0 - self.beta_2)]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2}
        return {**super().get_config(), **own}
