"""The networks behind a model: one for each shape of samples, and of what outputs are compared with.

They share weights, the memory they run in, and the state of training. The first is kept for good, of the
others the last few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast._core import TrainingState, Workspace
from cnnfast.layers.tracing import Tracing
from cnnfast.models.objectives import Form, Mean, Reports, State, make_objective
from cnnfast.models.updates import follows_rules
from cnnfast.tuning import new_network
from cnnfast.utils.locks import fork_lock
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from cnnfast._core import Network, Weight
    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import SymbolicTensor
    from cnnfast.layers.tracing import Value
    from cnnfast.losses import Loss
    from cnnfast.models.blueprint import Blueprint, Dims
    from cnnfast.models.objectives import Compiled

_KEPT = 8
Shapes = tuple["Dims", ...]
Forms = tuple[Form, ...]
Rules = tuple[float | None, ...]  # factors of trained weights; none where no objective depends on it


class Planned:
    """A network, and what the results of its steps mean.

    Attributes:
        network: The network.
        reports: What becomes of the results.
    """

    def __init__(self, network: Network, reports: Sequence[Mean | State]) -> None:
        self.network, self.reports = network, Reports(reports)


class Probing(NamedTuple):
    """A network whose gradients are wanted.

    Attributes:
        network: The network. Its inputs are the model's, then the probes.
        probes: Inputs whose gradients are those of what a layer makes.
        outputs: What is differentiated.
    """

    network: Network
    probes: list[Value]
    outputs: list[Value]


class Networks:
    """The networks of one model, as it was compiled last.

    Args:
        plan: The model.
        compiled: What it is trained for; None if it only predicts.
        seed: Of dropout.
        listed: The model's weights in its order.
        device: Where they compute; None for the process's device.
    """

    def __init__(
        self,
        plan: Blueprint,
        compiled: Compiled | None,
        seed: int,
        listed: Sequence[Weight],
        device: str | None = None,
    ) -> None:
        self._plan, self._compiled, self._seed = plan, compiled, seed
        self._listed, self._device = listed, device
        self.parts = [] if compiled is None else compiled.parts(plan)
        self._workspace, self._state = Workspace(), TrainingState(device)
        self._first: Planned | None = None
        self._last: tuple[Sequence[Dims], Forms | None, Rules, Planned] | None = None
        self._others: OrderedDict[tuple[Shapes, Forms | None, Rules], Planned] = OrderedDict()
        self._probing: OrderedDict[tuple[Any, ...], Probing] = OrderedDict()
        self._lock = fork_lock()

    def move(self, device: str) -> None:
        """Has them compute on a device from now on. What they had on another one comes home.

        Raises:
            ValueError: If there is no such device.
        """
        before = self.first.device
        self._state.set_device(device)
        with self._lock:
            self._device = device
            self._probing.clear()  # they are made there anew
            made = {id(each.network): each.network for each in (self._first, *self._others.values()) if each}
        if before != device:
            for network in made.values():
                network.leave_device()

    @property
    def first(self) -> Network:
        """The network for the samples that come first, or for an example of them."""
        return self.predicting(self._plan.shapes) if self._first is None else self._first.network

    def part(self, plan: Blueprint, trained: bool) -> Networks:
        """Returns the networks of a part of the model, which share memory and the state of training."""
        self.first  # noqa: B018  # has the optimizer set
        part = Networks(plan, self._compiled if trained else None, self._seed, self._listed, self._device)
        part._workspace, part._state, part._first = self._workspace, self._state, self._first
        return part

    def predicting(self, shapes: Sequence[Dims]) -> Network:
        """Returns a network for samples of these shapes."""
        return self._find(tuple(shapes), self._usual_forms(shapes)).network

    def training(self, shapes: Sequence[Dims], forms: Forms) -> Planned:
        """Returns one for samples of these shapes and targets of these forms."""
        last, rules = self._last, self._rules
        if last is None or last[1] is not forms or last[0] != shapes or last[2] != rules:
            self._last = last = (shapes, forms, rules, self._find(tuple(shapes), forms))
        return last[3]

    @cached_property
    def _ruled(self) -> list[Weight]:
        """The weights, if what training does with one of them is traced."""
        traced = self._compiled is not None and self._compiled.optimizer._is_traced
        return self._plan.weights if traced or follows_rules(self._plan.weights) else []

    @property
    def _rules(self) -> Rules:
        return tuple([each.learning_rate_factor if each.trainable else None for each in self._ruled])

    def probing(
        self,
        shapes: Sequence[Dims],
        probed: Layer | SymbolicTensor | None,
        function: Callable[[Any], Any] | None,
    ) -> Probing:
        """Returns a network for gradients by what is probed, of a function of the outputs if there is one."""
        key = tuple(shapes), probed, function
        with self._lock:
            found = self._probing.get(key)
            if found is None:
                found = self._probing[key] = self._make_probing(shapes, probed, function)
                if len(self._probing) > _KEPT:
                    self._probing.popitem(last=False)
            self._probing.move_to_end(key)
        return found

    def _make_probing(
        self,
        shapes: Sequence[Dims],
        probed: Layer | SymbolicTensor | None,
        function: Callable[[Any], Any] | None,
    ) -> Probing:
        plan, graph = self._plan, Tracing(probed=probed)
        inputs = [graph.value(graph.input(*each)) for each in zip(shapes, plan.input_names, strict=True)]
        outputs = plan.trace(graph, inputs)
        if function is not None:
            with graph.within():
                outputs = [graph.as_value(function(plan.pack_outputs(outputs)))]
        state = TrainingState(self._device)
        network = new_network(graph, [value.number for value in outputs], self._workspace, state)
        network.seed = self._seed
        return Probing(network, graph.probes, outputs)

    def _find(self, shapes: Shapes, forms: Forms | None) -> Planned:
        key = shapes, forms, self._rules
        with self._lock:  # two threads that want the same network get the same one
            found = self._others.get(key)
            if found is None:
                found = self._others[key] = self._make(shapes, forms)
                if len(self._others) > _KEPT:
                    self._others.popitem(last=False)
            self._others.move_to_end(key)
        return found

    def _make(self, shapes: Shapes, forms: Forms | None) -> Planned:
        described = self._plan.describe(shapes, False)
        numbers = [value.number for value in described.outputs]
        network = new_network(described.graph, numbers, self._workspace, self._state)
        if self._first is None:
            if self._compiled is not None:
                self._compiled.optimizer._begin(network, self._listed)
            network.seed = self._seed
        reports = [] if forms is None else self._set_objective(network, shapes, forms)
        made = Planned(network, reports)
        if self._first is None:
            self._first = made
        return made

    def _set_objective(self, network: Network, shapes: Shapes, forms: Forms) -> list[Mean | State]:
        for part in self.parts:
            if part.loss is not None:
                self._warn_of_logits(part.loss)
        described = self._plan.describe(shapes, False).copy()
        assert self._compiled is not None
        optimizer = self._compiled.optimizer
        made = make_objective(self.parts, forms, described, optimizer)
        if self._plan.depends_on_training:
            trained = make_objective(self.parts, forms, self._plan.describe(shapes, True), optimizer)
            network.set_objective(trained.objective, made.objective)
        else:
            network.set_objective(made.objective)
        return made.reports

    def _usual_forms(self, shapes: Sequence[Dims]) -> Forms | None:
        """The forms of targets that losses tell from the outputs' shapes; None if one does not."""
        parts = self.parts
        if not parts or any(part.loss is not None and part.loss.kind is None for part in parts):
            return None
        outputs = self._plan.describe(shapes, False).outputs
        return tuple(
            Form(part.target_dims(value.dims), None) for part, value in zip(parts, outputs, strict=True)
        )

    def _warn_of_logits(self, loss: Loss) -> None:
        last = self._plan.nodes[-1].layer
        while (inner := getattr(last, "_blueprint", None)) is not None:
            last = inner.nodes[-1].layer
        activation = getattr(last, "_activation", None)
        if loss._from_logits and activation in ("softmax", "sigmoid"):
            warn(
                f"{loss.kind} has from_logits=True, but layer {last.name!r} ends the model with a "
                f"{activation}, which does not make logits; the loss takes what goes into it, as in Keras. "
                "Leave one of the two out"
            )
