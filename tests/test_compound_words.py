"""Words made of several steps, or by NumPy: forward against NumPy in float64, backward against numerical
gradients of that; on arrays and in models with a batch; every instruction set; 1 against 3 threads.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.numerical import numerical_gradient

from cnnfast import Model, ops
from cnnfast.layers import Input

Floats = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Word:
    """One row: the word, what NumPy makes of its arguments, and their shapes."""

    name: str
    word: Callable[..., Any] = field(repr=False)
    oracle: Callable[..., Any] = field(repr=False)
    shapes: tuple[Shape, ...]
    make: Callable[[Floats], Floats] = field(default=lambda x: x, repr=False)  # of normal numbers
    batch: bool = True  # whether all arguments may begin with one
    slope: bool = True

    def __str__(self) -> str:
        return "-".join((self.name, *map(str, self.shapes)))

    def arguments(self) -> list[Floats]:
        rng = np.random.default_rng(len(str(self)))
        return [self.make(rng.normal(size=shape)).astype(np.float32) for shape in self.shapes]


def _regular(x: Floats) -> Floats:
    """Far from singular."""
    return x + 3 * np.eye(x.shape[-1]) if x.shape[-1] == x.shape[-2] else x


def _definite(x: Floats) -> Floats:
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def _symmetric(x: Floats) -> Floats:
    return (x + np.swapaxes(x, -1, -2)) / 2


def _normalized(x: Floats, gamma: Any = 1.0, beta: Any = 0.0, axis: Any = -1, centred: bool = True) -> Floats:
    x = x - x.mean(axis, keepdims=True) if centred else x
    return x / np.sqrt((x**2).mean(axis, keepdims=True) + 1e-7) * gamma + beta


def _attention(
    q: Floats, k: Floats, v: Floats, bias: Any = 0.0, causal: bool = False, cap: Any = None
) -> Floats:
    heads = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, heads, 2), np.repeat(v, heads, 2)
    logits = np.einsum("btnh,bsnh->bnts", q, k) / math.sqrt(q.shape[-1])
    logits = (logits if cap is None else cap * np.tanh(logits / cap)) + bias
    if causal:
        logits = np.where(np.tri(*logits.shape[-2:]), logits, -1e30)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return np.einsum("bnts,bsnh->btnh", weights / weights.sum(-1, keepdims=True), v)


def _unfold(x: Floats, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Floats:
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    (kh, kw), (dh, dw), (sh, sw) = sizes = kernel, dilation, stride
    rows, columns = ((n - (k - 1) * d - 1) // s + 1 for n, k, d, s in zip(x.shape[2:], *sizes, strict=True))
    windows = [
        x[:, :, i * dh : i * dh + (rows - 1) * sh + 1 : sh, j * dw : j * dw + (columns - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.stack(windows, 2).reshape(x.shape[0], x.shape[1] * kh * kw, rows * columns)


def _fold(x: Floats, size: Any, *how: Any) -> Floats:
    """The gradient of unfolding, by its definition."""
    channels = x.shape[1] // math.prod(how[0])
    places = np.arange(channels * math.prod(size)).reshape(1, channels, *size) + 1.0
    where = _unfold(places, *how)[0].astype(int)
    made = np.zeros((len(x), channels * math.prod(size) + 1))
    for sample, given in zip(made, x, strict=True):
        np.add.at(sample, where, given)
    return made[:, 1:].reshape(-1, channels, *size)


def _segments(reduce: Any, empty: float) -> Callable[[Floats], Floats]:
    return lambda x: np.stack(
        [reduce(np.concatenate([x[i == IDS], EMPTY + empty]), axis=0) for i in range(4)]
    )


def _scattered(x: Floats, new: Floats, ufunc: Any) -> Floats:
    made = np.array(x)
    if ufunc is None:
        made[tuple(PLACES.T)] = new
    else:
        ufunc.at(made, tuple(PLACES.T), new)
    return made


def _ssim(a: Floats, b: Floats) -> Floats:
    bell = np.exp(-0.5 * ((np.arange(5) - 2) / 1.5) ** 2)
    weights = np.outer(bell, bell)[..., None] / bell.sum() ** 2

    def local(x: Floats) -> Floats:
        windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), (1, 2))
        return np.einsum("nhwcij,ijc->nhwc", windows, np.repeat(weights, x.shape[-1], -1))

    m1, m2, c1, c2 = local(a), local(b), 0.02**2, 0.06**2
    s1, s2, s12 = local(a * a) - m1**2, local(b * b) - m2**2, local(a * b) - m1 * m2
    return np.mean((2 * m1 * m2 + c1) * (2 * s12 + c2) / ((m1**2 + m2**2 + c1) * (s1 + s2 + c2)), (1, 2, 3))


def _sobel(x: Floats) -> Floats:
    wide = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (3, 3), (1, 2))
    down = np.outer([-1, 0, 1], [1, 2, 1])
    return np.stack([(windows * down).sum((-1, -2)), (windows * down.T).sum((-1, -2))], -1)


def _kernel(x: Floats, method: str) -> Floats:
    if method == "linear":
        return np.maximum(1 - x, 0)
    if method == "cubic":
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return np.where(x < 1, near, np.where(x < 2, far, 0))
    radius = int(method[-1])
    return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _scaled(x: Floats, method: str, antialias: bool) -> Floats:
    for axis, size, scale, offset in (
        (1, 5, np.float32(0.7), np.float32(0.4)),
        (2, 9, np.float32(1.3), np.float32(-0.8)),
    ):
        places = (np.arange(size) + 0.5 - float(offset)) / float(scale) - 0.5
        width = max(1 / float(scale), 1) if antialias else 1
        weights = _kernel(np.abs(places - np.arange(x.shape[axis])[:, None]) / width, method)
        weights /= weights.sum(0)
        weights *= (places >= -0.5) & (places <= x.shape[axis] - 0.5)
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ weights, -1, axis)
    return x


def _perspective(x: Floats) -> Floats:
    """By the homography from ends to starts, pixel by pixel; beyond the border are zeros."""
    rows, wanted = [], []
    for (u, v), (a, b) in zip(CORNERS, ENDS, strict=True):
        rows += [[a, b, 1, 0, 0, 0, -u * a, -u * b], [0, 0, 0, a, b, 1, -v * a, -v * b]]
        wanted += [u, v]
    h = np.append(np.linalg.solve(rows, wanted), 1).reshape(3, 3)
    made = np.zeros_like(x)
    wide = np.pad(x, [(0, 0), (1, 2), (1, 2), (0, 0)])
    for i, j in np.ndindex(x.shape[1:3]):
        column, row, depth = h @ [j, i, 1]
        row, column = row / depth + 1, column / depth + 1
        top, left = math.floor(row), math.floor(column)
        if 0 <= top <= x.shape[1] and 0 <= left <= x.shape[2]:
            for k, m in np.ndindex(2, 2):
                share = (1 - abs(row - top - k)) * (1 - abs(column - left - m))
                made[:, i, j] += share * wide[:, top + k, left + m]
    return made


SIGHTS = (3, 7, 8, 2)
CORNERS = np.array([[0.0, 0.0], [7.0, 0.0], [0.0, 6.0], [7.0, 6.0]])
ENDS = np.array([[0.5, -0.25], [6.0, 1.0], [-1.0, 5.5], [7.5, 6.25]])
IDS = np.array([0, 3, 0, 1, 9, 3, -1])  # there is no 2
EMPTY = np.zeros((1, 3))
PLACES = np.array([[0, 1], [2, 0], [0, 1]])
FOLDS = [((2, 3), (1, 1), (0, 0), (1, 1)), ((3, 2), (2, 1), (1, 2), (2, 3)), ((2, 2), (1, 1), (0, 0), (2, 2))]
NORM = (5, 4, 6)
HEADS = ((2, 5, 4, 3), (2, 6, 4, 3), (2, 6, 4, 3))
ROWS = [
    Word("det", ops.det, np.linalg.det, ((3, 4, 4),), _regular),
    Word(
        "slogdet",
        lambda x: ops.stack(ops.slogdet(x), -1),
        lambda x: np.stack(np.linalg.slogdet(x), -1),
        ((3, 4, 4),),
        _regular,
    ),
    Word("logdet", ops.logdet, lambda x: np.linalg.slogdet(x)[1], ((3, 4, 4),), _regular),
    Word("inv", ops.inv, np.linalg.inv, ((3, 4, 4),), _regular),
    Word("solve", ops.solve, np.linalg.solve, ((3, 4, 4), (3, 4, 2)), _regular),
    Word(
        "solve",
        ops.solve,
        lambda a, b: np.linalg.solve(a, b[..., None])[..., 0],
        ((3, 4, 4), (3, 4)),
        lambda x: _regular(x) if x.ndim == 3 else x,
    ),
    Word(
        "solve_triangular",
        lambda a, b: ops.solve_triangular(a, b, lower=True),
        lambda a, b: np.linalg.solve(np.tril(a), b),
        ((3, 4, 4), (3, 4, 2)),
        _regular,
    ),
    Word(
        "cholesky",
        lambda x: ops.cholesky((x + ops.swapaxes(x, -1, -2)) / 2),
        lambda x: np.linalg.cholesky(_symmetric(x)),
        ((3, 4, 4),),
        _definite,
    ),
    Word(
        "cholesky-upper",
        lambda x: ops.cholesky(x, upper=True),
        lambda x: np.linalg.cholesky(x, upper=True),
        ((3, 4, 4),),
        _definite,
        slope=False,
    ),
    Word(
        "cholesky_inverse",
        ops.cholesky_inverse,
        lambda x: np.linalg.inv(np.tril(x) @ np.tril(x).swapaxes(-1, -2)),
        ((3, 4, 4),),
        _regular,
    ),
    Word(
        "eigh-values",
        lambda x: ops.eigh((x + ops.swapaxes(x, -1, -2)) / 2)[0],
        lambda x: np.linalg.eigh(_symmetric(x))[0],
        ((3, 4, 4),),
    ),
    Word(
        "eigh-vectors",
        lambda x: ops.eigh((x + ops.swapaxes(x, -1, -2)) / 2)[1] ** 2,
        lambda x: np.linalg.eigh(_symmetric(x))[1] ** 2,
        ((3, 4, 4),),
    ),
    Word("svd-values", lambda x: ops.svd(x)[1], lambda x: np.linalg.svd(x)[1], ((3, 4, 5),)),
    Word("pinv", ops.pinv, np.linalg.pinv, ((3, 4, 2),)),
    Word("pinv", ops.pinv, np.linalg.pinv, ((3, 2, 4),)),
    Word("lstsq", ops.lstsq, lambda a, b: np.linalg.lstsq(a, b)[0], ((5, 3), (5, 2)), batch=False),
    Word(
        "matrix_rank",
        ops.matrix_rank,
        np.linalg.matrix_rank,
        ((3, 4, 5),),
        lambda x: x * (np.arange(5) < 2),
        slope=False,
    ),
    Word("layer_normalization", ops.layer_normalization, _normalized, (NORM,)),
    Word(
        "layer_normalization",
        lambda x: ops.layer_normalization(x, np.arange(6.0), np.ones(6)),
        lambda x: _normalized(x, np.arange(6.0), np.ones(6)),
        (NORM,),
    ),
    Word(
        "layer_normalization-axes",
        lambda x: ops.layer_normalization(x, np.ones((4, 6)), axis=(1, 2)),
        lambda x: _normalized(x, axis=(1, 2)),
        (NORM,),
    ),
    Word("rms_normalization", ops.rms_normalization, lambda x: _normalized(x, centred=False), (NORM,)),
    Word(
        "rms_normalization-middle",
        lambda x: ops.rms_normalization(x, np.arange(4.0), axis=1),
        lambda x: _normalized(x, np.arange(4.0)[:, None], axis=1, centred=False),
        (NORM,),
    ),
    Word(
        "batch_normalization",
        lambda x: ops.batch_normalization(x, np.arange(4.0), np.ones(4), 1, epsilon=0.5),
        lambda x: (x - np.arange(4.0)[:, None]) / math.sqrt(1.5),
        (NORM,),
    ),
    Word(
        "batch_normalization-all",
        lambda x, m, v, o, s: ops.batch_normalization(x, m, v**2, -1, o, s),
        lambda x, m, v, o, s: (x - m) / np.sqrt(v**2 + 1e-3) * s + o,
        (NORM, (6,), (6,), (6,), (6,)),
        batch=False,
    ),
    Word("attention", ops.dot_product_attention, _attention, HEADS),
    Word("attention-shared", ops.dot_product_attention, _attention, (HEADS[0], (2, 6, 2, 3), (2, 6, 2, 3))),
    Word(
        "attention-causal",
        lambda *x: ops.dot_product_attention(*x, is_causal=True, attn_logits_soft_cap=0.7),
        lambda *x: _attention(*x, causal=True, cap=0.7),
        HEADS,
    ),
    Word(
        "attention-masked",
        lambda *x: ops.dot_product_attention(*x, bias=np.ones((4, 5, 6)), mask=np.tri(5, 6)),
        lambda *x: _attention(*x, bias=1.0, causal=True),
        HEADS,
    ),
    *(
        Word("unfold", lambda x, f=f: ops.unfold(x, *f), lambda x, f=f: _unfold(x, *f), ((3, 2, 6, 7),))
        for f in FOLDS
    ),
    Word(
        "fold", lambda x: ops.fold(x, (4, 5), *FOLDS[0]), lambda x: _fold(x, (4, 5), *FOLDS[0]), ((3, 12, 9),)
    ),
    Word(
        "fold", lambda x: ops.fold(x, (6, 6), *FOLDS[1]), lambda x: _fold(x, (6, 6), *FOLDS[1]), ((3, 12, 6),)
    ),
    Word(
        "extract_sequences",
        lambda x: ops.extract_sequences(x, 3, 2),
        lambda x: np.stack([x[..., i : i + 3] for i in (0, 2, 4)], -2),
        ((3, 4, 8),),
    ),
    Word(
        "psnr",
        lambda a, b: ops.psnr(a, b, 2.0),
        lambda a, b: 20 * np.log10(2) - 10 * np.log10(((a - b) ** 2).mean()),
        ((3, 4), (3, 4)),
        batch=False,
    ),
    Word(
        "cdist",
        ops.cdist,
        lambda a, b: np.sqrt(((a[..., :, None, :] - b[..., None, :, :]) ** 2).sum(-1)),
        ((2, 3, 5), (2, 4, 5)),
    ),
    Word(
        "rearrange",
        lambda x: ops.rearrange(x, "b (h w) c -> b w (c h)", h=2),
        lambda x: x.reshape(3, 2, 3, 4).transpose(0, 2, 3, 1).reshape(3, 3, 8),
        ((3, 6, 4),),
    ),
    *(
        Word(
            f"segment_{name}",
            lambda x, name=name: getattr(ops, f"segment_{name}")(x, IDS, 4),
            _segments(reduce, empty),
            ((7, 3),),
            batch=False,
        )
        for name, reduce, empty in (
            ("sum", np.sum, 0),
            ("max", np.max, -np.inf),
            ("min", np.min, np.inf),
            ("prod", np.prod, 1),
        )
    ),
    *(
        Word(
            f"scatter_update-{name}",
            lambda x, new, name=name: ops.scatter_update(x, PLACES, new, name),
            lambda x, new, ufunc=ufunc: _scattered(x, new, ufunc),
            ((3, 2, 4), (3, 4)),
            batch=False,
        )
        for name, ufunc in (
            (None, None),
            ("add", np.add),
            ("max", np.maximum),
            ("min", np.minimum),
            ("mul", np.multiply),
        )
    ),
    Word(
        "scatter",
        lambda new: ops.scatter(PLACES, new, (3, 2, 4)),
        lambda new: _scattered(np.zeros((3, 2, 4)), new, np.add),
        ((3, 4),),
        batch=False,
    ),
    Word(
        "slice_update",
        lambda x, new: ops.slice_update(x, (0, 1, 2), new),
        lambda x, new: np.concatenate(
            [x[:, :1], np.concatenate([x[:, 1:3, :2], new, x[:, 1:3, 5:]], 2), x[:, 3:]], 1
        ),
        ((3, 4, 6), (3, 2, 3)),
    ),
    Word(
        "slice-computed",
        lambda x: ops.slice(x, ops.round(0.1 * ops.max(x)) + np.array([1, 0, 2]), (2, 3, 2)),
        lambda x: x[1:3, :3, 2:4],
        ((3, 4, 6),),
        np.tanh,
        batch=False,
    ),
    Word(
        "slice_update-computed",
        lambda x, new: ops.slice_update(x, ops.round(0.1 * ops.max(x)) + np.array([1, 0, 2]), new),
        lambda x, new: np.concatenate([x[:1], np.concatenate([x[1:, :, :2], new, x[1:, :, 5:]], 2)], 0),
        ((3, 4, 6), (2, 4, 3)),
        np.tanh,
        batch=False,
    ),
    Word(
        "associative_scan",
        lambda x: ops.associative_scan(ops.multiply, x, axis=1),
        lambda x: np.cumprod(x, 1),
        ((3, 7, 2),),
    ),
    Word(
        "associative_scan-reverse",
        lambda x: ops.associative_scan(ops.add, x, reverse=True, axis=-1),
        lambda x: np.cumsum(x[..., ::-1], -1)[..., ::-1],
        ((3, 2, 5),),
    ),
    Word(
        "adaptive_average_pool",
        lambda x: ops.adaptive_average_pool(x, (2, 3), "channels_last"),
        lambda x: np.stack(
            [np.stack([x[:, i : i + 3, j : j + 2].mean((1, 2)) for j in (0, 2, 4)], 1) for i in (0, 2)], 1
        ),
        ((3, 5, 6, 2),),
    ),
    Word(
        "ssim",
        lambda a, b: ops.image.ssim(a, b, 2.0, 5, data_format="channels_last"),
        _ssim,
        (SIGHTS, SIGHTS),
    ),
    Word("sobel_edges", lambda x: ops.image.sobel_edges(x, "channels_last"), _sobel, (SIGHTS,)),
    Word(
        "sobel_edges-first",
        lambda x: ops.image.sobel_edges(ops.transpose(x, (0, 3, 1, 2)), "channels_first"),
        lambda x: _sobel(x).transpose(0, 3, 1, 2, 4),
        (SIGHTS,),
    ),
    *(
        Word(
            f"scale_and_translate-{method}-{antialias}",
            lambda x, method=method, antialias=antialias: ops.image.scale_and_translate(
                x, (None, 5, 9, 2), (0.7, 1.3), (0.4, -0.8), (1, 2), method, antialias
            ),
            lambda x, method=method, antialias=antialias: _scaled(x, method, antialias),
            (SIGHTS,),
        )
        for method in ("linear", "cubic", "lanczos3", "lanczos5")
        for antialias in (True, False)
    ),
    Word(
        "perspective_transform",
        lambda x: ops.image.perspective_transform(x, CORNERS, ENDS, data_format="channels_last"),
        _perspective,
        (SIGHTS,),
    ),
    Word(
        "extract_patches_3d",
        lambda x: ops.image.extract_patches_3d(x, (2, 1, 2), 2, data_format="channels_last"),
        lambda x: np.concatenate([x[:, i:4:2, ::2, j:4:2] for i in (0, 1) for j in (0, 1)], -1),
        ((2, 5, 3, 4, 2),),
    ),
    Word(
        "extract_patches_3d-first",
        lambda x: ops.image.extract_patches(x, (1, 2, 2), 1, data_format="channels_first"),
        lambda x: np.concatenate([x[..., i : i + 2, j : j + 3] for i in (0, 1) for j in (0, 1)], 1),
        ((2, 2, 2, 3, 4),),
    ),
    Word(
        "adaptive_max_pool",
        lambda x: ops.adaptive_max_pool(x, 2, "channels_last"),
        lambda x: np.stack([x[:, :3].max(1), x[:, 2:].max(1)], 1),
        ((3, 5, 2),),
    ),
]


def _close(got: Any, want: Any, tolerance: float = 3e-5) -> None:
    largest = np.abs(want[np.isfinite(want)]).max(initial=1.0)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("word", ROWS, ids=str)
def test_arrays(word: Word, isa: str) -> None:
    x = word.arguments()
    _close(word.word(*x), np.asarray(word.oracle(*(each.astype(np.float64) for each in x))))


@pytest.mark.parametrize("word", [word for word in ROWS if word.batch], ids=str)
def test_models(word: Word) -> None:
    """One batch of matrices, images, ... for each argument; written to a configuration and back."""
    x = word.arguments()
    sources = [Input(each.shape[1:]) for each in x]
    made = Model(sources, word.word(*sources))
    want = np.asarray(word.oracle(*(each.astype(np.float64) for each in x)))
    _close(made.predict(x, verbose=0), want)
    _close(Model.from_config(made.get_config()).predict(x, verbose=0), want)


@pytest.mark.parametrize("word", [word for word in ROWS if word.slope], ids=str)
def test_gradients(word: Word, isa: str, threads: Callable[[int], None]) -> None:
    x = word.arguments()
    exact = [each.astype(np.float64) for each in x]
    finite = np.isfinite(shape := np.asarray(word.oracle(*exact)))
    grad_out = np.random.default_rng(8).normal(size=shape.shape).astype(np.float32)
    slope = ops.grad(word.word, range(len(x)))
    grads = []
    for count in (1, 3):
        threads(count)
        grads.append(slope(*x, grad_out=grad_out))
    for place, each in enumerate(exact):
        np.testing.assert_array_equal(grads[0][place], grads[1][place])
        want = numerical_gradient(
            lambda: float((grad_out * np.asarray(word.oracle(*exact)))[finite].sum()), each
        )
        _close(grads[0][place], want, 3e-4)
