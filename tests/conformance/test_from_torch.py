"""Modules of PyTorch as models, and weights of models as PyTorch's: values, gradients, names, refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.from_torch import check as _check
from support.from_torch import close as _close
from support.from_torch import samples as _samples
from support.from_torch import settled as _settled
from support.machine import run_python

import cnnfast
from cnnfast import from_torch, to_torch_state_dict

torch = pytest.importorskip("torch", reason="PyTorch is an extra of the development environment")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812


class Course(nn.Module):
    """The course's network: see docs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 12, 5)
        self.fc1 = nn.Linear(12 * 4 * 4, 120)
        self.out = nn.Linear(120, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), kernel_size=2, stride=2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.out(F.relu(self.fc1(x)))


def test_the_courses_network_runs_unchanged() -> None:
    model = _check(Course(), (1, 28, 28))
    assert [layer.name for layer in model.layers if layer.weights] == ["conv1", "conv2", "fc1", "out"]
    assert model.count_params() == sum(each.numel() for each in Course().parameters())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_padding_of_even_kernels() -> None:
    _check(nn.Sequential(nn.Conv2d(4, 6, 2, padding="same")), IMAGE)


IMAGE, VOLUME, LINE = (4, 9, 8), (2, 6, 5, 7), (4, 11)
MODULES: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.Linear(5, 3), (5,)),
    (lambda: nn.Linear(5, 3, bias=False), (2, 5)),
    (lambda: nn.Conv1d(4, 6, 3, padding=1, stride=2), LINE),
    (lambda: nn.Conv2d(4, 6, 3), IMAGE),
    (lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), bias=False), IMAGE),
    (lambda: nn.Conv2d(4, 6, 3, padding="same", dilation=2), IMAGE),
    (lambda: nn.Conv2d(4, 6, 3, groups=2), IMAGE),
    (lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), IMAGE),
    (lambda: nn.Conv2d(4, 8, 3, groups=4, stride=2), IMAGE),
    (lambda: nn.Conv1d(4, 8, 3, groups=4), LINE),
    (lambda: nn.Conv2d(4, 3, 3, padding=2, padding_mode="reflect"), IMAGE),
    (lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"), IMAGE),
    (lambda: nn.Conv2d(4, 3, 3, padding=1, padding_mode="replicate"), IMAGE),
    (lambda: nn.Conv3d(2, 3, 3, padding=1), VOLUME),
    (lambda: nn.Conv3d(2, 4, 3, groups=2), VOLUME),
    (lambda: nn.ConvTranspose1d(4, 3, 3, 2), LINE),
    (lambda: nn.ConvTranspose2d(4, 3, 3, 2, 1, 1), IMAGE),
    (lambda: nn.ConvTranspose2d(4, 6, 2, groups=2), IMAGE),
    (lambda: nn.ConvTranspose3d(2, 3, 2, 2), VOLUME),
    (lambda: nn.BatchNorm1d(5), (5,)),
    (lambda: nn.BatchNorm1d(4, momentum=0.3), LINE),
    (lambda: nn.BatchNorm2d(4, 1e-3), IMAGE),
    (lambda: nn.BatchNorm2d(4, affine=False), IMAGE),
    (lambda: nn.BatchNorm3d(2), VOLUME),
    (lambda: nn.LayerNorm(8), IMAGE),
    (lambda: nn.LayerNorm((9, 8)), IMAGE),
    (lambda: nn.LayerNorm(8, elementwise_affine=False), IMAGE),
    (lambda: nn.LayerNorm(8, bias=False), IMAGE),
    (lambda: nn.RMSNorm(8), IMAGE),
    (lambda: nn.GroupNorm(2, 4), IMAGE),
    (lambda: nn.InstanceNorm2d(4), IMAGE),
    (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    (lambda: nn.LocalResponseNorm(3), IMAGE),
    (lambda: nn.PReLU(), IMAGE),
    (lambda: nn.PReLU(4), IMAGE),
    (lambda: nn.MaxPool1d(3, 2), LINE),
    (lambda: nn.MaxPool2d(2), IMAGE),
    (lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    (lambda: nn.MaxPool2d((3, 2), 1, dilation=2), IMAGE),
    (lambda: nn.MaxPool3d(2), VOLUME),
    (lambda: nn.AvgPool1d(2), LINE),
    (lambda: nn.AvgPool2d(3, 2, 1), IMAGE),
    (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), IMAGE),
    (lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True), IMAGE),
    (lambda: nn.AvgPool3d(2), VOLUME),
    (lambda: nn.LPPool2d(2, 2), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d(1), IMAGE),
    (lambda: nn.AdaptiveAvgPool2d((4, None)), IMAGE),
    (lambda: nn.AdaptiveAvgPool1d(3), LINE),
    (lambda: nn.AdaptiveMaxPool2d((2, 3)), IMAGE),
    (lambda: nn.AdaptiveMaxPool3d(2), VOLUME),
    (lambda: nn.ZeroPad2d((1, 2, 0, 3)), IMAGE),
    (lambda: nn.ConstantPad1d(2, 1.5), LINE),
    (lambda: nn.ReflectionPad2d(2), IMAGE),
    (lambda: nn.ReplicationPad2d((1, 0, 2, 1)), IMAGE),
    (lambda: nn.CircularPad2d(1), IMAGE),
    (lambda: nn.Upsample(scale_factor=2), IMAGE),
    (lambda: nn.Upsample((5, 13)), IMAGE),
    (lambda: nn.Upsample(scale_factor=1.7, mode="bilinear"), IMAGE),
    (lambda: nn.Upsample((12, 7), mode="bilinear", align_corners=True), IMAGE),
    (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), IMAGE),
    (lambda: nn.Upsample((13, 3), mode="nearest-exact"), IMAGE),
    (lambda: nn.Upsample(scale_factor=2, mode="linear"), LINE),
    (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
    (lambda: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
    (lambda: nn.PixelShuffle(2), IMAGE),
    (lambda: nn.PixelUnshuffle(2), (3, 4, 6)),
    (lambda: nn.ChannelShuffle(2), IMAGE),
    (lambda: nn.Flatten(), IMAGE),
    (lambda: nn.Flatten(2), IMAGE),
    (lambda: nn.Unflatten(1, (2, 2)), IMAGE),
    (lambda: nn.Identity(), IMAGE),
    (lambda: nn.ReLU(), IMAGE),
    (lambda: nn.ReLU6(), IMAGE),
    (lambda: nn.LeakyReLU(0.2), IMAGE),
    (lambda: nn.ELU(0.7), IMAGE),
    (lambda: nn.SELU(), IMAGE),
    (lambda: nn.CELU(1.3), IMAGE),
    (lambda: nn.GELU(), IMAGE),
    (lambda: nn.GELU("tanh"), IMAGE),
    (lambda: nn.SiLU(), IMAGE),
    (lambda: nn.Mish(), IMAGE),
    (lambda: nn.Sigmoid(), IMAGE),
    (lambda: nn.LogSigmoid(), IMAGE),
    (lambda: nn.Tanh(), IMAGE),
    (lambda: nn.Softplus(), IMAGE),
    (lambda: nn.Softplus(2.0), IMAGE),
    (lambda: nn.Softsign(), IMAGE),
    (lambda: nn.Softshrink(0.3), IMAGE),
    (lambda: nn.Hardshrink(0.3), IMAGE),
    (lambda: nn.Tanhshrink(), IMAGE),
    (lambda: nn.Hardtanh(-0.5, 0.8), IMAGE),
    (lambda: nn.Hardsigmoid(), IMAGE),
    (lambda: nn.Hardswish(), IMAGE),
    (lambda: nn.Threshold(0.1, -0.3), IMAGE),
    (lambda: nn.GLU(1), IMAGE),
    (lambda: nn.Softmax(1), IMAGE),
    (lambda: nn.Softmax2d(), IMAGE),
    (lambda: nn.Softmin(-1), IMAGE),
    (lambda: nn.LogSoftmax(dim=2), IMAGE),
    (lambda: nn.Dropout(0.0), IMAGE),
    (lambda: nn.Dropout2d(0.0), IMAGE),
    (lambda: nn.AlphaDropout(0.0), IMAGE),
]


@pytest.mark.parametrize(("make", "shape"), MODULES)
def test_modules(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    channels = shape[0]
    before: nn.Module
    if len(shape) == 1:
        before = nn.Linear(channels, channels)
    else:
        before = {2: nn.Conv1d, 3: nn.Conv2d, 4: nn.Conv3d}[len(shape)](channels, channels, 1)
    if isinstance(make(), nn.Linear) and len(shape) == 2:
        before = nn.Linear(shape[1], shape[1])
    _check(nn.Sequential(before, make()), shape)  # what comes before learns by the gradient


def test_flatten_counts_as_pytorch_does_whatever_comes_before() -> None:
    _check(nn.Sequential(nn.Flatten(), nn.Linear(30, 4)), (2, 3, 5))
    _check(Function(lambda x: x.permute(0, 2, 3, 1).flatten(1)), IMAGE)


def test_embedding() -> None:
    words = np.random.default_rng(1).integers(0, 7, (4, 6)).astype(np.int64)
    module = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(), nn.Linear(18, 2))
    _check(module, (6,), x=words)


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Any) -> Any:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    """Blocks in a Sequential, one layer called twice, a head behind a flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.GELU())
        self.layer1 = nn.Sequential(Block(4), Block(4))
        self.shared = nn.Conv2d(4, 4, 1)
        self.act = nn.GELU()
        self.fc = nn.Linear(4 * 3 * 3, 5)

    def forward(self, x: Any) -> Any:
        x = self.layer1(self.stem(x))
        x = self.act(self.shared(self.act(self.shared(x))))
        return self.fc(torch.flatten(x, 1))


def test_residual_blocks_and_shared_modules() -> None:
    model = _check(Residual(), (3, 8, 8))
    assert "layer1.0.conv1" in [layer.name for layer in model.layers]


class Function(nn.Module):
    """A convolution, then a function of what it makes."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(4, 4, 1), function

    def forward(self, x: Any) -> Any:
        return self.function(self.conv(x))


FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: F.relu(x),
    lambda x: torch.relu(x) + x.relu() * 2,
    lambda x: F.leaky_relu(x, 0.1),
    lambda x: F.hardtanh(x, -0.3, 0.4),
    lambda x: F.gelu(x, approximate="tanh"),
    lambda x: F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False),
    lambda x: F.max_pool2d(x, 3, 2, 1, 1, ceil_mode=True),
    lambda x: F.adaptive_avg_pool2d(x, (1, 1)).reshape(x.shape[0], 4),
    lambda x: F.lp_pool2d(x, 2, 2),
    lambda x: F.dropout(x, 0.0, training=True),
    lambda x: F.dropout(x, 0.5, training=False),
    lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    lambda x: F.interpolate(x, size=x.shape[2:], mode="nearest"),
    lambda x: F.pad(x, (1, 2, 0, 1), value=0.5),
    lambda x: F.pad(x, (1, 2, 0, 1), mode="reflect"),
    lambda x: F.softmax(x, dim=1) * F.log_softmax(x, -1),
    lambda x: F.layer_norm(x, (9, 8)),
    lambda x: F.normalize(x, dim=1),
    lambda x: F.pixel_shuffle(x, 2),
    lambda x: torch.cat([x, x[:, :2], -x], 1),
    lambda x: torch.stack([x, 2 * x], dim=2).mean(2),
    lambda x: torch.cat(torch.chunk(x, 2, dim=1)[::-1], dim=1),
    lambda x: torch.cat(x.split([1, 3], 1)[::-1], dim=1),
    lambda x: x.split(3, dim=2)[1],
    lambda x: x.unbind(1)[2],
    lambda x: x.mean([2, 3]),
    lambda x: x.mean((-2, -1), keepdim=True) + x.sum(dim=1, keepdim=True),
    lambda x: x.amax(dim=(2, 3)) - x.amin((2, 3)),
    lambda x: x.max(dim=1)[0],
    lambda x: torch.max(x, x * 0.5),
    lambda x: x.var(dim=1, unbiased=False),
    lambda x: torch.clamp(x, min=-0.2) + x.clamp(max=0.1),
    lambda x: (x - 1.0) / 2 + 3 - (1 - x) * x**2,
    lambda x: torch.add(x, x, alpha=0.3),
    lambda x: torch.exp(-x.abs()) + x.sigmoid().log() + torch.sqrt(x * x + 1),
    lambda x: torch.where(x > 0.1, x, x * 0.3),
    lambda x: x.permute(0, 2, 3, 1).contiguous(),
    lambda x: x.transpose(1, -1),
    lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2),
    lambda x: torch.matmul(x, x.transpose(-2, -1)),
    lambda x: x.unsqueeze(1).squeeze(1),
    lambda x: x[:, 1:3, ::2] * x[:, :1, None, 0, 0].mean(2, keepdim=True)[..., None],
    lambda x: x.view(x.size(0), -1),
    lambda x: x.view(-1, 4 * 9 * 8),
    lambda x: x.reshape(x.shape[0], 2, x.shape[1] // 2, x.shape[2], x.shape[3]),
    lambda x: x.view(x.size(0), 2, 2, 9, 8).transpose(1, 2).reshape(-1, 4, 9, 8),
    lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 9, 8),
    lambda x: x.mean((2, 3), keepdim=True).expand_as(x) * x,
    lambda x: x.repeat(1, 2, 1, 1),
    lambda x: torch.flip(x, [3]) + torch.roll(x, 1, 2),
    lambda x: x.add_(1.0).relu_(),
    lambda x: F.relu(x, inplace=True) + x,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(function: Callable[[Any], Any]) -> None:
    torch.manual_seed(0)
    _check(Function(function), IMAGE)


