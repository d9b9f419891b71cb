"""Adam with decaying weights."""

from __future__ import annotations

from cnnfast.optimizers.adam import Adam
from cnnfast.optimizers.optimizer import Rate


class AdamW(Adam):
    """Adam whose weights decay apart from the gradient.

    Formula: w -= rate * weight_decay * w, then as `Adam`.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        weight_decay: How fast weights decay, at least 0.
        beta_1: Decay of the mean of g, in [0, 1).
        beta_2: Decay of the mean of g^2, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        amsgrad: Whether the largest v so far counts.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Loshchilov and Hutter, 2019; Keras 3, `keras.optimizers.AdamW`.

    Example:
        >>> AdamW().weight_decay
        0.004
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError("AdamW needs a weight_decay; Adam is the one without")
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
