"""What optimizers keep for weights, and how they move them: on arrays at once, or traced into the step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import ops
from cnnfast.layers.adding import new_weight
from cnnfast.layers.layer import assign_all
from cnnfast.layers.tracing import current_tracing
from cnnfast.layers.variable import Variable
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from cnnfast._core import Weight
    from cnnfast.schedules import LearningRateSchedule


class Stateful:
    """The half of an optimizer that has variables, as Keras documents it for optimizers of one's own.

    Attributes:
        built: Whether it knows the weights that it moves.
    """

    name: str
    _schedule: LearningRateSchedule | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    weight_decay: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None

    def __init__(self) -> None:
        self._iterations = _untrained(Variable.named("iteration", ()))  # steps; updates may be fewer
        self._rate = _untrained(Variable.named("learning_rate", ()))  # as traced code reads it
        self._forget()

    def _forget(self) -> None:
        self.built = False
        self._iterations.assign(0)
        self._own: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._indices: dict[int, int] = {}
        self._model_variables_moving_average: list[Variable] = []
        self._accumulated_gradients: list[Variable] = []

    # -- variables ---------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """The count of steps, the learning rate where it is a number, and what is kept for weights."""
        rate = [] if self._schedule is not None else [self._rate]
        return [self._iterations, *rate, *self._own]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all variables; all are checked before one is set.

        Args:
            weights: Arrays, in the order of `variables`.

        Raises:
            ValueError: If it does not know the weights that it moves, or numbers or shapes differ.
        """
        if not self.built:
            raise ValueError(f"{self.name}: call build(variables) before set_weights")
        assign_all(self.variables, weights, f"optimizer {self.name!r}")

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes what is kept for weights; optimizers of your own call it first.

        Args:
            variables: The weights.
        """
        if self.built:
            return
        self._trainable_variables = list(variables)
        self._indices = {id(variable): i for i, variable in enumerate(variables)}
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = self.add_optimizer_variables(variables, "gradient_accumulator")
        self.built = True

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: None = None,
        name: str | None = None,
    ) -> Variable:
        """Makes a variable, which files keep.

        Args:
            shape: Its shape.
            initializer: How it begins.
            dtype: "float32" or None.
            aggregation: Keras's argument; nothing here depends on it.
            layout: Keras's argument; nothing here depends on it.
            name: Its name.
        """
        number = f"variable_{len(self._own)}" if name is None else name
        variable = _untrained(new_weight(f"{self.name}/{number}", tuple(shape), initializer, None, None))
        self._own.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Makes a variable of a weight's shape.

        Args:
            reference_variable: The weight.
            name: What it is of the weight, such as "momentum".
            initializer: How it begins.
        """
        own = f"{reference_variable.name.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, name=own)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Makes one variable for each weight.

        Args:
            trainable_variables: The weights.
            name: What they are, such as "momentum"; or a list of several.
            initializer: How they begin; or one for each of several names.

        Returns:
            A list of variables; a tuple of lists for several names.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        begins = list(initializer) if several else [initializer] * len(names)
        if len(begins) != len(names):
            raise ValueError(f"there must be as many initializers as names, got {initializer!r} for {name!r}")
        made: tuple[list[Variable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for some, *each in zip(made, names, begins, strict=True):
                some.append(self.add_variable_from_reference(variable, *each))
        return made[0] if isinstance(name, str) else made

    def _get_variable_index(self, variable: Variable) -> int:
        """Returns which of the weights that `build` was given this is."""
        try:
            return self._indices[id(variable)]
        except KeyError:
            raise ValueError(
                f"{variable!r} is not among the weights that the optimizer was made for; compile the model "
                "again, or make a new optimizer"
            ) from None

    # -- steps -------------------------------------------------------------------------------------------

    def assign(self, variable: Variable, value: Any) -> None:
        """Sets a variable."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Adds to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtracts from a variable."""
        variable.assign_sub(value)

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight; optimizers of your own define it with `assign` and functions of `cnnfast.ops`.

        Args:
            gradient: Its gradient, clipped.
            variable: The weight.
            learning_rate: Of this step, for this weight.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method `update_step`")

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Makes a step with given gradients.

        Args:
            grads_and_vars: Pairs of a gradient (None for none) and a weight.
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def apply(self, grads: Iterable[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Makes a step with given gradients.

        Args:
            grads: Gradients, or None, of each weight.
            trainable_variables: The weights; None for those that `build` was given.

        Raises:
            ValueError: If there are no gradients, or not as many as weights, or a weight is new.
        """
        gradients = list(grads)
        if not gradients:
            return
        if trainable_variables is None and not self.built:
            raise ValueError("give the weights, too: apply(grads, trainable_variables), or build(variables)")
        given = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if len(gradients) != len(given):
            raise ValueError(f"there are {len(given)} weights, got {len(gradients)} gradients")
        self.build(given)
        pairs = [(g, v) for g, v in zip(gradients, given, strict=True) if g is not None]
        if not pairs:
            raise ValueError(f"no weight has a gradient: {[variable.name for variable in given]}")
        if len(pairs) < len(given):
            missing = [v.name for g, v in zip(gradients, given, strict=True) if g is None]
            warn(f"weights without a gradient stay as they are: {missing}")
        scale = self.loss_scale_factor or 1.0
        clipped = self._clip_gradients([np.asarray(gradient, np.float32) / scale for gradient, _ in pairs])
        self._before_step()
        self._step(clipped, [variable for _, variable in pairs])

    def scale_loss(self, loss: Any) -> Any:
        """Returns the loss times `loss_scale_factor`, by which `apply` divides gradients."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        if self.clipvalue is not None:
            return [np.clip(gradient, -self.clipvalue, self.clipvalue) for gradient in grads]
        norms = [float(np.linalg.norm(gradient)) for gradient in grads]
        limit = self.clipnorm
        if self.global_clipnorm is not None:
            limit, norms = self.global_clipnorm, [float(np.linalg.norm(norms))] * len(norms)
        if limit is None:
            return list(grads)
        return [g * np.float32(limit / max(norm, limit)) for g, norm in zip(grads, norms, strict=True)]

    def _before_step(self) -> None:
        raise NotImplementedError

    @property
    def iterations(self) -> Any:
        """Updates made so far."""
        raise NotImplementedError

    def _rate_of(self, variable: Variable) -> Any:
        raise NotImplementedError

    def _decay_of(self, variable: Variable) -> float | None:
        raise NotImplementedError

    def _step(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        """Moves weights; what is called on arrays acts at once, what is traced becomes part of the step."""
        if self.gradient_accumulation_steps:
            self._accumulate(gradients, variables, self.gradient_accumulation_steps)
        else:
            self._update(gradients, variables)
        self._iterations.assign_add(1.0)
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def _update(self, gradients: Sequence[Any], variables: Sequence[Variable]) -> None:
        self._apply_weight_decay(variables)
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, self._rate_of(variable))
        if self.use_ema:
            self._average(variables)

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        for variable in variables:
            decay = self._decay_of(variable)
            if decay is not None:
                variable.assign(variable - variable * (self._rate_of(variable) * decay))

    def _average(self, variables: Sequence[Variable]) -> None:
        momentum = ops.where(ops.equal(self.iterations, 0.0), 0.0, self.ema_momentum)
        for variable in variables:
            average = self._model_variables_moving_average[self._get_variable_index(variable)]
            average.assign(average * momentum + variable * (1.0 - momentum))
            if self.ema_overwrite_frequency:
                acts = ops.equal(ops.mod(self.iterations + 1.0, self.ema_overwrite_frequency), 0.0)
                variable.assign(ops.where(acts, average, variable))

    def _accumulate(self, gradients: Sequence[Any], variables: Sequence[Variable], count: int) -> None:
        """Updates by the mean of gradients in the last of `count` steps; before it all stays as it was."""
        sums = [self._accumulated_gradients[self._get_variable_index(variable)] for variable in variables]
        acts = ops.equal(ops.mod(self._iterations + 1.0, float(count)), 0.0)
        totals = [total + gradient for total, gradient in zip(sums, gradients, strict=True)]
        before = [(each, each.value) for each in (*variables, *self._own)]
        self._update([total / float(count) for total in totals], variables)
        for each, old in before:
            each.assign(ops.where(acts, each, old))
        for each, total in zip(sums, totals, strict=True):
            each.assign(ops.where(acts, 0.0, total))

    def _trace(self, weights: Sequence[Weight]) -> None:
        """Adds a step to the graph that is traced, which assigns what it changes."""
        graph = current_tracing()
        assert graph is not None
        moved = [each for each in weights if isinstance(each, Variable)]
        gradients = [graph.value(graph.gradient(each)) for each in moved]
        known = [*moved, self._iterations, self._rate, *self._own]
        before = {id(each): graph.value(graph.updated_weight(each)) for each in known}
        graph.states.update(before)
        self._step(gradients, moved)
        for each in known:
            value = graph.states.pop(id(each))
            if value is not before[id(each)]:
                graph.assign(each, value.number)

    def _kept(self) -> dict[str, Variable]:
        """What files keep of an optimizer whose step is traced, by place."""
        return {"iteration": self._iterations, **{f"variable_{i}": each for i, each in enumerate(self._own)}}


def _untrained(variable: Variable) -> Variable:
    variable.trainable = False
    return variable
