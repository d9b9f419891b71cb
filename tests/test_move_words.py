"""Moves of `cnnfast.ops` against NumPy: each word a row; on arrays, symbolic tensors and traced values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Input, Model, ops
from cnnfast.layers import Conv2D, Layer
from cnnfast.layers.tracing import Tracing
from cnnfast.models.description import write_description
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network
from cnnfast.utils.nest import leaves

ROWS, SHAPE = 3, (4, 6, 2)  # of batches; arrays alone have the shape of a sample


@dataclass(frozen=True)
class Word:
    """A word on numbers whose own axes begin at `first`, behind a batch's or not; with `m` NumPy or ours."""

    name: str
    of: Callable[[Any, Any, int], Any]
    cases: tuple[int, ...] = (0, 1)  # `first` may be these

    def __str__(self) -> str:
        return self.name


def _shape(x: Any, first: int, *sizes: int) -> tuple[Any, ...]:
    return (*ops.shape(x)[:first], *sizes)


def _item(*key: Any) -> Callable[[Any, Any, int], Any]:
    def taken(m: Any, x: Any, first: int) -> Any:
        own = (slice(None),) * first + key
        return x[own] if m is np else ops.get_item(x, own)

    return taken


def _pad(mode: str, **options: Any) -> Word:
    def padded(m: Any, x: Any, first: int) -> Any:
        sides = [(0, 0)] * first + [(1, 2), (0, 3), (1, 0)]
        return m.pad(x, sides, "wrap" if mode == "circular" and m is np else mode, **options)

    return Word(f"pad-{mode}", padded)


def _slice(m: Any, x: Any, f: int) -> Any:
    if m is np:
        return x[..., 1:3, 2:5, :]
    return ops.slice(x, (*(0,) * f, 1, 2, 0), _shape(x, f, 2, 3, 2))


def _images(m: Any, x: Any, f: int) -> Any:
    """Out of depth and into it, in either order of axes."""
    deep = m.reshape(x, (-1, 2, 3, 8))
    if m is np:
        wide = deep.reshape(-1, 2, 3, 2, 2, 2).swapaxes(2, 3).reshape(-1, 4, 6, 2)
        return [wide, wide.transpose(0, 3, 1, 2), deep]
    wide = ops.depth_to_space(deep, 2)
    first = ops.depth_to_space(ops.moveaxis(deep, -1, 1), 2, "channels_first")
    return [wide, first, ops.space_to_depth(wide, 2)]


