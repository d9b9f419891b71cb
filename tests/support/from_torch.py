"""PyTorch's modules beside the models that `from_torch` makes of them."""

from typing import Any

import numpy as np
import pytest

from cnnfast import from_torch, ops, optimizers, to_torch_state_dict
from cnnfast.utils.nest import leaves

torch = pytest.importorskip("torch", reason="PyTorch is an extra of the development environment")
from torch import nn  # noqa: E402

TOLERANCE = 1e-4  # of the largest number


def close(got: Any, expected: Any, what: str = "", scale: float = 0.0) -> None:
    """Within a share of the largest number; of `scale`, where all are what rounding left of a zero."""
    expected = np.asarray(expected.detach() if hasattr(expected, "detach") else expected)
    scale = max(float(np.abs(expected).max(initial=0.0)), scale)
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * scale, err_msg=what)


def settled(module: nn.Module) -> nn.Module:
    """With weights and statistics that are not those at the start."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, each in module.state_dict().items():
            if each.is_floating_point():
                noise = torch.randn(each.shape, generator=generator) * 0.3
                each.copy_(noise.abs() + 0.5 if "running_var" in name else each + noise)
    return module


def samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def check(module: nn.Module, *shapes: tuple[int, ...], train: bool = True, x: Any = None) -> Any:
    """Outputs, gradients by inputs, and, after one step on squares, each weight; returns the model.

    Args:
        module: The module, which gets other weights.
        shapes: Of samples.
        train: Whether a step is taken.
        x: Samples; None makes some.
    """
    settled(module)
    model = from_torch(module, shapes[0] if len(shapes) == 1 else list(shapes))
    arrays = [samples(4, *shape) for shape in shapes] if x is None else [x]
    tensors = [torch.from_numpy(each) for each in arrays]
    given = arrays[0] if len(arrays) == 1 else arrays
    module.eval()
    with torch.no_grad():
        expected = module(*tensors)
    close(model.predict(given, verbose=0), expected)
    state = to_torch_state_dict(model, module)
    assert list(state) == list(module.state_dict())
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(state[name], value, err_msg=name)
    module.load_state_dict(state)
    if x is None:
        _check_slopes(module, model, given, tensors)
    if train:
        _check_step(module, model, given, tensors, expected)
    return model


def _check_slopes(module: nn.Module, model: Any, given: Any, tensors: Any) -> None:
    inputs = [each.clone().requires_grad_() for each in tensors]
    made = module(*inputs)
    along = samples(*made.shape[1:])
    expected = torch.autograd.grad((made * torch.from_numpy(along)).sum(), inputs)
    slopes = model.gradients(given, output=lambda made: ops.sum(made * along))
    for got, wanted in zip(leaves(slopes), expected, strict=True):
        close(got, wanted, "by an input", 1e-2)


def _check_step(module: nn.Module, model: Any, given: Any, tensors: Any, like: Any) -> None:
    module.train()
    inputs = [each.clone().requires_grad_(each.is_floating_point()) for each in tensors]
    made = module(*inputs)
    targets = torch.from_numpy(samples(*like.shape))
    ((made - targets) ** 2).mean().backward()
    module.eval()
    model.compile(optimizers.SGD(1.0), "mse")
    model.train_on_batch(given, targets.numpy())
    state = to_torch_state_dict(model, module)
    for name, parameter in module.named_parameters():
        step = np.asarray(parameter.detach()) - np.asarray(state[name])
        close(step, parameter.grad if parameter.grad is not None else torch.zeros_like(parameter), name, 1e-2)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            close(state[name], buffer, name)
