"""The oracles themselves, on numbers worked by hand: if these are wrong, no other test means anything."""

import numpy as np
import pytest
from reference.conv import conv, conv_grad
from reference.dense import activation, activation_grad, dense_grad, softmax
from reference.losses import sigmoid_cross_entropy, softmax_cross_entropy, squared_error, top_k_accuracy
from reference.optimizers import SGD, Adam
from reference.philox import philox
from reference.pool import average_pool, average_pool_grad, max_pool, max_pool_grad
from support.numerical import numerical_gradient

GEOMETRIES = [
    {},
    {"strides": 2},
    {"strides": (2, 1), "padding": "same"},
    {"dilation_rate": 2, "padding": ((2, 0), (1, 3))},
    {"strides": 3, "padding": ((0, 1), (2, 1)), "groups": 2},
    {"padding": "same", "data_format": "channels_first"},
]


def _image(rng: np.random.Generator, geometry: dict) -> np.ndarray:
    return rng.normal(size=(2, 4, 7, 6) if geometry.get("data_format") == "channels_first" else (2, 7, 6, 4))


def test_conv_is_cross_correlation() -> None:
    image = np.arange(9.0).reshape(1, 3, 3, 1)
    kernel = np.array([[1.0, 0.0], [0.0, 10.0]]).reshape(2, 2, 1, 1)
    assert conv(image, kernel)[0, ..., 0].tolist() == [[40, 51], [73, 84]]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "out"),
    [
        (7, 3, 1, "valid", 5),
        (7, 3, 2, "valid", 3),
        (7, 3, 3, "valid", 2),
        (7, 3, 1, ((1, 1), (1, 1)), 7),
        (7, 3, 2, "same", 4),
        (6, 2, 1, "same", 6),
    ],
)
def test_conv_output_size(size: int, kernel: int, stride: int, padding: object, out: int) -> None:
    got = conv(np.ones((1, size, size, 1)), np.ones((kernel, kernel, 1, 1)), stride, padding)
    assert got.shape == (1, out, out, 1)


def test_same_padding_puts_the_odd_cell_after() -> None:
    got = conv(
        np.array([1.0, 2, 3, 4]).reshape(1, 1, 4, 1), np.array([1.0, 10]).reshape(1, 2, 1, 1), padding="same"
    )
    assert got.ravel().tolist() == [21, 32, 43, 4]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_conv_grad_is_the_slope(geometry: dict) -> None:
    rng = np.random.default_rng(0)
    x = _image(rng, geometry)
    kernel = rng.normal(size=(3, 2, 4 // geometry.get("groups", 1), 6))
    bias = rng.normal(size=6)
    grad_out = rng.normal(size=conv(x, kernel, **geometry).shape)

    def scalar() -> float:
        return float((conv(x, kernel, bias=bias, **geometry) * grad_out).sum())

    for array, got in zip((x, kernel, bias), conv_grad(x, kernel, grad_out, **geometry), strict=True):
        np.testing.assert_allclose(got, numerical_gradient(scalar, array), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("padding", ["valid", "same", ((1, 0), (0, 1))])
def test_pool_grads_are_the_slopes(padding: object, ceil_mode: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.permutation(2 * 7 * 6 * 3).reshape(2, 7, 6, 3) / 10.0
    for forward, backward in ((max_pool, max_pool_grad), (average_pool, average_pool_grad)):
        arguments = {"pool_size": (3, 2), "strides": 2, "padding": padding, "ceil_mode": ceil_mode}
        grad_out = rng.normal(size=forward(x, **arguments).shape)

        def scalar(forward=forward, arguments=arguments, grad_out=grad_out) -> float:
            return float((forward(x, **arguments) * grad_out).sum())

        slope = numerical_gradient(scalar, x, 1e-4)
        np.testing.assert_allclose(backward(x, grad_out, **arguments), slope, rtol=1e-6, atol=1e-7)


def test_average_pool_counts_existing_cells_or_all() -> None:
    x = np.ones((1, 2, 2, 1))
    around = ((1, 1), (1, 1))
    assert average_pool(x, 3, 1, around).ravel().tolist() == [1, 1, 1, 1]
    assert average_pool(x, 3, 1, around, count_include_pad=True).ravel().tolist() == [4 / 9] * 4


def test_ceil_mode_drops_a_window_that_starts_behind_the_image() -> None:
    assert max_pool(np.ones((1, 3, 3, 1)), 2, ceil_mode=True).shape == (1, 2, 2, 1)
    assert max_pool(np.ones((1, 4, 4, 1)), 1, 3, ceil_mode=True).shape == (1, 2, 2, 1)
    assert max_pool(np.ones((1, 5, 5, 1)), 1, 3, ceil_mode=True).shape == (1, 2, 2, 1)


@pytest.mark.parametrize("kind", ["linear", "relu", "tanh", "sigmoid", "softmax"])
def test_activation_grads_are_the_slopes(kind: str) -> None:
    rng = np.random.default_rng(2)
    z, grad_out = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    slope = numerical_gradient(lambda: float((activation(kind, z) * grad_out).sum()), z)
    np.testing.assert_allclose(activation_grad(kind, z, grad_out), slope, rtol=1e-6, atol=1e-8)


def test_dense_grad() -> None:
    grad_x, grad_kernel, grad_bias = dense_grad(
        np.array([[1, 2]]), np.array([[3, 4], [5, 6]]), np.array([[1, 10]])
    )
    assert grad_x.tolist() == [[43, 65]]
    assert grad_kernel.tolist() == [[1, 10], [2, 20]]
    assert grad_bias.tolist() == [1, 10]


def test_losses_of_one_row() -> None:
    logits, target = np.log([[0.7, 0.2, 0.1]]), np.array([[1.0, 0, 0]])
    np.testing.assert_allclose(softmax(logits), [[0.7, 0.2, 0.1]])
    loss, grad = softmax_cross_entropy(logits, target)
    assert loss == pytest.approx(-np.log(0.7))
    np.testing.assert_allclose(grad, [[-0.3, 0.2, 0.1]])
    loss, grad = sigmoid_cross_entropy(np.array([[0.0, 1000.0]]), np.array([[1.0, 1.0]]))
    assert loss == pytest.approx(np.log(2) / 2)
    np.testing.assert_allclose(grad, [[-0.25, 0]])
    loss, grad = squared_error(np.array([[1.0, 4.0]]), np.array([[2.0, 2.0]]))
    assert loss == 2.5
    assert grad.tolist() == [[-1, 2]]


def test_top_k() -> None:
    assert top_k_accuracy(np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]]), np.array([2, 2]), 2) == 0.5


def test_optimizers_first_steps() -> None:
    w = [np.array([1.0])]
    sgd = SGD(learning_rate=0.1, momentum=0.9)
    sgd.update(w, [np.array([2.0])])
    sgd.update(w, [np.array([2.0])])
    assert w[0][0] == pytest.approx(1 - 0.2 - 0.38)
    w = [np.array([1.0])]
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True).update(w, [np.array([2.0])])
    assert w[0][0] == pytest.approx(1 - 0.9 * 0.2 - 0.2)
    w = [np.array([1.0])]
    Adam(learning_rate=0.1, epsilon=0.0).update(w, [np.array([-7.0])])
    assert w[0][0] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter: tuple[int, int, int, int], key: int, words: tuple[int, ...]) -> None:
    assert philox(counter, key) == words