class WrittenOver(nn.Module):
    """What a module writes over its input is what others read then."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        y = self.relu(x)
        return x - 2 * y


def test_what_is_written_in_place_is_seen_by_others() -> None:
    _check(WrittenOver(), IMAGE)


class Same(nn.Conv2d):
    """A convolution with a forward of its own."""

    def forward(self, x: Any) -> Any:
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, self.stride)


class Scaled(nn.Module):
    """What ConvNeXt's blocks do: features last, a factor a channel, a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Same(4, 4, 2, 1)
        self.gamma = nn.Parameter(torch.full((4, 1, 1), 0.5))
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3, 0.4])[:, None, None], persistent=False)
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        x = (x - self.mean) / 2
        y = self.conv(x)
        y = F.linear(y.permute(0, 2, 3, 1), self.fc.weight, self.fc.bias).permute(0, 3, 1, 2)
        return x + self.gamma * y


def test_functions_that_are_given_weights() -> None:
    module = _settled(Scaled())
    model = from_torch(module, IMAGE)
    x = _samples(3, *IMAGE)
    _close(model.predict(x, verbose=0), module(torch.from_numpy(x)))
    state = to_torch_state_dict(model)
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in module.state_dict().items()
    }
    module.load_state_dict(state)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(5, 4)

    def forward(self, first: Any, second: Any, scale: float = 2.0) -> Any:
        both = self.a(first) + self.b(second)
        return {"sum": both, "scaled": both * scale}


