"""cnnfast: a compiled engine for convolutional networks with a Keras-shaped face.

Python describes a network; the core, written in C++, plans it once and then runs whole steps of it.

Example:
    >>> import numpy as np
    >>> from cnnfast import Sequential
    >>> from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
    >>> model = Sequential([
    ...     Conv2D(30, (5, 5), activation="relu", input_shape=(28, 28, 1)),
    ...     MaxPooling2D((2, 2)),
    ...     Flatten(),
    ...     Dense(10, activation="softmax"),
    ... ])
    >>> model.predict(np.zeros((2, 28, 28, 1), np.float32), verbose=0).shape
    (2, 10)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cnnfast import (
    _core,
    callbacks,
    config,
    constraints,
    initializers,
    layers,
    models,
    regularizers,
    tuning,
    utils,
)
from cnnfast.config import (
    devices,
    get_device,
    get_num_threads,
    get_precision,
    image_data_format,
    set_device,
    set_image_data_format,
    set_num_threads,
    set_precision,
    set_random_seed,
    show_config,
)
from cnnfast.initializers import Initializer
from cnnfast.layers import Input, Layer
from cnnfast.models import Model, Sequential
from cnnfast.regularizers import Regularizer
from cnnfast.tuning import tune

if TYPE_CHECKING:
    from cnnfast import (
        activations,
        applications,
        backend,
        cli,
        datasets,
        io,
        losses,
        metrics,
        ops,
        optimizers,
        preprocessing,
        random,
        saving,
        schedules,
        viz,
    )
    from cnnfast.io import from_torch, to_torch_state_dict
    from cnnfast.layers import InputSpec, Operation
    from cnnfast.layers.symbolic import SymbolicTensor as KerasTensor
    from cnnfast.layers.variable import Variable
    from cnnfast.losses import Loss
    from cnnfast.metrics import Metric
    from cnnfast.optimizers import Optimizer

__version__ = _core.build_info()["version"]

# Imported when first used: they bring what a plain training does not need.
_LAZY = (
    "activations",
    "applications",
    "backend",
    "cli",
    "datasets",
    "io",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "saving",
    "schedules",
    "viz",
)
_LAZY_NAMES = {
    "InputSpec": "layers",
    "KerasTensor": "layers.symbolic",
    "Loss": "losses",
    "Metric": "metrics",
    "Operation": "layers",
    "Optimizer": "optimizers",
    "Variable": "layers.variable",
    "from_torch": "io",
    "to_torch_state_dict": "io",
}

__all__ = [
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "cli",
    "config",
    "constraints",
    "datasets",
    "devices",
    "from_torch",
    "get_device",
    "get_num_threads",
    "get_precision",
    "image_data_format",
    "initializers",
    "io",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "schedules",
    "set_device",
    "set_image_data_format",
    "set_num_threads",
    "set_precision",
    "set_random_seed",
    "show_config",
    "to_torch_state_dict",
    "tune",
    "tuning",
    "utils",
    "version",
    "viz",
]


def version() -> str:
    """Returns the version.

    Example:
        >>> version() == __version__
        True
    """
    return __version__


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"cnnfast.{name}")
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(f"cnnfast.{_LAZY_NAMES[name]}"), name)
    from cnnfast.utils.missing import missing

    raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
