"""Models and weights in files.

A model is one zip file of uncompressed parts: `config.json` (structure, what `compile` was given, where
training stopped), `weights.safetensors` and, if compiled, `optimizer.safetensors`. Reading one runs no code
from it: structure is plain data, classes come from a fixed list, and every size is checked before memory is
taken for it.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnfast import _core, losses, metrics, optimizers
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import target_path, written_at_once
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential
from cnnfast.utils.serialization import serialize, snake_case

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.models.base import BaseModel
    from cnnfast.utils.serialization import Config

Tensors = dict[str, "NDArray[np.float32]"]

_FORMAT_VERSION = 1
_CONFIG, _WEIGHTS, _OPTIMIZER = "config.json", "weights.safetensors", "optimizer.safetensors"
_MODELS: dict[str, type[Model] | type[Sequential]] = {"Model": Model, "Sequential": Sequential}
# A layer's configuration takes about 1 kB; the deepest known networks stay below 2 MB.
_CONFIG_LIMIT_BYTES = 16 * 2**20
_ADVICE = "save the model again, or fetch a sound copy"


def save_model(model: BaseModel, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model to one file; see `Model.save`.

    Args:
        model: The model.
        filepath: Where to; ".cnnfast" is added to a name without a suffix.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.
        ValueError: If the model does not know its input's shape yet.
    """
    from safetensors.numpy import save

    path = target_path(filepath, ".cnnfast", overwrite)
    with model._lock:  # all of one moment, though another thread may train or compile
        moment = model.network.snapshot()
        config: Config = {
            "format": "cnnfast",
            "version": _FORMAT_VERSION,
            "class_name": next(name for name, cls in _MODELS.items() if isinstance(model, cls)),
            "config": model.get_config(),
            "compile": _compile_config(model),
            "training": {"step": moment["step"], "seed": model._seed, "epochs": model._epochs},
            "metadata": model.metadata,
        }
    parts = {
        _CONFIG: json.dumps(config, indent=1).encode(),
        _WEIGHTS: save(dict(zip(_weight_names(model), moment["weights"], strict=True))),
    }
    if config["compile"] is not None:
        parts[_OPTIMIZER] = save(moment["optimizer"])
    with written_at_once(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            # A fixed date makes equal models equal files.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def load_model(filepath: str | os.PathLike[str]) -> Model | Sequential:
    """Reads a model from a file; see `cnnfast.models.load_model`.

    Args:
        filepath: The file.

    Returns:
        The model, of the class it had.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, foreign, or from a newer version; a kind of ValueError.
    """
    path = Path(filepath)
    parts = _read_parts(path)
    try:
        config = _parse_config(parts[_CONFIG])
        model = _MODELS[config["class_name"]].from_config(config["config"])
        model.metadata = dict(config.get("metadata", {}))
        _core.set_weights(model._variables(), _checked_weights(model, _tensors(parts[_WEIGHTS])))
        if config["compile"] is not None:
            _resume(model, config, _tensors(parts[_OPTIMIZER]))
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from error
    except RecursionError:
        raise ModelFileError(f"{path} cannot be used: its structure is nested too deeply") from None
    except KeyError as error:
        raise ModelFileError(f"{path} cannot be used: {error} is missing or unknown; {_ADVICE}") from error
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError, MemoryError) as error:
        raise ModelFileError(f"{path} cannot be used: {error}; {_ADVICE}") from error
    return model


def _compile_config(model: BaseModel) -> Config | None:
    compiled = model._compiled
    if compiled is None:
        return None
    return {
        "optimizer": serialize(compiled.optimizer),
        "loss": serialize(compiled.loss),
        "metrics": [serialize(metric) for metric in compiled.metrics],
    }


def _resume(model: BaseModel, config: Config, state: Tensors) -> None:
    given = config["compile"]
    model.compile(
        optimizers.get(given["optimizer"]),
        losses.get(given["loss"]),
        metrics=[metrics.get(metric) for metric in given["metrics"]],
    )
    network, training = model.network, config["training"]
    _check_shapes({k: v.shape for k, v in network.optimizer_state().items()}, state, "optimizer")
    model._seed, model._epochs = int(training["seed"]), int(training["epochs"])
    network.seed = model._seed
    network.set_optimizer_state(state, int(training["step"]))


# -- the zip file ----------------------------------------------------------------------------------------


