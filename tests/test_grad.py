"""`ops.grad` and `model.gradients`: against slopes of float64 functions, and Grad-CAM written out."""

from typing import Any

import numpy as np
import pytest
from support.numerical import EPS, numerical_gradient

import cnnfast
from cnnfast import Input, Model, layers, ops
from cnnfast.utils.nest import leaves

RNG = np.random.default_rng(3)


def _close(got: Any, ref: Any, terms: float = 200) -> None:
    np.testing.assert_allclose(got, ref, rtol=0, atol=terms * EPS * max(1.0, float(np.abs(ref).max())))


FUNCTIONS: dict[str, tuple[Any, Any, list[tuple[int, ...]]]] = {
    "scalar": (lambda x: ops.sum(ops.tanh(x) * x), lambda x: (np.tanh(x) * x).sum(), [(3, 5)]),
    "array": (lambda x: ops.exp(x), lambda x: np.exp(x).sum(), [(4,)]),
    "number": (lambda x: x * x * x, lambda x: (x**3).sum(), [()]),
    "matrices": (
        lambda x, w, b: ops.mean(ops.square(x @ w + b)),
        lambda x, w, b: ((x @ w + b) ** 2).mean(),
        [(6, 3), (3, 2), (2,)],
    ),
    "axis 0": (
        lambda x: ops.sum(ops.transpose(x)[1] * ops.flip(x[:, 0])),
        lambda x: (x.T[1] * x[::-1, 0]).sum(),
        [(4, 2)],
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_arrays(name: str) -> None:
    func, reference, shapes = FUNCTIONS[name]
    args = [RNG.normal(size=shape) for shape in shapes]
    got = ops.grad(func, tuple(range(len(args))))(*args)
    for each, array in zip(got, args, strict=True):
        assert (each.dtype, each.shape) == (np.float32, array.shape)
        _close(each, numerical_gradient(lambda: float(reference(*args)), array), 1e3)
    _close(ops.grad(func, -1)(*args), got[-1])


def test_a_given_gradient() -> None:
    x, given = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
    _close(ops.grad(ops.square)(x, grad_out=given), 2 * x * given)
    with pytest.raises(ValueError, match="grad_out must have the output's shape"):
        ops.grad(ops.square)(x, grad_out=given[:1])


def test_layers_and_models_act_on_batches() -> None:
    dense = layers.Dense(2, activation="sigmoid")
    model = cnnfast.Sequential([Input((3,)), dense])
    x, y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))

    def loss(w: Any) -> Any:
        return ((1 / (1 + np.exp(-x @ w)) - y) ** 2).sum()

    kernel = dense.kernel.numpy().astype(np.float64)
    by_x = numerical_gradient(lambda: float(loss(kernel)), x)
    for each in (model, dense):
        error = ops.grad(lambda x, y, each=each: ops.sum(ops.square(each(x) - y)))
        _close(error(x, y), by_x, 1e3)
    dense.set_weights([2 * kernel, np.zeros(2)])  # read anew
    kernel *= 2
    _close(error(x, y), numerical_gradient(lambda: float(loss(kernel)), x), 1e3)


def test_refused() -> None:
    gradient = ops.grad(lambda x: x, 1)
    with pytest.raises(ValueError, match="argnums names argument 1; the function was given 1"):
        gradient(np.ones(2))
    with pytest.raises(ValueError, match="needs arrays with numbers"):
        ops.grad(lambda x: x)(np.ones((0, 2)))
    with pytest.raises(ValueError, match="takes arrays"):
        ops.grad(lambda x: x)(Input((2,)))


def _convolved(x: Any, kernel: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))
    return np.einsum("nhwcij,ijcf->nhwf", windows, kernel)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_grad_cam(data_format: Any, nested: bool) -> None:
    first = data_format == "channels_first"
    turn = (lambda a: np.moveaxis(a, -1, 1)) if first else (lambda a: a)
    back = (lambda a: np.moveaxis(a, 1, -1)) if first else (lambda a: a)
    shape = (2, 9, 9) if first else (9, 9, 2)
    maps = layers.Conv2D(
        5, 3, activation="relu", name=f"maps_{data_format}_{nested}", data_format=data_format
    )
    trunk: list[Any] = [Input(shape), maps]
    head = [layers.Conv2D(4, 3, activation="tanh", data_format=data_format)]
    head += [layers.GlobalAveragePooling2D(data_format=data_format), layers.Dense(3)]
    model = cnnfast.Sequential([cnnfast.Sequential(trunk), *head] if nested else [*trunk, *head])
    x, classes = RNG.normal(size=(3, 9, 9, 2)), np.array([2, 0, 1])

    kernels = [each.numpy().astype(np.float64) for each in model.weights if each.name.endswith("kernel")]
    features = np.maximum(_convolved(x, kernels[0]), 0)

    def scores() -> Any:
        return np.tanh(_convolved(features, kernels[1])).mean((1, 2)) @ kernels[2]

    def score() -> float:
        return float(scores()[np.arange(3), classes].sum())

    ref = numerical_gradient(score, features)
    got = back(model.gradients(turn(x), output=classes, wrt=maps.name))
    _close(got, ref, 1e3)
    picked = model.gradients(turn(x), wrt=maps, output=lambda out: ops.sum(out * np.eye(3)[classes][:1], -1))
    one = numerical_gradient(lambda: float(scores()[:, 2].sum()), features)
    _close(back(picked), one, 1e3)
    _close(back(model.gradients(turn(x), output=-1, wrt=maps.output)), one, 1e3)

    cam = np.maximum((got.mean((1, 2), keepdims=True) * features).sum(-1), 0)
    _close(cam, np.maximum((ref.mean((1, 2), keepdims=True) * features).sum(-1), 0), 1e3)


