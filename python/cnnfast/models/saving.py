"""Models and weights in files.

A model is one zip file of uncompressed parts: `config.json` (structure, what `compile` was given, where
training stopped, the arrays' digests), `weights.safetensors` and, if compiled, `optimizer.safetensors`. The
zip's comment is the SHA-256 of `config.json`. Reading one runs no code from it: structure is plain data,
classes come from a fixed list, and every size is checked before memory is taken for it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cnnfast import _core
from cnnfast.models import foreign, tensors
from cnnfast.models.description import described_objects, parse_description, write_description
from cnnfast.models.errors import ModelFileError
from cnnfast.models.files import source_path, target_path, written_at_once
from cnnfast.models.functional import Model
from cnnfast.models.sequential import Sequential
from cnnfast.tuning import read_tuning
from cnnfast.utils.nest import mapped
from cnnfast.utils.serialization import UnknownNameError, described, snake_case
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from cnnfast.layers.variable import Variable
    from cnnfast.models.base import BaseModel
    from cnnfast.models.tensors import Shapes, Tensors
    from cnnfast.utils.serialization import Config

_FORMAT_VERSION = 1
_CONFIG, _WEIGHTS, _OPTIMIZER = "config.json", "weights.safetensors", "optimizer.safetensors"
_MODELS: dict[str, type[Model] | type[Sequential]] = {"Model": Model, "Sequential": Sequential}
# A layer's configuration takes about 1 kB; the deepest known networks stay below 2 MB.
_CONFIG_LIMIT_BYTES = 16 * 2**20
_OTHERS = "; cnnfast.io.load_weights(model, file) reads those of PyTorch, Keras and NumPy"
_MODEL_SUFFIX, _WEIGHTS_SUFFIX = ".cnnfast", ".safetensors"


def save_model(model: BaseModel, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model to one file; see `Model.save`.

    Args:
        model: The model.
        filepath: Where to; ".cnnfast" is added to a name without a suffix.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.
        ValueError: If the model does not know its input's shape yet, its metadata are not JSON's, or the
            suffix is that of another format.
        OSError: If it cannot be written; names the file.
    """
    path = target_path(filepath, _MODEL_SUFFIX, overwrite)
    if path.suffix.lower() == foreign.KERAS_SUFFIX:
        from cnnfast.io import keras_file

        keras_file.save_model(model, path)
        return
    check_held(model)
    with model._lock:  # all of one moment, though another thread may train or compile
        moment = model.network.snapshot()
        weights, taken = model._variables(), moment["weights"]
        of_weights, kept = model.network.weights, _kept_by_optimizer(model)
        if kept:  # a step changes both
            of_weights = [*weights, *kept.values()]
            taken = _core.get_weights(of_weights)
        values = dict(zip(map(id, of_weights), taken, strict=True))
        step = int(values[id(kept["iteration"])]) if kept else moment["step"]
        parts: dict[str, Tensors] = {
            # What the network does not compute with is as it was when the layer was made.
            _WEIGHTS: {
                name: values[id(variable)] if id(variable) in values else variable.numpy()
                for name, variable in zip(_weight_names(model), weights, strict=True)
            }
        }
        compiled = compile_config(model)
        if compiled is not None:
            own = {name: values[id(variable)] for name, variable in kept.items()}
            parts[_OPTIMIZER] = moment["optimizer"] | own
        config: Config = {
            "format": "cnnfast",
            "version": _FORMAT_VERSION,
            "class_name": next(name for name, cls in _MODELS.items() if isinstance(model, cls)),
            "config": model.get_config(),
            "compile": compiled,
            "training": {"step": step, "seed": model._seed, "epochs": model._epochs},
            "metadata": model.metadata,
        }
    config["sha256"] = {name: tensors.digest(arrays) for name, arrays in parts.items()}
    description = write_description(config)
    with written_at_once(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = _seal(description)
        with archive.open(_entry(_CONFIG), "w") as entry:
            entry.write(description)
        for name, arrays in parts.items():
            with archive.open(_entry(name), "w", force_zip64=True) as entry:
                tensors.write(entry, arrays, config["sha256"][name])


def check_held(model: BaseModel) -> None:
    """Checks that a file of ours can hold the whole model.

    Raises:
        ValueError: If it, or a layer of it, is code.
    """
    if isinstance(model, Model) and model._has_call:
        raise ValueError(
            f"model {model.name!r} ({type(model).__name__}) is what its `call` says: code, which no file "
            "of ours holds; save it as .keras, or the weights alone with save_weights"
        )
    if model.built:
        model.get_config()


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # a fixed date makes equal models equal files


def _seal(description: bytes) -> bytes:
    return b"sha256 " + hashlib.sha256(description).hexdigest().encode()


def load_model(filepath: str | os.PathLike[str], compiled: bool = True) -> Model | Sequential:
    """Reads a model from a file; see `cnnfast.models.load_model`.

    Args:
        filepath: The file; ".cnnfast" is added where there is none of this name.
        compiled: Whether it is compiled as it was.

    Returns:
        The model, of the class it had.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, foreign, or from a newer version; a kind of ValueError.
        MemoryError: If there is not enough memory for it.
    """
    path = source_path(filepath, _MODEL_SUFFIX, _WEIGHTS_SUFFIX)  # the other is told from a model
    read_tuning()  # what is wrong with the tuning file is not this file's fault
    if foreign.is_keras(path):
        return _of_keras(path, compiled)
    if path.suffix.lower() == ".onnx":
        raise ModelFileError(f"{path} is a file of ONNX; cnnfast.io.load_onnx(file) reads it")
    with _told_of(path), path.open("rb") as file, _opened(path, file) as archive:
        config, sealed = _read_config(archive)
        with _described(sealed):
            model = _MODELS[config["class_name"]].from_config(config["config"])
            needed = _needed(model)
        model.metadata = config["metadata"]
        weights = _read_arrays(archive, _WEIGHTS, needed, "model", config)
        _core.set_weights(model._variables(), [weights[name] for name in needed])
        del weights
        if compiled and config["compile"] is not None and _compile(model, config, sealed):
            with _described(sealed):
                state = {name: value.shape for name, value in model.network.optimizer_state().items()}
                kept = _kept_by_optimizer(model)
            needed = state | {name: variable.shape for name, variable in kept.items()}
            slots = _read_arrays(archive, _OPTIMIZER, needed, "optimizer", config)
            _core.set_weights(list(kept.values()), [slots.pop(name) for name in kept])
            model.network.set_optimizer_state(slots, config["training"]["step"])
    if not sealed:
        _tell_of_no_digest(path)
    return model


def _of_keras(path: Path, compiled: bool) -> Model | Sequential:
    from cnnfast.io import keras_file

    with _told_of(path):
        try:
            return keras_file.load_model(path, compiled)
        except (ModelFileError, MemoryError, ImportError, Warning):
            raise
        except Exception as error:  # what readers raise over damaged bytes, they do not list
            kind = foreign.kind_of(path) or foreign.KERAS
            raise ModelFileError(
                f"it is {kind}, and not sound ({type(error).__name__}: {error}); fetch a sound copy"
            ) from error


def _kept_by_optimizer(model: BaseModel) -> dict[str, Variable]:
    """What an optimizer keeps in variables, where its step is traced."""
    if model._compiled is None or not model._compiled.optimizer._is_traced:
        return {}
    return model._compiled.optimizer._kept()


def compile_config(model: BaseModel) -> Config | None:
    """Returns what `compile` was given; None, with a warning, where that is code.

    Args:
        model: The model.
    """
    from cnnfast import losses, optimizers

    compiled = model._compiled
    if compiled is None:
        return None
    try:
        return {
            "optimizer": described(compiled.optimizer, optimizers.get),
            "loss": mapped(lambda each: described(each, losses.get), compiled.loss),
            "metrics": _described_metrics(compiled.metrics),
            "weighted_metrics": _described_metrics(compiled.weighted_metrics),
            "loss_weights": compiled.loss_weights,
        }
    except ValueError as error:
        warn(f"{error}; the model is saved as if it were not compiled: compile it again after loading")
        return None


def _described_metrics(given: Any) -> Any:
    from cnnfast import metrics

    return mapped(lambda each: described(each, metrics.get), given or [])


def _compile(model: BaseModel, config: Config, sealed: bool) -> bool:
    """Compiles a model as it was; or says that code of one's own is missing, and does not."""
    from cnnfast import losses, metrics, optimizers

    given, training = config["compile"], config["training"]
    with _described(sealed):
        try:
            optimizer = optimizers.get(given["optimizer"])
            loss = described_objects(given["loss"], losses.get)
            several = [
                described_objects(given[name], metrics.get) for name in ("metrics", "weighted_metrics")
            ]
        except UnknownNameError as error:
            if not sealed:
                raise
            warn(f"{error}; the model is loaded as if it were not compiled")
            return False
        model.compile(optimizer, loss, given["loss_weights"], *several)
        model._seed, model._epochs = training["seed"], training["epochs"]
        model.network.seed = model._seed
    return True


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path} cannot be used: {error}") from error
    except MemoryError as error:
        raise MemoryError(
            f"there is not enough memory for {path}, which has {path.stat().st_size} bytes ({error})"
        ) from error


