"""The worked examples of a university course on convolutional networks, 1 to 13, in its own numbers."""

import numpy as np
import pytest
from support.machine import run_python

from cnnfast import ops


def rows(text: str) -> np.ndarray:
    """'1 2; 3 4' (or '12; 34') as a matrix."""
    lines = [line.split() if " " in line.strip() else list(line.strip()) for line in text.split(";")]
    return np.array([[float(v) for v in line] for line in lines], np.float32)


def conv2d(image: np.ndarray, kernel: np.ndarray, **arguments: object) -> np.ndarray:
    """One image, one filter."""
    return ops.conv(image[None, ..., None], kernel[..., None, None], **arguments)[0, ..., 0]


EDGE = rows("1 0 -1; 1 0 -1; 1 0 -1")
IMAGE = rows("3 0 1 2 7 4; 1 5 8 9 3 1; 2 7 2 5 1 3; 0 1 3 1 7 8; 4 2 1 6 2 8; 2 4 5 2 3 9")


@pytest.mark.parametrize(("stride", "size"), [(1, 5), (2, 3), (3, 2)])
def test_1_output_size(stride: int, size: int) -> None:
    image, kernel = np.ones((7, 7), np.float32), np.ones((3, 3), np.float32)
    assert conv2d(image, kernel, strides=stride).shape == (size, size)
    assert conv2d(image, kernel, padding=((1, 1), (1, 1))).shape == (7, 7)
    np.testing.assert_array_equal(
        conv2d(image, kernel, padding="same"), conv2d(image, kernel, padding=((1, 1), (1, 1)))
    )


def test_2_edges() -> None:
    np.testing.assert_array_equal(
        conv2d(IMAGE, EDGE), rows("-5 -4 0 8; -10 -2 2 3; 0 -2 -4 -7; -3 -2 -3 -16")
    )
    half = np.zeros((6, 6), np.float32)
    half[:, :3] = 10
    np.testing.assert_array_equal(conv2d(half, EDGE), rows("0 30 30 0; 0 30 30 0; 0 30 30 0; 0 30 30 0"))


def test_3_face() -> None:
    face = rows("0000000; 0100010; 0000000; 0001000; 0100010; 0011100; 0000000")
    found = conv2d(face, rows("001; 100; 011"))
    np.testing.assert_array_equal(found, rows("01000; 01110; 10021; 14210; 00121"))
    pooled = ops.max_pool(found[None, ..., None], 2, ceil_mode=True)
    np.testing.assert_array_equal(pooled[0, ..., 0], rows("110; 421; 021"))
    assert pooled.ravel().tolist() == [1, 1, 0, 4, 2, 1, 0, 2, 1]


def test_4_volume() -> None:
    x = np.stack(
        [
            rows("0000000; 0001020; 0102010; 0102200; 0200200; 0212200; 0000000"),
            rows("0000000; 0212110; 0212010; 0021010; 0122220; 0012010; 0000000"),
            rows("0000000; 0211200; 0100100; 0010010; 0102100; 0221110; 0000000"),
        ],
        -1,
    )[None]
    w0 = [rows("-1 0 1; 0 0 1; 1 -1 1"), rows("-1 0 1; 1 -1 1; 0 1 0"), rows("-1 1 1; 1 1 0; 0 -1 0")]
    w1 = [rows("0 1 -1; 0 -1 0; 0 -1 1"), rows("-1 0 0; 1 -1 0; 1 -1 0"), rows("-1 1 -1; 0 -1 -1; 1 0 0")]
    kernel = np.stack([np.stack(w0, -1), np.stack(w1, -1)], -1)
    bias = np.array([1, 0], np.float32)
    out0, out1 = rows("2 3 3; 3 7 4; 8 10 -3"), rows("-8 -8 -3; -3 1 -1; -3 -8 -5")
    out = ops.conv(x, kernel, strides=2, bias=bias)[0]
    np.testing.assert_array_equal(out[..., 0], out0)
    np.testing.assert_array_equal(out[..., 1], out1)
    unpadded = ops.conv(x[:, 1:-1, 1:-1], kernel, strides=2, padding=((1, 1), (1, 1)), bias=bias)[0]
    np.testing.assert_array_equal(unpadded, out)
    first = ops.conv(np.moveaxis(x, -1, 1), kernel, strides=2, bias=bias, data_format="channels_first")
    np.testing.assert_array_equal(first[0], np.stack([out0, out1]))


def test_5_convolution_arithmetic() -> None:
    got = conv2d(rows("33210; 00131; 31223; 20022; 20001"), rows("012; 220; 012"))
    np.testing.assert_array_equal(got, rows("12 12 17; 10 17 19; 9 6 14"))


