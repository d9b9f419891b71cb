"""Initializers: values and spread by their formulas, seeds, and the user's own."""

from typing import Any

import numpy as np
import pytest

from cnnfast import initializers, layers, regularizers

SHAPES = [(40, 30), (30, 40), (3, 3, 8, 16), (5, 64)]


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    kernel = initializers.Orthogonal(gain=1.5, seed=1)(shape).astype(np.float64).reshape(-1, shape[-1])
    short = kernel.T @ kernel if kernel.shape[0] >= kernel.shape[1] else kernel @ kernel.T
    np.testing.assert_allclose(short, 1.5**2 * np.eye(len(short)), atol=1e-6)


def test_orthogonal_matrices_have_no_preferred_sign() -> None:
    signs = [initializers.Orthogonal(seed=seed)((4, 4))[0, 0] > 0 for seed in range(100)]
    assert 30 < sum(signs) < 70


@pytest.mark.parametrize(
    ("mode", "fan"), [("fan_in", 3 * 3 * 8), ("fan_out", 3 * 3 * 16), ("fan_avg", 3 * 3 * 12)]
)
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal", "normal"])
def test_variance_scaling(mode: Any, fan: int, distribution: Any) -> None:
    makes = [initializers.VarianceScaling(2.0, mode, distribution, seed) for seed in range(20)]
    values = np.stack([make((3, 3, 8, 16)) for make in makes])
    variance = 2.0 / fan
    assert values.var() == pytest.approx(variance, rel=0.03)
    assert abs(values.mean()) < 4 * np.sqrt(variance / values.size)
    largest = np.abs(values).max() / np.sqrt(variance)
    if distribution == "uniform":
        assert 1.72 < largest <= np.sqrt(3) * 1.000001
    elif distribution == "untruncated_normal":
        assert largest > 3
    else:
        assert 2.2 < largest <= 2 / 0.8796
    np.testing.assert_array_equal(makes[3]((3, 3, 8, 16)), values[3])
    assert initializers.VarianceScaling.from_config(makes[3].get_config()) == makes[3]


def test_fans_of_given_axes() -> None:
    values = initializers.HeNormal(seed=0, input_axes=[0], output_axes=[1, 2])((50, 30, 40))
    assert values.var() == pytest.approx(2 / 50, rel=0.03)


@pytest.mark.parametrize("values", [[[1.0, 2.0], [3.0, 4.0]], [5.0, 6.0]])
def test_constants_may_be_arrays(values: list[Any]) -> None:
    expected = np.broadcast_to(np.array(values), (2, 2))
    make = initializers.Constant(values)
    np.testing.assert_array_equal(make((2, 2)), expected)
    np.testing.assert_array_equal(initializers.get(np.array(values))((2, 2)), expected)
    assert initializers.Constant.from_config(make.get_config()) == make
    with pytest.raises(ValueError, match=r"weights \(3, 3\)"):
        make((3, 3))
    with pytest.raises(ValueError, match="finite in float32"):
        initializers.Constant([1e300])


def test_identity() -> None:
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 4)), 3 * np.eye(2, 4))
    with pytest.raises(ValueError, match=r"two axes.*\(2, 2, 2\)"):
        initializers.Identity()((2, 2, 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.VarianceScaling(0.0), "scale must be above 0"),
        (
            lambda: initializers.VarianceScaling(mode="fan"),
            "mode must be one of 'fan_in', 'fan_out', 'fan_avg'",
        ),
        (lambda: initializers.VarianceScaling(distribution="beta"), "distribution must be one of"),
        (lambda: initializers.Orthogonal()((3,)), r"two axes or more, got \(3,\)"),
        (lambda: initializers.Ones()((3,), dtype="float16"), "dtype"),
    ],
)
def test_refusals(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


class Ramp(initializers.Initializer):
    """A user's own, as Keras documents it."""

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, shape, dtype=None):
        return self.start + np.arange(np.prod(shape), dtype=dtype).reshape(shape)

    def get_config(self):
        return {"start": self.start}


@pytest.mark.parametrize(
    "own", [Ramp(2.0), lambda shape, dtype=None: 2 + np.arange(np.prod(shape)).reshape(shape)]
)
def test_own_initializers(own) -> None:
    layer = layers.Dense(3, kernel_initializer=own)
    layer.build((None, 2))
    np.testing.assert_array_equal(layer.get_weights()[0], [[2, 3, 4], [5, 6, 7]])


def test_own_values_of_another_shape_are_refused() -> None:
    layer = layers.Dense(3, kernel_initializer=lambda shape, dtype=None: np.zeros(4))
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"shape \(2, 3\), got \(4,\)"):
        layer.get_weights()


def test_a_function_has_no_configuration() -> None:
    with pytest.raises(ValueError, match="code of your own"):
        layers.Dense(3, kernel_initializer=lambda shape, dtype=None: np.zeros(shape)).get_config()


def test_rules_are_attributes() -> None:
    layer = layers.Dense(3, kernel_initializer="he_normal", bias_regularizer="l2")
    assert layer.kernel_initializer == initializers.HeNormal()
    assert layer.bias_regularizer == regularizers.L2()
    assert layer.kernel_constraint is None
    layer.kernel_initializer = initializers.Ones()  # before there is a kernel, it follows what is set
    layer.build((None, 2))
    assert layer.kernel.numpy().tolist() == [[1.0] * 3] * 2
    assert layer.get_config()["kernel_initializer"]["class_name"] == "Ones"
    assert layers.PReLU().alpha_initializer == initializers.Zeros()
    assert layers.LayerNormalization().gamma_initializer == initializers.Ones()
    assert layers.BatchNormalization().moving_mean_initializer == initializers.Zeros()
