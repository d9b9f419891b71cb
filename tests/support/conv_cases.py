"""The cross product of convolution problems, and one problem's network, data, reference and error bounds."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference.conv import conv, conv_grad, conv_transpose, conv_transpose_grad

from cnnfast import _core
from support.nets import Float, refusal, set_weights, single
from support.numerical import assert_within

# (input channels, filters, groups): around the block of 16, grouped, depthwise with and without a multiplier.
CHANNELS = [
    *(
        (1, 1, 1),
        (1, 30, 1),
        (3, 5, 1),
        (3, 16, 1),
        (15, 17, 1),
        (16, 16, 1),
        (17, 15, 1),
        (32, 33, 1),
        (16, 48, 1),
    ),
    *((32, 32, 2), (6, 9, 3), (18, 34, 2), (16, 16, 16), (17, 17, 17), (5, 10, 5)),
]
KERNELS = [(1, 1), (3, 3), (2, 3), (5, 5)]
STRIDES = [(1, 1), (2, 2), (2, 1)]
PADDINGS: list[Any] = ["valid", "same", ((2, 1), (0, 2))]
BATCHES = [1, 3, 16, 17]
IMAGES = [(9, 10), (12, 9)]


GRADIENTS = ("grad_x", "grad_kernel", "grad_bias")

# An output, and the gradients by x, kernel and bias.
Answers = tuple[NDArray[Any], tuple[NDArray[Any], ...]]


@dataclass(frozen=True)
class ConvCase:
    """One problem: shapes, geometry, and (computed on demand) its arrays and oracle answers.

    It has as many spatial axes as `image` has entries.
    """

    batch: int
    image: tuple[int, ...]
    ic: int
    oc: int
    groups: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Any
    data_format: Any
    use_bias: bool = True
    transposed: bool = False
    output_padding: Any = None  # transposed only

    def __str__(self) -> str:
        parts = (self.batch, *self.image, self.ic, self.oc, self.groups)
        pad = self.padding if isinstance(self.padding, str) else "explicit"
        sizes = "x".join(map(str, parts))
        geometry = "".join(map(str, self.kernel + self.strides + self.dilation))
        transposed = f"-transposed{self.output_padding or ''}" if self.transposed else ""
        return f"{sizes}-{geometry}-{pad}-{self.data_format[9:]}{transposed}".replace(" ", "")

    @property
    def shape(self) -> tuple[int, ...]:
        """The input's shape without the batch."""
        return (*self.image, self.ic) if self.data_format == "channels_last" else (self.ic, *self.image)

    @property
    def geometry(self) -> dict[str, Any]:
        """The keyword arguments of the oracle and of `cnnfast.ops`."""
        geometry = {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation,
            "groups": self.groups,
        }
        return {**geometry, "output_padding": self.output_padding} if self.transposed else geometry

    def answers(self, x: Float, kernel: Float, bias: Float, grad_out: Float) -> Answers:
        """The output for these, and the gradients, in float64."""
        if self.transposed:
            grads = conv_transpose_grad(x, kernel, grad_out, **self.geometry)
            return conv_transpose(x, kernel, bias=bias, **self.geometry), grads
        return conv(x, kernel, bias=bias, **self.geometry), conv_grad(x, kernel, grad_out, **self.geometry)

    @property
    def arrays(self) -> tuple[Float, Float, Float, Float]:
        """x, kernel, bias (zeros without one), grad_out."""
        return _arrays(self)

    @property
    def expected(self) -> Answers:
        """The output and the gradients by x, kernel and bias."""
        return _expected(self)

    @property
    def bounds(self) -> Answers:
        """The same on absolute values: what every element's rounding error is measured in."""
        return _bounds(self)

    @property
    def terms(self) -> tuple[int, tuple[int, int, int]]:
        """How many terms the longest sum of the output and of each gradient has."""
        taps = int(np.prod(self.kernel))
        outputs = self.arrays[3].size // self.oc
        return taps * self.ic // self.groups + 1, (taps * self.oc // self.groups, outputs, outputs)

    def network(self, algorithm: str | None = None) -> "_core.Network":
        """The network of this one convolution with its weights, its algorithm forced if one is named."""

        def add(graph: "_core.Graph", src: int) -> int:
            window = self.kernel, self.strides, self.padding
            rest = self.dilation, self.groups, self.use_bias, self.data_format, "conv2d"
            if self.transposed:
                return graph.conv_transpose(src, self.oc, *window, self.output_padding, *rest)
            return graph.conv(src, self.oc, *window, *rest)

        network = single(self.shape, add)
        set_weights(network, list(self.arrays[1 : 3 if self.use_bias else 2]))
        if algorithm is not None:
            network.force_algorithm("conv2d", algorithm)
        return network


