"""Steps for matrices that turn, but do not stretch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.optimizers.optimizer import Optimizer, Rate
from cnnfast.utils.arguments import real_number, whole_number

if TYPE_CHECKING:
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class Muon(Optimizer):
    """Steps of momentum whose singular values are brought near 1; all that is no matrix goes by AdamW.

    Formula: m = momentum * m + g; x = g + momentum * m (nesterov), else m; x /= |x|, then `ns_steps` times
    x = a x + (b (x x^T) + c (x x^T)^2) x; w -= rate * rms_rate * sqrt(max(rows, columns)) * x

    Args:
        learning_rate: Size of a step, at least 0, or a schedule.
        adam_beta_1, adam_beta_2: Of `Adam`, for what is no matrix, in [0, 1).
        adam_weight_decay: How fast the weights decay that go by AdamW, at least 0; None for not at all.
        epsilon: Adam's guard against division by 0, at least 0.
        weight_decay: How fast matrices decay, at least 0; None for not at all.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps: As in `Optimizer`.
        name: Its name; None takes that of the class.
        exclude_layers: Patterns of names; weights whose name has one go by AdamW.
        exclude_embeddings: Whether embeddings go by AdamW.
        muon_a, muon_b, muon_c: a, b and c.
        adam_lr_ratio: By what the learning rate is multiplied for AdamW, at least 0.
        momentum: Share of the last step that is kept, in [0, 1).
        ns_steps: How often the step is brought nearer, at least 1.
        nesterov: Whether the gradient is looked up one step ahead.
        rms_rate: Size of a step's numbers; None leaves its singular values near 1.

    Source:
        Jordan et al., 2024; Keras 3, `keras.optimizers.Muon`.

    Example:
        >>> Muon().momentum
        0.95
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
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
        self.adam_beta_1 = real_number(adam_beta_1, "adam_beta_1", below=1.0)
        self.adam_beta_2 = real_number(adam_beta_2, "adam_beta_2", below=1.0)
        decay = adam_weight_decay
        self.adam_weight_decay = None if decay is None else real_number(decay, "adam_weight_decay")
        self.epsilon = real_number(epsilon, "epsilon")
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = bool(exclude_embeddings)
        self.muon_a, self.muon_b, self.muon_c = float(muon_a), float(muon_b), float(muon_c)
        self.adam_lr_ratio = real_number(adam_lr_ratio, "adam_lr_ratio")
        self.momentum = real_number(momentum, "momentum", below=1.0)
        self.ns_steps = whole_number(ns_steps, "ns_steps", 1)
        self.nesterov = bool(nesterov)
        self.rms_rate = None if rms_rate is None else real_number(rms_rate, "rms_rate")

    def _should_use_adamw(self, variable: Variable) -> bool:
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.name.lower()):
            return True
        return any(re.search(pattern, variable.name) for pattern in self.exclude_layers)

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes what is kept for weights."""
        if self.built:
            return
        super().build(variables)
        self._means: list[Variable] = []
        self._squares: list[Variable | None] = []
        for each in variables:  # weight by weight, as Keras's files have them
            self._means.append(self.add_variable_from_reference(each, "momentum"))
            adam = self._should_use_adamw(each)
            self._squares.append(self.add_variable_from_reference(each, "velocity") if adam else None)

    def _decay_of(self, variable: Variable) -> float | None:
        if not self._should_use_adamw(variable):
            return super()._decay_of(variable)
        return self.adam_weight_decay if self._may_decay(variable) else None

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight."""
        place = self._get_variable_index(variable)
        mean, square = self._means[place], self._squares[place]
        if square is not None:
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio, mean, square)
            return
        self.assign(mean, mean * self.momentum + gradient)
        ahead = gradient + mean * self.momentum if self.nesterov else mean + 0.0
        change = self.zeropower_via_newtonschulz5(ahead, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(change * learning_rate))

    def lr_adjust(self, x: Any) -> Any:
        """Returns a step as large as Adam's would be.

        Args:
            x: The step, a matrix.
        """
        return x if self.rms_rate is None else x * (self.rms_rate * max(x.shape) ** 0.5)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Returns a matrix with singular values near 1: a polynomial of it, again and again.

        Args:
            x: The matrix.
            steps: How often.
        """
        tall = x.shape[0] > x.shape[1]
        x = ops.transpose(x) if tall else x
        x = x / (ops.norm(x) + 1e-7)
        for _ in range(steps):
            square = x @ ops.transpose(x)
            x = x * self.muon_a + (square * self.muon_b + (square @ square) * self.muon_c) @ x
        return ops.transpose(x) if tall else x

    def _adam_step(
        self, gradient: Any, variable: Variable, rate: Any, mean: Variable, square: Variable
    ) -> None:
        b1, b2, step = self.adam_beta_1, self.adam_beta_2, self.iterations + 1.0
        self.assign(mean, mean * b1 + gradient * (1.0 - b1))
        self.assign(square, square * b2 + ops.square(gradient) * (1.0 - b2))
        rate = rate * ops.sqrt(1.0 - ops.power(b2, step)) / (1.0 - ops.power(b1, step))
        self.assign_sub(variable, mean * rate / (ops.sqrt(square) + self.epsilon))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        names = (
            *("adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers"),
            *("exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps"),
            *("nesterov", "rms_rate"),
        )
        own = {name: getattr(self, name) for name in names}
        return {**super().get_config(), "weight_decay": self.weight_decay, **own}