@contextmanager
def _described(sealed: bool) -> Iterator[None]:
    """Within it objects are made as a file describes them; whatever they refuse is the file's fault.

    Unless it is sealed: then it says what `save` wrote, and the fault is another version's, or ours.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        advice = "another version of cnnfast may have written it" if sealed else tensors.ADVICE
        raise ModelFileError(f"what it describes cannot be made ({what}); {advice}") from error


def _tell_of_no_digest(path: Path) -> None:
    warn(f"{path} has no SHA-256 of its content, as files that cnnfast saves have: damage would not show")


# -- the zip file ----------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    with _read_by_zipfile(path):
        archive = zipfile.ZipFile(file)
        _check_entries(archive.infolist(), path.stat().st_size)
    with archive:
        yield archive


@contextmanager
def _read_by_zipfile(path: Path | None = None) -> Iterator[None]:
    """Makes whatever the library raises over damaged bytes, which it does not list, one error."""
    try:
        yield
    except (ModelFileError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that is a seek before the beginning
            raise
        kind = foreign.kind_of(path) if path is not None else None
        if kind is not None:
            hint = "; make the model, then model.load_weights(file)" if kind == foreign.WEIGHTS else ""
            raise ModelFileError(f"it is {kind}, not a model that cnnfast saved{hint}") from error
        raise ModelFileError(f"it is not a sound model file ({error}); {tensors.ADVICE}") from error


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [info.filename for info in entries]
    if sorted(names) not in (sorted([_CONFIG, _WEIGHTS]), sorted([_CONFIG, _WEIGHTS, _OPTIMIZER])):
        kind = foreign.kind_of_zip(names) or f"a zip file of {names[:5]}"
        raise ModelFileError(f"it is {kind}, not a cnnfast model; give a file that model.save wrote{_OTHERS}")
    for info in entries:
        stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
        if not stored or info.flag_bits & 1:
            raise ModelFileError(
                f"its part {info.filename} is compressed or encrypted, which save never does"
            )
    if sum(info.file_size for info in entries) > size:
        raise ModelFileError(f"it claims to hold more than its {size} bytes; {tensors.ADVICE}")


def _read_config(archive: zipfile.ZipFile) -> tuple[Config, bool]:
    """Returns the description, and whether the file vouches for it."""
    if archive.getinfo(_CONFIG).file_size > _CONFIG_LIMIT_BYTES:
        raise ModelFileError(
            f"{_CONFIG} is larger than {_CONFIG_LIMIT_BYTES} bytes, more than any model needs"
        )
    with _read_by_zipfile():
        description = archive.read(_CONFIG)
    if archive.comment not in (b"", _seal(description)):
        raise ModelFileError(f"{_CONFIG} is not as it was saved (its SHA-256 differs); {tensors.ADVICE}")
    config = parse_description(description, _FORMAT_VERSION)
    if (config["compile"] is not None) != (_OPTIMIZER in archive.namelist()):
        raise ModelFileError(f"{_OPTIMIZER} and what {_CONFIG} says of training do not go together")
    return config, archive.comment != b"" and set(config["sha256"]) >= set(archive.namelist()) - {_CONFIG}


def _read_arrays(archive: zipfile.ZipFile, part: str, needed: Shapes, owner: str, config: Config) -> Tensors:
    tensors.check_size(archive.getinfo(part).file_size, needed)
    with _read_by_zipfile():
        data = archive.read(part)
    return tensors.read_part(data, needed, owner, config["sha256"].get(part))


# -- weights ---------------------------------------------------------------------------------------------


def save_weights(model: BaseModel, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model's weights as a safetensors file, or as Keras does; see `Model.save_weights`.

    Args:
        model: The model.
        filepath: Where to; ".safetensors" is added to a name without a suffix.
        overwrite: Whether an existing file may be replaced.

    Raises:
        FileExistsError: If the file exists and `overwrite` is False.
        ValueError: If the suffix is that of another format.
        OSError: If it cannot be written; names the file.
    """
    path = target_path(filepath, _WEIGHTS_SUFFIX, overwrite)
    if path.suffix.lower() == ".h5":
        from cnnfast.io import keras_file

        keras_file.save_weights(model, path)
        return
    arrays = dict(zip(_weight_names(model), model.get_weights(), strict=True))
    sha256 = tensors.digest(arrays)
    with written_at_once(path) as file:
        tensors.write(file, arrays, sha256)