def test_6_shift() -> None:
    image = rows("22 15 1 3 60; 42 5 38 39 7; 28 9 4 66 79; 0 82 45 12 17; 99 14 72 51 3")
    kernel = np.zeros((5, 5), np.float32)
    kernel[1, 3] = 1
    expected = np.zeros((5, 5), np.float32)
    expected[1:, :4] = image[:4, 1:]
    np.testing.assert_array_equal(conv2d(image, kernel, padding="same"), expected)


@pytest.mark.parametrize(
    ("pattern", "score"), [("1 -1; -1 1", 4), ("-1 1; 1 -1", -4), ("1 1; -1 1", 2), ("-1 -1; 1 -1", -2)]
)
def test_7_slashes(pattern: str, score: int) -> None:
    kernel = rows("1 -1; -1 1")
    assert conv2d(rows(pattern), kernel).tolist() == [[score]]
    assert ops.dense(rows(pattern).reshape(1, 4), kernel.reshape(4, 1)).tolist() == [[score]]


def test_8_curve() -> None:
    curve = np.zeros((7, 7), np.float32)
    curve[[1, 2, 3, 4, 5], [5, 4, 3, 3, 3]] = 30
    field = np.zeros((7, 7), np.float32)
    field[[1, 2, 3, 4, 5], [5, 4, 3, 3, 3]] = [50, 50, 50, 20, 50]
    assert conv2d(field, curve).tolist() == [[6600]]
    assert conv2d(field[:, ::-1].copy() * (curve == 0), curve).tolist() == [[0]]


FILTERS = {
    "identity": (rows("0 0 0; 0 1 0; 0 0 0"), 1),
    "edge 1": (rows("1 0 -1; 0 0 0; -1 0 1"), 0),
    "edge 2": (rows("0 1 0; 1 -4 1; 0 1 0"), 0),
    "edge 3": (rows("-1 -1 -1; -1 8 -1; -1 -1 -1"), 0),
    "sharpen": (rows("0 -1 0; -1 5 -1; 0 -1 0"), 1),
    "box blur": (np.full((3, 3), 1 / 9, np.float32), 1),
    "Gaussian 3": (rows("1 2 1; 2 4 2; 1 2 1") / 16, 1),
    "Gaussian 5": (np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype(np.float32) / 256, 1),
    "edge enhance": (rows("0 0 0; -1 1 0; 0 0 0"), 0),
    "Sobel": (rows("1 0 -1; 2 0 -2; 1 0 -1"), 0),
}


@pytest.mark.parametrize("name", FILTERS)
def test_9_gallery(name: str) -> None:
    """On a flat image a filter gives the sum of its weights; on a point, its own mirror image."""
    kernel, total = FILTERS[name]
    np.testing.assert_allclose(conv2d(np.full((8, 8), 7, np.float32), kernel), 7 * total, atol=1e-5)
    size = len(kernel)
    point = np.zeros((2 * size - 1, 2 * size - 1), np.float32)
    point[size - 1, size - 1] = 1
    np.testing.assert_array_equal(conv2d(point, kernel), kernel[::-1, ::-1])


def test_10_pooling() -> None:
    image = rows("1 3 2 4; 5 7 6 8; 9 2 1 0; 3 4 5 6")[None, ..., None]
    assert ops.max_pool(image, 2).ravel().tolist() == [7, 8, 9, 6]
    assert ops.average_pool(image, 2).ravel().tolist() == [4, 5, 4.5, 3]
    assert ops.max_pool(image, 3, strides=1).ravel().tolist() == [9, 8, 9, 8]


NETWORKS = {
    1: (rows(".9 .1; .1 .9; .4 .6"), 0.38),
    2: (rows(".6 .4; .3 .7; .1 .9"), 1.06),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_11_cross_entropy(network: int) -> None:
    """Dog, cat, dog: both networks err once in three, and the loss tells the better one."""
    import cnnfast

    outputs, expected = NETWORKS[network]
    model = cnnfast.Sequential(
        [cnnfast.Input((2,)), cnnfast.layers.Dense(2, activation="softmax", use_bias=False)]
    )
    model.set_weights([np.eye(2)])
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    np.testing.assert_allclose(model.predict(np.log(outputs), verbose=0), outputs, rtol=1e-6)
    loss, accuracy = model.evaluate(np.log(outputs), np.array([0, 1, 0]), verbose=0)
    assert round(loss, 2) == expected
    assert accuracy == pytest.approx(2 / 3)


def test_11_softmax() -> None:
    z = np.array([[1, 2, 3]], np.float32)
    np.testing.assert_allclose(ops.softmax(z), np.exp(z) / np.exp(z).sum(), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "activation", "target", "expected"),
    [
        ("categorical_crossentropy", "softmax", [[0, 1]], -np.log(0.5)),
        ("binary_crossentropy", "sigmoid", [[0, 1]], -np.log(0.5)),
        ("mean_squared_error", None, [[3, 4]], 12.5),
    ],
)
def test_12_losses(loss: str, activation: str | None, target: list[list[float]], expected: float) -> None:
    import cnnfast

    model = cnnfast.Sequential([cnnfast.Input((2,)), cnnfast.layers.Dense(2, activation=activation)])
    model.set_weights([np.zeros((2, 2)), np.zeros(2)])
    model.compile(loss=loss, optimizer="sgd")
    got = model.evaluate(np.ones((1, 2), np.float32), np.array(target, np.float32), verbose=0)
    assert got == pytest.approx(expected, rel=1e-6)


