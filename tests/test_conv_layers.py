"""Layers and functions of convolution over one to three axes, transposed or not, as users meet them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference.conv import conv, conv_transpose
from support.conv_cases import ConvCase
from support.numerical import assert_within

import cnnfast
from cnnfast import layers, ops

TRANSPOSED = {
    1: ConvCase(3, (9,), 4, 6, 2, (3,), (2,), (1,), "same", "channels_last", transposed=True),
    2: ConvCase(2, (5, 6), 4, 6, 2, (3, 2), (2, 1), (1, 1), "same", "channels_last", transposed=True),
    3: ConvCase(
        2, (3, 4, 5), 4, 6, 2, (3, 2, 3), (2, 1, 2), (1, 1, 1), "valid", "channels_last", transposed=True
    ),
}
CASES = [replace(case, transposed=t) for case in TRANSPOSED.values() for t in (False, True)]
KINDS = {(rank, t): f"Conv{rank}D{'Transpose' * t}" for rank in (1, 2, 3) for t in (False, True)}


def _layer(case: ConvCase, **options: Any) -> Any:
    kind = getattr(layers, KINDS[len(case.image), case.transposed])
    return kind(case.oc, case.kernel, **case.geometry, **options)


def _within(case: ConvCase, got: np.ndarray) -> None:
    assert_within(got, case.expected[0], case.bounds[0], case.terms[0])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_ops(case: ConvCase, data_format: str) -> None:
    case = replace(case, data_format=data_format)
    x, kernel, bias, grad_out = case.arrays
    forward = ops.conv_transpose if case.transposed else ops.conv
    backward = ops.conv_transpose_grad if case.transposed else ops.conv_grad
    _within(case, forward(x, kernel, bias=bias, **case.geometry))
    grads = backward(x, kernel, grad_out, **case.geometry)
    for parts in zip(grads, case.expected[1], case.bounds[1], case.terms[1], strict=True):
        assert_within(*parts)
    rectified = forward(x, kernel, bias=bias, activation="relu", **case.geometry)
    np.testing.assert_array_equal(rectified, np.maximum(forward(x, kernel, bias=bias, **case.geometry), 0))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer(case: ConvCase, tmp_path: Path) -> None:
    """Values, weights' shapes, configuration, summary, training and files."""
    x, kernel, bias, _ = case.arrays
    layer = _layer(case, name="conv")
    assert layer.compute_output_shape((None, *case.shape)) == (None, *case.expected[0].shape[1:])
    model = cnnfast.Sequential([cnnfast.Input(case.shape), layer, layers.Flatten(), layers.Dense(3)])
    assert [w.shape for w in layer.get_weights()] == [kernel.shape, bias.shape]
    layer.set_weights([kernel, bias])
    _within(case, layer(x))
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    row = next(line for line in "\n".join(lines).splitlines() if type(layer).__name__ in line)
    assert f"{kernel.size + bias.size:,}" in row
    places = x.size if case.transposed else case.expected[0].size
    assert f"{places // len(x) * kernel.size // kernel.shape[-1]:,}" in row
    model.compile("adam", "mse")
    model.fit(x, np.ones((len(x), 3)), epochs=1, verbose=0)
    model.save(tmp_path / "model.cnnfast")
    loaded = cnnfast.models.load_model(tmp_path / "model.cnnfast")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_initial_kernel_has_the_fans_of_keras(case: ConvCase) -> None:
    """Glorot's limit is sqrt(6 / (a + b)), a and b the receptive field times the last two axes."""
    layer = _layer(case, kernel_initializer=cnnfast.initializers.GlorotUniform(seed=0))
    layer.build((None, *case.shape))
    kernel = layer.get_weights()[0]
    limit = np.sqrt(6 / (np.prod(case.kernel) * sum(kernel.shape[-2:])))
    assert 0.8 * limit < np.abs(kernel).max() <= limit


