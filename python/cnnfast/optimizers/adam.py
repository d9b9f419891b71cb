"""Adaptive moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.optimizers.optimizer import Optimizer, Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square.

    Formula: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= rate * sqrt(1 - b2^t) / (1 - b1^t) * m /
    (sqrt(v) + e).

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        beta_1: Decay of the mean of g, in [0, 1).
        beta_2: Decay of the mean of g^2, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        clipnorm, clipvalue, global_clipnorm: Limits of the gradient, as in `Optimizer`; at most one of them.
        name: Its name; None takes that of the class.
        amsgrad, weight_decay, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps: Keras's arguments, which must have their defaults.

    Source:
        Kingma and Ba, 2015, in the form of Keras 3.

    Example:
        >>> Adam().learning_rate
        0.001
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: None = None,
        loss_scale_factor: None = None,
        gradient_accumulation_steps: None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate, clipnorm, clipvalue, global_clipnorm, name)
        self._refuse(
            weight_decay,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            amsgrad=(amsgrad, False),
        )
        self.beta_1 = real_number(beta_1, "beta_1", below=1.0)
        self.beta_2 = real_number(beta_2, "beta_2", below=1.0)
        self.epsilon = real_number(epsilon, "epsilon")

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        moments = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **moments}