def load_weights(model: BaseModel, filepath: str | os.PathLike[str]) -> None:
    """Sets a model's weights from a file of weights, or of a model; see `Model.load_weights`.

    Args:
        model: The model.
        filepath: The file; ".safetensors", or ".cnnfast", is added where there is none of this name.

    Raises:
        FileNotFoundError: If there is no such file.
        ModelFileError: If it is damaged, or made by another model; the model is then unchanged.
        MemoryError: If there is not enough memory for it.
    """
    path, needed = source_path(filepath, _WEIGHTS_SUFFIX, _MODEL_SUFFIX), _needed(model)
    with _told_of(path):
        if foreign.is_zip(path):
            with path.open("rb") as file, _opened(path, file) as archive:
                config, sure = _read_config(archive)
                weights = _read_arrays(archive, _WEIGHTS, needed, "model", config)
        elif (kind := foreign.kind_of(path)) == foreign.HDF5:
            from cnnfast import io

            io.load_weights(model, path)
            return
        elif kind not in (None, foreign.WEIGHTS):
            raise ModelFileError(f"it is {kind}, not a file of weights that cnnfast saved{_OTHERS}")
        else:
            weights, sure = tensors.read_file(path, needed, "model")
    if not sure:
        _tell_of_no_digest(path)
    _core.set_weights(model._variables(), [weights[name] for name in needed])


def _needed(model: BaseModel) -> dict[str, tuple[int, ...]]:
    return dict(zip(_weight_names(model), (v.shape for v in model._variables()), strict=True))


def _weight_names(model: BaseModel) -> list[str]:
    """Names by place and kind, such as "0_conv2d/kernel": the same for every model of the same structure."""
    if not model.built:
        model.blueprint  # noqa: B018  # says what is missing
    owners = [layer for layer in model._leaves() if layer._weights]
    return [
        f"{place}_{snake_case(type(layer).__name__)}/{variable.name.split('/', 1)[-1]}"
        for place, layer in enumerate(owners)
        for variable in layer._weights
    ]