@pytest.mark.parametrize("dilation", [1, 3])
def test_causal(dilation: int) -> None:
    """As padding d (k - 1) zeros before; no output sees a later step."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 12, 3)).astype(np.float32)
    layer = layers.Conv1D(5, 3, padding="causal", dilation_rate=dilation, name="causal")
    out = layer(x)
    kernel = layer.get_weights()[0]
    expected = conv(x, kernel, padding=((2 * dilation, 0),), dilation_rate=dilation)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)
    later = x.copy()
    later[:, 7:] += 1
    np.testing.assert_array_equal(layer(later)[:, :7], out[:, :7])
    assert layer.get_config()["padding"] == "causal"


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        # Keras 3's sizes for 5 pixels.
        ({"kernel_size": 3, "strides": 2, "padding": "valid"}, 11),
        ({"kernel_size": 3, "strides": 2, "padding": "same"}, 10),
        ({"kernel_size": 2, "strides": 3, "padding": "valid"}, 15),
        ({"kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 0}, 9),
        ({"kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1}, 9),
        ({"kernel_size": 3, "strides": 2, "padding": "valid", "output_padding": 1}, 12),
        ({"kernel_size": 3, "dilation_rate": 2, "padding": "valid"}, 9),
        # PyTorch's.
        ({"kernel_size": 3, "strides": 2, "padding": 1}, 9),
        ({"kernel_size": 3, "strides": 2, "padding": 1, "output_padding": 1}, 10),
    ],
    ids=str,
)
def test_transposed_sizes(arguments: dict[str, Any], size: int) -> None:
    assert layers.Conv1DTranspose(2, **arguments).compute_output_shape((None, 5, 3)) == (None, size, 2)
    square = layers.Conv2DTranspose(2, **arguments).compute_output_shape((None, 5, 5, 3))
    assert square == (None, size, size, 2)


def test_transposed_values_by_hand() -> None:
    """Two pixels, a kernel of three, stride 2: they overlap in the middle; "same" cuts the last cell."""
    x, kernel = np.array([1.0, 10.0]).reshape(1, 2, 1), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    assert ops.conv_transpose(x, kernel, 2).ravel().tolist() == [1, 2, 13, 20, 30]
    assert ops.conv_transpose(x, kernel, 2, "same").ravel().tolist() == [1, 2, 13, 20]
    assert ops.conv_transpose(x, kernel, 2, 1, 1).ravel().tolist() == [2, 13, 20, 30]
    assert conv_transpose(x, kernel, 2, ((1, 1),), 1).ravel().tolist() == [2, 13, 20, 30]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same", ((1, 0),)])
def test_pooling_of_sequences(padding: Any, data_format: str) -> None:
    """As images of height 1."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 11, 3) if data_format == "channels_last" else (5, 3, 11)).astype(np.float32)
    axis = 1 if data_format == "channels_last" else 2
    tall = padding if isinstance(padding, str) else ((0, 0), *padding)
    for name in ("Max", "Average"):
        one = getattr(layers, f"{name}Pooling1D")(3, 2, padding, data_format)
        two = getattr(layers, f"{name}Pooling2D")((1, 3), (1, 2), tall, data_format)
        expected = two(np.expand_dims(x, axis)).squeeze(axis)
        np.testing.assert_array_equal(one(x), expected)
        assert type(one).from_config(one.get_config()).get_config() == one.get_config()
        function = getattr(ops, f"{name.lower()}_pool")
        np.testing.assert_array_equal(function(x, 3, 2, padding, data_format), expected)


