"""Axes in other sizes, and images read between their pixels: forward and backward against float64, in all
layouts and formats; 1 against 3 threads; every instruction set; the words and layers made of them.
"""

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.resize import resize_matrix, sample
from support.nets import single

from cnnfast import Input, Model, _core, layers, ops

Array = NDArray[Any]

KINDS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
PLACES = ("half_pixel", "align_corners", "asymmetric")
SIZES = [(5, 10), (5, 13), (7, 3), (16, 5), (1, 4), (6, 1), (9, 9), (40, 7)]


def _close(got: Array, want: Array, sizes: Array, terms: int) -> None:
    """As far off as float32 sums of so many terms may be."""
    assert got.shape == want.shape
    assert (np.abs(got - want) <= 1e-7 * (terms + 2) * sizes + 1e-30).all()


def _check(network: "_core.Network", x: Array, axis: int, matrix: Array) -> None:
    rng = np.random.default_rng(1)
    along = lambda m, a: np.moveaxis(np.tensordot(m, a.astype(float), (1, axis)), 0, axis)  # noqa: E731
    grad = rng.normal(size=along(matrix, x).shape).astype(np.float32)
    found = []
    before = _core.get_num_threads()
    for threads in (1, 3):
        _core.set_num_threads(threads)
        found.append((network.predict(x), network.vjp(x, grad)[0]))
    _core.set_num_threads(before)
    (out, back), *others = found
    for other in others:
        np.testing.assert_array_equal(out, other[0])
        np.testing.assert_array_equal(back, other[1])
    most = max(matrix.shape)
    _close(out, along(matrix, x), along(np.abs(matrix), np.abs(x)), most)
    _close(back, along(matrix.T, grad), along(np.abs(matrix.T), np.abs(grad)), most)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_one_axis(kind: Any, places: Any, antialias: bool, isa: str) -> None:
    rng = np.random.default_rng(0)
    for (cells, size), inner in itertools.product(SIZES, (1, 3, 19)):
        matrix = resize_matrix(cells, size, kind, places, antialias)
        x = rng.normal(size=(3, 2, cells, inner)).astype(np.float32)

        def add(g: "_core.Graph", v: int, size: int = size) -> int:
            return g.resize(v, 1, size, kind, places, antialias, "resize")

        _check(single(x.shape[1:], add), x, 2, matrix)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("places", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("cells", "factor"), [(5, 1.7), (7, 0.6), (9, 1.1), (16, 0.23)])
def test_one_axis_by_a_factor(cells: int, factor: float, kind: Any, places: Any, antialias: bool) -> None:
    """Where cells lie then does not follow from the sizes: the last of the source may count for less."""
    size = int(cells * factor)
    matrix = resize_matrix(cells, size, kind, places, antialias, step=1 / factor)
    if size != cells:
        assert (matrix != resize_matrix(cells, size, kind, places, antialias)).any() or kind == "nearest"
    x = np.random.default_rng(0).normal(size=(3, cells, 19)).astype(np.float32)

    def add(g: "_core.Graph", v: int) -> int:
        return g.resize(v, 0, size, kind, places, antialias, "resize", step=1 / factor)

    _check(single(x.shape[1:], add), x, 1, matrix)


def test_pytorchs_cubic() -> None:
    matrix = resize_matrix(6, 11, "bicubic", "align_corners", False, -0.75, True)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)

    def add(g: "_core.Graph", v: int) -> int:
        return g.resize(v, 0, 11, "bicubic", "align_corners", False, "resize", -0.75, True)

    _check(single((6, 3), add), x, 1, matrix)


