"""Networks of PyTorch as people write them, as models: values, gradients, a step, and the way back."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.from_torch import check, close, samples, settled

import cnnfast
from cnnfast import from_torch, to_torch_state_dict

torch = pytest.importorskip("torch", reason="PyTorch is an extra of the development environment")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812


class Attention(nn.Module):
    """By hand: batch and parts change places, and sizes are computed with."""

    def __init__(self, size: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Any) -> Any:
        batch, places, size = x.shape
        assert size % self.heads == 0
        parts = self.qkv(self.norm(x)).reshape(batch, places, 3, self.heads, size // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))).softmax(dim=-1)
        return x + self.out((weights @ v).transpose(1, 2).reshape(batch, places, size))


class Causal(nn.Module):
    """By PyTorch's function, one part after the other."""

    def __init__(self, size: int = 12, heads: int = 3) -> None:
        super().__init__()
        self.heads, self.q, self.k, self.v = heads, *(nn.Linear(size, size) for _ in range(3))

    def forward(self, x: Any) -> Any:
        b, t, c = x.size()
        q, k, v = (
            f(x).view(b, t, self.heads, c // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=0.1 if self.training else 0)
        return y.transpose(1, 2).contiguous().view(b, t, c)


class Transformer(nn.Module):
    """Patches, a class token and codes of places, which are parameters of the module itself."""

    def __init__(self, norm_first: bool = False, batch_first: bool = True) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.token, self.places = nn.Parameter(torch.zeros(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))
        layer = nn.TransformerEncoderLayer(
            8, 2, 16, 0.0, "gelu", batch_first=batch_first, norm_first=norm_first
        )
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8), enable_nested_tensor=False)
        self.attention = nn.MultiheadAttention(8, 4, bias=False, batch_first=True)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), dim=1) + self.places
        x = self.encoder(x) if self.batch_first else self.encoder(x.permute(1, 0, 2)).permute(1, 0, 2)
        mask = torch.triu(torch.ones(5, 5), 1).bool()
        y, weights = self.attention(x, x, 2 * x, attn_mask=mask)
        return self.head((x + y)[:, 0]) + weights.mean(1)


class Squeezing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, 2, 1), nn.GroupNorm(2, 8)
        self.fc = nn.Sequential(nn.Linear(8, 2, bias=False), nn.ReLU(True), nn.Linear(2, 8), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        x = self.norm(self.conv(x))
        b, c, _, _ = x.size()
        y = F.adaptive_avg_pool2d(x, 1).view(b, c)
        return x * self.fc(y).view(b, c, 1, 1).expand_as(x)


class Parts(nn.Module):
    """Lists and dicts of modules, picked by names and numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3 if i == 0 else 4, 4, 3, padding=1) for i in range(3))
        self.acts = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
        self.factors = nn.ParameterList(nn.Parameter(torch.ones(4, 1, 1)) for _ in range(3))

    def forward(self, x: Any) -> Any:
        for place, conv in enumerate(self.convs):
            x = self.acts["relu" if place % 2 else "tanh"](conv(x)) * self.factors[place] + 0.1
        return x.mean(dim=[2, 3])


class Up(nn.Module):
    """A U-Net that pads by the difference of sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.mid = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Any) -> Any:
        a = F.gelu(self.down(x))
        b = self.up(torch.tanh(self.mid(F.max_pool2d(a, 2))))
        rows, columns = a.size(2) - b.size(2), a.size(3) - b.size(3)
        if rows or columns:
            b = F.pad(b, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.out(torch.cat([a, b], dim=1))


class Learnt(nn.Module):
    """Parameters of all shapes, in whatever is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1, 4, 1, 1))
        self.mix, self.alpha = nn.Parameter(torch.randn(4, 5) / 2), nn.Parameter(torch.tensor(0.3))
        self.bias, self.rows = nn.Parameter(torch.zeros(9, 8)), nn.Parameter(torch.ones(9))

    def forward(self, x: Any) -> Any:
        y = torch.einsum("nchw,cd->ndhw", x * self.scale + self.shift, self.mix)
        z = x.mean(1, keepdim=True) * self.rows.view(-1, 1).abs()
        return self.alpha * y + (1 - self.alpha) * z + (self.bias.T + self.rows.data).t() / self.mix.shape[1]


class Normed(nn.LayerNorm):
    """torchvision's of channels."""

    def forward(self, x: Any) -> Any:
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class Functional(nn.Module):
    """Functions that are given weights, of a module or of none."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = Normed(4)
        self.gamma, self.beta = nn.Parameter(torch.ones(4)), nn.Parameter(torch.zeros(4))
        self.matrix = nn.Parameter(torch.randn(3, 17))
        self.group, self.slopes = nn.GroupNorm(2, 4), nn.PReLU(4)
        self.back = nn.ConvTranspose2d(4, 4, 3, 2, bias=False)
        blur = torch.tensor([1.0, 2, 1])
        self.register_buffer("blur", (blur[:, None] * blur / 16).expand(4, 1, 3, 3).clone())

    def forward(self, x: Any) -> Any:
        x = F.conv2d(self.norm(x), self.blur, padding=1, groups=4)
        x = F.instance_norm(x, weight=self.gamma, bias=self.beta)
        x = F.prelu(F.group_norm(x, 2, self.group.weight, self.group.bias), self.slopes.weight)
        x = F.conv_transpose2d(x + F.rms_norm(x, (8,)), self.back.weight, stride=2)
        return F.linear(F.layer_norm(x, (17,)), self.matrix)


class Buffers(nn.Module):
    """Pictures normalized by buffers, coordinates, a filter that stays."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5]).view(1, 2, 1, 1))
        self.register_buffer("order", torch.tensor([1, 0]))
        self.conv = nn.Conv2d(4, 3, 3)

    def forward(self, x: Any) -> Any:
        batch, _, rows, columns = x.shape
        x = (x - self.mean)[:, self.order]
        across = torch.linspace(-1, 1, columns).view(1, 1, 1, -1).expand(batch, 1, rows, columns)
        down = torch.linspace(-1, 1, rows).view(1, 1, -1, 1).repeat(batch, 1, 1, columns)
        x = self.conv(torch.cat([x, across, down], 1))
        y = torch.cat([x, torch.zeros(batch, 1, *x.shape[2:]), x.new_ones(batch, 1, *x.shape[2:])], 1)
        y[:, 0] = 0.5
        return F.normalize(y, dim=1)


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv2d(1, 3, (width, 6)) for width in (2, 3))
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        x = self.embed(x).unsqueeze(1)
        found = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
        return self.fc(torch.cat([F.max_pool1d(each, each.size(2)).squeeze(2) for each in found], 1))


