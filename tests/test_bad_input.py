"""Bad input: a clear error that says what to change, and a model whose every bit is as before."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.models import images, same_bits, small_model
from support.nets import get_weights, refusal, sgd, small_cnn

import cnnfast
from cnnfast import _core, layers, ops

X, Y = images(12)


def _changed(x: np.ndarray, at: Any, value: float) -> np.ndarray:
    x = np.array(x, np.float64)
    x[at] = value
    return x


class _Tracked:
    """As a tensor of PyTorch that tracks gradients: it refuses to be an array."""

    requires_grad = True

    def __init__(self, x: np.ndarray) -> None:
        self.shape = x.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


# what is wrong: (x, y, the error, words of its message)
TRAINING: dict[str, Any] = {
    "no batch axis": (X[0], Y[:1], ValueError, "x", "(10, 9, 2)"),
    "no channel axis": (X[..., 0], Y, ValueError, "x", "10, 9, 2)"),
    "too many axes": (X[None], Y, ValueError, "x", "10, 9, 2)"),
    "wrong channels": (X[..., :1], Y, ValueError, "(12, 10, 9, 1)", "10, 9, 2)"),
    "channels first": (np.moveaxis(X, -1, 1), Y, ValueError, "moveaxis"),
    "wrong height": (X[:, :9], Y, ValueError, "(12, 9, 9, 2)"),
    "empty": (X[:0], Y[:0], ValueError, "at least one sample"),
    "complex": (X.astype(np.complex64), Y, ValueError, "complex64", "real"),
    "object": (X.astype(object), Y, ValueError, "object"),
    "dates": (X.astype("M8[s]"), Y, ValueError, "datetime64"),
    "structures": (X.astype([("a", "f4")]), Y, ValueError, "real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], Y[:2], ValueError, "array"),
    "text": (np.array(["a", "b"]), Y[:2], ValueError, "x"),
    "nothing": (None, Y, ValueError, "x"),
    "symbolic": (cnnfast.Input((10, 9, 2)), Y, ValueError, "only stands for", "Model(inputs, outputs)"),
    "gradients": (_Tracked(X), Y, ValueError, "gradients", "detach"),
    "fewer labels": (X, Y[:-1], ValueError, "12", "11"),
    "label too large": (X, _changed(Y, 3, 4), ValueError, "0 ... 3"),
    "label far too large": (X, _changed(Y, 3, 2.0**40), ValueError, "0 ... 3"),
    "label negative": (X, _changed(Y, 3, -1), ValueError, "0 ... 3"),
    "label NaN": (X, _changed(Y, 3, np.nan), ValueError, "NaN"),
    "label infinite": (X, _changed(Y, 3, np.inf), ValueError, "y"),
    "label between": (X, _changed(Y, 3, 0.5), ValueError, "whole"),
    "one-hot for sparse": (X, np.eye(4)[Y], ValueError, "categorical_crossentropy"),
    "text labels": (X, np.array(["cat"] * 12), ValueError, "y"),
    "object labels": (X, Y.astype(object), ValueError, "y"),
    "symbolic labels": (X, cnnfast.Input((12,)), ValueError, "y", "only stands for"),
    "label beyond 32 bits": (X, _changed(Y, 3, 0).astype(np.uint64) + 2**32, ValueError, "0 ... 3"),
    "one number": (X, 3, ValueError, "label"),
}
INFERENCE = [what for what in TRAINING if not any(word in what for word in ("label", "one-hot", "number"))]


@pytest.mark.parametrize("what", TRAINING)
@pytest.mark.parametrize("method", ["fit", "train_on_batch", "evaluate", "test_on_batch"])
def test_refused_and_unchanged(what: str, method: str) -> None:
    x, y, error, *words = TRAINING[what]
    model = small_model()
    model.train_on_batch(X, Y)
    before, iterations = model.get_weights(), model.optimizer.iterations
    with pytest.raises(error) as info:
        getattr(model, method)(x, y)
    refusal(info.value, *words)
    assert same_bits(before, model.get_weights())
    assert model.optimizer.iterations == iterations
    # Nothing half-done is left behind: the next step is the one that an undisturbed model makes.
    other = small_model()
    other.train_on_batch(X, Y)
    assert model.train_on_batch(X, Y) == other.train_on_batch(X, Y)
    assert same_bits(model.get_weights(), other.get_weights())


@pytest.mark.parametrize("what", INFERENCE)
@pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
def test_prediction_refuses(what: str, method: str) -> None:
    x, _, error, *words = TRAINING[what]
    model = small_model()
    with pytest.raises(error) as info:
        getattr(model, method)(x)
    refusal(info.value, *words)


@pytest.mark.parametrize("what", ["NaN", "infinity", "wrong width", "class numbers"])
def test_dense_targets(what: str) -> None:
    one_hot = np.eye(4, dtype=np.float32)[Y]
    y, word = {
        "NaN": (_changed(one_hot, (3, 1), np.nan), "finite"),
        "infinity": (_changed(one_hot, (3, 1), np.inf), "finite"),
        "wrong width": (one_hot[:, :3], "(n, 4)"),
        "class numbers": (Y, "to_categorical"),
    }[what]
    model = small_model(loss="categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match="y ") as info:
        model.fit(X, y, verbose=0)
    refusal(info.value, word)
    assert same_bits(before, model.get_weights())


GOOD: dict[str, Callable[[np.ndarray], Any]] = {
    "strided": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "transposed": lambda x: np.ascontiguousarray(np.moveaxis(x, -1, 1)).transpose(0, 2, 3, 1),
    "float64": lambda x: x.astype(np.float64),
    "list": lambda x: x.tolist(),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
    "with __array__": lambda x: _Arraylike(x),
    "with __dlpack__": lambda x: _Dlpack(x),
    "memory view": memoryview,
}


class _Arraylike:
    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.x if dtype is None else self.x.astype(dtype)


class _Dlpack:
    def __init__(self, x: np.ndarray) -> None:
        self.x = x

    def __dlpack__(self, **arguments: Any) -> Any:
        return self.x.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.x.__dlpack_device__()


@pytest.mark.parametrize("what", GOOD)
def test_unusual_arrays_give_the_same_result(what: str) -> None:
    model, other = small_model(), small_model()
    expected = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(GOOD[what](X), verbose=0), expected)
    np.testing.assert_array_equal(model.predict_on_batch(GOOD[what](X)), expected)
    assert model.train_on_batch(GOOD[what](X), Y) == other.train_on_batch(X, Y)
    assert same_bits(model.get_weights(), other.get_weights())


def test_read_only_arrays_are_accepted_and_nothing_is_written() -> None:
    x, y = X.copy(), Y.astype(np.int32)
    x.flags.writeable = y.flags.writeable = False
    model = small_model()
    model.fit(x, y, verbose=0)
    other = small_model()
    other.fit(X, Y, verbose=0)
    assert same_bits(model.get_weights(), other.get_weights())
    np.testing.assert_array_equal(x, X)


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_bytes_and_bools_are_their_numbers(dtype: type) -> None:
    x = (np.abs(X) * 3).astype(dtype)
    model = small_model()
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x.astype(np.float32), verbose=0))


NUMBERS = [np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.longdouble]


@pytest.mark.parametrize("dtype", [*NUMBERS, ">f4", ">f8", ">i2"])
def test_all_real_numbers_train_and_predict(dtype: Any) -> None:
    """As the same numbers in float32, of which these are exact."""
    x = np.round(np.abs(X) * 16).astype(np.float32)
    model, other = small_model(), small_model()
    np.testing.assert_array_equal(model.predict(x.astype(dtype), verbose=0), other.predict(x, verbose=0))
    np.testing.assert_array_equal(model(x.astype(dtype)), other(x))
    assert model.train_on_batch(x.astype(dtype), Y) == other.train_on_batch(x, Y)
    assert model.fit(x.astype(dtype), Y, verbose=0).history == other.fit(x, Y, verbose=0).history
    assert same_bits(model.get_weights(), other.get_weights())


def test_lists_of_whole_numbers_train() -> None:
    x = np.round(np.abs(X) * 3).astype(int)
    model, other = small_model(), small_model()
    assert model.train_on_batch(x.tolist(), Y.tolist()) == other.train_on_batch(x.astype(np.float32), Y)


@pytest.mark.parametrize("large", [2**24 + 1, 2**53 + 1, 2**62 + 1])
def test_large_whole_numbers_are_rounded_once(large: int) -> None:
    layer = layers.Dense(1, kernel_initializer="ones")
    assert layer(np.array([[large]], np.int64))[0, 0] == np.float32(large)


@pytest.mark.parametrize("labels", [np.uint8, bool, *NUMBERS, np.float32, np.float64])
@pytest.mark.parametrize("column", [False, True])
def test_label_types(labels: type, column: bool) -> None:
    classes = Y % 2
    model, other = small_model(), small_model()
    y = classes.astype(labels)
    assert model.train_on_batch(X, y[:, None] if column else y) == other.train_on_batch(X, classes)


@pytest.mark.parametrize("targets", [np.uint8, bool, *NUMBERS, np.float64, ">f4"])
def test_target_types(targets: Any) -> None:
    one_hot = np.eye(4)[Y]
    model, other = (small_model(loss="categorical_crossentropy") for _ in range(2))
    expected = other.train_on_batch(X, one_hot)
    assert model.train_on_batch(X, one_hot.astype(targets)) == expected


def _unaligned(x: np.ndarray) -> np.ndarray:
    moved = np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)
    assert not moved.flags.aligned or x.itemsize == 1
    return moved


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint16])
def test_unaligned_arrays(dtype: Any) -> None:
    x, one_hot = np.round(X * 8).astype(dtype), np.eye(4, dtype=np.float32)[Y]
    for loss, y in (
        ("sparse_categorical_crossentropy", Y.astype(np.int32)),
        ("categorical_crossentropy", one_hot),
    ):
        model, other = small_model(loss=loss), small_model(loss=loss)
        np.testing.assert_array_equal(model(_unaligned(x)), other(x))
        assert model.train_on_batch(_unaligned(x), _unaligned(y)) == other.train_on_batch(x, y)
        model.set_weights([_unaligned(w) for w in other.get_weights()])
        assert same_bits(model.get_weights(), other.get_weights())
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float32)
    np.testing.assert_array_equal(ops.conv(x, _unaligned(kernel)), ops.conv(x, kernel))
    grad = ops.conv(x, kernel)
    for one, two in zip(
        ops.conv_grad(x, kernel, _unaligned(grad)), ops.conv_grad(x, kernel, grad), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_the_core_reads_unaligned_samples_and_refuses_the_rest() -> None:
    twin = small_cnn(3)
    network, x, y = twin.network, twin.x, np.array([0, 9, 4], np.int32)
    network.configure("sparse_categorical_crossentropy", True, [], sgd(0.1))
    np.testing.assert_array_equal(network.predict(_unaligned(x)), network.predict(x))
    double = x.astype(np.float64)
    np.testing.assert_array_equal(network.predict(_unaligned(double)), network.predict(double))
    out, kernel = np.ones((3, 10), np.float32), network.weights[0].numpy()
    for action in (
        lambda: network.train_step(x, _unaligned(y)),
        lambda: network.train_step(x, y, _unaligned(np.array([0, 1]))),
        lambda: network.vjp(x, _unaligned(out)),
        lambda: network.weights[0].assign(_unaligned(kernel)),
    ):
        with pytest.raises(ValueError, match="multiples of its numbers"):
            action()


# -- weights -------------------------------------------------------------------------------------------------

KERNEL = np.zeros((3, 3, 2, 6))
WEIGHTS: dict[str, Any] = {
    "nothing": (None, "got None"),
    "objects": (KERNEL.astype(object), "object"),
    "None among numbers": (np.full(KERNEL.shape, None), "object"),
    "dates": (KERNEL.astype("M8[D]"), "datetime64"),
    "durations": (KERNEL.astype("m8[D]"), "timedelta64"),
    "structures": (KERNEL.astype([("a", "f4"), ("b", "f4")]), "real numbers"),
    "complex": (KERNEL.astype(complex), "complex128"),
    "texts": (np.full(KERNEL.shape, "3"), "real numbers"),
    "bytes": (np.full(KERNEL.shape, b"3"), "real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], "array"),
    "too large": (KERNEL + 1e300, "finite in float32"),
    "shape": (KERNEL[:2], "(3, 3, 2, 6)"),
    "transposed": (KERNEL.T, "(6, 2, 3, 3)"),
}


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_none_are_refused(what: str) -> None:
    value, word = WEIGHTS[what]
    model = small_model()
    before = model.get_weights()
    conv = model.get_layer("conv")
    for action in (
        lambda: model.set_weights([value, *before[1:]]),
        lambda: model.set_weights([before[0] + 1, before[1] + 1, value, before[3]]),
        lambda: conv.set_weights([value, before[1]]),
        lambda: conv.kernel.assign(value),
    ):
        with pytest.raises(ValueError, match="weights") as info:
            action()
        if "head" not in str(info.value):
            refusal(info.value, word)
        assert same_bits(before, model.get_weights())


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float16, np.float64, ">f4"])
def test_weights_of_all_real_numbers_are_taken(dtype: Any) -> None:
    model = small_model()
    new = [np.ones(w.shape, dtype) for w in model.get_weights()]
    model.set_weights(new)
    assert all((w == 1).all() for w in model.get_weights())
    model.set_weights([np.asfortranarray(w[::1]) for w in model.get_weights()])
    bias = model.get_layer("head").bias
    bias.assign([np.nan, np.inf, 0, 1])
    assert same_bits([bias.numpy()], [np.array([np.nan, np.inf, 0, 1], np.float32)])


def test_denormal_numbers_count_as_zero() -> None:
    layer = layers.Dense(1, kernel_initializer="ones")
    assert layer(np.array([[1e-39], [1.2e-38]], np.float32)).tolist() == [[0.0], [np.float32(1.2e-38)]]


BUILDING: dict[str, Any] = {
    "kernel larger than input": (lambda: layers.Conv2D(2, 11)(cnnfast.Input((10, 9, 2))), "11", "same"),
    "pool larger than input": (lambda: layers.MaxPooling2D(10)(cnnfast.Input((10, 9, 2))), "10", "same"),
    "no channel axis": (lambda: layers.Conv2D(2, 3)(cnnfast.Input((10, 9))), "channel"),
    "groups": (lambda: layers.Conv2D(4, 3, groups=3)(cnnfast.Input((10, 9, 2))), "groups", "3"),
    "no filters": (lambda: layers.Conv2D(0, 3)(cnnfast.Input((10, 9, 2))), "filters"),
    "negative units": (lambda: layers.Dense(-1)(cnnfast.Input((4,))), "units"),
    "no stride": (lambda: layers.Conv2D(2, 3, strides=0)(cnnfast.Input((10, 9, 2))), "strides"),
    "kernel of three": (lambda: layers.Conv2D(2, (3, 3, 3))(cnnfast.Input((10, 9, 2))), "kernel_size"),
    "no axis of steps": (lambda: layers.Conv1D(2, 3)(cnnfast.Input((9,))), "Conv1D", "steps"),
    "no depth": (lambda: layers.Conv3D(2, 3)(cnnfast.Input((9, 9, 2))), "Conv3D", "depth"),
    "causal images": (lambda: layers.Conv2D(2, 3, padding="causal"), "padding", "causal"),
    "volume too shallow": (lambda: layers.Conv3D(2, 3)(cnnfast.Input((2, 9, 9, 2))), "depth", "2", "3"),
    "output_padding": (
        lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=2)(cnnfast.Input((9, 9, 2))),
        "output_padding",
        "2",
    ),
    "all cut off": (
        lambda: layers.Conv2DTranspose(2, 3, padding=((0, 0), (6, 5)))(cnnfast.Input((9, 9, 2))),
        "no output",
        "width",
        "11",
    ),
    "transposed groups": (
        lambda: layers.Conv2DTranspose(3, 3, groups=2)(cnnfast.Input((9, 9, 2))),
        "groups",
        "3",
    ),
    "padding": (
        lambda: layers.Conv2D(2, 3, padding="reflect")(cnnfast.Input((10, 9, 2))),
        "padding",
        "reflect",
    ),
    "format": (lambda: layers.Conv2D(2, 3, data_format="NHWC")(cnnfast.Input((10, 9, 2))), "channels_last"),
    "activation": (lambda: layers.Dense(2, activation="rellu")(cnnfast.Input((4,))), "rellu", "relu"),
    "rate": (lambda: layers.Dropout(1.5)(cnnfast.Input((4,))), "rate", "1.5"),
    "add of two shapes": (lambda: layers.Add()([cnnfast.Input((4,)), cnnfast.Input((5,))]), "4)", "5)"),
    "loss": (lambda: small_model(loss="crossentropy"), "crossentropy"),
    "optimizer": (lambda: small_model(optimizer="adamm"), "adamm", "adam"),
    "metric": (lambda: small_model(metrics=["acuracy"]), "acuracy", "accuracy"),
    "threads": (lambda: cnnfast.set_num_threads(0), "1"),
    "precision": (lambda: cnnfast.set_precision("half"), "half"),  # type: ignore[arg-type]
    "data format": (lambda: cnnfast.set_image_data_format("first"), "channels_first"),
    "seed": (lambda: cnnfast.set_random_seed(-1), "0"),
}


@pytest.mark.parametrize("what", BUILDING)
def test_building_refuses(what: str) -> None:
    action, *words = BUILDING[what]
    with pytest.raises((ValueError, TypeError)) as info:
        action()
    refusal(info.value, *words)


IMAGE, KERNEL = np.ones((2, 8, 8, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)
OPS: dict[str, Any] = {
    "kernel's channels": (lambda: ops.conv(IMAGE, np.ones((3, 3, 2, 4), np.float32)), "3", "2"),
    "kernel larger": (lambda: ops.conv(IMAGE, np.ones((9, 9, 3, 4), np.float32)), "9"),
    "kernel's rank": (lambda: ops.conv(IMAGE, np.ones((3, 3, 4), np.float32)), "kernel"),
    "transposed kernel's channels": (
        lambda: ops.conv_transpose(IMAGE, np.ones((3, 3, 4, 2), np.float32)),
        "kernel",
        "3",
        "2",
    ),
    "image's rank": (lambda: ops.conv(np.ones((8, 8), np.float32), KERNEL), "x"),
    "bias": (lambda: ops.conv(IMAGE, KERNEL, bias=np.ones(3, np.float32)), "bias"),
    "grad_out": (lambda: ops.conv_grad(IMAGE, KERNEL, np.ones((2, 8, 8, 4), np.float32)), "grad_out", "6"),
    "complex": (lambda: ops.conv(IMAGE.astype(complex), KERNEL), "complex128"),
    "empty": (lambda: ops.conv(IMAGE[:0], KERNEL), "at least one"),
    "dense": (lambda: ops.dense(np.ones((2, 3), np.float32), np.ones((4, 5), np.float32)), "3", "4"),
    "pool": (lambda: ops.max_pool(IMAGE, 9), "9"),
    "pool's gradient": (lambda: ops.max_pool_grad(IMAGE, np.ones((2, 3, 3, 3), np.float32), 2), "grad_out"),
}


@pytest.mark.parametrize("what", OPS)
def test_ops_refuse(what: str) -> None:
    action, *words = OPS[what]
    with pytest.raises((ValueError, TypeError)) as info:
        action()
    refusal(info.value, *words)


def _core_calls() -> dict[str, Callable[[Any, np.ndarray, np.ndarray], Any]]:
    grad = np.ones((3, 10), np.float32)
    return {
        "x shape": lambda n, x, y: n.train_step(x[:, :5], y),
        "x rank": lambda n, x, y: n.predict(x[0]),
        "x dtype": lambda n, x, y: n.predict(x.astype(np.int16)),
        "empty": lambda n, x, y: n.train_step(x[:0], y[:0]),
        "count": lambda n, x, y: n.train_step(x, y[:2]),
        "label range": lambda n, x, y: n.train_step(x, y + 10),
        "label sign": lambda n, x, y: n.train_step(x, y - 1),
        "label in the index only": lambda n, x, y: n.train_step(
            x, np.array([0, 99, 1], np.int32), np.array([1])
        ),
        "index range": lambda n, x, y: n.train_step(x, y, np.array([0, 3])),
        "index sign": lambda n, x, y: n.train_step(x, y, np.array([0, -1])),
        "index empty": lambda n, x, y: n.train_step(x, y, np.array([], np.int64)),
        "grad shape": lambda n, x, y: n.vjp(x, grad[:, :9]),
        "parameter shape": lambda n, x, y: n.weights[0].assign(np.ones((3, 3, 1, 8), np.float32)),
        "parameter number": lambda n, x, y: n.weights[99].assign(np.ones(1, np.float32)),
        "profiled vjp": lambda n, x, y: n.profile([x], "vjp", 1),
        "batch of none": lambda n, x, y: n.memory(0, "train"),
        "state": lambda n, x, y: n.set_optimizer_state({"velocity": np.ones(3, np.float32)}, 1),
    }


@pytest.mark.parametrize("what", _core_calls())
def test_core_checks_for_itself(what: str) -> None:
    """The core refuses, too: nothing that Python lets through reads or writes out of bounds."""
    twin = small_cnn(3)
    network, y = twin.network, np.array([0, 9, 4], np.int32)
    network.configure("sparse_categorical_crossentropy", True, [], sgd(0.1, 0.9))
    before = get_weights(network, 6)
    with pytest.raises((ValueError, TypeError, IndexError)) as info:
        _core_calls()[what](network, twin.x, y)
    assert len(str(info.value)) > 15
    assert same_bits(before, get_weights(network, 6))
    assert network.step == 0


def test_outputs_without_axes_take_no_labels() -> None:
    """A network of one number a sample has no classes that int32 labels could name."""
    graph = _core.Graph()
    value = graph.reshape(graph.input((1,), "x"), (), 1, "one")
    network = _core.Network(graph, value)
    x = np.ones((3, 1), np.float32)
    for y in (np.zeros(3, np.int32), np.zeros((3, 1), np.int32)):
        with pytest.raises(TypeError, match="y must be int32 labels"):
            network.train_step(x, y)


def test_training_before_configure() -> None:
    twin = small_cnn(2)
    with pytest.raises((ValueError, RuntimeError), match=r"configure|compile"):
        twin.network.train_step(twin.x, np.zeros(2, np.int32))


def test_loss_that_does_not_suit_the_output() -> None:
    twin = small_cnn(2)
    with pytest.raises(ValueError, match="mean_squared"):
        twin.network.configure("mean_squared_errror", False, [], sgd(0.1))


def test_fit_before_compile() -> None:
    model = cnnfast.Sequential([cnnfast.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="compile"):
        model.fit(np.ones((1, 2)), np.ones((1, 1)))


def test_huge_sizes_are_refused_not_overflowed() -> None:
    with pytest.raises((ValueError, MemoryError)):
        layers.Conv2D(2**31 - 1, 3, padding="same")(cnnfast.Input((4096, 4096, 64)))
    with pytest.raises((ValueError, MemoryError)):
        layers.Flatten()(cnnfast.Input((2**31, 2**31, 2**31)))
