"""From a network's features and head to a model: arguments that all have in common, and weights."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from cnnfast import layers
from cnnfast.applications._parts import channel_axis
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models import Model
from cnnfast.utils.arguments import one_of, open_shape, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

Weights = str | PathLike[str] | None


class NoWeightsError(ValueError):
    """Nobody has published weights of the network."""


class Options(TypedDict, total=False):
    """Arguments that every network takes by keyword.

    Attributes:
        input_shape: Shape of an image, by `cnnfast.image_data_format()`; sides may be None without the head.
            None is the network's own: 224 x 224 x 3 of most, and without the head any size.
        input_tensor: What `Input` returned, for the model to begin with; it tells the shape.
        pooling: Without the head: "avg" or "max" ends in one number a channel, None in the maps.
        classes: How many the head tells apart.
        classifier_activation: What the head ends with: "softmax", or None for logits.
        name: The model's name.
    """

    input_shape: Sequence[int | None] | None
    input_tensor: SymbolicTensor | None
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str


_OPTIONS = tuple(Options.__annotations__)


class Network(NamedTuple):
    """What makes one network.

    Attributes:
        name: Its name.
        file: torchvision's file of its weights for ImageNet; None where there is none.
        features: Makes the last maps of an image.
        head: Makes the classes' numbers of these, given how many, and the last activation.
        size: Height and width of the images that it was made for; None for any.
        channels: Their channels.
        least: The smallest side that leaves it a pixel in the end.
        preparation: How its weights take pictures, as `cnnfast predict` calls it.
        renames: What arrays of torchvision's file are called here, where they have old names.
    """

    name: str
    file: str | None
    features: Callable[[Any], Any]
    head: Callable[[Any, int, Any], Any]
    size: int | None = 224
    channels: int = 3
    least: int = 32
    preparation: str = "imagenet"
    renames: Callable[[str], str] | None = None


def assembled(
    network: Network,
    weights: Weights,
    include_top: bool,
    input_shape: Sequence[int | None] | None = None,
    input_tensor: SymbolicTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    **others: Any,
) -> Model:
    """Returns the model.

    Args:
        network: What it is made of.
        weights: None for random ones, "imagenet", or a file.
        include_top: Whether it ends with its head, which tells classes.
        input_shape: See `Options`, as all that follow.
        input_tensor: See there.
        pooling: See there.
        classes: See there.
        classifier_activation: See there.
        name: See there.
        others: Nothing that networks take.

    Raises:
        TypeError: If there are others.
        ValueError: If an argument does not suit, or the file is another network's.
        FileNotFoundError: If there are no such weights.

    Example:
        >>> from cnnfast.applications.squeezenet import SqueezeNet
        >>> SqueezeNet(classes=5).output_shape
        (None, 5)
    """
    for other in others:
        raise TypeError(
            f"{network.name} takes no {other}; beside weights and include_top: {', '.join(_OPTIONS)}"
        )
    if pooling is not None:
        one_of(pooling, "pooling", ("avg", "max"))
    _check_weights(network, weights, classes if include_top else 1000)
    image = _image(network, input_shape, input_tensor, include_top)
    x = network.features(image)
    if include_top:
        x = network.head(x, whole_number(classes, "classes", 1), classifier_activation)
    elif pooling is not None:
        kind = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
        x = kind(name=f"{pooling}_pool")(x)
    model = Model(image, x, name or network.name)
    if weights is not None:
        from cnnfast.applications import _weights

        _weights.load(model, network, weights, include_top)
    return model


def classifier(x: Any, classes: int, activation: Any, name: str) -> Any:
    """The last dense layer."""
    return layers.Dense(classes, activation=activation, name=name)(x)


def _check_weights(network: Network, weights: Any, classes: int) -> None:
    if weights is None:
        return
    if not isinstance(weights, (str, PathLike)):
        raise ValueError(
            f'weights must be None, "imagenet" or a file, got {weights!r}; give the others by their names, '
            "as in include_top=False"
        )
    if weights == "imagenet" and network.file is None:
        raise NoWeightsError(
            f"there are no weights for {network.name} that learnt ImageNet; give weights=None or a file"
        )
    if weights == "imagenet" and classes != 1000:
        raise ValueError(
            f'weights="imagenet" tell 1000 classes, not {classes}; take include_top=False and a Dense layer'
        )


def _image(network: Network, shape: Any, given: SymbolicTensor | None, include_top: bool) -> SymbolicTensor:
    if given is None:
        return layers.Input(_shape(network, shape, include_top), name="input")
    if not isinstance(given, SymbolicTensor) or not isinstance(given.layer, layers.InputLayer):
        raise ValueError(
            f"input_tensor must be what Input returned, got {type(given).__name__}; call the model "
            "on arrays and what layers make"
        )
    _shape(network, given.shape[1:], include_top)
    return given


def _shape(network: Network, given: Any, include_top: bool) -> tuple[int | None, ...]:
    first = channel_axis() == 1
    side = network.size if include_top else None
    own = (network.channels, side, side) if first else (side, side, network.channels)
    shape = own if given is None else open_shape(given, "input_shape")
    if len(shape) != 3:
        raise ValueError(f"input_shape must be an image's, such as {own}, got {given!r}")
    sides = shape[1:] if first else shape[:2]
    if any(each is not None and each < network.least for each in sides):
        raise ValueError(
            f"{network.name} needs images of at least {network.least} x {network.least}, got "
            f"input_shape={given!r}, {'channels' if first else 'height and width'} first"
        )
    return shape