ALONE, BATCHES = (0,), (1,)
WORDS = [
    Word("reshape", lambda m, x, f: m.reshape(x, _shape(x, f, 8, -1))),
    Word("reshape-flat", lambda m, x, f: m.reshape(x, _shape(x, f, -1))),
    Word("reshape-sized", lambda m, x, f: m.reshape(x, (-1, np.int64(6), 8))),
    Word("reshape-folds", lambda m, x, f: m.reshape(x, (-1, 12))),
    Word("ravel", lambda m, x, f: m.ravel(x)),
    Word("expand_dims", lambda m, x, f: m.expand_dims(x, (f, -1))),
    Word("squeeze", lambda m, x, f: m.squeeze(m.expand_dims(x, f + 1))),
    Word("broadcast_to", lambda m, x, f: m.broadcast_to(m.expand_dims(x, f), _shape(x, f, 5, *SHAPE))),
    Word("broadcast_to-more", lambda m, x, f: m.broadcast_to(x, (2, 3, *SHAPE)), ALONE),
    Word("transpose", lambda m, x, f: m.transpose(x, [*range(f), f + 2, f, f + 1])),
    Word("transpose-all", lambda m, x, f: m.transpose(x), ALONE),
    Word("moveaxis", lambda m, x, f: m.moveaxis(x, -1, f)),
    Word("moveaxis-two", lambda m, x, f: m.moveaxis(x, (-1, f), (f, -2))),
    Word("swapaxes", lambda m, x, f: m.swapaxes(x, f, -1)),
    Word("flip", lambda m, x, f: m.flip(x, (f, -1))),
    Word("flip-all", lambda m, x, f: m.flip(x), ALONE),
    Word("fliplr", lambda m, x, f: m.fliplr(x)),
    Word("flipud", lambda m, x, f: m.flipud(x), ALONE),
    Word("rot90", lambda m, x, f: [m.rot90(x, k, (f, f + 1)) for k in (-1, 0, 1, 2)]),
    Word("roll", lambda m, x, f: m.roll(x, 2, f + 1)),
    Word("roll-more", lambda m, x, f: m.roll(x, (-7, 0, 1), (f, f + 1, -1))),
    Word("roll-all", lambda m, x, f: m.roll(x, 5), ALONE),
    _pad("constant", constant_values=7.0),
    _pad("reflect"),
    _pad("symmetric"),
    _pad("edge"),
    _pad("wrap"),
    _pad("circular"),
    Word("pad-all", lambda m, x, f: m.pad(x, 1), ALONE),
    Word("repeat", lambda m, x, f: m.repeat(x, 3, f)),
    Word("repeat-each", lambda m, x, f: m.repeat(x, [2, 0, 1, 3], f)),
    Word("repeat-all", lambda m, x, f: m.repeat(x, 2), ALONE),
    Word("tile", lambda m, x, f: m.tile(x, (2, 1, 3))),
    Word("tile-more", lambda m, x, f: m.tile(x, (2, 1, 1, 1, 2)), ALONE),
    Word("get_item", _item(1)),
    Word("get_item-slices", _item(slice(1, 3), slice(None, None, 2))),
    Word("get_item-back", _item(slice(None, None, -1), slice(-1, -6, -2))),
    Word("get_item-new", _item(None, ..., np.int64(0), None)),
    Word("get_item-as-written", lambda m, x, f: [x[..., -1], x[:, :, 1:5:2], x[:, None], x[...]]),
    Word("slice", _slice),
    Word("split", lambda m, x, f: m.split(x, 3, f + 1)),
    Word("split-at", lambda m, x, f: m.split(x, [1, -2], f + 1)),
    Word("array_split", lambda m, x, f: m.array_split(x, 4, f + 1)),
    Word("unstack", lambda m, x, f: m.unstack(x, axis=f + 1)),
    Word("concatenate", lambda m, x, f: m.concatenate([x, -x, x], f)),
    Word("stack", lambda m, x, f: m.stack([x, -x], f)),
    Word("stack-last", lambda m, x, f: m.stack([x, -x], -1)),
    Word("hstack", lambda m, x, f: m.hstack([x, -x])),
    Word("vstack", lambda m, x, f: m.vstack([x, -x]), ALONE),
    Word("dstack", lambda m, x, f: m.dstack([x, -x])),
    Word("dstack-rows", lambda m, x, f: [m.dstack([x[0], -x[0]]), m.dstack([x[0, 0], x[0, 0]])], ALONE),
    Word("hsplit", lambda m, x, f: m.hsplit(x, [1])),
    Word("hsplit-row", lambda m, x, f: m.hsplit(x[0, 0], 2), ALONE),
    Word("vsplit", lambda m, x, f: m.vsplit(x, 2), ALONE),
    Word("dsplit", lambda m, x, f: m.dsplit(x, 2)),
    Word("append", lambda m, x, f: m.append(x, -x, -1)),
    Word("append-all", lambda m, x, f: m.append(x, -x), ALONE),
    Word("tril", lambda m, x, f: m.tril(x, -1)),
    Word("triu", lambda m, x, f: m.triu(x, 1)),
    Word("zeros_like", lambda m, x, f: m.zeros_like(x)),
    Word("ones_like", lambda m, x, f: m.ones_like(x)),
    Word("full_like", lambda m, x, f: m.full_like(x, [2.0, 3.0])),
    Word("diag", lambda m, x, f: [m.diag(x[0], k) for k in (-3, -1, 0, 1)], ALONE),
    Word("diag-of", lambda m, x, f: m.diag(m.diag(x[0, :, 0], 2), 1), ALONE),
    Word("diagflat", lambda m, x, f: m.diagflat(x[0, :2], -1), ALONE),
    Word("diagonal", lambda m, x, f: [m.diagonal(x, k, f, f + 1) for k in (-2, 0, 3)]),
    Word("diagonal-back", lambda m, x, f: m.diagonal(x, 1, f + 2, f + 1)),
    Word("meshgrid", lambda m, x, f: list(m.meshgrid(x[0, :, 0], x[:, 0, 0], x[0, 0])), ALONE),
    Word("meshgrid-ij", lambda m, x, f: list(m.meshgrid(x[0, :, 0], x[0, 0], indexing="ij")), ALONE),
    Word("depth_to_space", _images, BATCHES),
]


