"""Keras's files of whole models: `.keras`, and the older `.h5`."""

from __future__ import annotations

import json
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core
from cnnfast.io.arrays import check_stored
from cnnfast.io.hdf5 import named, whole, written
from cnnfast.io.hdf5_store import Store, opened
from cnnfast.io.keras_objects import UnknownClassError, made
from cnnfast.io.keras_reading import Reading
from cnnfast.io.keras_state import Place, optimizer_arrays, set_optimizer, weight_places
from cnnfast.io.keras_steps import NotWrittenError, placed
from cnnfast.io.keras_writing import Writing
from cnnfast.io.weights import values_for
from cnnfast.models import foreign
from cnnfast.models.description import plain_json, write_description
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import written_at_once
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.layers.variable import Variable
    from cnnfast.models.functional import Model
    from cnnfast.models.sequential import Sequential
    from cnnfast.utils.serialization import Config

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_WRITER = "cnnfast"  # in the metadata, which Keras does not read
_CONFIG_LIMIT_BYTES = 64 * 2**20  # Keras's configurations take ten times what ours do


def load_model(path: Path, compiled: bool) -> Model | Sequential:
    """Reads a model that Keras saved.

    Args:
        path: The file.
        compiled: Whether it is compiled as it was.

    Raises:
        ModelFileError: If it is damaged, holds code, or has a layer or argument that has no counterpart.
        ImportError: If h5py is not installed.
    """
    if foreign.is_zip(path):
        with zipfile.ZipFile(path) as archive:
            config = _told(archive, _CONFIG)
            own = _METADATA in archive.namelist() and _WRITER in _told(archive, _METADATA)
            check_stored(archive, _WEIGHTS)
        with opened(path, _WEIGHTS) as store:
            return _of_keras_3(config, store, compiled, own)
    with opened(path) as store:
        return _of_h5(store, compiled)


def _told(archive: zipfile.ZipFile, name: str) -> Any:
    if archive.getinfo(name).file_size > _CONFIG_LIMIT_BYTES:
        raise ModelFileError(f"{name} is larger than any model's")
    return plain_json(archive.read(name))


def _of_keras_3(config: Config, store: Store, compiled: bool, own: bool) -> Model | Sequential:
    reading = Reading(own)
    model = reading.model(config)
    shape = (config.get("build_config") or {}).get("input_shape")
    if not model.built and shape is not None:
        model.build(shape)
    places = weight_places(model, reading.layers_of)
    variables = [variable for place in places for variable in place.variables]
    values = [value for place in places for value in _values(store, place)]
    _core.set_weights(variables, values)
    if compiled and config.get("compile_config") and _compile(model, config["compile_config"]):
        count = sum(path.startswith("optimizer/vars/") for path in store.arrays)
        kept = [whole(store, f"optimizer/vars/{i}") for i in range(count)]
        _set_optimizer(model, places, kept)
    return model


def _values(store: Store, place: Place) -> list[NDArray[np.float32]]:
    values = []
    for number, variable in enumerate(place.variables):
        array = whole(store, f"{place.path}/{number}")
        if array.size != variable.size:
            raise ModelFileError(f"{place.path}/{number} has shape {array.shape}, {variable!r} needs another")
        values.append(np.ascontiguousarray(array, np.float32).reshape(variable.shape))
    return values


def _of_h5(store: Store, compiled: bool) -> Model | Sequential:
    told = store.attributes[""]
    if "model_config" not in told:
        raise ModelFileError(
            "it holds weights alone; make the model, then cnnfast.io.load_weights(model, file)"
        )
    reading = Reading()
    model = reading.model(plain_json(told["model_config"]))
    values_for(model, named(store), "name").assign()
    if not compiled or "training_config" not in told:
        return model
    training = plain_json(told["training_config"])
    optimizer = training.pop("optimizer_config")
    if not _compile(model, {"optimizer": optimizer, **training}):
        return model
    group = store.attributes.get("optimizer_weights")
    if group is not None and str(told.get("keras_version", "")).startswith("3"):
        kept = [whole(store, f"optimizer_weights/{name}") for name in group["weight_names"]]
        _set_optimizer(model, weight_places(model, reading.layers_of), kept)
    return model


