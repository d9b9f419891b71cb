"""The state of a training in a file, for the same model to go on with: no structure, and no code.

It is JSON in one line (where training is, the digest of the arrays), then a safetensors file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnfast import _core
from cnnfast.models import tensors
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import written_at_once

if TYPE_CHECKING:
    from cnnfast.layers.variable import Variable
    from cnnfast.models.base import BaseModel
    from cnnfast.models.tensors import Tensors

_SLOTS = "slots "  # before the names of what the core's optimizers keep


def write_state(model: BaseModel, path: Path, epoch: int) -> None:
    """Writes weights, the optimizer's state, and where training is.

    Args:
        model: The model.
        path: Where to.
        epoch: The epoch that comes next.
    """
    arrays, numbers = taken(model)
    numbers["epoch"] = epoch
    sha256 = tensors.digest(arrays)
    with written_at_once(path) as file:
        file.write(json.dumps({**numbers, "sha256": sha256}).encode() + b"\n")
        tensors.write(file, arrays, sha256)


def read_state(model: BaseModel, path: Path) -> int:
    """Puts a model, compiled as it was, where `write_state` found it; returns the epoch that comes next.

    Args:
        model: The model.
        path: The file.

    Raises:
        ModelFileError: If the file is damaged, or another model's; the model is then unchanged.
    """
    shapes = {name: variable.shape for name, variable in _variables(model).items()}
    slots = {f"{_SLOTS}{name}": value.shape for name, value in model.network.optimizer_state().items()}
    line, _, data = path.read_bytes().partition(b"\n")
    numbers = _numbers(line, path)
    tensors.check_size(len(data), shapes | slots)
    arrays = tensors.read_part(data, shapes | slots, "training", numbers["sha256"])
    put(model, arrays, numbers)
    epoch: int = numbers["epoch"]
    return epoch


def taken(model: BaseModel) -> tuple[Tensors, dict[str, Any]]:
    """Returns the state of a compiled model's training: arrays, and where it is."""
    with model._lock:
        network, variables = model.network, _variables(model)  # it makes what an optimizer keeps
        arrays: Tensors = dict(zip(variables, _core.get_weights(list(variables.values())), strict=True))
        arrays |= {f"{_SLOTS}{name}": value for name, value in network.optimizer_state().items()}
        return arrays, {"step": network.step, "seed": model._seed, "epochs": model._epochs}


def put(model: BaseModel, arrays: Tensors, numbers: dict[str, Any]) -> None:
    """Puts a model, compiled as it was, where `taken` found it."""
    network, variables = model.network, _variables(model)
    _core.set_weights(list(variables.values()), [arrays[name] for name in variables])
    state = {name.removeprefix(_SLOTS): value for name, value in arrays.items() if name.startswith(_SLOTS)}
    network.set_optimizer_state(state, numbers["step"])
    model._seed = network.seed = numbers["seed"]
    model._epochs = numbers["epochs"]


def _numbers(line: bytes, path: Path) -> dict[str, Any]:
    try:
        numbers: dict[str, Any] = json.loads(line)
        whole = all(type(numbers[name]) is int for name in ("epoch", "step", "seed", "epochs"))
        if whole and type(numbers["sha256"]) is str:
            return numbers
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{path} is no sound state of a training ({error}); remove it") from error
    raise ModelFileError(f"{path} is no sound state of a training; remove it")


def _variables(model: BaseModel) -> dict[str, Variable]:
    """The weights by place, then what an optimizer keeps in variables."""
    weights = {f"{i} {variable.name.split('/', 1)[-1]}": variable for i, variable in enumerate(model.weights)}
    optimizer = model.optimizer
    kept = optimizer._kept() if optimizer._is_traced else {}
    return weights | {f"optimizer {name}": variable for name, variable in kept.items()}