def _numbers(first: int) -> NDArray[np.float32]:
    x = np.random.default_rng(first).normal(size=(ROWS, *SHAPE) if first else SHAPE).astype(np.float32)
    x.flat[3] = -0.0
    return x


def _same(got: Any, want: Any) -> None:
    """Bit for bit."""
    for one, other in zip(leaves(got), leaves(want), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32
        assert one.tobytes() == np.ascontiguousarray(other).tobytes()


def _network(word: Word, first: int) -> Any:
    graph = Tracing()
    with graph.within():
        made = word.of(ops, graph.value(graph.input(SHAPE, "x", first)), first)
    return new_network(graph, [value.number for value in leaves(made)], workspace())


CASES = [
    pytest.param(word, first, id=f"{word}-{'batch' if first else 'alone'}")
    for word in WORDS
    for first in word.cases
]


@pytest.mark.parametrize(("word", "first"), CASES)
def test_arrays(word: Word, first: int, isa: str) -> None:
    x = _numbers(first)
    _same(word.of(ops, x, first), word.of(np, x, first))


@pytest.mark.parametrize(("word", "first"), CASES)
def test_values(word: Word, first: int, isa: str) -> None:
    x = _numbers(first)
    _same(_network(word, first).predict([x]), word.of(np, x, first))


@pytest.mark.parametrize(("word", "first"), CASES)
def test_gradients(word: Word, first: int, isa: str) -> None:
    """Sums of few whole numbers, and so exact: all that each number came to."""
    x = _numbers(first)
    nothing = leaves(word.of(np, np.zeros(x.shape), first))
    rng = np.random.default_rng(5)
    weights = [rng.integers(-9, 10, each.shape).astype(np.float32) for each in nothing]
    got, _ = _network(word, first).vjp([x], weights)
    want = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[at] = 1
        parts = zip(leaves(word.of(np, unit, first)), nothing, weights, strict=True)
        want[at] = sum(((one - zero) * weight).sum() for one, zero, weight in parts)
    np.testing.assert_array_equal(got[0], want)


@pytest.mark.parametrize("word", [word for word in WORDS if 1 in word.cases], ids=str)
def test_symbolic_tensors(word: Word) -> None:
    x, source = _numbers(1), Input(SHAPE)
    if word.name in ("reshape-folds", "ravel"):
        with pytest.raises(ValueError, match="more rows than samples"):
            word.of(ops, source, 1)
        return
    made = Model(source, word.of(ops, source, 1))
    _same(made.predict(x), word.of(np, x, 1))
    write_description({**made.get_config()})
    copy = Model.from_config(made.get_config())
    _same(copy.predict(x), made.predict(x))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [3, 17])
