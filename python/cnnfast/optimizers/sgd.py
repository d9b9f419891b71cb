"""Gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnfast.optimizers.optimizer import Optimizer, Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config


class SGD(Optimizer):
    """Gradient descent, with momentum where wanted.

    Formula: w -= rate * g; with momentum m: v = m v - rate * g, w += v; with Nesterov's: w += m v - rate * g.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        momentum: Share of the last step that is kept, in [0, 1).
        nesterov: Whether the gradient is taken after that share of the step.
        clipnorm, clipvalue, global_clipnorm: Limits of the gradient, as in `Optimizer`; at most one of them.
        name: Its name; None takes that of the class.
        weight_decay, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps: Keras's arguments, which must have their defaults.

    Source:
        Keras 3, `keras.optimizers.SGD`.

    Example:
        >>> SGD(0.1, momentum=0.9)
        SGD(learning_rate=0.1, momentum=0.9, nesterov=False)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        )
        self.momentum = real_number(momentum, "momentum", below=1.0)
        self.nesterov = bool(nesterov)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
