"""Augmentation: what each layer makes where nothing is left to chance, against float64; in both formats, on
every instruction set; that numbers are drawn for each image from seed and place, whatever the threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.resize import sample

import cnnfast
from cnnfast import Input, Model, Sequential, layers, ops

Array = NDArray[Any]
ROWS, COLUMNS = 8, 7


def _images(count: int = 5, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, (count, ROWS, COLUMNS, 3)).astype(np.float32)


def _read(x: Array, at: Callable[[Array, Array], tuple[Array, Array]], fill_mode: str = "reflect") -> Array:
    places = np.stack(np.broadcast_arrays(*at(*np.mgrid[:ROWS, :COLUMNS].astype(float))), -1)
    return np.stack([sample(image, places, "bilinear", fill_mode, 3.0) for image in x])


def _turned(y: Array, x: Array) -> tuple[Array, Array]:
    cos, sin = np.cos(np.pi / 5), np.sin(np.pi / 5)
    v, u = y - (ROWS - 1) / 2, x - (COLUMNS - 1) / 2
    return cos * v + sin * u + (ROWS - 1) / 2, cos * u - sin * v + (COLUMNS - 1) / 2


def _zoomed(y: Array, x: Array) -> tuple[Array, Array]:
    cy, cx = (ROWS - 1) / 2, (COLUMNS - 1) / 2
    return cy + 0.7 * (y - cy), cx + 1.2 * (x - cx)


def _grey(x: Array) -> Array:
    return (x @ [0.2989, 0.587, 0.114])[..., None]


def _hsv(x: Array, change: Callable[[float, float, float], tuple[float, float, float]]) -> Array:
    import colorsys

    flat = x.reshape(-1, 3) / 255
    made = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel))) for pixel in flat]
    return 255 * np.array(made).reshape(x.shape)


def _smooth(x: Array) -> Array:
    wide = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    total = sum(wide[:, i : i + ROWS, j : j + COLUMNS] for i in range(3) for j in range(3))
    return np.asarray((total + 4 * x) / 13)


def _sharp(x: Array) -> Array:
    return np.clip(x - (_smooth(x) - x), 0, 255)


def _blurred(x: Array, sigma: float) -> Array:
    bell = np.exp(-0.5 * (np.arange(-2, 3) / (sigma + 1e-6)) ** 2)
    bell /= bell.sum()
    for axis, side in ((1, ROWS), (2, COLUMNS)):
        wide = np.pad(x, [(2, 2) if i == axis else (0, 0) for i in range(4)])
        x = np.asarray(sum(bell[t] * wide.take(np.arange(side) + t, axis) for t in range(5)))
    return x


def _spread(x: Array) -> Array:
    low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
    return 255 * (x - low) / (high - low)


def _equalized_in_tiles(x: Array, grid: tuple[int, int], limit: float) -> Array:
    tile = [-(-side // count) for side, count in zip((ROWS, COLUMNS), grid, strict=True)]
    more = [count * size - side for count, size, side in zip(grid, tile, (ROWS, COLUMNS), strict=True)]
    wide = np.pad(x, [(0, 0), (0, more[0]), (0, more[1]), (0, 0)], "symmetric").astype(int)
    pixels, made = tile[0] * tile[1], np.zeros(x.shape)
    for n, c in np.ndindex(x.shape[0], x.shape[3]):
        maps = np.zeros((*grid, 256))
        for i, j in np.ndindex(*grid):
            part = wide[n, i * tile[0] : (i + 1) * tile[0], j * tile[1] : (j + 1) * tile[1], c]
            counts = np.bincount(part.ravel(), minlength=256).astype(float)
            kept = np.minimum(counts, limit * pixels / 256)
            upto = np.cumsum(kept + (counts - kept).sum() / 256)
            maps[i, j] = np.clip(255 * (upto - upto[0]) / ((pixels - upto[0]) or 1), 0, 255)
        for row, column in np.ndindex(ROWS, COLUMNS):
            v, u = (row - tile[0] / 2) / tile[0], (column - tile[1] / 2) / tile[1]
            for di, dj in np.ndindex(2, 2):
                i, j = int(np.floor(v)) + di, int(np.floor(u)) + dj
                weight = (1 - abs(v - i)) * (1 - abs(u - j))
                near = maps[np.clip(i, 0, grid[0] - 1), np.clip(j, 0, grid[1] - 1)]
                made[n, row, column, c] += weight * near[wide[n, row, column, c]]
    return made


def _equalized(x: Array) -> Array:
    made = np.empty_like(x)
    for image in range(len(x)):
        for channel in range(3):
            plane = x[image, ..., channel]
            counts = np.array([(plane.astype(int) <= int(value)).sum() for value in plane.ravel()])
            least = counts.min()
            made[image, ..., channel] = (255 * (counts - least) / (plane.size - least)).reshape(plane.shape)
    return np.round(made)


@dataclass(frozen=True)
class Word:
    """A layer whose factors are certain, and what it makes in float64."""

    name: str
    options: dict[str, Any]
    want: Callable[[Array], Array]
    args: tuple[Any, ...] = ()
    atol: float = 2e-3
    form: str = ""

    def __str__(self) -> str:
        return self.name + self.form

    def layer(self, data_format: str = "channels_last", **options: Any) -> Any:
        kind = getattr(layers, self.name)
        return kind(*self.args, **{**self.options, "data_format": data_format, **options})


WORDS = [
    Word(
        "RandomTranslation",
        {"fill_mode": "constant", "fill_value": 3.0},
        lambda x: _read(x, lambda v, u: (v - 0.2 * ROWS, u + 0.3 * COLUMNS), "constant"),
        ((0.2, 0.2), (-0.3, -0.3)),
    ),
    Word("RandomRotation", {}, lambda x: _read(x, _turned), ((0.1, 0.1),)),
    Word("RandomZoom", {}, lambda x: _read(x, _zoomed), ((-0.3, -0.3), (0.2, 0.2))),
    Word("RandomZoom", {"fill_mode": "wrap"}, lambda x: x, (0.0,), form=", nothing"),
    Word("RandomShear", {}, lambda x: x, (0.0, 0.0)),
    Word("RandomBrightness", {"factor": (-0.2, -0.2)}, lambda x: np.clip(x - 51, 0, 255)),
    Word("RandomContrast", {"factor": 0.0}, lambda x: x),
    Word("RandomColorDegeneration", {"factor": (0.3, 0.3)}, lambda x: x + 0.3 * (_grey(x) - x)),
    Word("RandomGrayscale", {"factor": 1.0}, lambda x: _grey(x) + 0 * x),
    Word("RandomGrayscale", {"factor": 0.0}, lambda x: x, form=", none"),
    Word(
        "RandomSaturation",
        {"factor": (0.2, 0.2)},
        lambda x: _hsv(x, lambda h, s, v: (h, min(s * 0.25, 1), v)),
    ),
    Word(
        "RandomSaturation",
        {"factor": (0.8, 0.8)},
        lambda x: _hsv(x, lambda h, s, v: (h, min(s * 4, 1), v)),
        form=", strong",
    ),
    Word("RandomHue", {"factor": 0.0}, lambda x: x),
    Word("RandomInvert", {"factor": (1, 1)}, lambda x: 255 - x),
    Word("RandomInvert", {"factor": 0.0}, lambda x: x, form=", none"),
    Word("RandomPosterization", {"factor": (3, 3)}, lambda x: np.floor(x / 32) * 32),
    Word("RandomSharpness", {"factor": (1, 1)}, _sharp),
    Word("RandomSharpness", {"factor": (0, 0)}, _smooth, form=", smooth"),
    Word(
        "RandomGaussianBlur",
        {"factor": (1, 1), "sigma": (0.7, 0.7), "kernel_size": 5},
        lambda x: _blurred(x, 0.7),
    ),
    Word("RandomErasing", {"factor": (1, 1), "scale": (1, 1), "fill_value": 9.0}, lambda x: 0 * x + 9),
    Word("RandomErasing", {"factor": 0.0}, lambda x: x, form=", none"),
    Word("Solarization", {}, lambda x: 255 - x),
    Word(
        "Solarization",
        {"addition_factor": (0.1, 0.1), "threshold_factor": (0.5, 0.5)},
        lambda x: np.where(x + 25.5 < 127.5, x + 25.5, 255 - np.minimum(x + 25.5, 255)),
        form=", threshold",
    ),
    Word("AutoContrast", {}, _spread),
    Word("Equalization", {}, _equalized, atol=0.0),
    Word(
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"tile_grid_size": (3, 2)},
        lambda x: _equalized_in_tiles(x, (3, 2), 4.0),
    ),
    Word(
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"tile_grid_size": 2, "clip_limit": 0.0},
        lambda x: _equalized_in_tiles(x, (2, 2), np.inf),
        form=", no limit",
    ),
]

ANY = [
    layers.RandomFlip,
    lambda **options: layers.RandomCrop(5, 4, **options),
    lambda **options: layers.RandomTranslation(0.3, 0.3, **options),
    lambda **options: layers.RandomRotation(0.2, **options),
    lambda **options: layers.RandomZoom(0.3, **options),
    lambda **options: layers.RandomShear(0.3, 0.2, **options),
    lambda **options: layers.RandomPerspective((1, 1), 0.5, **options),
    lambda **options: layers.RandomBrightness(0.2, **options),
    lambda **options: layers.RandomContrast(0.3, **options),
    lambda **options: layers.RandomSaturation(0.9, **options),
    lambda **options: layers.RandomHue(0.5, **options),
    lambda **options: layers.RandomColorDegeneration(0.5, **options),
    lambda **options: layers.RandomColorJitter((0, 255), 0.2, 0.3, 0.6, 0.2, **options),
    layers.RandomGrayscale,
    layers.RandomInvert,
    lambda **options: layers.RandomPosterization(7, **options),
    lambda **options: layers.RandomSharpness(0.9, **options),
    layers.RandomGaussianBlur,
    layers.RandomErasing,
    lambda **options: layers.RandomElasticTransform((1, 1), (0.5, 1), **options),
    lambda **options: layers.Solarization(0.3, 0.8, **options),
    layers.RandAugment,
    lambda **options: layers.AugMix(num_chains=2, chain_depth=2, alpha=2.0, **options),
]
NAMES = [kind().name for kind in ANY]


def _given(x: Array, data_format: str) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if data_format == "channels_first" else x


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_what_it_makes(word: Word, data_format: str, isa: str) -> None:
    x = _images()
    got = word.layer(data_format)(_given(x, data_format))
    np.testing.assert_allclose(
        got, _given(word.want(x.astype(float)), data_format), atol=word.atol, rtol=1e-5
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_other_ranges_of_values(word: Word, data_format: str) -> None:
    layer = word.layer(data_format)
    if not hasattr(layer, "value_range") or getattr(layer, "fill_value", None):
        return
    x = _images()
    narrow = word.layer(data_format, value_range=(0, 1))(_given(x / 255, data_format))
    np.testing.assert_allclose(narrow * 255, layer(_given(x, data_format)), atol=max(word.atol, 0.1))


@pytest.mark.parametrize("kind", ANY, ids=NAMES)
def test_numbers_follow_seed_and_place_alone(kind: Any, threads: Callable[[int], None]) -> None:
    x = _images(21)
    found = []
    for count in (1, 3):
        threads(count)
        found.append(kind(seed=5)(x))
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(kind(seed=5)(x[:4]), found[0][:4])
    np.testing.assert_array_equal(kind(seed=5)(x[0]), found[0][0])
    layer = kind(seed=5)
    same = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(same(x), found[0])
    assert (same(x) != found[0]).any(), "the next call draws anew"
    assert (kind(seed=6)(x) != found[0]).any()
    assert len(np.unique(kind(seed=5)(np.repeat(x[:1], 21, 0)).reshape(21, -1), axis=0)) > 1


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("kind", ANY, ids=NAMES)
def test_formats_draw_alike(kind: Any, data_format: str) -> None:
    x = _images()
    want = kind(seed=5, data_format="channels_last")(x)
    layer = kind(seed=5, data_format=data_format)
    if isinstance(layer, layers.RandomErasing):
        layer = kind(seed=5, data_format=data_format, fill_value=[1.0, 2.0, 3.0])
        want = kind(seed=5, data_format="channels_last", fill_value=[1.0, 2.0, 3.0])(x)
    given = _given(x, data_format)
    np.testing.assert_allclose(layer(given), _given(want, data_format), atol=0.05)
    assert layer.compute_output_shape((None, *given.shape[1:])) == (None, *layer(given).shape[1:])


@pytest.mark.parametrize("kind", ANY, ids=NAMES)
def test_only_while_training(kind: Any) -> None:
    cnnfast.set_random_seed(2)  # so that some image changes
    x, layer = _images(12), kind()
    source = Input(x.shape[1:])
    model = Model(source, layer(source))
    if isinstance(layer, layers.RandomCrop):
        want = ops.image.resize(x, (5, 4), crop_to_aspect_ratio=True)
    else:
        want = x
    np.testing.assert_array_equal(layer(x, training=False), want)
    np.testing.assert_array_equal(model.predict(x), want)
    assert (model(x, training=True) != want).any()


def test_own_seeds_in_models() -> None:
    """They make a layer's numbers independent of the model's seed, and other ones in each step and layer."""
    x = _images(9)

    def seen(model_seed: int, *seeds: int) -> Array:
        """What two augmentations in a row make in two steps, as weights that follow the batch's mean."""
        cnnfast.set_random_seed(model_seed)
        parts = [layers.RandomColorJitter((0, 255), 0.3, 0.3, seed=seed) for seed in seeds]
        norm = layers.BatchNormalization(momentum=0.5)
        model = Sequential([Input(x.shape[1:]), *parts, norm, layers.Flatten(), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, np.zeros((9, 1)), batch_size=9, epochs=2, verbose=0, shuffle=False)
        return norm.moving_mean.numpy()

    np.testing.assert_array_equal(seen(1, 5, 6), seen(2, 5, 6))
    assert (seen(1, 5, 6) != seen(1, 5, 7)).any()


def test_flips_and_crops_are_views() -> None:
    x = np.arange(4 * 6 * 5, dtype=np.float32).reshape(1, 6, 5, 4).repeat(400, 0)
    flips = {np.ascontiguousarray(image).tobytes() for image in layers.RandomFlip(seed=1)(x)}
    assert flips == {np.ascontiguousarray(x[0, ::a, ::b]).tobytes() for a in (1, -1) for b in (1, -1)}
    crops = {np.ascontiguousarray(image).tobytes() for image in layers.RandomCrop(4, 3, seed=1)(x)}
    assert crops == {
        np.ascontiguousarray(x[0, i : i + 4, j : j + 3]).tobytes() for i in range(3) for j in range(3)
    }


def test_perspectives_are_homographies() -> None:
    """Pixels that say where they are tell the map, which moves three corners as far as it may."""
    y, x = np.mgrid[:20, :30].astype(np.float32)
    places = np.stack([y, x], -1)[None].repeat(40, 0)
    found = []
    for seen in layers.RandomPerspective((1, 1), 0.4, fill_value=-1e6)(places).astype(float):
        inside = (seen >= 0).all(-1) & (seen[..., 0] < 18.9) & (seen[..., 1] < 28.9)
        v, u, b, a = y[inside], x[inside], seen[inside][:, 0], seen[inside][:, 1]
        none, one = np.zeros_like(u), np.ones_like(u)
        rows = np.concatenate(
            [
                np.stack([u, v, one, none, none, none, -u * a, -v * a], 1),
                np.stack([none, none, none, u, v, one, -u * b, -v * b], 1),
            ]
        )
        h, *_ = np.linalg.lstsq(rows, np.concatenate([a, b]), rcond=None)
        np.testing.assert_allclose(rows @ h, np.concatenate([a, b]), atol=1e-3)
        back = np.linalg.inv(np.append(h, 1).reshape(3, 3))
        corners = back @ np.array([[0, 29, 0, 29], [0, 0, 19, 19], [1, 1, 1, 1]])
        found.append(corners[:2] / corners[2])
    moved = np.array(found)
    np.testing.assert_allclose(moved[:, :, 0], 0, atol=0.05)
    np.testing.assert_allclose([moved[:, 1, 1], moved[:, 0, 2]], 0, atol=0.05)
    shares = np.concatenate([moved[:, 0, [1, 3]] / 29, moved[:, 1, [2, 3]] / 19])
    assert shares.min() > 0.79
    assert shares.max() < 1.21
    assert np.ptp(shares) > 0.3


@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_elastic_moves_are_smooth_and_as_far_as_told(scale: float) -> None:
    """Noise of deviation s, blurred by a bell of deviation s, has that of 1 / (2 sqrt(pi)) = 0.282."""
    y, x = np.mgrid[:90, :60].astype(np.float32)
    places = np.stack([y, x], -1)[None].repeat(8, 0)
    layer = layers.RandomElasticTransform((1, 1), (scale, scale), fill_mode="nearest", seed=1)
    moves = (layer(places) - places)[:, 30:60, 20:40]
    assert abs(moves.std() / (9 * scale * 0.282) - 1) < 0.3
    assert abs(moves.mean()) < 3 * scale
    steps = np.diff(moves, axis=1)
    assert steps.std() < 1.2 * moves.std() / (0.05 * 60 * scale)
    np.testing.assert_array_equal(layers.RandomElasticTransform(scale=0.0)(places), places)
    np.testing.assert_array_equal(layers.RandomElasticTransform(0.0)(places), places)


def test_contrast_and_hue_stay_within_their_factors() -> None:
    x = 100 + _images(200) / 10
    mean = x.mean((1, 2), keepdims=True)
    spread = (layers.RandomContrast((0.5, 0.3))(x) - mean) / (x - mean)
    share = np.median(spread, (1, 2, 3))
    assert 0.5 <= share.min() < 0.55
    assert 1.25 < share.max() <= 1.3001
    red = np.full((200, 1, 1, 3), [255.0, 0, 0])
    hue = ops.image.rgb_to_hsv(layers.RandomHue((0.2, 0.4))(red) / 255)[:, 0, 0, 0]
    turned = np.minimum(hue, 1 - hue)
    assert turned.min() >= 0.0999
    assert turned.max() <= 0.2001
    assert 0 < (hue > 0.5).mean() < 1


def test_boxes_have_their_size() -> None:
    x = np.zeros((200, 20, 10, 1), np.float32)
    erased = layers.RandomErasing((1, 1), (0.25, 0.25), fill_value=1.0)(x)[..., 0]
    assert (erased.sum((1, 2)) == 50).all()
    assert len(np.unique(erased, axis=0)) > 20


def test_models_train_with_it(threads: Callable[[int], None]) -> None:
    """Within a model's first layers, with the same weights whatever the threads."""
    x, y = _images(70), np.arange(70) % 3
    found = []
    for count in (1, 3):
        threads(count)
        cnnfast.set_random_seed(3)
        model = Sequential(
            [
                Input(x.shape[1:]),
                Sequential([layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)]),
                layers.RandAugment(),
                layers.Rescaling(1 / 255),
                layers.Conv2D(4, 3),
                layers.Flatten(),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=32, epochs=2, verbose=0)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    again = Sequential.from_config(model.get_config())
    np.testing.assert_array_equal(again.predict(x), again(x, training=False))


def test_a_sequential_of_them_on_arrays() -> None:
    x = _images(9)
    augment = Sequential([layers.RandomFlip(), layers.RandomRotation(0.1)])
    cnnfast.set_random_seed(1)
    first = augment(x)
    assert (first != augment(x)).any()
    cnnfast.set_random_seed(1)
    np.testing.assert_array_equal(augment(x), first)
    np.testing.assert_array_equal(augment.predict(x), x)


def test_mixing() -> None:
    x, labels = _images(40), np.eye(40)
    rest = {"images": x, "labels": labels, "names": "kept"}
    mixed = layers.MixUp(0.4, seed=1)(rest)
    own = np.diagonal(mixed["labels"])
    assert mixed["names"] == "kept"
    want = np.einsum("ij,jhwc->ihwc", mixed["labels"], x)
    np.testing.assert_allclose(mixed["images"], want, atol=1e-3)
    assert ((own > 0.01) & (own < 0.99)).any()
    np.testing.assert_array_equal(layers.MixUp(0.4, seed=1)(x), mixed["images"])
    cut = layers.CutMix(seed=1)(rest)
    for i, image in enumerate(cut["images"]):
        shares = cut["labels"][i]
        np.testing.assert_allclose(shares.sum(), 1, atol=1e-6)
        other = int(np.where(np.arange(40) == i, -1, shares).argmax())
        of_own = (image == x[i]).all(-1)
        assert (of_own | (image == x[other]).all(-1)).all()
        np.testing.assert_allclose(of_own.mean() if other != i else 1, shares[i], atol=1e-6)
    assert layers.CutMix()(rest, training=False) is rest
    with pytest.raises(ValueError, match="mixes samples"):
        layers.MixUp()(Input((4, 4, 3)))
    with pytest.raises(ValueError, match="vectors"):
        layers.MixUp()({"images": x, "labels": np.arange(40)})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomFlip("up"), "mode must be"),
        (lambda: layers.RandomCrop(0, 3), "height must be at least 1"),
        (lambda: layers.RandomTranslation(1.5, 0), "height_factor must be within -1 and 1"),
        (lambda: layers.RandomTranslation(0, 0, "mirrored"), "fill_mode must be"),
        (lambda: layers.RandomZoom((-1, 0)), "above -1"),
        (lambda: layers.RandomRotation((1, 2, 3)), "two numbers"),
        (lambda: layers.RandomContrast(2.0), "within 0 and 1"),
        (lambda: layers.RandomGrayscale(-0.5), "within 0 and 1"),
        (lambda: layers.RandomHue(0.1, value_range=3), "value_range must be two numbers"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "must be odd"),
        (lambda: layers.RandomPosterization(9), "factor must be within 1 and 8"),
        (lambda: layers.RandomFlip()(np.zeros((3, 4))), "takes images"),
        (lambda: layers.RandomGrayscale()(np.zeros((1, 4, 4, 2))), "three channels"),
        (lambda: layers.RandomFlip(seed=-1), "seed must be at least 0"),
    ],
)
def test_refusals(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_mixture_of_chains() -> None:
    """Lies between the image and what chains make of it; is as even as alpha says."""
    x = np.full((500, 4, 4, 3), 100.0, np.float32)
    layer = layers.AugMix(num_chains=1, chain_depth=1, factor=0.5, all_ops=False, seed=1)
    made = layer(x)
    assert made.min() >= 0
    assert made.max() <= 255
    assert ((made == x).all((1, 2, 3))).mean() > 0.1  # links of none, and such as leave one tone alone
    assert len(layer._parts) == 7
    for alpha in (1.0, 3.0):
        mix = layers.AugMix(alpha=alpha)
        drawn = layers.Lambda(lambda inputs, mix=mix: inputs + mix._gamma(inputs))(np.zeros((20000, 1, 1, 1)))
        assert drawn.mean() == pytest.approx(alpha, rel=0.05)
        assert drawn.var() == pytest.approx(alpha, rel=0.1)
    with pytest.raises(ValueError, match="alpha must be a whole number"):
        layers.AugMix(alpha=0.5)