def _identity(graph: "_core.Graph", src: int, channels: int, data_format: Any, name: str) -> int:
    kernel = _core.Weight(f"{name}/kernel", (1, 1, channels, channels))
    kernel.assign(np.eye(channels, dtype=np.float32)[None, None])
    return graph.conv(src, channels, [1, 1], [1, 1], "valid", [1, 1], 1, False, data_format, name, [kernel])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [1, 17, 32])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_between_convolutions(axis: int, batch: int, data_format: Any, isa: str) -> None:
    """Where layouts are not the user's; channels can be resized, too."""
    shape = (20, 5, 6) if data_format == "channels_first" else (5, 6, 20)
    size = 2 * shape[axis]

    def chain(graph: "_core.Graph", src: int) -> int:
        before = _identity(graph, src, 20, data_format, "before")
        made = graph.resize(before, axis, size, "bilinear", "half_pixel", False, "resize")
        channels = graph.shape(made)[0 if data_format == "channels_first" else 2]
        return _identity(graph, made, channels, data_format, "after")

    x = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)
    matrix = resize_matrix(shape[axis], size, "bilinear", "half_pixel", False)
    _check(single(shape, chain), x, axis + 1, matrix)


# -- images read anywhere ----------------------------------------------------------------------------------


def _places(rng: np.random.Generator, shape: tuple[int, ...], extents: tuple[int, ...]) -> Array:
    """Inside and around the image, whole numbers and halves among them, none where a nearest cell changes."""
    at = rng.uniform(-1.7, 1.7, (*shape, len(extents))) * np.array(extents)
    some = rng.random(at.shape)
    at = np.where(some < 0.2, np.round(at), at)
    return at.astype(np.float32)


def _sample_network(
    image: tuple[int, ...], places: tuple[int, ...], rows: tuple[int, int], how: Any
) -> "_core.Network":
    graph = _core.Graph()
    inputs = [graph.input(image, "image", rows[0]), graph.input(places, "at", rows[1])]
    return _core.Network(graph, [graph.sample(*inputs, *how, "sample")])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "mirror", "wrap"])
