"""Steps scaled by the running mean of squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class RMSprop(FormulaOptimizer):
    """Steps divided by the root of the running mean of the gradient's square.

    Formula: v = rho v + (1 - rho) g^2; w -= rate * g / sqrt(v + e). Centered, the square of the running
    mean of g is taken from v; with momentum m: s = m s + rate * g / sqrt(v + e), w -= s.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        rho: Decay of the means, in [0, 1).
        momentum: Share of the last step that is kept, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        centered: Whether v is the variance rather than the mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Tieleman and Hinton, 2012; Keras 3, `keras.optimizers.RMSprop`.

    Example:
        >>> RMSprop(0.01).rho
        0.9
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = real_number(momentum, "momentum", below=1.0)
        self.epsilon = real_number(epsilon, "epsilon")
        self.centered = bool(centered)

    def _own_begins(self) -> list[float]:
        return [0.0] * (1 + (self.momentum > 0) + self.centered)

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        velocity, *others = slots
        velocity = self.rho * velocity + (1.0 - self.rho) * ops.square(gradient)
        new, spread = [velocity], velocity
        if self.centered:
            mean = self.rho * others.pop() + (1.0 - self.rho) * gradient
            spread = velocity - ops.square(mean)
            new.append(mean)
        change = rate * gradient / ops.sqrt(spread + self.epsilon)
        if others:
            change = self.momentum * others[0] + change
            new.insert(1, change)
        return weight - change, new

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}
