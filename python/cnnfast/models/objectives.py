"""What `compile` chose, as a graph: losses, metrics, targets of each output; and how results become logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast._core import Objective
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.models.inputs import in_order
from cnnfast.models.updates import add_updates
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.losses import Loss
    from cnnfast.metrics import Metric
    from cnnfast.models.blueprint import Blueprint, Described
    from cnnfast.optimizers import Optimizer

Dims = tuple[int, ...]


class Compiled(NamedTuple):
    """What `compile` was given: one thing for all outputs, or lists or dicts of things for each."""

    optimizer: Optimizer
    loss: Any
    metrics: Any = None
    weighted_metrics: Any = None
    loss_weights: Any = None

    def names(self, plan: Blueprint | None) -> list[str]:
        """Returns the names of the numbers that steps and epochs report."""
        if plan is None or len(plan.output_names) == 1:
            own, weighted = (
                [metric for metric in leaves(given) if metric is not None]
                for given in (self.metrics, self.weighted_metrics)
            )
            return ["loss", *_distinct(_names_of(own, weighted))]
        parts = self.parts(plan)
        losses = [f"{part.name}_loss" for part in parts if part.loss is not None]
        metrics = [f"{part.name}_{name}" for part in parts for name in part.metric_names]
        return ["loss", *losses, *_distinct(sorted(metrics))]

    def parts(self, plan: Blueprint) -> list[Part]:
        """Returns what belongs to each output.

        Raises:
            ValueError: If a list or dict does not suit the outputs.
        """
        names = plan.output_names
        losses = self._each(self.loss, plan, "loss")
        factors = self._each(self.loss_weights, plan, "loss_weights")
        metrics, weighted = (
            self._metrics(given, plan, what)
            for given, what in ((self.metrics, "metrics"), (self.weighted_metrics, "weighted_metrics"))
        )
        return [Part(*each) for each in zip(names, losses, factors, metrics, weighted, strict=True)]

    @staticmethod
    def _each(given: Any, plan: Blueprint, what: str) -> list[Any]:
        names = plan.output_names
        if isinstance(given, dict):
            known = [*names, *(plan.outputs if isinstance(plan.outputs, dict) else ())]
            if unknown := [name for name in given if name not in known]:
                raise ValueError(f"{what}: the outputs are named {names}, got {unknown}")
            return [given.get(name) for name in names]
        if isinstance(given, (list, tuple)):
            return in_order(list(given), [None] * len(names), names, what)
        return [given] * len(names)

    @classmethod
    def _metrics(cls, given: Any, plan: Blueprint, what: str) -> list[list[Metric]]:
        count = len(plan.output_names)
        if isinstance(given, dict) or (count > 1 and leaves(given) not in ([], [None])):
            if not isinstance(given, (list, tuple, dict)) or (
                not isinstance(given, dict) and len(given) != count
            ):
                raise ValueError(
                    f"{what} must be a list or dict with metrics for each of the outputs "
                    f"{plan.output_names}, got {given!r}"
                )
            given = cls._each(given, plan, what)
            return [list(leaves(each)) if each is not None else [] for each in given]
        return [[each for each in leaves(given) if each is not None]] * count


def _names_of(metrics: Sequence[Metric], weighted: Sequence[Metric]) -> list[str]:
    """The names of both; what is there without weights, too, is told apart as Keras does."""
    own = [metric.display_name for metric in metrics]
    others = [metric.display_name for metric in weighted]
    return [*own, *(f"weighted_{name}" if name in own else name for name in others)]


def _distinct(names: list[str]) -> list[str]:
    """The names; those that are taken get a number: auc, auc_1, ..."""
    times = Counter[str]()
    made = []
    for name in names:
        made.append(f"{name}_{times[name]}" if times[name] else name)
        times[name] += 1
    return made


class Part(NamedTuple):
    """What belongs to one output."""

    name: str
    loss: Loss | None
    factor: float | None
    metrics: Sequence[Metric]
    weighted_metrics: Sequence[Metric]

    @property
    def metric_names(self) -> list[str]:
        """The names of the metrics, then of those with weights."""
        return _names_of(self.metrics, self.weighted_metrics)

    @property
    def needs_target(self) -> bool:
        """Whether anything compares it with something."""
        return self.loss is not None or bool(self.metrics or self.weighted_metrics)

    def target_dims(self, output: Dims) -> Dims | None:
        """Returns the shape of the targets that the core's losses take."""
        if not self.needs_target:
            return None
        return output[:-1] if self.loss is not None and self.loss.sparse else output