class Frozen(nn.Module):
    """Batch normalization by numbers that are no weights, as detection has it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        for name, value in (("weight", 1.5), ("bias", 0.2), ("mean", 0.1), ("variance", 2.0)):
            self.register_buffer(name, torch.full((4,), value))

    def forward(self, x: Any) -> Any:
        scale = self.weight.reshape(1, -1, 1, 1) * (self.variance.reshape(1, -1, 1, 1) + 1e-5).rsqrt()
        x = self.conv(x) * scale + (self.bias.reshape(1, -1, 1, 1) - self.mean.reshape(1, -1, 1, 1) * scale)
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias)


NETWORKS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (Attention, (7, 12)),
    (Causal, (7, 12)),
    (Transformer, (3, 8, 8)),
    (lambda: Transformer(norm_first=True), (3, 8, 8)),
    (lambda: Transformer(batch_first=False), (3, 8, 8)),
    (Squeezing, (3, 9, 8)),
    (Parts, (3, 6, 6)),
    (Up, (2, 9, 11)),
    (Learnt, (4, 9, 8)),
    (Functional, (4, 9, 8)),
    (Buffers, (2, 7, 6)),
    (Frozen, (3, 6, 6)),
]


@pytest.mark.filterwarnings("ignore:forward decides by self.training")
@pytest.mark.parametrize(("make", "shape"), NETWORKS)
def test_networks(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = make()
    before = dict(vars(module))
    model = check(module, shape, train=make is not Causal)
    assert vars(module).keys() == before.keys()
    again = from_torch(module, shape)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_open_sizes() -> None:
    model, module = from_torch(settled(Squeezing()), (3, None, None)), settled(Squeezing()).eval()
    module.load_state_dict(to_torch_state_dict(model))
    for shape in ((3, 9, 8), (3, 14, 7)):
        x = samples(2, *shape)
        close(model.predict(x, verbose=0), module(torch.from_numpy(x)))


@pytest.mark.parametrize(
    ("shape", "text"),
    [(3, "must be a sample's"), ((9, 8, 3), "do not suit input_shape, in which channels come")],
)
def test_wrong_shapes_are_told(shape: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        from_torch(nn.Sequential(nn.Conv2d(3, 4, 3)), shape)


def test_rows_of_padding_learn_nothing() -> None:
    module = Words()
    x = np.random.default_rng(1).integers(0, 4, (4, 5))
    with pytest.raises(ValueError, match="row 0, its padding_idx, that is not zero"):
        check(module, (5,), x=x)
    with torch.no_grad():
        module.embed.weight[0] = 0
    model = from_torch(module, (5,))
    close(model.predict(x, verbose=0), module(torch.from_numpy(x)))
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 2)), verbose=0)
    state = to_torch_state_dict(model, module)
    assert not state["embed.weight"][0].any()
    assert (state["embed.weight"][1] != module.embed.weight[1]).any()


class Deciding(nn.Module):
    """More outputs in training, as networks with heads that help."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.helper, self.drop = nn.Linear(3, 4), nn.Linear(3, 4), 0.5

    def forward(self, x: Any) -> Any:
        x = F.dropout(x, self.drop, self.training)
        if self.training:
            return self.fc(x), self.helper(x)
        return self.fc(x).softmax(1)