@pytest.mark.parametrize("kind", ["nearest", "bilinear"])
@pytest.mark.parametrize("extents", [(7,), (5, 6), (4, 1, 3)], ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_sample(kind: Any, fill_mode: Any, data_format: Any, extents: tuple[int, ...], shared: bool) -> None:
    rng = np.random.default_rng(len(extents))
    batch, first = 5, data_format == "channels_first"
    x = rng.normal(size=(batch, *extents, 3)).astype(np.float32)
    at = _places(rng, (4, 2) if shared else (batch, 4, 2), extents)
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if first else x
    dims = at.shape if shared else at.shape[1:]
    network = _sample_network(
        given.shape[1:], dims, (1, 0 if shared else 1), (kind, fill_mode, 0.7, data_format)
    )
    of = lambda a, p: np.stack(  # noqa: E731
        [sample(one, p if shared else p[i], kind, fill_mode, 0.7) for i, one in enumerate(a)]
    )
    want = of(x.astype(float), at.astype(float))
    grad = rng.normal(size=want.shape).astype(np.float32)
    turned = np.ascontiguousarray(np.moveaxis(grad, -1, 1)) if first else grad
    found = []
    before = _core.get_num_threads()
    for threads in (1, 3):
        _core.set_num_threads(threads)
        (out,) = network.predict([given, at])
        found.append([out, *network.vjp([given, at], [turned])[0]])
    _core.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    out, back, slopes = found[0]
    if first:
        out, back = np.moveaxis(out, 1, -1), np.moveaxis(back, 1, -1)
    np.testing.assert_allclose(out, want, rtol=1e-6, atol=1e-5)
    # It is linear in the image: a cell's gradient is what its unit makes.
    fill = of(np.zeros_like(x, float), at.astype(float))
    units = rng.permutation(x[0].size)[:20]
    for unit in units:
        one = np.zeros_like(x, float)
        one.reshape(batch, -1)[:, unit] = 1
        expected = ((of(one, at.astype(float)) - fill) * grad).reshape(batch, -1).sum(1)
        np.testing.assert_allclose(back.reshape(batch, -1)[:, unit], expected, rtol=1e-5, atol=1e-5)
    if kind == "nearest":
        assert not slopes.any()
        return
    # And linear in a place, up to the next cell.
    for axis in range(len(extents)):
        moved = at.astype(float).copy()
        step = 0.5 * (np.floor(moved[..., axis]) + 1 - moved[..., axis])
        moved[..., axis] += step
        change = ((of(x.astype(float), moved) - want) * grad).sum(-1)
        change = (change.sum(0) if shared else change) / step
        np.testing.assert_allclose(slopes[..., axis], change, rtol=1e-4, atol=1e-3)


def test_what_is_no_place_is_nan() -> None:
    network = _sample_network((2, 2, 1), (3, 2), (1, 1), ("bilinear", "constant", 0.0, "channels_last"))
    at = np.array([[[np.nan, 0], [0.5, 0.5], [np.inf, 0]]], np.float32)
    (out,) = network.predict([np.ones((1, 2, 2, 1), np.float32), at])
    np.testing.assert_array_equal(out.ravel(), [np.nan, 1, 0])


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda g, v: g.resize(v, 3, 2, "nearest", "half_pixel", False, "r"), "no axis 3"),
        (lambda g, v: g.resize(v, 0, 0, "nearest", "half_pixel", False, "r"), "at least 1 cell"),
        (lambda g, v: g.resize(v, 0, 2**40, "nearest", "half_pixel", False, "r"), "the limit is"),
        (lambda g, v: g.resize(v, 0, 9, "nearest", "half_pixel", False, "r", step=1.0), "must lie within"),
        (lambda g, v: g.resize(v, 0, 2, "nearest", "half_pixel", False, "r", step=-1.0), "must lie within"),
        (lambda g, v: g.resize(v, 0, 2, "linear", "half_pixel", False, "r"), "must be nearest"),
        (lambda g, v: g.resize(v, 0, 2, "nearest", "pixel", False, "r"), "must be half_pixel"),
        (lambda g, v: g.sample(v, v, "nearest", "constant", 0, "channels_last", "s"), "a number for each"),
        (
            lambda g, v: g.sample(g.input((2,), "w", 0), v, "nearest", "constant", 0, "channels_last", "s"),
            "one to three axes",
        ),
        (
            lambda g, v: g.sample(
                g.input((4, 3, 1), "w", 0), g.input((2,), "a"), "nearest", "wrap", 0, "channels_last", "s"
            ),
            "Repeat a single image",
        ),
    ],
)
def test_refusals(add: Any, message: str) -> None:
    graph = _core.Graph()
    value = graph.input((4, 5, 3), "x")
    with pytest.raises(ValueError, match=message):
        add(graph, value)


# -- words and layers --------------------------------------------------------------------------------------


def _resized(x: Array, size: tuple[int, int], kind: str, places: str = "half_pixel", **how: Any) -> Array:
    for axis in (1, 2):
        matrix = resize_matrix(x.shape[axis], size[axis - 1], kind, places, False, **how)
        x = np.moveaxis(np.tensordot(matrix, x.astype(float), (1, axis)), 0, axis)
    return x


def _given(x: Array, data_format: str) -> Array:
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def _images(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", KINDS)
def test_resize(kind: str, data_format: str) -> None:
    x = _images(2, 6, 9, 3)
    want = _given(_resized(x, (8, 4), kind), data_format)
    given = _given(x, data_format)
    how: Any = {"interpolation": kind, "data_format": data_format}
    np.testing.assert_allclose(ops.image.resize(given, (8, 4), **how), want, atol=1e-5)
    np.testing.assert_allclose(ops.image.resize(given[0], (8, 4), **how), want[0], atol=1e-5)
    layer = layers.Resizing(8, 4, **how)
    np.testing.assert_allclose(layer(given), want, atol=1e-5)
    np.testing.assert_array_equal(layer(given[0]), layer(given)[0])
    source = Input(given.shape[1:])
    model = Model(source, ops.image.resize(source, (8, 4), **how))
    np.testing.assert_allclose(Model.from_config(model.get_config()).predict(given), want, atol=1e-5)
    same = layers.Resizing.from_config(layer.get_config())
    np.testing.assert_array_equal(same(given), layer(given))
    assert layer.compute_output_shape((None, *given.shape[1:])) == (None, *want.shape[1:])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("sizes", "wanted"), [((7,), (4,)), ((4, 5, 3), (6, 2, 4))])