_NUMPYS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_PADDED: list[tuple[str, tuple[int, ...], dict[str, Any], tuple[tuple[int, int], ...]]] = [
    # Kind, image, arguments, sides.
    ("Conv1D", (9,), {"kernel_size": 3, "padding": "causal", "dilation_rate": 2}, ((4, 0),)),
    ("Conv1D", (9,), {"kernel_size": 4, "padding": "same", "strides": 2}, ((1, 2),)),
    ("Conv2D", (7, 8), {"kernel_size": 3, "padding": 1}, ((1, 1), (1, 1))),
    ("Conv2D", (7, 8), {"kernel_size": (5, 2), "padding": "same", "strides": (2, 3)}, ((2, 2), (0, 0))),
    ("Conv2D", (7, 8), {"kernel_size": 3, "padding": ((2, 0), (0, 3)), "groups": 2}, ((2, 0), (0, 3))),
    ("Conv2D", (7, 8), {"kernel_size": 3, "padding": "valid"}, ((0, 0), (0, 0))),
    ("Conv3D", (4, 5, 6), {"kernel_size": 3, "padding": (0, 1, 2)}, ((0, 0), (1, 1), (2, 2))),
    ("DepthwiseConv1D", (9,), {"kernel_size": 3, "padding": 2, "depth_multiplier": 2}, ((2, 2),)),
    ("DepthwiseConv2D", (7, 8), {"kernel_size": 3, "padding": "same", "strides": 2}, ((1, 1), (0, 1))),
    ("SeparableConv1D", (9,), {"kernel_size": 3, "padding": "same"}, ((1, 1),)),
    ("SeparableConv2D", (7, 8), {"kernel_size": 3, "padding": ((1, 2), (3, 0))}, ((1, 2), (3, 0))),
]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("mode", _NUMPYS)
@pytest.mark.parametrize(("kind", "image", "arguments", "sides"), _PADDED)
def test_padding_with_pixels(
    kind: str, image: tuple[int, ...], arguments: dict[str, Any], sides: Any, mode: str, data_format: str
) -> None:
    """As NumPy's padding before the same layer without any; forward and backward."""
    first = data_format == "channels_first"
    shape = (4, *image) if first else (*image, 4)
    filters = {} if "Depthwise" in kind else {"filters": 6}
    layer = getattr(layers, kind)(
        **filters, **arguments, padding_mode=mode, data_format=data_format, bias_initializer="ones"
    )
    inner = getattr(layers, kind)(**filters, **{**arguments, "padding": "valid"}, data_format=data_format)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3, *shape)).astype(np.float32)
    all_sides = [(0, 0), (0, 0), *sides] if first else [(0, 0), *sides, (0, 0)]
    padded = np.pad(x, all_sides, _NUMPYS[mode])
    model = cnnfast.Sequential([cnnfast.Input(shape), layer])
    expected = cnnfast.Sequential([cnnfast.Input(padded.shape[1:]), inner])
    expected.set_weights(model.get_weights())
    out = expected.predict(padded, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), out, rtol=1e-5, atol=1e-5)
    grad_out = rng.normal(size=out.shape).astype(np.float32)
    grad, grads = model.network.vjp(x, grad_out)
    wide, wide_grads = expected.network.vjp(padded, grad_out)
    numbers = np.pad(np.arange(x.size).reshape(x.shape), all_sides, _NUMPYS[mode])
    want = np.bincount(numbers.ravel(), wide.astype(float).ravel(), x.size).reshape(x.shape)
    np.testing.assert_allclose(grad, want, rtol=1e-4, atol=1e-4)
    for got, other in zip(grads, wide_grads, strict=True):
        np.testing.assert_allclose(got, other, rtol=1e-4, atol=1e-4)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_padding_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="padding_mode must be one of 'zeros', 'reflect'"):
        layers.Conv2D(2, 3, padding_mode="edge")
    with pytest.raises(ValueError, match="padding_mode must be one of 'zeros', got 'reflect'"):
        layers.Conv2DTranspose(2, 3, padding_mode="reflect")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="axis 0 has 3, so at most 2 may be added"):
        layers.Conv2D(2, 3, padding=3, padding_mode="reflect")(cnnfast.Input((3, 8, 1)))
    with pytest.raises(ValueError, match="Conv2D does not offer lora_rank yet: leave it at None"):
        layers.Conv2D(2, 3, lora_rank=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"3 axes|three axes|images"):
        layers.Conv2D(2, 3, padding=1, padding_mode="reflect")(cnnfast.Input((8, 1)))
