"""Files that PyTorch itself wrote, and the networks that it computes with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.nets import refusal

import cnnfast
from cnnfast import Input, Model, Sequential, applications, layers
from cnnfast.io import load_weights
from cnnfast.models import ModelFileError

torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")
nn = torch.nn

_PLAIN = {"_use_new_zipfile_serialization": False}


def _trained(module: Any) -> Any:
    """With statistics as after training, so that nothing that is forgotten hides."""
    for each in module.modules():
        if isinstance(each, nn.modules.batchnorm._BatchNorm):
            each.running_mean.normal_(0, 0.3)
            each.running_var.uniform_(0.5, 2)
            each.weight.data.uniform_(0.5, 1.5)
            each.bias.data.normal_()
    return module.eval()


def _close(ours: np.ndarray, theirs: Any, rtol: float = 1e-5) -> None:
    expected = theirs.detach().numpy()
    np.testing.assert_allclose(ours, expected, rtol=0, atol=rtol * np.abs(expected).max())


# -- MobileNetV2, by its paper's table -------------------------------------------------------------------


def _unit(inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1) -> Any:
    conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, widening: int) -> None:
        super().__init__()
        inner = inputs * widening
        first = [_unit(inputs, inner)] if widening > 1 else []
        last = [nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*first, _unit(inner, inner, 3, stride, inner), *last)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.adds else self.conv(x)


class _MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        parts, channels = [_unit(3, 32, 3, 2)], 32
        for widening, outputs, depth, stride in (
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 3, 2),
            (6, 64, 4, 2),
            (6, 96, 3, 1),
            (6, 160, 3, 2),
            (6, 320, 1, 1),
        ):
            for number in range(depth):
                parts.append(_Block(channels, outputs, 1 if number else stride, widening))
                channels = outputs
        self.features = nn.Sequential(*parts, _unit(channels, 1280))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean((2, 3)))


def test_mobilenet_v2_with_its_weights(data_folder: Callable[[str], Path]) -> None:
    """Logits and the gradient of the likeliest class by the photo's pixels.

    Where the input of a ReLU6 is within rounding of 0 or 6, they may go different ways in the pixels it sees.
    """
    image = pytest.importorskip("PIL.Image", reason="photos need Pillow: pip install 'cnnfast[viz]'")
    with image.open(data_folder("photos") / "chelsea.png") as photo:
        pixels = np.asarray(photo.convert("RGB").resize((224, 224)))[None]
    x = applications.preprocess_input(pixels)
    reference = _MobileNetV2().eval()
    state = torch.load(data_folder("weights") / "mobilenet_v2-b0353104.pth", weights_only=True)
    reference.load_state_dict(state)
    model = applications.MobileNetV2("imagenet", classifier_activation=None)
    picture = torch.tensor(np.moveaxis(x, 3, 1), requires_grad=True)
    logits = reference(picture)
    _close(model.predict(x, verbose=0), logits, 1e-4)
    assert int(logits.argmax()) == 285  # Egyptian cat
    (slope,) = torch.autograd.grad(logits[0, 285], picture)
    ours, theirs = np.moveaxis(model.gradients(x, output=285), 3, 1), slope.numpy()
    wrong = np.abs(ours - theirs) > 1e-4 * np.abs(theirs).max()
    assert wrong.mean() < 0.01


# -- torch.save's files ----------------------------------------------------------------------------------


def _net() -> Any:
    torch.manual_seed(0)
    return _trained(
        nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, groups=4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 3 * 4, 10),
            nn.BatchNorm1d(10),
        )
    )


def _ours() -> Sequential:
    return Sequential(
        [
            Input((8, 9, 3)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
            layers.Conv2D(16, 3, strides=2, groups=4, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
            layers.BatchNormalization(epsilon=1e-5),
        ]
    )


def _as_checkpoint(state: Any) -> Any:
    return {"epoch": 7, "model_state_dict": state, "optimizer": {"state": {0: {"step": torch.ones(())}}}}


STATES: dict[str, Callable[[Any], Any]] = {
    "state": lambda net: net.state_dict(),
    "parameters": lambda net: dict(net.named_parameters()) | dict(net.named_buffers()),
    "checkpoint": lambda net: _as_checkpoint(net.state_dict()),
    "data parallel": lambda net: {f"module.{name}": each for name, each in net.state_dict().items()},
    "channels_last": lambda net: net.to(memory_format=torch.channels_last).state_dict(),
    "float64": lambda net: net.double().state_dict(),
    "views": lambda net: {
        n: torch.cat([each.flatten()] * 2)[each.numel() :].view(each.shape) if each.ndim else each
        for n, each in net.state_dict().items()
    },
}


@pytest.mark.parametrize("options", [{}, _PLAIN], ids=["zip", "legacy"])
@pytest.mark.parametrize("kind", STATES)
def test_torch_save(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    x = torch.randn(4, 3, 8, 9, generator=torch.Generator().manual_seed(1))
    expected = _net()(x)
    torch.save(STATES[kind](_net()), tmp_path / "net.pth", **options)
    model = _ours()
    assert load_weights(model, tmp_path / "net.pth").complete
    _close(model.predict(np.moveaxis(x.numpy(), 1, 3), verbose=0), expected)


@pytest.mark.parametrize("options", [{}, _PLAIN], ids=["zip", "legacy"])
def test_bfloat16(options: dict[str, Any], tmp_path: Path) -> None:
    net = _net().bfloat16()
    torch.save(net.state_dict(), tmp_path / "net.pth", **options)
    model = _ours()
    load_weights(model, tmp_path / "net.pth")
    kernel = net[0].weight.float().detach().numpy()
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel.transpose(2, 3, 1, 0))


@pytest.mark.parametrize("options", [{}, _PLAIN], ids=["zip", "legacy"])
def test_whole_modules_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    torch.save(_net(), tmp_path / "net.pth", **options)
    with pytest.raises(ModelFileError) as info:
        load_weights(_ours(), tmp_path / "net.pth")
    refusal(info.value, "torch.nn.modules.container.Sequential", "state_dict")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated:DeprecationWarning")
def test_torchscript_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(_net(), torch.zeros(1, 3, 8, 9)), tmp_path / "net.pt")
    with pytest.raises(ModelFileError, match="TorchScript"):
        load_weights(_ours(), tmp_path / "net.pt")


def test_safetensors_of_torch(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    names = iter(["a0", "a1", "a3", "a6", "a7"])
    model = _ours()
    for layer in model.layers:
        if layer.weights:
            layer._name = next(names)
    net = _net()
    save_file({f"a{name}": each for name, each in net.state_dict().items()}, tmp_path / "net.safetensors")
    assert load_weights(model, tmp_path / "net.safetensors").complete
    x = torch.randn(2, 3, 8, 9)
    _close(model.predict(np.moveaxis(x.numpy(), 1, 3), verbose=0), net(x))


# -- one layer at a time ---------------------------------------------------------------------------------

# PyTorch's module, ours, the shape of a sample channels first.
LAYERS: dict[str, tuple[Callable[[], Any], Callable[[], Any], tuple[int, ...]]] = {
    "Conv1d": (lambda: nn.Conv1d(4, 6, 3), lambda: layers.Conv1D(6, 3), (4, 9)),
    "Conv3d": (lambda: nn.Conv3d(4, 6, (1, 2, 3)), lambda: layers.Conv3D(6, (1, 2, 3)), (4, 5, 6, 7)),
    "ConvTranspose1d": (
        lambda: nn.ConvTranspose1d(4, 6, 3, 2),
        lambda: layers.Conv1DTranspose(6, 3, 2),
        (4, 7),
    ),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(4, 6, (2, 3), 2),
        lambda: layers.Conv2DTranspose(6, (2, 3), 2, output_padding=None),
        (4, 5, 6),
    ),
    "depthwise": (
        lambda: nn.Conv2d(4, 8, 3, groups=4),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        (4, 6, 7),
    ),
    "grouped": (lambda: nn.Conv2d(4, 8, 3, groups=2), lambda: layers.Conv2D(8, 3, groups=2), (4, 6, 7)),
    "Linear": (lambda: nn.Linear(4, 6), lambda: layers.Dense(6), (4,)),
    "PReLU": (lambda: nn.PReLU(4, 0.3), lambda: layers.PReLU(shared_axes=[1, 2]), (4, 5, 6)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), lambda: layers.GroupNormalization(2, epsilon=1e-5), (4, 5, 6)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_layers(kind: str, tmp_path: Path) -> None:
    theirs, ours, shape = LAYERS[kind]
    torch.manual_seed(0)
    module = theirs()
    for each in module.parameters():
        each.data += 0.1 * torch.randn(each.shape)
    inputs = Input((*shape[1:], shape[0]))
    model = Model(inputs, ours()(inputs))
    torch.save(module.state_dict(), tmp_path / "layer.pth")
    load_weights(model, tmp_path / "layer.pth")
    x = torch.randn(2, *shape)
    made = model.predict(np.moveaxis(x.numpy(), 1, -1), verbose=0)
    _close(np.moveaxis(made, -1, 1), module(x))


def test_layer_norm_and_embedding(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(7, 5), nn.LayerNorm(5))
    module[1].weight.data.normal_()
    torch.save(module.state_dict(), tmp_path / "net.pth")
    model = Sequential([Input((3,)), layers.Embedding(7, 5), layers.LayerNormalization(epsilon=1e-5)])
    load_weights(model, tmp_path / "net.pth")
    x = torch.tensor([[0, 3, 6]])
    _close(model.predict(x.numpy(), verbose=0), module(x))


def test_nothing_else_changes(tmp_path: Path) -> None:
    """Loading part of a model leaves its other weights as chance made them, the same with and without it."""
    torch.save({"first.weight": torch.ones(2, 3)}, tmp_path / "net.pth")

    def net() -> Sequential:
        cnnfast.set_random_seed(5)
        first, second = layers.Dense(2, use_bias=False, name="first"), layers.Dense(2, name="second")
        return Sequential([Input((3,)), first, second])

    model, plain = net(), net()
    report = load_weights(model, tmp_path / "net.pth", strict=False)
    assert report.missing == ("second/kernel", "second/bias")
    np.testing.assert_array_equal(model.get_weights()[0], np.ones((3, 2)))
    np.testing.assert_array_equal(model.get_weights()[1], plain.get_weights()[1])