def test_saliency_and_threads() -> None:
    model = cnnfast.Sequential([Input((20, 20, 3)), layers.Conv2D(32, 3, activation="tanh")])
    model.add(layers.Flatten())
    model.add(layers.Dense(4, activation="softmax"))
    x = RNG.normal(size=(8, 20, 20, 3)).astype(np.float32)
    made: list[Any] = []
    for threads in (1, 3):
        cnnfast.set_num_threads(threads)
        made.append([model.gradients(x, 1), ops.grad(lambda x: model(x)[:, 1])(x)])
    cnnfast.set_num_threads(1)
    assert np.array_equal(made[0], made[1])
    _close(made[0][0], made[0][1], 50)
    direction = 1e-2 * made[0][0] / np.linalg.norm(made[0][0])
    slope = (model.predict(x + direction) - model.predict(x - direction))[:, 1].sum() / 2
    assert (made[0][0] * direction).sum() == pytest.approx(slope, rel=1e-3)


def test_activation_maximization() -> None:
    cnnfast.set_random_seed(0)  # with some kernels fifty steps come less far
    model = cnnfast.Sequential([Input((6, 6, 1)), layers.Conv2D(3, 3, activation="tanh", name="maximized")])
    x = np.zeros((1, 6, 6, 1), np.float32)
    for _ in range(50):
        x += 0.5 * model.gradients(x, lambda out: ops.mean(out[..., 1]))
    assert model.predict(x)[..., 1].mean() > 0.2


def test_several_inputs_and_outputs() -> None:
    a, b = Input((3,), name="a"), Input((2,), name="b")
    left, right = layers.Dense(4, name="left")(a), layers.Dense(4, name="right")(b)
    total = layers.Add()([left, right])
    model = Model({"a": a, "b": b}, [total * total, layers.Dense(1, name="other")(right)])
    x = {"a": RNG.normal(size=(5, 3)), "b": RNG.normal(size=(5, 2))}
    made = model.gradients(x)
    assert {name: each.shape for name, each in made.items()} == {"a": (5, 3), "b": (5, 2)}
    names = ("left", "right", "other")
    w_left, w_right, w_other = (model.get_layer(each).kernel.numpy() for each in names)
    squares = 2 * (x["a"] @ w_left + x["b"] @ w_right)
    _close(made["a"], squares @ w_left.T)
    _close(made["b"], (squares + w_other.T) @ w_right.T)
    assert np.array_equal(model.gradients(x, wrt="a"), made["a"])
    assert np.array_equal(model.gradients(x, wrt=b), made["b"])
    _close(model.gradients(x, "other", right), np.broadcast_to(w_other.T, (5, 4)))
    _close(model.gradients(x, lambda outs: outs[0] * 3.0, left), 3 * squares)
    assert not model.gradients(x, "other", left).any()


def test_models_with_call_and_sizes_not_known() -> None:
    class Twice(Model):
        def __init__(self) -> None:
            super().__init__()
            self.maps, self.shared = layers.Conv2D(2, 3, name="maps"), layers.ReLU(name="shared")

        def call(self, inputs: Any) -> Any:
            return ops.mean(self.shared(self.shared(self.maps(inputs))), axis=(1, 2))

    model = Twice()
    for size in (5, 8):
        x = RNG.normal(size=(2, size, size, 1)).astype(np.float32)
        got = model.gradients(x, 1, "maps")
        features = np.stack([model.maps(x)])[0]
        ref = np.where(features > 0, 1 / (size - 2) ** 2, 0) * [0, 1]
        _close(got, ref)
    with pytest.raises(ValueError, match="makes 2 tensors"):
        model.gradients(x, 1, "shared")


def test_what_is_not_there() -> None:
    model = cnnfast.Sequential([Input((4,)), layers.Dense(3, name="there")])
    x = np.ones((2, 4), np.float32)
    for given, message in {
        "nowhere": "the outputs are named",
        3: "there are 3 classes",
        1.5: "output must be a class",
    }.items():
        with pytest.raises(ValueError, match=message):
            model.gradients(x, given)
    with pytest.raises(ValueError, match="no layer is named 'nowhere'"):
        model.gradients(x, wrt="nowhere")
    with pytest.raises(ValueError, match="wrt must be"):
        model.gradients(x, wrt=3)
    with pytest.raises(ValueError, match="makes 0 tensors"):
        model.gradients(x, wrt=layers.Dense(3))
    assert [leaf.shape for leaf in leaves(model.gradients(x))] == [(2, 4)]
