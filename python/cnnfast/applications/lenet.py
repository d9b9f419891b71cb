"""LeNet-5, the network that read digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import layers
from cnnfast.applications._assembling import Network, assembled, classifier

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.applications._assembling import Options, Weights
    from cnnfast.models import Model


def LeNet5(weights: Weights = None, include_top: bool = True, **options: Unpack[Options]) -> Model:  # noqa: N802
    """LeNet-5 with tanh and dense connections between its maps, for 28 x 28 x 1 images of 10 classes.

    Args:
        weights: None for random ones, or a file.
        include_top: Whether it ends with its dense layers.
        options: What all networks take, `classes` being 10; see `cnnfast.applications`.

    Raises:
        ValueError: If an argument does not suit.

    Source:
        Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
        Proceedings of the IEEE 86(11), 1998.

    Example:
        >>> LeNet5().count_params()
        61706
    """
    network = Network("lenet5", None, _features, _head, size=28, channels=1, least=12)
    options.setdefault("classes", 10)
    return assembled(network, weights, include_top, **options)


def _features(x: Any) -> Any:
    x = layers.Conv2D(6, 5, padding=2, activation="tanh", name="conv1")(x)
    x = layers.AveragePooling2D(2, name="pool1")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="conv2")(x)
    return layers.AveragePooling2D(2, name="pool2")(x)


def _head(x: Any, classes: int, activation: Any) -> Any:
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation="tanh", name="fc1")(x)
    x = layers.Dense(84, activation="tanh", name="fc2")(x)
    return classifier(x, classes, activation, "fc3")
