"""Steps scaled by running means of squares of gradients and of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class Adadelta(FormulaOptimizer):
    """Steps as large as the last ones were, relative to gradients as large as the last ones were.

    Formula: a = rho a + (1 - rho) g^2; d = -sqrt(b + e) / sqrt(a + e) g; b = rho b + (1 - rho) d^2; w +=
    rate * d

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        rho: Decay of the means, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Zeiler, 2012; Keras 3, `keras.optimizers.Adadelta`.

    Example:
        >>> Adadelta().rho
        0.95
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
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
        self.rho = real_number(rho, "rho", below=1.0)
        self.epsilon = real_number(epsilon, "epsilon")

    def _own_begins(self) -> list[float]:
        return [0.0, 0.0]

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        squares, steps = slots
        squares = self.rho * squares + (1.0 - self.rho) * ops.square(gradient)
        change = gradient * ops.sqrt(steps + self.epsilon) / ops.sqrt(squares + self.epsilon)
        steps = self.rho * steps + (1.0 - self.rho) * ops.square(change)
        return weight - rate * change, [squares, steps]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"rho": self.rho, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
