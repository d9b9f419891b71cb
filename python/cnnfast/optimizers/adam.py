"""Adaptive moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer, Slots
from cnnfast.optimizers.optimizer import Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class Adam(FormulaOptimizer):
    """Steps scaled by running means of the gradient and of its square.

    Formula: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate * sqrt(1 - b2^t) / (1 - b1^t) * m /
    (sqrt(v) + e). With amsgrad the largest v so far stands for v.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        beta_1: Decay of the mean of g, in [0, 1).
        beta_2: Decay of the mean of g^2, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        amsgrad: Whether the largest v so far counts.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Kingma and Ba, 2015, in the form of Keras 3; amsgrad: Reddi, Kale and Kumar, 2018.

    Example:
        >>> Adam().learning_rate
        0.001
    """

    kernel = "adam"

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_2 = real_number(beta_2, "beta_2", below=1.0)
        self.epsilon = real_number(epsilon, "epsilon")
        self.amsgrad = bool(amsgrad)

    @property
    def _is_plain(self) -> bool:
        return super()._is_plain and not self.amsgrad

    def _own_begins(self) -> list[float]:
        return [0.0] * (3 if self.amsgrad else 2)

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        m, v, *largest = slots
        first, second = 1.0 - ops.power(self.beta_1, step + 1.0), 1.0 - ops.power(self.beta_2, step + 1.0)
        m = m + (gradient - m) * (1.0 - self.beta_1)
        v = v + (ops.square(gradient) - v) * (1.0 - self.beta_2)
        largest = [ops.maximum(each, v) for each in largest]
        root = ops.sqrt(largest[0] if largest else v)
        return weight - m * (rate * ops.sqrt(second) / first) / (root + self.epsilon), [m, v, *largest]

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own: Config = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own, **({"amsgrad": True} if self.amsgrad else {})}