def _read_parts(path: Path) -> dict[str, bytes]:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive.infolist(), size)
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ModelFileError(f"{path} is not a sound model file ({error}); {_ADVICE}") from error


def _check_entries(path: Path, entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [info.filename for info in entries]
    if sorted(names) not in (sorted([_CONFIG, _WEIGHTS]), sorted([_CONFIG, _WEIGHTS, _OPTIMIZER])):
        raise ModelFileError(
            f"{path} is not a cnnfast model: it holds {names[:5]}; give a file that model.save wrote"
        )
    for info in entries:
        stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
        if not stored or info.flag_bits & 1:
            raise ModelFileError(
                f"{path}: part {info.filename} is compressed or encrypted, which save never does"
            )
    if sum(info.file_size for info in entries) > size:
        raise ModelFileError(f"{path} claims to hold more than its {size} bytes; {_ADVICE}")
    if next(info.file_size for info in entries if info.filename == _CONFIG) > _CONFIG_LIMIT_BYTES:
        raise ModelFileError(
            f"{path}: {_CONFIG} is larger than {_CONFIG_LIMIT_BYTES} bytes, more than any model needs"
        )


def _parse_config(data: bytes) -> Config:
    config = json.loads(data)
    if not isinstance(config, dict) or config.get("format") != "cnnfast":
        raise ModelFileError(f"{_CONFIG} does not describe a cnnfast model")
    if config.get("version") != _FORMAT_VERSION:
        raise ModelFileError(
            f"the file has format version {config.get('version')!r}, this cnnfast reads {_FORMAT_VERSION}; "
            "use the cnnfast that wrote it, or a newer one"
        )
    return config


# -- weights ---------------------------------------------------------------------------------------------


def save_weights(model: BaseModel, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model's weights as a safetensors file; see `Model.save_weights`.

    Args:
        model: The model.
        filepath: Where to; ".safetensors" is added to a name without a suffix.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.
    """
    from safetensors.numpy import save

    path = target_path(filepath, ".safetensors", overwrite)
    data = save(dict(zip(_weight_names(model), model.get_weights(), strict=True)), {"format": "cnnfast"})
    with written_at_once(path) as file:
        file.write(data)


def load_weights(model: BaseModel, filepath: str | os.PathLike[str]) -> None:
    """Sets a model's weights from a safetensors file; see `Model.load_weights`.

    Args:
        model: The model.
        filepath: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, or made by another model; the model is then unchanged.
    """
    path = Path(filepath)
    try:
        weights = _checked_weights(model, _tensors(path.read_bytes()))
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from error
    _core.set_weights(model._variables(), weights)


def _weight_names(model: BaseModel) -> list[str]:
    """Names by place and kind, such as "0_conv2d/kernel": the same for every model of the same structure."""
    if not model.built:
        model.blueprint  # noqa: B018  # says what is missing
    owners = [layer for layer in model._leaves() if layer._weights]
    return [
        f"{place}_{snake_case(type(layer).__name__)}/{variable.name.split('/', 1)[1]}"
        for place, layer in enumerate(owners)
        for variable in layer._weights
    ]


def _tensors(data: bytes) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"its weights are not a sound safetensors file ({error}); {_ADVICE}") from error
    for name, value in tensors.items():
        if value.dtype != np.float32:
            raise ModelFileError(f"{name!r} holds {value.dtype}, weights must be float32")
    return tensors


def _checked_weights(model: BaseModel, tensors: Tensors) -> list[NDArray[np.float32]]:
    needed = dict(zip(_weight_names(model), (v.shape for v in model._variables()), strict=True))
    _check_shapes(needed, tensors, "model")
    return [np.ascontiguousarray(tensors[name]) for name in needed]


def _check_shapes(needed: dict[str, tuple[int, ...]], tensors: Tensors, owner: str) -> None:
    if set(needed) != set(tensors):
        missing, extra = sorted(set(needed) - set(tensors))[:3], sorted(set(tensors) - set(needed))[:3]
        raise ModelFileError(
            f"its arrays are not those of this {owner} (missing: {missing}, unknown: {extra}); use a file "
            "saved from a model of the same structure"
        )
    for name, shape in needed.items():
        if tensors[name].shape != shape:
            raise ModelFileError(
                f"array {name!r} has shape {tensors[name].shape}, this {owner} needs {shape}; use a file "
                "saved from a model of the same structure"
            )
