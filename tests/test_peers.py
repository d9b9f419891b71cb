"""The oracles against PyTorch in float64, where PyTorch is installed."""

import itertools

import numpy as np
import pytest
from reference.conv import conv, conv_grad, conv_transpose, conv_transpose_grad
from reference.losses import sigmoid_cross_entropy, softmax_cross_entropy
from reference.optimizers import SGD, Adam
from reference.pool import average_pool, average_pool_grad, max_pool, max_pool_grad

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="compares the oracles with PyTorch: pip install torch")

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def _tensor(x: np.ndarray) -> "torch.Tensor":
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("rank", "stride", "dilation", "groups", "border"),
    list(itertools.product((1, 2, 3), (1, 2), (1, 2), (1, 2), (0, 1))),
)
def test_conv(rank: int, stride: int, dilation: int, groups: int, border: int, transposed: bool) -> None:
    rng = np.random.default_rng(3)
    x, bias = rng.normal(size=(2, 4, *(6, 7, 5)[:rank])), rng.normal(size=6)
    channels = (6 // groups, 4) if transposed else (4 // groups, 6)
    kernel = rng.normal(size=(*(3, 2, 3)[:rank], *channels))
    to_torch = (rank + 1, rank, *range(rank))  # the last two axes come first, swapped
    inputs = [_tensor(x), _tensor(np.transpose(kernel, to_torch)), _tensor(bias)]
    geometry = {
        "strides": stride,
        "padding": ((border, border),) * rank,
        "data_format": "channels_first",
        "dilation_rate": dilation,
        "groups": groups,
    }
    name = f"conv{'_transpose' * transposed}{rank}d"
    if transposed:
        more = max(stride, dilation) - 1
        geometry["output_padding"] = more
        out = getattr(torch.nn.functional, name)(*inputs, stride, border, more, groups, dilation)
    else:
        out = getattr(torch.nn.functional, name)(*inputs, stride, border, dilation, groups)
    forward, backward = (conv_transpose, conv_transpose_grad) if transposed else (conv, conv_grad)
    np.testing.assert_allclose(forward(x, kernel, bias=bias, **geometry), out.detach().numpy(), **CLOSE)
    grad_out = rng.normal(size=out.shape)
    out.backward(torch.tensor(grad_out))
    grad_x, grad_kernel, grad_bias = backward(x, kernel, grad_out, **geometry)
    np.testing.assert_allclose(grad_x, inputs[0].grad.numpy(), **CLOSE)
    np.testing.assert_allclose(np.transpose(grad_kernel, to_torch), inputs[1].grad.numpy(), **CLOSE)
    np.testing.assert_allclose(grad_bias, inputs[2].grad.numpy(), **CLOSE)


@pytest.mark.parametrize(
    ("pool", "stride", "border", "ceil_mode"),
    list(itertools.product((2, 3), (1, 2, 3), (0, 1), (False, True))),
)
def test_pools(pool: int, stride: int, border: int, ceil_mode: bool) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 3, 8, 7))
    common = {
        "pool_size": pool,
        "strides": stride,
        "padding": ((border, border),) * 2,
        "data_format": "channels_first",
        "ceil_mode": ceil_mode,
    }
    functional = torch.nn.functional
    image = _tensor(x)
    out = functional.max_pool2d(image, pool, stride, border, ceil_mode=ceil_mode)
    np.testing.assert_allclose(max_pool(x, **common), out.detach().numpy(), **CLOSE)
    grad_out = rng.normal(size=out.shape)
    out.backward(torch.tensor(grad_out))
    np.testing.assert_allclose(max_pool_grad(x, grad_out, **common), image.grad.numpy(), **CLOSE)
    image = _tensor(x)
    out = functional.avg_pool2d(image, pool, stride, border, ceil_mode, count_include_pad=False)
    np.testing.assert_allclose(average_pool(x, **common), out.detach().numpy(), **CLOSE)
    out.backward(torch.tensor(grad_out))
    np.testing.assert_allclose(average_pool_grad(x, grad_out, **common), image.grad.numpy(), **CLOSE)


def test_losses() -> None:
    rng = np.random.default_rng(5)
    z, labels = rng.normal(size=(6, 4)) * 3, rng.integers(0, 4, 6)
    logits = _tensor(z)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()
    got, grad = softmax_cross_entropy(z, np.eye(4)[labels])
    assert got == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(grad, logits.grad.numpy(), **CLOSE)
    logits, targets = _tensor(z), rng.uniform(size=z.shape)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(targets))
    loss.backward()
    got, grad = sigmoid_cross_entropy(z, targets)
    assert got == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(grad, logits.grad.numpy(), **CLOSE)


def test_optimizers() -> None:
    rng = np.random.default_rng(6)
    start, grads = rng.normal(size=5), rng.normal(size=(8, 5))
    makers = [
        (SGD(0.1, 0.9), lambda p: torch.optim.SGD(p, 0.1, 0.9), 1e-12),
        (SGD(0.1, 0.9, True), lambda p: torch.optim.SGD(p, 0.1, 0.9, nesterov=True), 1e-12),
        # PyTorch adds epsilon after the bias correction and Keras before it, so only an epsilon of 0 agrees.
        (Adam(0.1, epsilon=0.0), lambda p: torch.optim.Adam(p, 0.1, eps=0.0), 1e-9),
    ]
    for ours, make, tolerance in makers:
        weights, theirs = [start.copy()], _tensor(start)
        optimizer = make([theirs])
        for grad in grads:
            ours.update(weights, [grad])
            theirs.grad = torch.tensor(grad)
            optimizer.step()
        np.testing.assert_allclose(weights[0], theirs.detach().numpy(), rtol=tolerance)