# What follows from a problem is kept for its next test, but not a whole sweep's, which would fill gigabytes.
_KEPT = 256


@lru_cache(_KEPT)
def _arrays(case: ConvCase) -> tuple[Float, Float, Float, Float]:
    rng = np.random.default_rng(11)
    groups = case.groups
    x = rng.normal(size=(case.batch, *case.shape)).astype(np.float32)
    channels = (case.oc // groups, case.ic) if case.transposed else (case.ic // groups, case.oc)
    kernel = rng.normal(size=(*case.kernel, *channels)).astype(np.float32)
    bias = rng.normal(size=case.oc).astype(np.float32) * case.use_bias
    forward = conv_transpose if case.transposed else conv
    out_shape = forward(x[:1], kernel, **case.geometry).shape[1:]
    return x, kernel, bias, rng.normal(size=(case.batch, *out_shape)).astype(np.float32)


@lru_cache(_KEPT)
def _expected(case: ConvCase) -> Answers:
    return case.answers(*case.arrays)


@lru_cache(_KEPT)
def _bounds(case: ConvCase) -> Answers:
    x, kernel, bias, grad_out = case.arrays
    return case.answers(np.abs(x), np.abs(kernel), np.abs(bias), np.abs(grad_out))


def _product() -> Iterator[ConvCase]:
    factors = (BATCHES, IMAGES, CHANNELS, KERNELS, STRIDES, [(1, 1), (2, 2)], PADDINGS)
    formats = ["channels_last", "channels_first"]
    for batch, image, (ic, oc, groups), *rest, data_format in itertools.product(*factors, formats):
        yield ConvCase(batch, image, ic, oc, groups, *rest, data_format)


CASES = list(_product())
GRADIENTS = ("grad_x", "grad_kernel", "grad_bias")

# Winograd's rounding errors follow the largest values near an output, not the output's own: in units of
# eps * max(sum |x * w|). The worst of all CASES and of 32 to 512 channels were 7 to 8 and 0.93, of stride 2
# 5.1 and 8.7 (2026-11).
WINOGRAD_TERMS = {
    "winograd": 14,
    "winograd_f2": 2,
    "winograd_f6": 60,
    "winograd_s2": 10,
    "winograd_s2_f5": 17,
}


def chosen_algorithm(network: "_core.Network", batch: int, direction: str = "forward") -> str:
    """The algorithm of one direction of a one-convolution network."""
    steps = network.plan(batch, "predict" if direction == "forward" else "vjp")
    (convolution,) = (s for s in steps if s["op"] == "conv2d" and s["direction"] == direction)
    return str(convolution["algorithm"])


def allowed(algorithm: str, bound: NDArray[Any], terms: int) -> tuple[NDArray[Any] | float, int]:
    """The bound and the number of terms for `assert_within`, for an output or a gradient."""
    if algorithm in WINOGRAD_TERMS:
        return float(bound.max()), WINOGRAD_TERMS[algorithm]
    return bound, terms


def check(case: ConvCase, algorithm: str | None) -> None:
    """Output and gradients of this convolution are within the bounds of their arithmetic.

    Left alone, the engine takes every problem; a forced algorithm takes it or says why not.
    """
    network = case.network(algorithm)
    try:
        network.plan(case.batch, "predict")
    except ValueError as error:
        assert algorithm is not None
        refusal(error, algorithm, "conv2d")
        return
    check_values(case, network, chosen_algorithm(network, case.batch))


def check_values(case: ConvCase, network: Any, algorithm: str) -> None:
    """The same, for a network that has taken the problem with this algorithm."""
    x, _, _, grad_out = case.arrays
    (expected, grads), (bound, grad_bounds), (terms, grad_terms) = case.expected, case.bounds, case.terms
    assert_within(network.predict(x), expected, *allowed(algorithm, bound, terms), "output")
    grad_x, grad_weights = network.vjp(x, grad_out)
    assert_within(grad_x, grads[0], *allowed(algorithm, grad_bounds[0], grad_terms[0]), GRADIENTS[0])
    algorithm = chosen_algorithm(network, case.batch, "backward weights")
    for got, *parts in zip(
        grad_weights, grads[1:], grad_bounds[1:], grad_terms[1:], GRADIENTS[1:], strict=False
    ):
        ref, bound, terms, what = parts
        assert_within(got, ref, *allowed(algorithm, bound, terms), what)