def _compile(model: Model | Sequential, config: Config) -> bool:
    """Compiles a model as it was; or says what is missing, and does not."""
    try:
        model.compile(
            made(config["optimizer"], "optimizers"),
            made(config.get("loss"), "losses"),
            config.get("loss_weights"),
            made(config.get("metrics"), "metrics"),
            made(config.get("weighted_metrics"), "metrics"),
        )
    except (UnknownClassError, ValueError) as error:
        warn(f"{error}; the model is loaded as if it were not compiled")
        return False
    return True


def _set_optimizer(model: Any, places: list[Place], kept: list[NDArray[Any]]) -> None:
    if not set_optimizer(model, _moved(places), kept):
        warn(f"what the file kept for {model.optimizer!r} does not suit it here: the optimizer begins anew")


def _moved(places: list[Place]) -> list[Variable]:
    """The weights that training changes, each once."""
    variables = {id(each): each for place in places for each in place.variables if each.trainable}
    return list(variables.values())


# -- writing -------------------------------------------------------------------------------------------------

_VERSION = "3.15.1"  # of Keras, whose files these are


def save_model(model: Any, path: Path) -> None:
    """Writes a model as Keras 3 does; see `Model.save`.

    Args:
        model: The model.
        path: Where to.

    Raises:
        NotWrittenError: If it has a layer, or an argument of one, that Keras lacks; a kind of ValueError.
        ImportError: If h5py is not installed.
    """
    writing = Writing()
    with model._lock:  # all of one moment, though another thread may train or compile
        config = writing.model(model)
        places = weight_places(writing.written(model), lambda each: writing.listed[id(each)])
        compiled = _compile_config_of(model)
        kept = optimizer_arrays(model, _moved(places)) if compiled is not None else None
        weights = _arrays(places)
    if compiled is not None:
        config["compile_config"] = compiled
        weights |= {f"optimizer/vars/{number}": value for number, value in enumerate(kept or ())}
    parts = {
        _METADATA: json.dumps(
            {"keras_version": _VERSION, "date_saved": _now(), _WRITER: _core.build_info()["version"]}
        ).encode(),
        _CONFIG: write_description(config),
        _WEIGHTS: written(weights),
    }
    with written_at_once(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def save_weights(model: Any, path: Path) -> None:
    """Writes a model's weights as Keras 3 does; see `Model.save_weights`.

    Args:
        model: The model.
        path: Where to.

    Raises:
        ValueError: If the model does not know its input's shape.
        ImportError: If h5py is not installed.
    """
    model.blueprint  # noqa: B018  # says what is missing
    with model._lock:
        model._initialize()
        weights = _arrays(weight_places(model, lambda each: each.layers))
    content = written(weights)
    with written_at_once(path) as file:
        file.write(content)


def _arrays(places: list[Place]) -> dict[str, NDArray[Any]]:
    """By the paths that they have in the file."""
    return {
        f"{place.path}/{number}": variable.numpy()
        for place in places
        for number, variable in enumerate(place.variables)
    }


def _now() -> str:
    return time.strftime("%Y-%m-%d@%H:%M:%S")


def _compile_config_of(model: Any) -> Config | None:
    """What `compile` was given, as Keras has it; None, with a warning, where Keras lacks something of it."""
    from cnnfast.models.saving import compile_config

    given = compile_config(model)
    if given is None:
        return None
    try:
        return {
            "optimizer": placed(given["optimizer"], "keras.optimizers"),
            "loss": placed(given["loss"], "keras.losses"),
            "loss_weights": given["loss_weights"],
            "metrics": placed(given["metrics"], "keras.metrics"),
            "weighted_metrics": placed(given["weighted_metrics"], "keras.metrics"),
            "run_eagerly": False,
            "steps_per_execution": 1,
            "jit_compile": "auto",
        }
    except NotWrittenError as error:
        warn(f"{error}; the model is saved as if it were not compiled: compile it again after loading")
        return None