@pytest.mark.parametrize("word", [word for word in WORDS if word.cases == (0, 1)], ids=str)
def test_layouts(word: Word, batch: int, data_format: Any) -> None:
    """Behind a convolution the value lies in blocks of channels or of samples, with padded lanes."""
    first = data_format == "channels_first"
    x = np.random.default_rng(2).normal(size=(batch, 3, 6, 2) if first else (batch, 4, 6, 3))
    source = Input(x.shape[1:])
    hidden = Conv2D(SHAPE[0 if first else -1], 3, padding="same", data_format=data_format)(source)
    if word.name in ("reshape-folds", "ravel"):
        hidden = ops.flip(hidden, 1)
        word = Word("folds", lambda m, x, f: m.reshape(m.reshape(x, _shape(x, f, -1)), _shape(x, f, 8, -1)))
    features, *got = Model(source, [hidden, *leaves(word.of(ops, hidden, 1))]).predict(x.astype(np.float32))
    _same(got, word.of(np, features, 1))


class Tokens(Layer):
    """As attention's layers are written: sizes asked for, axes moved, a token before all others."""

    def build(self, input_shape: Any) -> None:
        self.token = self.add_weight((1, 1, 2), "normal", name="token")

    def call(self, x: Any) -> Any:
        """Returns the token, then the steps back and forth."""
        batch, steps, size = ops.shape(x)
        heads = ops.transpose(ops.reshape(x, (batch, steps, -1, 2)), (0, 2, 1, 3))
        back = ops.reshape(heads, (batch, -1, 2))
        assert back.shape == (None, steps * size // 2, 2)
        folded = ops.reshape(back, (-1, 2))
        assert folded.shape == (None, 2)
        return ops.concatenate([self.token, ops.reshape(folded, (-1, steps * size // 2, 2))], axis=1)


def test_layers_of_ones_own() -> None:
    layer = Tokens()
    x = np.random.default_rng(3).normal(size=(5, 3, 8)).astype(np.float32)
    token = np.broadcast_to(layer(x)[:1, :1], (5, 1, 2))
    want = np.concatenate([token, x.reshape(5, 3, 4, 2).transpose(0, 2, 1, 3).reshape(5, 12, 2)], 1)
    _same(layer(x), want)
    np.testing.assert_array_equal(layer.get_weights()[0][0, 0], token[0, 0])
    model = Model(source := Input((3, 8)), layer(source))
    _same(model.predict(x), want)
    model.compile("sgd", "mse")
    model.fit(x, want + 1, epochs=1, batch_size=5, verbose=0)
    np.testing.assert_allclose(layer.get_weights()[0], token[:1] + 0.01 * 2 / 26, rtol=1e-5)


def test_not_numbers_do_not_spread(isa: str) -> None:
    x = np.array([[np.nan, np.inf], [1.0, -np.inf]], np.float32)
    _same(ops.zeros_like(x), np.zeros_like(x))
    _same(ops.full_like(x, 3), np.full_like(x, 3))
    _same(ops.tril(x, -1), np.tril(x, -1))
    graph = Tracing()
    with graph.within():
        batch = graph.value(graph.input((2,), "x"))
        made = ops.concatenate([batch, np.ones((1, 1))], 1)
    (got,) = new_network(graph, [made.number], workspace()).predict([x])
    _same(got, np.concatenate([x, np.ones((2, 1), np.float32)], 1))


@pytest.mark.parametrize("dtype", ["int32", np.uint8, int])
def test_cast(dtype: Any) -> None:
    x = np.array([-1.5, -0.2, 0.0, 0.7, 3.0], np.float32)
    np.testing.assert_array_equal(ops.cast(x, dtype), np.trunc(x))
    np.testing.assert_array_equal(ops.cast(x, bool), x != 0)
    np.testing.assert_array_equal(ops.ones_like(x, dtype), np.ones(5))
    made = Model(source := Input((5,)), ops.cast(ops.cast(source, dtype), np.dtype("float32")))
    np.testing.assert_array_equal(made.predict(x[None])[0], np.trunc(x))
    assert "int" in write_description(made.get_config()).decode()
    with pytest.raises(ValueError, match="'bool' or a type of whole numbers, got 'float16'"):
        ops.cast(x, "float16")
    with pytest.raises(ValueError, match="got 'bfloat16'"):
        ops.cast(x, "bfloat16")


@pytest.mark.parametrize(
    ("name", "arguments", "dtype"),
    [
        ("zeros", ((2, 3),), "float32"),
        ("ones", ((2, 3), "int32"), "int32"),
        ("full", ((2, 2), [1, 2]), "float32"),
        ("eye", (3, 4, 1), "float32"),
        ("identity", (3, "bool"), "bool"),
        ("arange", (5,), "int32"),
        ("arange", (1, 2, 0.3), "float32"),
        ("arange", (5, 1, -2, "float64"), "float64"),
        ("array", ([1, 2],), "int32"),
        ("array", ([[0.5], [2.0]],), "float32"),
        ("array", (np.array([True, False]),), "bool"),
        ("copy", (np.arange(3),), "int64"),
        ("tri", (3, 4, -1), "float32"),
        ("logspace", (0, 2, 5), "float32"),
        ("logspace", (0, 2, 5, False, 2.0), "float32"),
        ("geomspace", (1, 100, 5), "float32"),
        ("bartlett", (7,), "float32"),
        ("blackman", (7,), "float32"),
        ("hamming", (7,), "float32"),
        ("hanning", (7,), "float32"),
        ("kaiser", (7, 3.0), "float32"),
        ("linspace", (0, 1, 7), "float32"),
        ("linspace", ([0, 1], [1, 3], 4, False, False, None, -1), "float32"),
    ],
)
def test_arrays_from_nothing(name: str, arguments: tuple[Any, ...], dtype: str) -> None:
    got, want = getattr(ops, name)(*arguments), getattr(np, name)(*arguments)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, want.astype(dtype))


def test_arrays_of_no_meaning() -> None:
    assert ops.empty((2, 3), "int32").shape == (2, 3)
    assert ops.empty_like(Input((4,))).shape == (None, 4)
    numbers = np.ones(2, np.float32)
    made = ops.array(numbers)
    made[0] = 2
    assert numbers.tolist() == [1, 1]
    assert ops.array(source := Input((4,))) is source


BATCH = r"axis 0 of shape \(None, 4, 6, 2\) is the batch's"
REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: ops.reshape(x, (4, -1)), "the first size is the batch's.* must be -1, or None"),
    (lambda x: ops.reshape(x, (None, 5)), "cannot become .*the numbers must be as many"),
    (lambda x: ops.reshape(x, (-1, 6, -1)), "at most one size -1"),
    (lambda x: ops.reshape(x, (None, None, 4)), "only the batch's size, the first, may be None"),
    (lambda x: ops.expand_dims(x, 0), BATCH),
    (lambda x: ops.broadcast_to(x, (2, *SHAPE)), "does not broadcast to"),
    (lambda x: ops.broadcast_to(x, (None, 3, *SHAPE)), "does not broadcast to"),
    (lambda x: ops.broadcast_to(np.ones(2), (None, 2)), "only a batch broadcasts to the size None"),
    (ops.transpose, BATCH),
    (lambda x: ops.transpose(x, (0, 1, 2)), "each of 0 to 3 once"),
    (lambda x: ops.moveaxis(x, 0, 1), BATCH),
    (lambda x: ops.moveaxis(x, (1, 2), 3), "must be as many axes"),
    (lambda x: ops.swapaxes(x, 1, 4), "axis must be different ones of -4 to 3"),
    (ops.flip, BATCH),
    (ops.rot90, BATCH),
    (lambda x: ops.rot90(x, 1, (1,)), "axes must be two"),
    (lambda x: ops.roll(x, 1, 0), BATCH),
    (lambda x: ops.roll(x, (1, 2), 1), "one for each axis"),
    (lambda x: ops.pad(x, 1), BATCH),
    (lambda x: ops.pad(x, ((0, 0), (1, 1))), "pad_width must be .* each of 4 axes"),
    (
        lambda x: ops.pad(x, ((0, 0), (5, 0), (0, 0), (0, 0)), "symmetric"),
        "axis 1 has 4 numbers, and no more",
    ),
    (lambda x: ops.pad(x, ((0, 0), (4, 0), (0, 0), (0, 0)), "reflect"), "at most 3 may be added"),
    (lambda x: ops.pad(x, 1, "mirror"), "mode must be one of 'constant'"),
    (lambda x: ops.pad(x, 1, "edge", 1.0), "constant_values are for the mode 'constant'"),
    (lambda x: ops.repeat(x, 2, 0), BATCH),
    (lambda x: ops.repeat(x, [1, 2], 1), "repeats must be one number, or 4"),
    (lambda x: ops.repeat(x, 0, 1), "repeats must be at least 1"),
    (lambda x: ops.tile(x, (2, 1, 1, 1)), BATCH),
    (lambda x: ops.tile(x, (2, 1, 1, 1, 1)), BATCH),
    (lambda x: x[0], BATCH),
    (lambda x: x[-3:], BATCH),
    (lambda x: x[None], BATCH),
    (lambda x: x[:, 2:1], "nothing is left of axis 1"),
    (lambda x: ops.slice(x, (0, 0, 0, 0), (3, 1, 1, 1)), BATCH),
    (lambda x: ops.slice(x, (0, 3, 0, 0), (None, 2, 1, 1)), "along axis 0 of 4 cells there are no 2 from 3"),
    (lambda x: ops.split(x, 2), BATCH),
    (lambda x: ops.split(x, 3, 1), "4 numbers along axis 1 cannot be 3 pieces of one length"),
    (lambda x: ops.split(x, [2, 2], 1), "a piece would be empty"),
    (ops.unstack, BATCH),
    (lambda x: ops.unstack(x, 3, 1), "num must be None or 4"),
    (lambda x: ops.concatenate([x, x]), BATCH),
    (lambda x: ops.concatenate([x, np.ones((4, 6, 1))], -1), "has no batch axis: to stand beside"),
    (lambda x: ops.concatenate([], 1), "the list is empty"),
    (lambda x: ops.stack([x, x]), BATCH),
    (lambda x: ops.vstack([x, x]), BATCH),
    (lambda x: ops.diag(x[:, 0, 0]), r"axis 0 of shape \(None, 2\) is the batch's"),
    (lambda x: ops.diag(np.ones((2, 3)), 3), "have no diagonal 3"),
    (lambda x: ops.tril(x[:, 0, 0]), r"axis 0 of shape \(None, 2\) is the batch's"),
    (lambda x: ops.meshgrid(x[:, 0, 0, 0], x), "numbers without a batch axis"),
    (lambda x: ops.depth_to_space(x, 2), "the square of the block size must divide the channels"),
]


@pytest.mark.parametrize(("does", "sentence"), REFUSED)
def test_errors_say_the_rule(does: Callable[[Any], Any], sentence: str) -> None:
    graph = Tracing()
    with graph.within(), pytest.raises(ValueError, match=sentence):
        does(graph.value(graph.input(SHAPE, "x")))


def test_indices_are_whole_numbers() -> None:
    x = Input(SHAPE)
    for key in (0.5, [0, 1], True, np.array([1, 2]), x, slice(0.5, None)):
        with pytest.raises(TypeError, match=r"whole numbers, slices, \.\.\. and None, got .*ops\.take"):
            x[:, key]
    with pytest.raises(IndexError, match="index 4 is none of axis 1, which has 4 numbers"):
        x[:, 4]
    for key in ((slice(None), 0, 0, 0, 0), (..., ...)):
        with pytest.raises(IndexError, match=r"at most one \.\.\. and 4 indices"):
            x[key]