def test_resize_of_any_rank(sizes: tuple[int, ...], wanted: tuple[int, ...], data_format: str) -> None:
    x = _images(2, *sizes, 3)
    want = x.astype(float)
    for axis, (cells, size) in enumerate(zip(sizes, wanted, strict=True), 1):
        matrix = resize_matrix(cells, size, "bilinear", "half_pixel", False)
        want = np.moveaxis(np.tensordot(matrix, want, (1, axis)), 0, axis)
    given, want = _given(x, data_format), _given(want, data_format)
    np.testing.assert_allclose(ops.image.resize(given, wanted, data_format=data_format), want, atol=1e-5)
    alone = ops.image.resize(given[0], wanted, data_format=data_format)
    np.testing.assert_allclose(alone, want[0], atol=1e-5)
    source = Input(given.shape[1:])
    model = Model(source, ops.image.resize(source, wanted, data_format=data_format))
    np.testing.assert_allclose(Model.from_config(model.get_config()).predict(given), want, atol=1e-5)


def test_pytorchs_bicubic() -> None:
    x = _images(2, 6, 5, 3)
    want = _resized(x, (4, 9), "bicubic", cubic=-0.75, repeats=True)
    got = ops.image.resize(x, (4, 9), "bicubic", coordinates="pytorch_half_pixel")
    np.testing.assert_allclose(got, want, atol=1e-5)


