"""All known networks, small and with numbers in all of their weights, to be compared in other libraries."""

from typing import Any

import numpy as np
import pytest

from cnnfast import applications

# By name, whether it takes seconds; those run with `--sweep-all`.
NETWORKS = {
    name: name not in ("EfficientNetLite0", "LeNet5", "MobileNetV3Small", "ResNet18", "SqueezeNet", "UNet")
    for name in applications.__all__
    if name[0].isupper()
}


def network(name: str, request: pytest.FixtureRequest) -> Any:
    """One of them."""
    if NETWORKS[name] and not request.config.getoption("sweep_all"):
        pytest.skip("takes its time: --sweep-all")
    side = 96 if name == "InceptionV3" else 64
    options = {} if name == "LeNet5" else {"input_shape": (side, side, 3), "classes": 7}
    model = getattr(applications, name)(weights=None, **options)
    random = np.random.default_rng(3)
    model.set_weights([each + 0.02 * random.normal(size=each.shape) for each in model.get_weights()])
    return model
