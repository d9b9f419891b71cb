"""Optimizers that treat each number of a weight alone: the core runs them as formulas, or has kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast import initializers, ops
from cnnfast.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from cnnfast._core import Weight
    from cnnfast.layers.variable import Variable

Slots = list[Any]

_LINE = 16  # floats of a cache line, on which each weight's numbers begin in the core's buffers


class FormulaOptimizer(Optimizer):
    """Base of those that make a number of a weight of itself, of its gradient, and of a few numbers kept.

    A subclass that defines `update_step` is traced instead, as one of `Optimizer` is.
    """

    kernel: ClassVar[str | None] = None  # of the core, for its plain form

    def _begins(self) -> list[float]:
        """What the numbers begin with that are kept for each number of a weight."""
        extra = [0.0] if self.gradient_accumulation_steps else []
        return [*self._own_begins(), *extra, *([0.0] if self.use_ema else [])]

    def _own_begins(self) -> list[float]:
        return []

    def _moved(self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any) -> tuple[Any, Slots]:
        """Returns what a weight and its slots become, written with `cnnfast.ops`."""
        raise NotImplementedError

    def _stepped(
        self, weight: Any, gradient: Any, slots: Slots, rate: Any, step: Any, decays: bool
    ) -> tuple[Any, Slots]:
        """The same with accumulation, decay and moving averages around it."""
        own, extra = slots[: len(self._own_begins())], slots[len(self._own_begins()) :]
        count = self.gradient_accumulation_steps
        if not count:
            return self._updated(weight, gradient, own, extra, rate, step, decays)
        total, *average = extra
        mean, update = (total + gradient) / count, ops.floor_divide(step, count)
        moved, new = self._updated(weight, mean, own, average, rate, update, decays)
        acts = ops.equal(ops.mod(step + 1.0, count), 0.0)
        new.insert(len(own), 0.0)
        kept = [*own, total + gradient, *average]
        chosen = [ops.where(acts, *each) for each in zip(new, kept, strict=True)]
        return ops.where(acts, moved, weight), chosen

    def _updated(
        self, weight: Any, gradient: Any, own: Slots, average: Slots, rate: Any, step: Any, decays: bool
    ) -> tuple[Any, Slots]:
        if decays:
            weight = weight - weight * (rate * self.weight_decay)
        moved, new = self._moved(weight, gradient, own, rate, step)
        if not average:
            return moved, new
        momentum = ops.where(ops.equal(step, 0.0), 0.0, self.ema_momentum)
        averaged = momentum * average[0] + (1.0 - momentum) * moved
        if self.ema_overwrite_frequency:
            overwrites = ops.equal(ops.mod(step + 1.0, self.ema_overwrite_frequency), 0.0)
            moved = ops.where(overwrites, averaged, moved)
        return moved, [*new, averaged]

    def _core_config(self, weights: Sequence[Weight] = ()) -> dict[str, Any]:
        """What the core is to do with these weights."""
        if self._is_traced:
            return super()._core_config(weights)
        numbers = {"learning_rate": self.learning_rate, **self._clipping()}
        if self._is_plain:
            return {**self.get_config(), **numbers, "name": self.kernel}
        from cnnfast.optimizers.formulas import traced

        graph, outputs = traced(self, self.weight_decay is not None)
        config = {"name": "formula", "begins": self._begins(), "graph": graph, "outputs": outputs, **numbers}
        exempt = [each for each in weights if self.weight_decay is not None and not self._may_decay(each)]
        if exempt:
            config["exempt"] = exempt
            config["exempt_graph"], config["exempt_outputs"] = traced(self, False)
        return config

    @property
    def _is_plain(self) -> bool:
        """Whether the core's kernel does all that it does."""
        extras = (self.weight_decay, self.use_ema or None, self.gradient_accumulation_steps)
        return self.kernel is not None and all(extra is None for extra in extras)

    @property
    def _is_traced(self) -> bool:
        return type(self).update_step is not FormulaOptimizer.update_step

    def build(self, variables: Sequence[Variable]) -> None:
        """Makes what is kept for weights."""
        if self.built:
            return
        super().build(variables)
        begins = [initializers.Constant(begin) for begin in self._own_begins()]
        names = [f"slot_{i}" for i in range(len(begins))]
        kept = self.add_optimizer_variables(variables, names, begins)
        self._slots = [list(each) for each in zip(*kept, strict=True)] or [[] for _ in variables]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Moves one weight."""
        slots = self._slots[self._get_variable_index(variable)]
        moved, new = self._moved(variable, gradient, list(slots), learning_rate, self.iterations)
        self.assign(variable, moved)
        for slot, value in zip(slots, new, strict=True):
            self.assign(slot, value)

    def _averages(self) -> list[tuple[Weight, Any]]:
        network = self._network
        if network is None or self._is_traced:
            return super()._averages()
        pairs = zip(network.weights, network.last_slots(), strict=True)
        return [(weight, average) for weight, average in pairs if weight.trainable]

    def _set_averages(self, values: Sequence[Any]) -> None:
        network = self._network
        if network is None or self._is_traced:
            super()._set_averages(values)
            return
        state, rest, at = network.optimizer_state(), iter(values), 0
        *_, last = state  # the averages come behind all else
        for weight in network.weights:
            if weight.trainable:
                state[last][at : at + weight.size] = next(rest).ravel()
            at += -(-weight.size // _LINE) * _LINE
        network.set_optimizer_state(state, network.step)
