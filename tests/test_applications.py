"""Known networks: torchvision's counts, names and numbers; arguments; photos; where weights come from."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.machine import run_python
from support.nets import refusal
from support.server import QuietHandler, first_byte, serving
from support.zoo import ROWS, Row, directions, image, names_and_shapes, weight

import cnnfast
from cnnfast import _core, applications, layers
from cnnfast.applications import _weights, imagenet_utils
from cnnfast.io.arrays import StoredArray
from cnnfast.io.matching import match

Shape = tuple[int, ...]

# By the layer's class: our weight's name and torchvision's, and our shape as theirs.
_TURNED: dict[type, Callable[[Shape], Shape]] = {
    layers.Conv2D: lambda s: (s[3], s[2], s[0], s[1]),
    layers.DepthwiseConv2D: lambda s: (s[2] * s[3], 1, s[0], s[1]),
    layers.Dense: lambda s: (s[1], s[0]),
}
_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# ConvNeXt's dense layers at each pixel are our 1x1 convolutions.
_POINTWISE = (".block.3", ".block.5")


def _as_in_torchvision(model: "cnnfast.Model") -> list[tuple[str, Shape]]:
    found = []
    for layer in model._leaves():
        for variable in layer.weights:
            name, shape = f"{layer.name}.{_NAMES[variable.name.split('/')[1]]}", variable.shape
            if isinstance(layer, layers.LayerScale):
                name, shape = layer.name, (*shape, 1, 1)
            elif len(shape) > 1:
                shape = _TURNED[type(layer)](shape)
                if model.name == "convnext_tiny" and layer.name.endswith(_POINTWISE):
                    shape = shape[:2]
            found.append((name, shape))
    return found


def _made(row: Row, **options: Any) -> Any:
    return getattr(applications, row.name)(**row.options, **options)


def _set_weights(model: Any) -> None:
    described = _as_in_torchvision(model)
    arrays = [StoredArray(name, shape, functools.partial(weight, name, shape)) for name, shape in described]
    found, report = match(model, arrays, "name")
    assert report.complete, report
    _core.set_weights([f.variable for f in found], [f.layout.weight(f.array.read()) for f in found])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.theirs)
def test_counts_and_names_are_torchvisions(row: Row) -> None:
    model = _made(row)
    assert sum(v.size for layer in model._leaves() for v in layer.weights if v.trainable) == row.count
    assert names_and_shapes(_as_in_torchvision(model)) == row.digest
    assert model.output_shape == (None, 1000)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.theirs)
def test_numbers_are_torchvisions(row: Row, image_data_format: Callable[[str], None]) -> None:
    """In both formats: outputs within 1e-4 of their scale, and the gradient by the image.

    Where a ReLU's input is within rounding of 0, its slope is one thing or another: PyTorch's own gradients
    in float32 and float64 differ by 0.7e-3 of their norm (VGG-16 at 224 x 224).
    """
    has_head = not row.name.startswith("VGG")
    for data_format in ("channels_last", "channels_first"):
        image_data_format(data_format)
        first = data_format == "channels_first"
        shape = (3, row.side, row.side) if first else (row.side, row.side, 3)
        model = _made(row, include_top=has_head, input_shape=shape, classifier_activation=None)
        _set_weights(model)
        x = image(row.side)
        outputs = model.predict(np.moveaxis(x, 3, 1) if first else x, verbose=0)
        outputs = outputs if has_head or not first else np.moveaxis(outputs, 1, 3)
        assert np.abs(outputs).max() == pytest.approx(row.scale, rel=1e-4)
        np.testing.assert_allclose(outputs.ravel()[:4], row.outputs, rtol=0, atol=1e-4 * row.scale)
    slope = np.moveaxis(model.gradients(np.moveaxis(x, 3, 1)), 1, 3)
    along = (slope * directions(row.side)).sum(axis=(1, 2, 3)) / np.linalg.norm(slope)
    np.testing.assert_allclose(along, row.slopes, rtol=0, atol=1e-3)


def test_counts_of_those_that_torchvision_has_not() -> None:
    assert applications.LeNet5().count_params() == 61706
    lite = applications.EfficientNetLite0()
    assert sum(v.size for layer in lite._leaves() for v in layer.weights if v.trainable) == 4_652_008
    assert applications.UNet(input_shape=(None, None, 1)).count_params() == _unet_count(1, 64, 4, 2)
    assert applications.UNet(filters=8, depth=2, classes=5).count_params() == _unet_count(3, 8, 2, 5)


def _unet_count(channels: int, filters: int, depth: int, classes: int) -> int:
    widths = [filters * 2**level for level in range(depth + 1)]
    count = 0
    for inputs, width in zip([channels, *widths], widths, strict=False):
        count += (9 * inputs + 1) * width + (9 * width + 1) * width
    for width in widths[:-1]:
        count += (4 * 2 * width + 1) * width + (9 * 2 * width + 1) * width + (9 * width + 1) * width
    return count + (filters + 1) * classes


def test_unet_joins_fine_maps_and_takes_any_size() -> None:
    cnnfast.set_random_seed(0)  # with some others no ReLU of the finest maps is alive
    model = applications.UNet(filters=4, depth=2, classes=3)
    for sides in ((8, 12), (16, 4)):
        out = model.predict(np.ones((2, *sides, 3), np.float32), verbose=0)
        assert out.shape == (2, *sides, 3)
        np.testing.assert_allclose(out.sum(-1), 1, rtol=1e-6)
    x = np.zeros((1, 16, 16, 3), np.float32)
    other = x.copy()
    other[0, 0, 0] = 5  # the finest maps alone see it without pooling
    assert (model.predict(x, verbose=0) != model.predict(other, verbose=0))[0, 0, 0].any()


def test_heads_and_pooling() -> None:
    maps = applications.ResNet18(include_top=False, input_shape=(64, 96, 3))
    assert maps.output_shape == (None, 2, 3, 512)
    x = np.random.default_rng(0).normal(size=(2, 64, 96, 3)).astype(np.float32)
    out = maps.predict(x, verbose=0)
    for pooling, expected in (("avg", out.mean((1, 2))), ("max", out.max((1, 2)))):
        pooled = applications.ResNet18(include_top=False, input_shape=(64, 96, 3), pooling=pooling)
        pooled.set_weights(maps.get_weights())
        np.testing.assert_allclose(pooled.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    model = applications.SqueezeNet(classes=3, input_shape=(64, 64, 1), name="mine")
    assert (model.name, model.output_shape) == ("mine", (None, 3))
    np.testing.assert_allclose(model.predict(x[:, :, :64, :1], verbose=0).sum(1), 1, rtol=1e-5)


def test_input_tensor() -> None:
    image = layers.Input((64, 64, 3), name="photo")
    base = applications.MobileNetV2(include_top=False, input_tensor=image)
    assert base.input is image
    assert base.output_shape == (None, 2, 2, 1280)
    for given, words in (
        (layers.ReLU()(image), "Input returned"),
        (layers.Input((16, 64, 3)), "at least 32"),
    ):
        with pytest.raises(ValueError, match=words):
            applications.MobileNetV2(include_top=False, input_tensor=given)


def test_trains_with_branches_left_out() -> None:
    """Stochastic depth acts in training: two seeds make two losses; predictions are without it."""
    cnnfast.set_random_seed(3)
    model = applications.EfficientNetB0(classes=4, input_shape=(32, 32, 3))
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(8, 32, 32, 3)), np.arange(8) % 4
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(before, model.predict(x, verbose=0))
    assert np.isfinite([model.train_on_batch(x, y) for _ in range(2)]).all()
    assert not np.array_equal(before, model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": True}, ("weights", "include_top")),
        ({"weights": "imagenet", "classes": 10}, ("1000", "10", "include_top=False")),
        ({"input_shape": (31, 64, 3)}, ("at least 32", "31")),
        ({"input_shape": (64, 64)}, ("input_shape", "(64, 64)")),
        ({"include_top": False, "pooling": "mean"}, ("pooling", "avg", "mean")),
        ({"classes": 0}, ("classes", "0")),
        ({"weights": "absent.pth"}, ("absent.pth", "no file")),
        ({"weights": "resnet.weights.h5"}, ("Keras's", "torchvision's names", "load_weights")),
    ],
)
def test_refusals(arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as info:
        applications.ResNet18(**arguments)
    refusal(info.value, *words)


def test_arguments_that_keras_has_besides() -> None:
    with pytest.raises(TypeError, match=r"mobilenet_v2 takes no alpha; .*input_shape, .*classes"):
        applications.MobileNetV2(alpha=0.5)  # type: ignore[call-arg]


def test_no_weights_of_imagenet_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="no weights for efficientnet_lite0") as info:
        applications.EfficientNetLite0("imagenet")
    refusal(info.value, "weights=None")


def test_saved_and_loaded(tmp_path: Path) -> None:
    """Models of the zoo are models: files, copies, layers by torchvision's names."""
    model = applications.ConvNeXtTiny(include_top=False, input_shape=(32, 32, 3), pooling="avg")
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)
    model.save(tmp_path / "net")
    again = cnnfast.models.load_model(tmp_path / "net")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert isinstance(again.get_layer("features.1.0.layer_scale"), layers.LayerScale)
    model.save_weights(tmp_path / "weights.safetensors")
    third = applications.ConvNeXtTiny(
        tmp_path / "weights.safetensors", include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    np.testing.assert_array_equal(third.predict(x, verbose=0), model.predict(x, verbose=0))


def test_preprocess_input(image_data_format: Callable[[str], None]) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (x / 255 - mean) / deviation
    np.testing.assert_allclose(applications.preprocess_input(x), expected, atol=1e-6)
    np.testing.assert_allclose(applications.inception_v3.preprocess_input(x), x / 127.5 - 1, atol=1e-6)
    caffe = x[..., ::-1] - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(imagenet_utils.preprocess_input(x, mode="caffe"), caffe, atol=1e-4)
    image_data_format("channels_first")
    first = applications.preprocess_input(np.moveaxis(x, 3, 1))
    np.testing.assert_allclose(first, np.moveaxis(expected, 3, 1), atol=1e-6)
    with pytest.raises(ValueError, match="mode must be"):
        imagenet_utils.preprocess_input(x, mode="keras")


@pytest.mark.parametrize(
    "x", [np.zeros((2, 4, 5, 1)), np.zeros((2, 4, 5, 4)), np.zeros(3), None, "cat"], ids=str
)
def test_preprocess_input_refuses(x: Any) -> None:
    """What has other channels than three, which one channel became; and what is no array."""
    with pytest.raises(ValueError, match="x must"):
        applications.preprocess_input(x)


def test_preprocess_input_in_a_model() -> None:
    inputs = layers.Input((4, 5, 3))
    model = cnnfast.Model(inputs, applications.preprocess_input(inputs))
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(model.predict(x, verbose=0), applications.preprocess_input(x), atol=1e-5)


def test_decode_predictions() -> None:
    predictions = np.zeros((2, 1000), np.float32)
    predictions[0, [285, 281]] = 0.75, 0.25
    predictions[1, 999] = 1
    first, second = applications.decode_predictions(predictions, top=2)
    assert first == [("n02124075", "Egyptian cat", 0.75), ("n02123045", "tabby", 0.25)]
    assert second[0] == ("n15075141", "toilet tissue", 1.0)
    assert len(imagenet_utils.classes()) == len({number for number, _ in imagenet_utils.classes()}) == 1000
    with pytest.raises(ValueError, match=r"\(2, 10\)"):
        applications.decode_predictions(np.zeros((2, 10)))


# -- weights that learnt ImageNet ------------------------------------------------------------------------


def _photo(path: Path) -> Any:
    """As torchvision's transforms make it: the shorter side 256, the middle 224 x 224."""
    image = pytest.importorskip("PIL.Image", reason="photos need Pillow: pip install 'cnnfast[viz]'")
    with image.open(path) as opened:
        picture = opened.convert("RGB")
    scale = 256 / min(picture.size)
    width, height = (int(side * scale) for side in picture.size)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    small = picture.resize((width, height), image.Resampling.BILINEAR)
    return np.asarray(small.crop((left, top, left + 224, top + 224)))[None]


def test_mobilenet_names_what_photos_show(data_folder: Callable[[str], Path]) -> None:
    data_folder("weights")
    model = applications.MobileNetV2("imagenet")
    for photo, name, probability, tolerance in (
        ("chelsea.png", "Egyptian cat", 0.714, 0.005),
        ("coffee.png", "espresso", 0.99, 0.005),
        ("china.jpg", "palace", 0.69, 0.01),
    ):
        x = applications.preprocess_input(_photo(data_folder("photos") / photo))
        ((_, found, sure),) = applications.decode_predictions(model.predict(x, verbose=0), top=1)[0]
        assert found == name
        assert sure == pytest.approx(probability, abs=tolerance)
    assert model.metadata["class_names"][285] == "Egyptian cat"


def test_another_network_s_file_is_refused(data_folder: Callable[[str], Path]) -> None:
    file = data_folder("weights") / "mobilenet_v2-b0353104.pth"
    with pytest.raises(ValueError, match="not those of model") as info:
        applications.MobileNetV3Small(file)
    refusal(info.value, "mobilenet_v3_small", "missing")
    with pytest.raises(ValueError, match=r"\(1000, 1280\)"):
        applications.MobileNetV2(file, classes=10)
    headless = applications.MobileNetV2(file, include_top=False, pooling="avg", input_shape=(64, 64, 3))
    whole = applications.MobileNetV2(file, input_shape=(64, 64, 3))
    inner = cnnfast.Model(whole.inputs, whole.get_layer("avgpool").output)
    x = np.random.default_rng(0).normal(size=(1, 64, 64, 3)).astype(np.float32)
    np.testing.assert_array_equal(headless.predict(x, verbose=0), inner.predict(x, verbose=0))


class _Handler(QuietHandler):
    """Serves one file, in ranges; the first time the connection breaks within it."""

    def do_GET(self) -> None:  # noqa: N802
        server: Any = self.server
        wanted = self.headers.get("Range")
        server.asked.append((self.path, wanted))
        start = first_byte(wanted)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        self.wfile.write(server.content[start : 20_000 if len(server.asked) == 1 else None])


@pytest.fixture
def server() -> Iterator[Any]:
    with serving(_Handler) as running:
        yield running


def test_weights_are_fetched_once(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumed where the connection broke, checked by the digits in the name, kept in the cache."""
    content = np.random.default_rng(0).bytes(100_000)
    name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    server.content = content
    monkeypatch.setattr(_weights, "_HOME", server.url + "models/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CNNFAST_DATA", str(tmp_path / "data"))
    path = _weights.imagenet_file(name)
    assert path == tmp_path / "cache" / "cnnfast" / "weights" / name
    assert path.read_bytes() == content
    assert server.asked == [(f"/models/{name}", None), (f"/models/{name}", "bytes=20000-")]
    assert _weights.imagenet_file(name) == path
    own = tmp_path / "data" / "weights" / name
    own.parent.mkdir(parents=True)
    own.write_bytes(content)
    assert _weights.imagenet_file(name) == own
    assert len(server.asked) == 2


def test_other_content_is_not_kept(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.content, server.asked = b"another file", [None]
    monkeypatch.setattr(_weights, "_HOME", server.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CNNFAST_DATA", raising=False)
    with pytest.raises(FileNotFoundError) as info:
        _weights.imagenet_file("resnet18-f37072fd.pth")
    refusal(info.value, "resnet18-f37072fd.pth", "127.0.0.1", "sha256", "f37072fd", "CNNFAST_DATA")
    assert [path.suffix for path in (tmp_path / "cnnfast" / "weights").iterdir()] in ([], [".part"])


def test_networks_are_imported_when_asked_for() -> None:
    code = "import sys, cnnfast.applications as a; a.ResNet18; print(*sys.modules)"
    loaded = run_python(code).split()
    assert "cnnfast.applications.resnet" in loaded
    assert "cnnfast.applications.vgg" not in loaded