def test_resize_by_a_factor_that_is_not_the_sizes_ratio() -> None:
    """PyTorch's `interpolate` rounds sizes down and goes by the factor."""
    x = _images(2, 5, 7, 3)
    how: Any = ("bilinear", "half_pixel", False)
    matrices = [resize_matrix(cells, int(cells * 1.5), *how, step=1 / 1.5) for cells in (5, 7)]
    want = np.einsum("ai,bj,nijc->nabc", *matrices, x)
    for factor in (1.5, (1.5, 1.5)):
        got = ops.image.resize(x, (7, 10), coordinates="pytorch_half_pixel", scale_factor=factor)
        np.testing.assert_allclose(got, want, atol=1e-5)
    assert np.abs(want - ops.image.resize(x, (7, 10))).max() > 0.01
    same = ops.image.resize(x, (5, 7), scale_factor=1.1)  # the size stays, places move
    assert np.abs(same - x).max() > 0.01
    source = Input(x.shape[1:])
    model = Model(source, ops.image.resize(source, (7, 10), scale_factor=1.5))
    np.testing.assert_allclose(Model.from_config(model.get_config()).predict(x), want, atol=1e-5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"scale_factor": 0.0}, "scale_factor must be at least 0.0001"),
        ({"scale_factor": (2, 2, 2)}, "a number for each of 2 axes"),
        ({"scale_factor": 2, "coordinates": "align_corners"}, "leave scale_factor out"),
        ({"scale_factor": 1.2}, "must lie within the 4"),
    ],
)
def test_factors_that_do_not_fit(how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ops.image.resize(_images(1, 4, 4, 1), (8, 8), **how)


@pytest.mark.parametrize(("shape", "size"), [((6, 9), (4, 4)), ((9, 6), (4, 8)), ((5, 5), (3, 7))])
def test_the_shape_of_things_stays(shape: tuple[int, int], size: tuple[int, int]) -> None:
    x = _images(2, *shape, 3)
    wanted = [int(shape[1 - i] * size[i] / size[1 - i]) for i in range(2)]
    kept = [min(side, want) for side, want in zip(shape, wanted, strict=True)]
    begin = [(side - keep) // 2 for side, keep in zip(shape, kept, strict=True)]
    cropped = x[:, begin[0] : begin[0] + kept[0], begin[1] : begin[1] + kept[1]]
    got = ops.image.resize(x, size, crop_to_aspect_ratio=True)
    np.testing.assert_allclose(got, _resized(cropped, size, "bilinear"), atol=1e-5)
    sides = [(max(side, want) - side) // 2 for side, want in zip(shape, wanted, strict=True)]
    padded = np.pad(x, [(0, 0), *((side, side) for side in sides), (0, 0)], constant_values=2.0)
    got = ops.image.resize(x, size, pad_to_aspect_ratio=True, fill_value=2.0)
    np.testing.assert_allclose(got, _resized(padded, size, "bilinear"), atol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_up_sampling(kind: str, places: str, data_format: str) -> None:
    x = _images(2, 5, 4, 3)
    how: Any = {} if places == "half_pixel" else {"cubic": -0.75, "repeats": True}
    want = _given(_resized(x, (10, 12), kind, places, **how), data_format)
    layer = layers.UpSampling2D((2, 3), data_format, kind, coordinates=places)
    np.testing.assert_allclose(layer(_given(x, data_format)), want, atol=2e-5)
    same = layers.UpSampling2D.from_config(layer.get_config())
    np.testing.assert_array_equal(same(_given(x, data_format)), layer(_given(x, data_format)))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ["nearest", "bilinear"])
def test_affine_transform(kind: str, data_format: str) -> None:
    x = _images(3, 6, 5, 2)
    rng = np.random.default_rng(1)
    t = (rng.normal(size=(3, 8)) * [1, 1, 3, 1, 1, 3, 0.01, 0.01]).astype(np.float32)
    ys, xs = np.mgrid[:6, :5].astype(float)

    def one(image: Array, m: Array) -> Array:
        below = m[6] * xs + m[7] * ys + 1
        at = [(m[3] * xs + m[4] * ys + m[5]) / below, (m[0] * xs + m[1] * ys + m[2]) / below]
        return sample(image.astype(float), np.stack(at, -1), kind, "reflect", 0.0)

    want = _given(np.stack([one(image, m) for image, m in zip(x, t.astype(float), strict=True)]), data_format)
    how = (kind, "reflect", 0.0, data_format)
    given = _given(x, data_format)
    np.testing.assert_allclose(ops.image.affine_transform(given, t, *how), want, atol=1e-4)
    np.testing.assert_allclose(ops.image.affine_transform(given[0], t[0], *how), want[0], atol=1e-4)
    source, numbers = Input(given.shape[1:]), Input((8,))
    model = Model([source, numbers], ops.image.affine_transform(source, numbers, *how))
    np.testing.assert_allclose(model.predict([given, t]), want, atol=1e-4)
    with pytest.raises(ValueError, match="8 numbers"):
        ops.image.affine_transform(given, t[:2])


def test_map_coordinates() -> None:
    x, at = _images(4, 5, 3), _places(np.random.default_rng(0), (2, 7), (4, 5, 3))
    want = sample(x[..., None].astype(float), at.astype(float), "bilinear", "wrap", 0.0)[..., 0]
    got = ops.image.map_coordinates(x, np.moveaxis(at, -1, 0), 1, "wrap")
    np.testing.assert_allclose(got, want, atol=1e-5)
    with pytest.raises(ValueError, match="order must be 0 or 1"):
        ops.image.map_coordinates(x, np.moveaxis(at, -1, 0), 3)
    with pytest.raises(ValueError, match="one row for each"):
        ops.image.map_coordinates(x, at, 1)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(
    ("padding", "beyond"), [("zeros", "constant"), ("border", "nearest"), ("reflection", "reflect")]
)
@pytest.mark.parametrize("extents", [(7,), (5, 6), (4, 2, 3)], ids=str)
def test_grid_sample(
    extents: tuple[int, ...], padding: str, beyond: str, corners: bool, data_format: str
) -> None:
    x, rng = _images(3, *extents, 2), np.random.default_rng(1)
    at = np.stack([_places(rng, (4, 5), extents) for _ in x]).astype(float)
    sizes = np.array(extents)
    grid = (2 * at / (sizes - 1) - 1 if corners else (2 * at + 1) / sizes - 1)[..., ::-1].astype(np.float32)
    beyond = "mirror" if corners and beyond == "reflect" else beyond
    want = np.stack(
        [sample(image.astype(float), p, "bilinear", beyond, 0.0) for image, p in zip(x, at, strict=True)]
    )
    given, want = _given(x, data_format), _given(want, data_format)
    how: Any = ("bilinear", padding, corners, data_format)
    np.testing.assert_allclose(ops.image.grid_sample(given, grid, *how), want, atol=1e-4)
    sources = [Input(given.shape[1:]), Input(grid.shape[1:])]
    model = Model(sources, ops.image.grid_sample(*sources, *how))
    np.testing.assert_allclose(Model.from_config(model.get_config()).predict([given, grid]), want, atol=1e-4)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_frames(data_format: str) -> None:
    x = _images(2, 6, 5, 3)
    given, how = _given(x, data_format), {"data_format": data_format}
    wide = np.pad(x, [(0, 0), (1, 2), (3, 0), (0, 0)])
    got = ops.image.pad_images(given, 1, bottom_padding=2, right_padding=0, target_width=8, **how)
    np.testing.assert_array_equal(got, _given(wide, data_format))
    back = ops.image.crop_images(
        got, bottom_cropping=2, left_cropping=3, target_height=6, target_width=5, **how
    )
    np.testing.assert_array_equal(back, given)
    np.testing.assert_array_equal(ops.image.crop_images(got[0], 1, 3, 2, 0, **how), given[0])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides", "apart"), [((2, 3), None, 1), (3, (2, 1), 1), ((2, 1), 1, 2)])
def test_patches(size: Any, strides: Any, apart: int, padding: Any, data_format: str) -> None:
    """As a convolution whose filters take one number each."""
    x = _images(2, 7, 6, 3)
    window = (size, size) if isinstance(size, int) else size
    count = window[0] * window[1] * 3
    kernel = np.eye(count, dtype=np.float32).reshape(*window, 3, count)
    given = _given(x, data_format)
    want = ops.conv(
        given,
        kernel,
        strides=strides or window,
        padding=padding,
        dilation_rate=apart,
        data_format=data_format,
    )
    got = ops.image.extract_patches(given, size, strides, apart, padding, data_format)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: ops.image.pad_images(x, 1, 1, 1, 1, 9), "two must be given"),
        (lambda x: ops.image.pad_images(x, 1, 1, target_height=4, target_width=9), "at least 0 on each side"),
        (
            lambda x: ops.image.crop_images(x, 1, 1, target_height=9, target_width=2),
            "at least 0 on each side",
        ),
        (lambda x: ops.image.extract_patches(x, 9), "make them smaller"),
        (lambda x: ops.image.extract_patches(x, 2, padding="full"), "padding must be"),
        (lambda x: ops.image.resize(x[0, 0], 3), r"size \(3, 3\) is about 2 axes.*got shape \(5, 3\)"),
        (lambda x: ops.image.resize(x, (3, 3, 3), crop_to_aspect_ratio=True), "are for images"),
        (lambda x: ops.image.resize(x, 3, "cubic"), "interpolation must be"),
        (lambda x: ops.image.gaussian_blur(x, 4), "must be odd"),
        (lambda x: ops.image.grid_sample(x, x), r"one number for each of the images' 2 axes; got .*5, 3\)"),
        (lambda x: ops.image.grid_sample(x, x[..., :2], "bicubic"), "mode must be"),
        (lambda x: ops.image.grid_sample(x, x[..., :2], padding_mode="wrap"), "padding_mode must be"),
    ],
)
def test_words_refuse(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(_images(2, 6, 5, 3))
