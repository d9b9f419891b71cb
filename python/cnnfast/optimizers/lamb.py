"""Adam with steps as long as the weights are: for large batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.optimizer import Optimizer, Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class Lamb(Optimizer):
    """Adam whose step for a weight is as long as the weight itself, times the learning rate.

    Formula: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t))
    + epsilon); w -= rate * |w| / |u| * u, with norms over the whole weight, their ratio 1 where either is 0.

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        beta_1: Decay of the mean of g, in [0, 1).
        beta_2: Decay of the mean of g^2, in [0, 1).
        epsilon: Guard against division by 0, at least 0.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        You et al., 2019; Keras 3, `keras.optimizers.Lamb`.

    Example:
        >>> Lamb().learning_rate
        0.001
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1 = real_number(beta_1, "beta_1", below=1.0)
        self.beta_2 = real_number(beta_2, "beta_2", below=1.0)
        self.epsilon = real_number(epsilon, "epsilon")

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes what is kept for weights."""
        if self.built:
            return
        super().build(variables)
        self._means, self._squares = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight."""
        place, step = self._get_variable_index(variable), self.iterations + 1.0
        mean, square = self._means[place], self._squares[place]
        self.assign(mean, mean * self.beta_1 + gradient * (1.0 - self.beta_1))
        self.assign(square, square * self.beta_2 + ops.square(gradient) * (1.0 - self.beta_2))
        spread = ops.sqrt(square / (1.0 - ops.power(self.beta_2, step))) + self.epsilon
        change = mean / (1.0 - ops.power(self.beta_1, step)) / spread
        length, own = ops.norm(variable), ops.norm(change)
        known = ops.logical_and(ops.greater(length, 0.0), ops.greater(own, 0.0))
        ratio = ops.where(known, length / ops.where(known, own, 1.0), 1.0)
        self.assign_sub(variable, change * (ratio * learning_rate))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