# 13 and 14: these run as written in the course, in Keras, but for the import lines.
MLP = """
from cnnfast.models import Sequential
from cnnfast.layers import Dense
model = Sequential()
model.add(Dense(784, input_dim=784, kernel_initializer='normal', activation='relu'))
model.add(Dense(10, kernel_initializer='normal', activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
"""
CNN = """
import cnnfast
from cnnfast.models import Sequential
from cnnfast.layers import Conv2D, MaxPooling2D, Dropout, Flatten, Dense
cnnfast.set_image_data_format('channels_first')
model = Sequential()
model.add(Conv2D(30, (5, 5), input_shape=(1, 28, 28), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(15, (3, 3), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.2))
model.add(Flatten())
model.add(Dense(128, activation='relu'))
model.add(Dense(50, activation='relu'))
model.add(Dense(10, activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
"""
CIFAR = """
from cnnfast import layers, models
model = models.Sequential()
model.add(layers.Conv2D(32, (3, 3), activation='relu', input_shape=(32, 32, 3)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Dropout(0.2))
model.add(layers.Conv2D(64, (3, 3), activation='relu'))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(64, (3, 3), activation='relu'))
model.add(layers.Flatten())
model.add(layers.Dense(64, activation='relu'))
model.add(layers.Dense(10))
"""
REPORT = """
from cnnfast import layers
model.summary()
print('total', model.count_params(), [w for w in (layer.count_params() for layer in model.layers) if w])
"""


def test_13_mlp_parameters() -> None:
    out = run_python(MLP + REPORT)
    assert out.splitlines()[-1] == "total 623290 [615440, 7850]"
    assert "623,290" in out
    assert "615,440" in out


def test_13_cnn_parameters_and_shapes() -> None:
    out = run_python(CNN + REPORT)
    assert out.splitlines()[-1] == "total 59933 [780, 4065, 48128, 6450, 510]"
    shapes = "(None, 30, 24, 24)|(None, 30, 12, 12)|(None, 15, 10, 10)|(None, 15, 5, 5)|(None, 375)|59,933"
    for shape in shapes.split("|"):
        assert shape in out


def test_14_cifar() -> None:
    fit = """
import numpy as np
from cnnfast import losses
loss = losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer='adam', loss=loss, metrics=['accuracy'])
x, y = np.random.default_rng(0).uniform(size=(64, 32, 32, 3)), np.arange(64)[:, None] % 10
history = model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
print(sorted(history.history), model.count_params())
"""
    out = run_python(CIFAR + fit)
    assert out.splitlines()[-1] == "['accuracy', 'loss', 'val_accuracy', 'val_loss'] 122570"


def test_14_conv2d_signature() -> None:
    from cnnfast.layers import Conv2D

    layer = Conv2D(
        filters=4,
        kernel_size=(3, 3),
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
    )
    layer.build((None, 8, 8, 2))
    assert layer.kernel.shape == (3, 3, 2, 4)
    assert layer.bias.shape == (4,)


def test_14_pytorch_network() -> None:
    """Conv 1->6 5x5, ReLU, pool, conv 6->12 5x5, ReLU, pool, 12*4*4, 120, ..., loss with softmax inside."""
    from cnnfast import Sequential, layers, losses, set_random_seed

    set_random_seed(0)
    model = Sequential(
        [
            layers.Conv2D(6, 5, activation="relu", input_shape=(1, 28, 28), data_format="channels_first"),
            layers.MaxPooling2D(2, 2, data_format="channels_first"),
            layers.Conv2D(12, 5, activation="relu", data_format="channels_first"),
            layers.MaxPooling2D(2, 2, data_format="channels_first"),
            layers.Flatten(data_format="channels_first"),
            layers.Dense(120, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    assert model.layers[4].output.shape == (None, 12 * 4 * 4)
    x = np.random.default_rng(0).normal(size=(8, 1, 28, 28)).astype(np.float32)
    first = model.train_on_batch(x, np.arange(8))
    for _ in range(20):
        last = model.train_on_batch(x, np.arange(8))
    assert first == pytest.approx(np.log(10), rel=0.5), "an untrained network knows nothing"
    assert last < first / 2
