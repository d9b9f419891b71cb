"""The description of a model in its file, `config.json`: the one place that says what may stand there.

What passes is plain data of the expected form: models with their layers and nodes, finite numbers, texts that
can be written again, nothing nested without end. Whether a layer takes its arguments is the layer's to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnfast.models.errors import ModelFileError
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from cnnfast.utils.serialization import Config

_MOST_NESTED = 200  # a model in a model is four deeper
_LARGEST = 2**64  # no whole number of the core's is larger

_FORM: dict[str, type | tuple[type | None, ...]] = {
    "class_name": str,
    "config": dict,
    "compile": (dict, None),
    "training": dict,
    "metadata": dict,
    "sha256": dict,
}
_COMPILE = {
    "optimizer": dict,
    "loss": (dict, list),
    "metrics": (dict, list),
    "weighted_metrics": (dict, list),
    "loss_weights": (dict, list, float, int, None),
}
_TRAINING = {"step": int, "seed": int, "epochs": int}
_OBJECT = {"class_name": str, "config": dict}  # a layer, a metric and so on, and what it is made of
_SHARED = {"shared": int}  # the layer of this number again
_MODELS: dict[str, dict[str, type | tuple[type | None, ...]]] = {
    "Model": {"name": str, "layers": list, "nodes": list},
    "Sequential": {"name": str, "layers": list, "input_shape": (list, None)},
}
_NODE = {"layer": int, "sources": list}


def write_description(config: Config) -> bytes:
    """Returns the JSON that `parse_description` reads.

    Raises:
        ValueError: If something in it would not be read again.
    """
    try:
        _check_plain(config)
        return json.dumps(config, indent=1).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"the model cannot be described in JSON ({error}); metadata may hold texts, finite numbers, "
            "True, False, None, and lists and dicts of these"
        ) from error


def parse_description(data: bytes, version: int) -> Config:
    """Returns a description with all of its outer fields.

    Args:
        data: JSON.
        version: The format's version that is read.

    Raises:
        ModelFileError: If it is not JSON, not of this version, or not of the form above.

    Example:
        >>> parse_description(b'{"format": "keras"}', 1)
        Traceback (most recent call last):
        cnnfast.models.errors.ModelFileError: it does not describe a cnnfast model
    """
    config = plain_json(data)
    if config.get("format") != "cnnfast":
        raise ModelFileError("it does not describe a cnnfast model")
    if config.get("version") != version:
        raise ModelFileError(
            f"the file has format version {config.get('version')!r}, this cnnfast reads {version}; use the "
            "cnnfast that wrote it, or a newer one"
        )
    config = {"metadata": {}, "sha256": {}, **config}
    _check_form(config, _FORM)
    if config["class_name"] not in _MODELS:
        raise ModelFileError(f"it describes a {config['class_name']!r}; known are {list(_MODELS)}")
    _check_model(config["class_name"], config["config"])
    given = config["compile"]
    if given is not None:
        given = config["compile"] = {"weighted_metrics": [], "loss_weights": None, **given}
        _check_form(given, _COMPILE)
        _check_form(given["optimizer"], _OBJECT)
        for name in ("loss", "metrics", "weighted_metrics"):
            described_objects(given[name], lambda each: _check_form(each, _OBJECT))
    _check_form(config["training"], _TRAINING)
    if not all(isinstance(value, str) for value in config["sha256"].values()):
        raise ModelFileError("its digests must be texts")
    for name, most in (("step", 2**63), ("epochs", 2**63), ("seed", _LARGEST)):
        if not 0 <= config["training"][name] < most:
            raise ModelFileError(f"its training's {name!r} is out of range: {config['training'][name]}")
    return config


def plain_json(data: bytes | str) -> Config:
    """Returns what JSON holds, if it can be written again.

    Raises:
        ModelFileError: If it is not JSON, no object, nested too deeply, or has numbers that are none.

    Example:
        >>> plain_json(b'{"a": [1]}')
        {'a': [1]}
    """
    try:
        config = json.loads(data, parse_constant=_refuse)
        _check_plain(config)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"its description is not sound ({error or 'it is nested too deeply'})"
        ) from error
    return config if isinstance(config, dict) else {}


def described_objects(entry: Any, make: Callable[[Any], Any]) -> Any:
    """Returns what `make` makes of each object in lists and dicts, as losses and metrics are described.

    Example:
        >>> described_objects([{"class_name": "L2", "config": {}}, None], lambda each: each["class_name"])
        ['L2', None]
    """
    if isinstance(entry, list):
        return [described_objects(each, make) for each in entry]
    if isinstance(entry, dict) and "class_name" not in entry:
        return {name: described_objects(each, make) for name, each in entry.items()}
    return None if entry is None else make(entry)


def _check_model(class_name: str, config: Config) -> None:
    """Checks a model's description and, in it, those of models; a description of another layer passes."""
    if class_name not in _MODELS:
        return
    _check_form(config, _MODELS[class_name])
    for entry in config["layers"]:
        shared = isinstance(entry, dict) and "shared" in entry
        _check_form(entry, _SHARED if shared else _OBJECT)
        if not shared:
            _check_model(entry["class_name"], entry["config"])
    if class_name == "Model":
        _check_nodes(config["nodes"], len(config["layers"]))
        for end in ("inputs", "outputs"):
            places = leaves(config.get(end, 0))
            if not places or not all(type(place) is int and place >= 0 for place in places):
                raise ModelFileError(f"its {end} are not numbers of values")


def _check_nodes(nodes: list[Any], layers: int) -> None:
    """Each node has a layer that there is; whether its sources come before it shows when it is made."""
    for place, node in enumerate(nodes):
        _check_form(node, _NODE)
        sources = node["sources"]
        if not 0 <= node["layer"] < layers or not all(type(s) is int and s >= 0 for s in sources):
            raise ModelFileError(f"its node {place} has a layer or a source that is not there")
        if "args" in node:
            _check_form(node, {"args": list, "kwargs": dict})
    if not nodes:
        raise ModelFileError("a model in it has no nodes")


def _check_form(entry: Any, form: dict[str, Any]) -> None:
    if not isinstance(entry, dict):
        raise ModelFileError(f"an entry with {list(form)} is of another kind: {str(entry)[:50]}")
    for name, kind in form.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if name not in entry or (type(entry[name]) not in kinds and entry[name] not in kinds):
            raise ModelFileError(f"{name!r} is missing or of another kind than in files that cnnfast writes")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _check_plain(value: Any, depth: int = 0) -> None:
    if depth > _MOST_NESTED:
        raise ValueError("it is nested too deeply")
    if isinstance(value, dict):
        for name, each in value.items():
            _check_plain(name)
            _check_plain(each, depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _check_plain(each, depth + 1)
    elif isinstance(value, str):
        value.encode()  # raises where half a character stands
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError("a whole number is larger than any in use")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is not finite")
