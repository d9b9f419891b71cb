"""Weights of a model as PyTorch has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.io.layouts import flattened_pictures, torch_layout
from cnnfast.io.matching import torch_role
from cnnfast.layers import BatchNormalization, LayerScale, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from cnnfast.layers.layer import Layer
    from cnnfast.layers.variable import Variable
    from cnnfast.models.base import BaseModel


def to_torch_state_dict(model: BaseModel, module: nn.Module | None = None) -> dict[str, Any]:
    """Returns a model's weights as tensors of PyTorch, by the names and in the layouts that it gives them.

    A layer "layer1.0.conv1" has "layer1.0.conv1.weight", (out, in, height, width). What `from_torch` made
    fits the module that it was made of, as known networks do torchvision's.

    Args:
        model: The model; it must know its input's shape.
        module: The module that the weights are for. What it has and the model has not, such as buffers, or
            heads that only its training uses, is taken from it, so that `load_state_dict` finds all.

    Returns:
        Tensors by name, for `module.load_state_dict`; copies. Without a module the batches that
        normalizations count are 0.

    Raises:
        ValueError: If the model does not know its input's shape, or two layers have one name.
        ImportError: If torch is not installed.

    Example:
        Into the module, after training::

            net.load_state_dict(cnnfast.to_torch_state_dict(model, net))
    """
    from cnnfast.io.torch_model import _need_torch

    _need_torch("to_torch_state_dict")
    import torch

    model.blueprint  # noqa: B018  # says what is missing
    pictures = flattened_pictures(model)
    state: dict[str, Any] = {}
    for layer in model._leaves():
        for variable in layer._weights:
            key = torch_name(layer, variable)
            if key in state:
                raise ValueError(f"two weights would be called {key!r}; give layers other names")
            layout = torch_layout(layer, variable.shape, pictures.get(id(layer)))
            state[key] = torch.from_numpy(_stored(variable.numpy(), layout))
        if isinstance(layer, BatchNormalization):
            state[f"{layer.name}.num_batches_tracked"] = torch.tensor(0)
    if module is None:
        return state
    held: dict[str, Any] = module.state_dict()  # with the versions that some modules look for
    for name, value in held.items():
        known = not name.endswith("num_batches_tracked") and name in state
        held[name] = state[name] if known else value.clone()
    return held


def torch_name(layer: Layer, variable: Variable) -> str:
    """Returns what PyTorch calls a weight of a layer.

    Example:
        >>> layer = LayerScale(name="stages.0.gamma")
        >>> layer.build((None, 3))
        >>> torch_name(layer, layer.gamma)
        'stages.0.gamma'
    """
    if isinstance(layer, (LayerScale, Parameter)):
        return layer.name
    return f"{layer.name}.{torch_role(variable)}"


def _stored(weight: NDArray[np.float32], layout: Any) -> NDArray[np.float32]:
    """The array that the layout makes this weight of: each number goes where the layout takes it from."""
    places = layout.place(np.arange(weight.size).reshape(layout.shape))
    made = np.empty(weight.size, np.float32)
    made[places.reshape(-1)] = weight.reshape(-1)
    return made.reshape(layout.shape)
