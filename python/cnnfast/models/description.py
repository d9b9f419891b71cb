"""The description of a model in its file, `config.json`: the one place that says what may stand there.

What passes is plain data of the expected form: finite numbers, texts that can be written again, nothing
nested without end. Whether a layer takes its arguments is the layer's to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from cnnfast.models.errors import ModelFileError

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
_COMPILE = {"optimizer": dict, "loss": dict, "metrics": list}
_TRAINING = {"step": int, "seed": int, "epochs": int}


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


def parse_description(data: bytes, version: int, classes: Collection[str]) -> Config:
    """Returns a description with all of its outer fields.

    Args:
        data: JSON.
        version: The format's version that is read.
        classes: What the model may be.

    Raises:
        ModelFileError: If it is not JSON, not of this version, or not of the form above.

    Example:
        >>> parse_description(b'{"format": "keras"}', 1, ["Model"])
        Traceback (most recent call last):
        cnnfast.models.errors.ModelFileError: it does not describe a cnnfast model
    """
    try:
        config = json.loads(data, parse_constant=_refuse)
        _check_plain(config)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(
            f"its description is not sound ({error or 'it is nested too deeply'})"
        ) from error
    if not isinstance(config, dict) or config.get("format") != "cnnfast":
        raise ModelFileError("it does not describe a cnnfast model")
    if config.get("version") != version:
        raise ModelFileError(
            f"the file has format version {config.get('version')!r}, this cnnfast reads {version}; use the "
            "cnnfast that wrote it, or a newer one"
        )
    config = {"metadata": {}, "sha256": {}, **config}
    _check_form(config, _FORM)
    if config["class_name"] not in classes:
        raise ModelFileError(f"it describes a {config['class_name']!r}; known are {list(classes)}")
    if config["compile"] is not None:
        _check_form(config["compile"], _COMPILE)
    _check_form(config["training"], _TRAINING)
    if not all(isinstance(value, str) for value in config["sha256"].values()):
        raise ModelFileError("its digests must be texts")
    for name, most in (("step", 2**63), ("epochs", 2**63), ("seed", _LARGEST)):
        if not 0 <= config["training"][name] < most:
            raise ModelFileError(f"its training's {name!r} is out of range: {config['training'][name]}")
    return config


def _check_form(entry: Config, form: dict[str, Any]) -> None:
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