def test_what_decides_by_training_goes_the_way_of_evaluation() -> None:
    module = Deciding()
    with pytest.warns(UserWarning, match="decides by self.training") as told:
        model = from_torch(module, (3,))
    assert Path(told[0].filename) == Path(__file__)
    assert module.training is True
    x = samples(4, 3)
    close(model.predict(x, verbose=0), module.eval()(torch.from_numpy(x)))
    assert np.ptp(np.asarray(model(np.ones((64, 3), np.float32), training=True)), axis=0).max() > 0
    with pytest.raises(RuntimeError, match="helper"):
        module.load_state_dict(to_torch_state_dict(model))
    state = to_torch_state_dict(model, module)
    module.load_state_dict(state)
    assert state._metadata == module.state_dict()._metadata  # some modules ask for their version


def test_files_of_such_models(tmp_path: Path) -> None:
    model = from_torch(settled(Transformer()), (3, 8, 8))
    x = samples(3, 3, 8, 8)
    model.save(tmp_path / "net.cnnfast")
    again = cnnfast.models.load_model(tmp_path / "net.cnnfast")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    torch.save(to_torch_state_dict(again), tmp_path / "net.pth")
    other = from_torch(Transformer(), (3, 8, 8))
    assert cnnfast.io.load_weights(other, tmp_path / "net.pth").by == "name"
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))


class Still(nn.Module):
    """A trunk that does not learn, since nobody follows its gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1)

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            y = F.relu(self.trunk(x))
        return self.head(y) + x[:, :2, 2:, 2:]


def test_no_gradient_passes_where_none_is_followed() -> None:
    check(Still(), (4, 6, 6))
    with torch.no_grad():  # around the conversion it says nothing
        model = from_torch(Still(), (4, 6, 6))
    assert not any("no_grad" in layer.name for layer in model.layers)


def test_compiled_modules_are_taken_and_programs_are_not() -> None:
    module = settled(Squeezing()).eval()
    x = samples(2, 3, 9, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out, and imported by both
        compiled = torch.compile(module)
        program = torch.jit.script(nn.Conv2d(3, 3, 1))
    close(from_torch(compiled, (3, 9, 8)).predict(x, verbose=0), module(torch.from_numpy(x)))
    with pytest.raises(ValueError, match=r"0 \(RecursiveScriptModule\) is a program of TorchScript"):
        from_torch(nn.Sequential(program), (3, 9, 8))


class Calling(nn.Module):
    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.fc, self.conv, self.function = nn.Linear(3, 3), nn.Conv1d(3, 3, 1), function

    def forward(self, x: Any) -> Any:
        return self.function(self, x)


REFUSED: list[tuple[Callable[[Any, Any], Any], str]] = [
    (lambda m, x: F.linear(m.fc(x), m.fc.weight), "weights of fc, which are used in another way"),
    (lambda m, x: m.fc(x) @ m.fc.weight, "parameter 'fc.weight' of Calling, which a module uses"),
    (lambda m, x: m.conv(m.fc(x), output_size=[3]), r"conv \(Conv1d\) with more than its input"),
    (lambda m, x: x @ m.fc(torch.ones(3)), r"fc \(Linear\) of a constant"),
    (lambda m, x: F.conv1d(x[..., None], m.conv.weight * 2), "'conv1d' .* of weights that are computed"),
    (lambda m, x: F.batch_norm(x, torch.zeros(3), torch.ones(3), training=True), "by the batch's statistics"),
    (lambda m, x: x.permute(1, 0) * 2, "'mul' .* of a tensor whose samples are not first"),
    (lambda m, x: x.t(), "the first axis must be the batch's"),
    (lambda m, x: x.permute(1, 0)[:, 0], "'getitem' .* of single samples"),
    (lambda m, x: x[:, [0, 1], [1, 2]], "getitem"),
    (lambda m, x: x.view(x.size(0) * 3, 1), "'mul' .* of the batch size"),
    (lambda m, x: x.var(0), "'var' .* over samples"),
    (lambda m, x: x.unfold(1, 2, 1), "'unfold' .* which has no counterpart"),
    (lambda m, x: x if x.sum() > 0 else -x, "cannot be traced, at `.*control flow"),
]


@pytest.mark.parametrize(("function", "text"), REFUSED)
def test_what_is_refused_is_named(function: Callable[[Any, Any], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        from_torch(Calling(function), (3,))


def test_nothing_of_pytorch_is_changed() -> None:
    zeros, expand = torch.zeros, torch.Tensor.expand
    module = Calling(lambda m, x: m.fc(x).nothing())
    with pytest.raises(ValueError, match=r"'nothing' .* has no counterpart"):
        from_torch(module, (3,))
    assert torch.zeros is zeros
    assert torch.Tensor.expand is expand
    assert "expand" not in vars(torch.Tensor)
    assert module.training is True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from_torch(Buffers(), (2, 5, 5))
