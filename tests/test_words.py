"""Words over elements: a row each in a table, and one harness for all of them.

Forward against NumPy in float64, on arrays and in models; backward against numerical gradients of that; in
both data formats behind convolutions, whose layouts have padded lanes; every instruction set; 1 against 3
threads.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Model, ops
from cnnfast.initializers import GlorotUniform
from cnnfast.layers import Conv2D, Input
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]

ALL = (-4.0, 4.0)
POSITIVE = (0.1, 6.0)
SMALL = (-0.9, 1.2)


@dataclass(frozen=True)
class Word:
    """One row: the name, what NumPy makes of it, where its arguments come from."""

    name: str
    oracle: Callable[..., Any]
    domains: tuple[tuple[float, float], ...] = (ALL,)
    options: dict[str, Any] = field(default_factory=dict)
    exact: bool = False  # no rounding at all
    kinks: tuple[float, ...] = ()  # places without a derivative

    def __str__(self) -> str:
        return "-".join((self.name, *(f"{k}={v}" for k, v in self.options.items())))

    def __call__(self, *x: Any) -> Any:
        return getattr(ops, self.name)(*x, **self.options)


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0, x))


def _elu(x: Floats, alpha: float = 1.0) -> Floats:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _hard_sigmoid(x: Floats) -> Floats:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


def _erf(x: Floats) -> Floats:
    return np.asarray(np.vectorize(math.erf)(x))


def _erfinv(x: float) -> float:
    return NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)


TWO = (ALL, ALL)
WORDS = [
    Word("add", np.add, TWO),
    Word("subtract", np.subtract, TWO),
    Word("multiply", np.multiply, TWO),
    Word("divide", np.divide, (ALL, POSITIVE)),
    Word("true_divide", np.divide, (ALL, POSITIVE)),
    Word("floor_divide", np.floor_divide, (ALL, (0.5, 2.0))),
    Word("mod", np.mod, (ALL, (0.5, 2.0))),
    Word("power", np.power, (POSITIVE, ALL)),
    Word("maximum", np.maximum, TWO, exact=True),
    Word("minimum", np.minimum, TWO, exact=True),
    Word("negative", np.negative, exact=True),
    Word("absolute", np.abs, exact=True),
    Word("abs", np.abs, exact=True),
    Word("sign", np.sign, exact=True),
    Word("square", np.square),
    Word("reciprocal", np.reciprocal, (POSITIVE,)),
    Word("sqrt", np.sqrt, (POSITIVE,)),
    Word("rsqrt", lambda x: 1 / np.sqrt(x), (POSITIVE,)),
    Word("clip", np.clip, (ALL, (-2.0, -1.0), (1.0, 2.0)), exact=True),
    Word("exp", np.exp),
    Word("exp2", np.exp2),
    Word("expm1", np.expm1),
    Word("log", np.log, (POSITIVE,)),
    Word("log10", np.log10, (POSITIVE,)),
    Word("log1p", np.log1p, (SMALL,)),
    Word("log2", np.log2, (POSITIVE,)),
    Word("sin", np.sin, ((-40.0, 40.0),)),
    Word("cos", np.cos, ((-40.0, 40.0),)),
    Word("tan", np.tan, (SMALL,)),
    Word("sinh", np.sinh),
    Word("cosh", np.cosh),
    Word("tanh", np.tanh),
    Word("sigmoid", _sigmoid),
    Word("erf", _erf),
    Word("erfc", np.vectorize(math.erfc)),
    Word("erfinv", np.vectorize(_erfinv), ((-0.99, 0.99),)),
    Word("floor", np.floor, exact=True),
    Word("ceil", np.ceil, exact=True),
    Word("round", np.round, exact=True),
    Word(
        "round",
        lambda x: np.round(x, 1),
        options={"decimals": 1},
        kinks=tuple(i / 20 for i in range(-81, 82, 2)),
    ),
    Word("trunc", np.trunc, exact=True),
    Word("logaddexp", np.logaddexp, TWO),
    Word("logaddexp2", np.logaddexp2, TWO),
    Word("fabs", np.fabs, exact=True),
    Word("fmod", np.fmod, (ALL, (0.5, 2.0))),
    Word("fmax", np.fmax, TWO, exact=True),
    Word("fmin", np.fmin, TWO, exact=True),
    Word("divide_no_nan", np.divide, (ALL, POSITIVE)),
    Word("heaviside", np.heaviside, TWO, exact=True),
    Word("ldexp", lambda x, y: x * 2.0**y, TWO),
    Word("cbrt", np.cbrt, kinks=(0.0,)),
    Word("sinc", np.sinc, kinks=(0.0,)),
    Word("i0", np.i0),
    Word("arcsin", np.arcsin, ((-0.99, 0.99),)),
    Word("arccos", np.arccos, ((-0.99, 0.99),)),
    Word("arctan", np.arctan),
    Word("arctan2", np.arctan2, TWO),
    Word("arcsinh", np.arcsinh),
    Word("arccosh", np.arccosh, ((1.1, 6.0),)),
    Word("arctanh", np.arctanh, ((-0.9, 0.9),)),
    Word("hypot", np.hypot, TWO),
    Word("deg2rad", np.deg2rad, ((-360.0, 360.0),)),
    Word("rad2deg", np.rad2deg, (SMALL,)),
    Word("angle", np.angle),
    Word("real", np.real, exact=True),
    Word("nan_to_num", np.nan_to_num, exact=True),
    Word("equal", np.equal, TWO, exact=True),
    Word("not_equal", np.not_equal, TWO, exact=True),
    Word("less", np.less, TWO, exact=True),
    Word("less_equal", np.less_equal, TWO, exact=True),
    Word("greater", np.greater, TWO, exact=True),
    Word("greater_equal", np.greater_equal, TWO, exact=True),
    Word("logical_and", np.logical_and, TWO, exact=True),
    Word("logical_or", np.logical_or, TWO, exact=True),
    Word("logical_xor", np.logical_xor, TWO, exact=True),
    Word("logical_not", np.logical_not, exact=True),
    Word("isnan", np.isnan, exact=True),
    Word("isinf", np.isinf, exact=True),
    Word("isfinite", np.isfinite, exact=True),
    Word("isposinf", np.isposinf, exact=True),
    Word("isneginf", np.isneginf, exact=True),
    Word("isreal", np.isreal, exact=True),
    Word("imag", np.imag, exact=True),
    Word("signbit", np.signbit, exact=True),
    Word("isclose", lambda x, y: np.isclose(x, y, 0.5), TWO, {"rtol": 0.5}, exact=True),
    Word("where", lambda c, a, b: np.where(c != 0, a, b), (ALL, ALL, ALL), exact=True),
    Word("relu", lambda x: np.maximum(x, 0), exact=True),
    Word("relu6", lambda x: np.clip(x, 0, 6), ((-4.0, 9.0),), exact=True),
    Word("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x)),
    Word("leaky_relu", lambda x: np.where(x > 0, x, 0.3 * x), options={"negative_slope": 0.3}),
    Word("elu", _elu),
    Word("elu", lambda x: _elu(x, 0.5), options={"alpha": 0.5}, kinks=(0.0,)),
    Word("selu", lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772)),
    Word("celu", lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0) / 2)), options={"alpha": 2.0}),
    Word("softplus", _softplus, ((-30.0, 30.0),)),
    Word("softsign", lambda x: x / (1 + np.abs(x))),
    Word("silu", lambda x: x * _sigmoid(x)),
    Word("swish", lambda x: x * _sigmoid(x)),
    Word("gelu", lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    Word("gelu", lambda x: x / 2 * (1 + _erf(x / np.sqrt(2))), options={"approximate": False}),
    Word("mish", lambda x: x * np.tanh(_softplus(x))),
    Word("log_sigmoid", lambda x: -_softplus(-x), ((-30.0, 30.0),)),
    Word("hard_sigmoid", _hard_sigmoid, kinks=(-3.0, 3.0)),
    Word("hard_silu", lambda x: x * _hard_sigmoid(x), kinks=(-3.0, 3.0)),
    Word("hard_swish", lambda x: x * _hard_sigmoid(x), kinks=(-3.0, 3.0)),
    Word("hard_tanh", lambda x: np.clip(x, -1, 1), exact=True),
    Word("hard_shrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), exact=True),
    Word("soft_shrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    Word("tanh_shrink", lambda x: x - np.tanh(x)),
    Word(
        "threshold",
        lambda x: np.where(x > 1, x, 2),
        options={"threshold": 1.0, "default_value": 2.0},
        exact=True,
    ),
    Word("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2),
    Word(
        "sparse_plus", lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)), kinks=(-1.0, 1.0)
    ),
    Word("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1), kinks=(-1.0, 1.0)),
]

SHAPES = ((7, 4, 5, 3), (3,), (4, 1, 1))  # of the first argument, and of others, which are broadcast
# Of a value of the order of one: some instructions of about two units in the last place each.
TOLERANCE: Any = {"rtol": 3e-6, "atol": 1.5e-6}


def _arguments(word: Word, shapes: tuple[tuple[int, ...], ...] = SHAPES) -> list[Floats]:
    rng = np.random.default_rng(len(str(word)))
    found = []
    for (low, high), shape in zip(word.domains, shapes, strict=False):
        x = rng.uniform(low, high, shape).astype(np.float32)
        for kink in word.kinks:  # neither float32's rounding nor a step of the derivative crosses it
            x = np.where(np.abs(x - kink) < 1e-3, np.float32(kink + 2e-3), x)
        found.append(x)
    return found


def _wanted(word: Word, x: list[Floats]) -> Floats:
    return np.asarray(word.oracle(*(each.astype(float) for each in x)), float)


def _check(word: Word, got: Floats, want: Floats) -> None:
    if word.exact:
        np.testing.assert_array_equal(got, want.astype(np.float32))
    else:
        np.testing.assert_allclose(got, want, **TOLERANCE)


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_arrays(word: Word, isa: str) -> None:
    x = _arguments(word)
    got = word(*x)
    assert got.dtype == np.float32
    _check(word, got, _wanted(word, x))


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_symbolic_tensors(word: Word) -> None:
    x = _arguments(word)
    made = Model(source := Input(x[0].shape[1:]), word(source, *x[1:]))
    np.testing.assert_array_equal(made.predict(x[0]), word(*x))
    copy = Model.from_config(made.get_config())
    np.testing.assert_array_equal(copy.predict(x[0]), made.predict(x[0]))


def _numerical_gradients(word: Word, x: list[Floats], weights: Floats) -> list[Floats]:
    """Of sum(weights * word(x)) by each argument, summed where it was broadcast."""
    step = 1e-6
    wide = np.broadcast_arrays(*(each.astype(float) for each in x))
    grads = []
    for i, each in enumerate(x):
        sides = []
        for side in (step, -step):
            moved = list(wide)
            moved[i] = wide[i] + side
            sides.append(np.asarray(word.oracle(*moved), float))
        full = weights * (sides[0] - sides[1]) / (2 * step)
        full[np.abs(full) > 1e4] = 0  # a jump between
        lacking = full.ndim - each.ndim
        axes = tuple(range(lacking)) + tuple(
            lacking + a for a, size in enumerate(each.shape) if size == 1 and full.shape[lacking + a] > 1
        )
        grads.append(full.sum(axes, keepdims=True).reshape(each.shape))
    return grads


def _network(word: Word, x: list[Floats]) -> Any:
    graph = Tracing()
    with graph.within():
        values = [graph.value(graph.input(x[0].shape[1:], "x"))]
        values += [graph.value(graph.input(each.shape, f"x{i}", 0)) for i, each in enumerate(x[1:])]
        out = word(*values)
    return new_network(graph, [out.number], workspace())


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_gradients(word: Word, isa: str) -> None:
    x = _arguments(word)
    weights = np.random.default_rng(1).normal(size=x[0].shape).astype(np.float32)
    got, _ = _network(word, x).vjp(x, [weights])
    for grad, want in zip(got, _numerical_gradients(word, x, weights), strict=True):
        terms = x[0].size / want.size
        np.testing.assert_allclose(grad, want, rtol=2e-5, atol=2e-5 * math.sqrt(terms))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [3, 17, 32])
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_layouts(word: Word, batch: int, data_format: Any, isa: str) -> None:
    """Behind a convolution to 20 channels the value has padded lanes; others have to be brought along."""
    first = data_format == "channels_first"
    x = (
        np.random.default_rng(2)
        .normal(size=(batch, 2, 6, 5) if first else (batch, 6, 5, 2))
        .astype(np.float32)
    )
    begin = GlorotUniform(seed=1)  # by chance, a value may lie where rounding has a step
    before = Conv2D(20, 3, data_format=data_format, padding="same", kernel_initializer=begin)
    source = Input(x.shape[1:])
    hidden = before(source)
    low, high = word.domains[0]
    centre, reach = (low + high) / 2, (high - low) / 2
    inside = ops.add(ops.multiply(ops.tanh(hidden), 0.99 * reach), centre)
    shapes = ((20, 1, 1), (1, 6, 1)) if first else ((20,), (6, 1, 1))
    others = _arguments(word, (x.shape, *shapes))[1:]
    values = Model(source, inside).predict(x)
    _check(word, Model(source, word(inside, *others)).predict(x), _wanted(word, [values, *others]))


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_threads(word: Word, threads: Any) -> None:
    x = _arguments(word, ((9, 64, 64, 12), (12,), (64, 1, 1)))
    weights = np.ones(x[0].shape, np.float32)
    results = []
    for count in (1, 3):
        threads(count)
        grads, _ = _network(word, x).vjp(x, [weights])
        results.append([word(*x), *grads])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"multiply|mul.*\(4,\).*cannot be broadcast"):
        ops.multiply(np.ones((2, 3)), np.ones(4))
    with pytest.raises(ValueError, match="cannot be broadcast"):
        ops.multiply(Input((3,)), Input((2, 3)))
    assert ops.multiply(np.ones((2, 1)), np.ones((1, 4))).shape == (2, 4)


def test_threshold_of_soft_shrink() -> None:
    with pytest.raises(ValueError, match="threshold must be at least 0"):
        ops.soft_shrink([1.0], -0.5)


def test_operators() -> None:
    x = np.linspace(0.5, 2, 12, dtype=np.float32).reshape(3, 4)
    source = Input((4,))
    made = Model(source, -((2 * source - 1) / (source + 3) ** 2) + (1 - source) * abs(source))
    want = -((2 * x.astype(float) - 1) / (x.astype(float) + 3) ** 2) + (1 - x.astype(float)) * x
    np.testing.assert_allclose(made.predict(x), want, **TOLERANCE)


def test_special_values(isa: str) -> None:
    nan, inf = math.nan, math.inf
    x = np.array([nan, inf, -inf, 0.0], np.float32)
    names = ["exp", "log", "sqrt", "tanh", "sigmoid", "erf", "maximum", "minimum", "isnan", "isfinite"]
    for name in names:
        two = (0.0,) if name in ("maximum", "minimum") else ()
        with np.errstate(all="ignore"):
            oracle = next(word for word in WORDS if word.name == name).oracle
            want = np.asarray(oracle(x.astype(float), *two), float)
        np.testing.assert_array_equal(
            getattr(ops, name)(x, *two).astype(np.float32), want.astype(np.float32), name
        )


def _formula_steps(network: Any, mode: Any = "predict") -> list[str]:
    directions = [step["direction"] for step in network.plan(4, mode) if step["op"] == "formula"]
    return [each for each in directions if each in ("forward", "backward")]


def test_neighbours_are_one_formula() -> None:
    graph = Tracing()
    with graph.within():
        x = graph.value(graph.input((8,), "x"))
        out = ops.gelu(x) * ops.sigmoid(x) + 1
    network = new_network(graph, [out.number], workspace())
    assert _formula_steps(network) == ["forward"]
    assert _formula_steps(network, "vjp") == ["forward", "backward"]
    rows = np.linspace(-3, 3, 32, dtype=np.float32).reshape(4, 8)
    merged = network.predict(rows)
    network.disable_pass("merge_formulas")
    assert len(_formula_steps(network)) > 5
    np.testing.assert_array_equal(network.predict(rows), merged)


_OF_IMAGES: list[Callable[..., Any]] = [
    lambda x, **layout: ops.max_pool(x, 2, **layout),
    lambda x, **layout: ops.average_pool(x, 2, **layout),
    lambda x, **layout: ops.adaptive_max_pool(x, 2, **layout),
    lambda x, **layout: ops.adaptive_average_pool(x, 2, **layout),
    lambda x, **layout: ops.conv(x, np.ones((1, 1, 3, 2)), **layout),
    lambda x, **layout: ops.image.resize(x, (2, 2), **layout),
    lambda x, **layout: ops.image.rgb_to_grayscale(x, **layout),
    lambda x, **layout: ops.image.sobel_edges(x, **layout),
]


@pytest.mark.parametrize("word", _OF_IMAGES)
def test_words_follow_the_default_layout_of_the_moment(
    word: Callable[..., Any], image_data_format: Callable[[str], None]
) -> None:
    """Also where a network of the same shapes and arguments is kept, and in models and their files."""
    x = np.random.default_rng(6).random((2, 3, 4, 3)).astype(np.float32)
    last, first = word(x, data_format="channels_last"), word(x, data_format="channels_first")
    np.testing.assert_array_equal(word(x), last)
    if word is not _OF_IMAGES[4]:  # a convolution takes no symbolic tensors
        source = Input(x.shape[1:])
        model = Model(source, word(source))
    image_data_format("channels_first")
    np.testing.assert_array_equal(word(x), first)
    if word is not _OF_IMAGES[4]:
        for each in (model, Model.from_config(model.get_config())):
            np.testing.assert_allclose(each.predict(x, verbose=0), last, rtol=1e-6)