class Form(NamedTuple):
    """The shapes of one output's target and sample weights; None where there are none."""

    target: Dims | None
    weights: Dims | None


class Mean(NamedTuple):
    """One number of the logs, gathered over batches: a sum of results over a sum of counts.

    Attributes:
        name: Its name there.
        at: Which of a step's results its numerator is.
        per_sample: Its count for each sample; 0: one for each batch.
        weighs: Whether the result is a mean itself, and so counts as often as there are samples.
        under: Which of the results counts instead; None for none.
    """

    name: str
    at: int
    per_sample: int
    weighs: bool = False
    under: int | None = None


class State(NamedTuple):
    """One number of the logs that a metric tells from its variables.

    Attributes:
        name: Its name there.
        at: Where in a step's results its variables' new values begin; the old ones are inputs of the step.
        metric: The metric.
    """

    name: str
    at: int
    metric: Metric


class Reports:
    """What the results of steps are reported as, in the order of the logs."""

    def __init__(self, all_of_them: Sequence[Mean | State]) -> None:
        self.all = list(all_of_them)
        self.means = [report for report in self.all if isinstance(report, Mean)]
        self.states = [report for report in self.all if isinstance(report, State)]


class Logs:
    """What batches of results come to: the numbers for the logs, and the variables of metrics meanwhile."""

    def __init__(self, reports: Reports) -> None:
        self._reports, self._means, self._states = reports.all, reports.means, reports.states
        self._sums, self._counts = [0.0] * len(self._means), [0.0] * len(self._means)
        for state in self._states:
            state.metric.reset_state()
        self.arrays = [v.numpy() for state in self._states for v in state.metric.variables]

    def add(self, results: Sequence[float], samples: int) -> None:
        """Adds the results of one step."""
        if self._states:
            self._take_variables(results)
        for i, mean in enumerate(self._means):
            value = results[mean.at]
            if mean.under is not None:
                count = results[mean.under]
            elif mean.weighs:
                value, count = value * samples, samples
            else:
                count = samples * mean.per_sample or 1
            self._sums[i] += value
            self._counts[i] += count

    def _take_variables(self, results: Sequence[float]) -> None:
        arrays = iter(self.arrays)
        for state in self._states:
            at = state.at
            for _ in state.metric.variables:
                array = next(arrays)
                array.reshape(-1)[:] = results[at : at + array.size]
                at += array.size

    @property
    def values(self) -> list[Any]:
        """The numbers so far, in the order of their names; an array where a metric tells several."""
        pairs = zip(self._sums, self._counts, strict=True)
        means = [total / count if count else 0.0 for total, count in pairs]
        if not self._states:
            return means
        rest, arrays = iter(means), iter(self.arrays)
        return [
            next(rest) if isinstance(report, Mean) else _result(report.metric, arrays)
            for report in self._reports
        ]


def _result(metric: Metric, arrays: Iterator[NDArray[np.float32]]) -> Any:
    """A metric's number; an array where it tells several."""
    for variable in metric.variables:
        variable.assign(next(arrays))
    result = np.asarray(metric.result())
    return result if result.ndim else float(result)


class Made(NamedTuple):
    """An objective, and what its results mean."""

    objective: Objective
    reports: list[Mean | State]


def make_objective(
    parts: Sequence[Part], forms: Sequence[Form], model: Described, optimizer: Optimizer
) -> Made:
    """Continues a model's graph with its losses and metrics.

    Args:
        parts: What belongs to each output.
        forms: Shapes of targets and sample weights, for each output.
        model: The model, whose graph is used up.
        optimizer: What moves the weights.

    Raises:
        ValueError: If a loss or a metric does not suit its output, or there is no loss at all.
    """
    graph, outputs = model.graph, model.outputs
    targets = [_input(graph, form.target, f"target of {part.name}") for part, form in _pairs(parts, forms)]
    weights = [_input(graph, form.weights, f"weights of {part.name}") for part, form in _pairs(parts, forms)]
    maker = _Maker(graph, several=len(parts) > 1)
    with graph.within():
        for each in zip(parts, outputs, targets, weights, strict=True):
            maker.add(*each)
        for weight in graph.weights:
            penalty = getattr(weight, "penalty", None)
            if penalty is not None and weight.trainable:
                graph.add_loss(graph.as_value(penalty(graph.as_value(weight))))
        add_updates(graph, optimizer)
        for value in graph.losses:
            maker.terms.append((value.number, 1.0, True))
    if not maker.terms:
        raise ValueError(
            "nothing tells what training makes smaller: give compile a loss, for instance "
            "loss='sparse_categorical_crossentropy', or have a layer's `call` tell one by add_loss"
        )
    objective = Objective(graph, maker.terms, maker.reported)
    losses, metrics = maker.losses, maker.metrics
    if len(parts) > 1:
        metrics = sorted(metrics, key=lambda report: report.name)
    return Made(objective, [Mean("loss", 0, 0, weighs=True), *losses, *metrics])