def test_several_inputs_and_outputs() -> None:
    module = Two()
    model = from_torch(module, [(3,), (5,)])
    x = [_samples(4, 3), _samples(4, 5)]
    made = model.predict(x, verbose=0)
    for name, expected in module(*map(torch.from_numpy, x)).items():
        _close(made[name], expected)


def test_constants_of_a_module_are_broadcast() -> None:
    mean = torch.arange(4.0).reshape(1, 4, 1, 1)
    _check(Function(lambda x: x - mean + torch.arange(x.shape[3])), IMAGE)


def test_arrays_go_in_and_out_without_a_copy_of_ones_own() -> None:
    model = from_torch(nn.Sequential(nn.Linear(5, 3)), (5,))
    x = torch.from_numpy(_samples(4, 5))
    made = torch.from_dlpack(model.predict(x, verbose=0))
    np.testing.assert_array_equal(made, model.predict(x.numpy(), verbose=0))
    kernel = model.layers[-1].kernel
    copy = torch.from_dlpack(kernel)
    np.testing.assert_array_equal(copy, kernel.numpy())
    copy.zero_()
    assert np.abs(kernel.numpy()).max() > 0
    kernel.assign(copy + 2)
    np.testing.assert_array_equal(np.from_dlpack(kernel), np.full((5, 3), 2.0, np.float32))
    model.compile("sgd", "mse")
    model.fit(x, torch.zeros(4, 3), verbose=0)


