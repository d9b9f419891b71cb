"""What copies and pickles of a model hold: its layers, which of them takes what, and the state of training.

Layers and what `compile` was given are copied or pickled as Python does it, so classes and functions of one's
own come along by reference. Networks are planned anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.models.backup import put, taken
from cnnfast.models.blueprint import Blueprint
from cnnfast.models.called import CalledBlueprint, Shape
from cnnfast.models.functional import Model, wired, wiring
from cnnfast.models.sequential import Sequential
from cnnfast.models.trainer import Trainer
from cnnfast.utils.nest import mapped

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel

_ANEW = {"_device", "_lock", "_made_networks", "_fast", "_blueprint", "_symbol", "_alone", "_changed_at"}
_ANEW |= {"_source", "_chain", "_built_here"}  # of a Sequential


def state_of(model: BaseModel) -> dict[str, Any]:
    """Returns what makes an equal model."""
    kept = {name: value for name, value in vars(model).items() if name not in _ANEW}
    training = taken(model) if model._compiled is not None and model.built else None
    return {"kept": kept, "graph": _graph_of(model), "training": training}


def set_state(model: BaseModel, state: dict[str, Any]) -> None:
    """Makes a new object the model that `state_of` described."""
    Trainer.__init__(model)
    model._blueprint = model._symbol = model._alone = None
    vars(model).update(state["kept"])
    _describe(model, state["graph"])
    if state["training"] is not None:
        put(model, *state["training"])


def _graph_of(model: BaseModel) -> Any:
    """What tells the graph, beside attributes; None where the shapes of inputs are not known yet."""
    if isinstance(model, Sequential):
        return model._source.layer if model._source is not None else None
    plan = model._blueprint
    if isinstance(plan, CalledBlueprint):
        return mapped(lambda source: Shape(source.examples[0]), plan.inputs)
    return None if plan is None else (plan.layers, wiring(plan))


def _describe(model: BaseModel, graph: Any) -> None:
    if isinstance(model, Sequential):
        layers, model._layers, model._names = model._layers, [], set()
        model._source, model._chain, model._built_here = None, [], []
        for layer in layers if graph is None else [graph, *layers]:
            model.add(layer)
    elif graph is not None:
        assert isinstance(model, Model)
        wires = isinstance(graph, tuple)
        model._blueprint = Blueprint(*wired(*graph)) if wires else CalledBlueprint(model, graph)