def _pairs(parts: Sequence[Part], forms: Sequence[Form]) -> list[tuple[Part, Form]]:
    return list(zip(parts, forms, strict=True))


def _input(graph: Tracing, dims: Dims | None, name: str) -> Value | None:
    return None if dims is None else graph.value(graph.input(dims, name))


class _Maker:
    """Gathers the terms of the loss, what is reported, and how."""

    def __init__(self, graph: Tracing, several: bool) -> None:
        self.graph, self.several = graph, several
        self.terms: list[tuple[int, float, bool]] = []
        self.reported: list[int] = []
        self.losses: list[Mean] = []
        self.metrics: list[Mean | State] = []
        self._places = 1  # of results so far

    def add(self, part: Part, out: Value, target: Value | None, weights: Value | None) -> None:
        """Adds what belongs to one output."""
        if part.loss is not None:
            assert target is not None
            value = part.loss._traced(target, out, weights)
            adds_up = part.loss._adds_up
            self.terms.append((value.number, 1.0 if part.factor is None else part.factor, adds_up))
            if self.several:
                at, per_sample = self._report(value)
                weighs = adds_up or per_sample == 0
                self.losses.append(Mean(f"{part.name}_loss", at, per_sample, weighs))
        rated = [
            *((metric, None) for metric in part.metrics),
            *((metric, weights) for metric in part.weighted_metrics),
        ]
        for (metric, rate), own in zip(rated, part.metric_names, strict=True):
            assert target is not None
            name = f"{part.name}_{own}" if self.several else own
            if not metric._is_mean:
                self.metrics.append(State(name, self._updated(metric, target, out, rate), metric))
                continue
            sparse = part.loss is not None and part.loss.sparse
            at, per_sample = self._report(metric._traced(target, out, sparse, rate))
            under = None if rate is None else self._report(rate)[0]
            self.metrics.append(Mean(name, at, per_sample, under=under))

    def _updated(self, metric: Metric, target: Value, out: Value, weights: Value | None) -> int:
        """Reports the new values of a metric's variables, inputs before; returns where they begin."""
        graph, begin = self.graph, self._places
        metric._build(target.shape, out.shape)
        for variable in metric.variables:
            old = graph.value(graph.input(variable.shape, variable.name, 0))
            graph.states[id(variable)] = old
        metric.update_state(target, out, *([] if weights is None else [weights]))
        for variable in metric.variables:
            new = graph.states.pop(id(variable))
            if new.rows != 0 or new.dims != variable.shape:
                raise ValueError(
                    f"metric {metric.display_name!r}: {variable.name} has shape {variable.shape}, and was "
                    f"assigned {new!r}; sum over the samples first"
                )
            self.reported.append(new.number)
            self._places += variable.size
        return begin

    def _report(self, value: Value) -> tuple[int, int]:
        """Reports the sum of a value's numbers; returns its place, and how many there are a sample."""
        graph, elems = self.graph, 1
        for size in value.dims:
            elems *= size
        if value.dims:  # as rows of one number each
            if value.rows == 0:
                raise ValueError("a metric must return one number, or numbers for each sample")
            value = graph.value(graph.reshape(value.number, (), value.rows * elems, "metric"))
        self.reported.append(value.number)
        self._places += 1
        return self._places - 1, value.rows


def resolved(structure: Any, get: Any) -> Any:
    """Returns losses or metrics in the form in which they were given, each as an object."""
    return mapped(lambda each: None if each is None else get(each), structure)
