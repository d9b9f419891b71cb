"""What MODEL means on the command line: a file of ours or others, a known network, or its weights."""

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from cnnfast import applications
from cnnfast.applications import imagenet_utils
from cnnfast.cli.errors import UserError, load_model
from cnnfast.cli.recorded import Recorded

HELP = (
    "a model of cnnfast, Keras (.keras, .h5) or ONNX (.onnx); a known network, such as mobilenet_v2; or a "
    "file of its weights that is named after it, as torchvision's are"
)
_WORDS = re.compile(r"(?<=[a-z0-9])(?=V\d|B\d|Lite|Small|Large|Tiny)")  # where a name's words begin
_WEIGHTS = (".pth", ".pt", ".npz", ".safetensors", ".weights.h5")


class Found(NamedTuple):
    """A model, and whether its outputs may be logits though nothing says so, as ONNX's are."""

    model: Any
    may_be_logits: bool = False


def find(word: str, weights: str | None = "imagenet", size: int | None = None) -> Found:
    """The model that is meant.

    Args:
        word: A file, or a known network's name.
        weights: Those of a network given by name: "imagenet", a file, or None for random ones.
        size: What sides of its pictures are that it leaves open.

    Raises:
        UserError: There is no such model, or it cannot be used.
        OSError: Weights are nowhere to be had.
    """
    try:
        found = _find(word, weights)
        return found if size is None else found._replace(model=_sized(found.model, size))
    except (ValueError, NotImplementedError) as error:
        raise UserError(str(error)) from error


def _find(word: str, weights: str | None) -> Found:
    path = Path(word)
    if not path.is_file():
        builder = _builder(word, whole=True)
        if builder is not None:
            return Found(_known_network(builder, word, weights))
        if not os.path.dirname(word) and not path.suffix and not path.with_name(f"{word}.cnnfast").is_file():
            raise UserError(
                f"there is no model {word}; cnnfast train makes one, and by name known are {_known()}"
            )
        return Found(load_model(word))
    if weights not in ("imagenet", None):
        raise UserError(
            f"{path} has its own weights: --weights is for networks that are given by their names"
        )
    if path.suffix.lower() == ".onnx":
        from cnnfast import io

        return Found(_of_imagenet(io.load_onnx(path)), may_be_logits=True)
    if not holds_weights(path):
        return Found(_of_imagenet(load_model(word)))
    builder = _builder(path.name, whole=False)
    if builder is None:
        raise UserError(
            f"{path} holds weights, and its name does not tell of which network; cnnfast predict NETWORK "
            f"PICTURE --weights {path} takes one of {_known()}"
        )
    return Found(builder(weights=path))


def _known_network(builder: Any, word: str, weights: str | None) -> Any:
    from cnnfast.applications._assembling import NoWeightsError

    try:
        return builder(weights=weights)
    except NoWeightsError as error:
        raise UserError(f"{word} has no weights that can be fetched; give a file: --weights FILE") from error


def _sized(model: Any, size: int) -> Any:
    """A model for pictures of this size."""
    shape = model.input_shape
    if not isinstance(shape, tuple) or None not in shape[1:]:
        raise UserError(f"the model takes inputs of shape {shape}; leave --size out")
    from cnnfast import Input, Model

    inputs = Input([size if side is None else side for side in shape[1:]])
    sized = Model(inputs, model(inputs), name=model.name)
    sized.metadata = model.metadata
    return sized


def holds_weights(path: Path) -> bool:
    """Whether a file is one of weights alone, by its name.

    Example:
        >>> holds_weights(Path("net.weights.h5")), holds_weights(Path("net.h5"))
        (True, False)
    """
    return path.name.lower().endswith(_WEIGHTS)


def _known() -> str:
    """The networks' names as modules are called: resnext50, mobilenet_v3_large."""
    return ", ".join(sorted(_WORDS.sub("_", name).lower() for name in _networks()))


def _networks() -> list[str]:
    return [name for name in applications.__all__ if name[0].isupper()]


def _builder(word: str, whole: bool) -> Any:
    """The known network of this name, or whose name a file's begins with; mobilenet_v2 is MobileNetV2."""
    plain = os.path.basename(word).lower().replace("_", "").replace("-", "")
    for name in sorted(_networks(), key=len, reverse=True):
        if plain == name.lower() or (not whole and plain.startswith(name.lower())):
            return getattr(applications, name)
    return None


def _of_imagenet(model: Any) -> Any:
    """Of a model that tells as many classes as ImageNet has, and not which, they are taken for those."""
    shape, recorded = model.output_shape, Recorded.of(model)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] == len(imagenet_utils.classes()):
        names = recorded.class_names or imagenet_utils.class_names()
        Recorded(names, recorded.preparation or "imagenet").write(model)
    return model