def test_dropout_by_a_function_acts_in_training() -> None:
    class Net(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.dropout(x, training=self.training)

    module = Net().eval()
    model = from_torch(module, (100,))
    x = np.ones((8, 100), np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    share = float((np.asarray(model(x, training=True)) == 0).mean())
    assert 0.4 < share < 0.6
    assert not module.training


def test_modules_that_do_not_learn_stay() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    module[0].requires_grad_(False)
    model = from_torch(module, (3,))
    assert [layer.trainable for layer in model.layers if layer.weights] == [False, True]


def test_models_are_saved_and_state_comes_back(tmp_path: Any) -> None:
    model = from_torch(Residual(), (3, 8, 8))
    model.save(tmp_path / "net.cnnfast")
    again = cnnfast.models.load_model(tmp_path / "net.cnnfast")
    x = _samples(2, 3, 8, 8)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    torch.save(to_torch_state_dict(again), tmp_path / "net.pth")
    report = cnnfast.io.load_weights(model, tmp_path / "net.pth", spare=())
    assert report.by == "name"


def test_state_of_models_of_ours_suits_pytorchs_order_of_features() -> None:
    model = cnnfast.Sequential(
        [
            cnnfast.Input((6, 5, 2)),
            cnnfast.layers.Conv2D(3, 3, name="0"),
            cnnfast.layers.Flatten(),
            cnnfast.layers.Dense(4, name="2"),
        ]
    )
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(36, 4))
    module.load_state_dict(to_torch_state_dict(model))
    x = _samples(3, 6, 5, 2)
    _close(model.predict(x, verbose=0), module(torch.from_numpy(np.moveaxis(x, 3, 1).copy())))


class Deciding(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


class Inner(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Identity(), inner])

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


def _hooked() -> nn.Module:
    module = nn.Linear(3, 3)
    module.register_forward_hook(lambda *_: None)
    return module


def _tied() -> nn.Module:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    return module


class Calling(nn.Module):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Inner(nn.LSTM(3, 4)), r"blocks\.1 \(LSTM\) which has no counterpart"),
        (Inner(nn.FractionalMaxPool2d(2, 1)), r"blocks\.1 \(FractionalMaxPool2d\)"),
        (Inner(nn.BatchNorm1d(3, momentum=None)), r"blocks\.1 \(BatchNorm1d\) with momentum=None"),
        (Inner(_hooked()), r"blocks\.1 \(Linear\) with hooks"),
        (Inner(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))), r"blocks\.1 \(Parametrized.*remove"),
        (Inner(nn.LazyLinear(3)), r"blocks\.1 \(LazyLinear\) has no weights yet"),
        (_tied(), r"share, '0\.weight' and '1\.weight'"),
        (Deciding(), "Deciding cannot be traced.*control flow"),
        (Inner(Calling(torch.fft.fft)), r"'fft_fft' in blocks\.1 \(Calling\), at `return self.function"),
        (Inner(Calling(lambda x: x.view(3, -1))), "samples would be mixed; begin with x.size"),
        (Inner(Calling(lambda x: x * x.size(0))), "the batch size"),
        (Inner(Calling(lambda x: x.std())), "unbiased"),
        (Calling(lambda x: 3), "must return tensors"),
        (nn.Linear(3, 3), r"give it torch\.nn\.Sequential\(Linear"),
        (3, "takes a torch.nn.Module, got int"),
    ],
)
def test_what_is_not_converted_is_named(module: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        from_torch(module, (3,))


def test_too_few_shapes_are_told() -> None:
    with pytest.raises(ValueError, match="takes 2 tensors; give input_shape a list"):
        from_torch(Two(), (3,))


def test_known_networks_give_torchvisions_file_back(data_folder: Callable[[str], Path]) -> None:
    file = data_folder("weights") / "mobilenet_v2-b0353104.pth"
    model = cnnfast.applications.MobileNetV2(weights=file)
    state = to_torch_state_dict(model)
    expected = torch.load(file, weights_only=True)
    assert list(state) == list(expected)
    for name, value in expected.items():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_array_equal(state[name], value, err_msg=name)


def test_pytorch_is_imported_when_it_is_asked_for() -> None:
    run_python("import sys, cnnfast, cnnfast.io; assert 'torch' not in sys.modules")
