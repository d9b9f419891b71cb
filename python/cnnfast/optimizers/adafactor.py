"""Adam's scale from sums along rows and columns: little memory for large matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.optimizer import Optimizer, Rate
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class Adafactor(Optimizer):
    """Steps scaled by a mean of squares that is kept for rows and columns only.

    Formula: with t the step from 1, b = 1 - t^beta_2_decay, s = g^2 + epsilon_1 and rms(x) = sqrt(mean(x^2)):
    r = b r + (1 - b) mean(s, -1); c = b c + (1 - b) mean(s, -2); v = r c / mean(r, -1) for weights of two
    axes and more, else v = b v + (1 - b) s; u = g / sqrt(v); u /= max(1, rms(u) / clip_threshold);
    w -= max(epsilon_2, rms(w)) * min(rate, 1 / sqrt(t)) * u

    Args:
        learning_rate: Largest size of a step, at least 0, or a schedule.
        beta_2_decay: How the decay of the means grows, at most 0.
        epsilon_1: Added to the squares of gradients, at least 0.
        epsilon_2: Least size of weights that steps go by, at least 0.
        clip_threshold: Largest rms of a step, above 0.
        relative_step: Keras's argument; steps are at most 1 / sqrt(t) either way, as in Keras.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.

    Source:
        Shazeer and Stern, 2018; Keras 3, `keras.optimizers.Adafactor`.

    Example:
        >>> Adafactor().epsilon_2
        0.001
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = -real_number(-beta_2_decay, "-beta_2_decay")
        self.epsilon_1 = real_number(epsilon_1, "epsilon_1")
        self.epsilon_2 = real_number(epsilon_2, "epsilon_2")
        self.clip_threshold = real_number(clip_threshold, "clip_threshold")
        self.relative_step = bool(relative_step)

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes what is kept for weights."""
        if self.built:
            return
        super().build(variables)
        self._squares = [self._made_for(variable) for variable in variables]

    def _made_for(self, variable: Variable) -> list[Variable]:
        """Returns the means of squares of rows and columns, or of single numbers."""
        shape = variable.shape
        if len(shape) < 2:
            return [self.add_variable_from_reference(variable, "velocity")]
        rows = self.add_variable(shape[:-1], name=f"{variable.name}_rows")
        return [rows, self.add_variable((*shape[:-2], shape[-1]), name=f"{variable.name}_columns")]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight."""
        step = self.iterations + 1.0
        largest = ops.minimum(learning_rate, ops.rsqrt(step))
        size = ops.maximum(self.epsilon_2, _rms(variable)) * largest
        squares = ops.square(gradient) + self.epsilon_1
        change = gradient * ops.rsqrt(self._followed(variable, squares, step))
        change = change / ops.maximum(1.0, _rms(change) / self.clip_threshold)
        self.assign_sub(variable, change * size)

    def _followed(self, variable: Variable, squares: Any, step: Any) -> Any:
        """Has the means follow the squares; returns what these say of each number."""
        share = ops.power(step, self.beta_2_decay)
        kept = self._squares[self._get_variable_index(variable)]
        means = [squares] if len(kept) == 1 else [ops.mean(squares, axis=-1), ops.mean(squares, axis=-2)]
        for each, mean in zip(kept, means, strict=True):
            self.assign(each, each * (1.0 - share) + mean * share)
        if len(kept) == 1:
            return kept[0] + 0.0
        rows, columns = kept
        shares = rows / ops.mean(rows, axis=-1, keepdims=True)
        return ops.expand_dims(shares, -1) * ops.expand_dims(columns, -2)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _rms(x: Any) -> Any:
    return ops.sqrt(ops.mean(ops.square(x)))
