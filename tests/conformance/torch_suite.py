"""PyTorch's OpInfo samples, run through our words: what comes out, and the gradients, beside torch's own.

torch's tests draw a list of samples for each of its functions: tensors and arguments. `torch_layers` and
`torch_losses` say the functions in our words; here a sample is traced as a function of its tensors, computed
in float32 and compared with what torch makes of the same numbers in float64.
"""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from conformance import torch_layers, torch_losses  # noqa: F401 (they fill WORDS)
from conformance.torch_word import ALLOWED, ONE_SAMPLE, WORDS, NotSaidError, Parameter, Word
from torch.testing._internal.common_methods_invocations import op_db

from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network
from cnnfast.utils.nest import leaves

EPS = float(np.finfo(np.float32).eps)
# Of a number that few others went into: some instructions of two units in the last place; a gradient of more.
ROUNDINGS, ROUNDINGS_BACK = 32, 64

torch.set_num_threads(1)  # its threads wait longer for each other than samples take


@cache
def opinfos() -> dict[str, Any]:
    """torch's functions by name and variant: those of `nn.functional`, and others that we have words for."""
    named = {f"{op.name} {op.variant_test_name}".strip(): op for op in op_db}
    return {name: op for name, op in named.items() if name.startswith("nn.functional.") or name in WORDS}


def samples(name: str) -> list[Any]:
    """The samples of a function, the same in every run.

    Those of maxima ask most questions several times: by (2, 2) for 2, or of other numbers. Each counts once.
    """
    _seeded()
    op = opinfos()[name]
    dtype = torch.float32 if torch.float32 in op.dtypes else torch.int64
    found = op.sample_inputs("cpu", dtype, requires_grad=op.supports_autograd and dtype.is_floating_point)
    return list({_question(each): each for each in found}.values() if ".max_" in name else found)


def _question(sample: Any) -> str:
    def plain(x: Any) -> Any:
        if torch.is_tensor(x):
            return tuple(x.shape), x.requires_grad
        return x[0] if isinstance(x, tuple) and len(set(x)) == 1 else x

    named = {name: plain(x) for name, x in sample.kwargs.items()}
    return str([plain(sample.input), [plain(x) for x in sample.args], sorted(named.items())])


def error_samples(name: str) -> list[Any]:
    """What a function must refuse, but for what is allowed here; none where we have no word of its own."""
    op = opinfos()[name]
    if op.error_inputs_func is None or WORDS[name].composed:
        return []
    _seeded()
    allowed = [words for function, words, _ in ALLOWED if name == f"nn.functional.{function}"]
    found = op.error_inputs("cpu")
    return [one.sample_input for one in found if not any(words in one.error_regex for words in allowed)]


def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 (what torch's samples read)
    random.seed(0)


@dataclass
class Ours:
    """A sample in our words.

    Attributes:
        word: The function.
        arguments: What it is called with; values stand for tensors.
        tensors: Those that are inputs, by the names of the arguments.
        parameters: Those that are weights of a layer.
    """

    word: Word
    arguments: dict[str, Any]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)

    @classmethod
    def of(cls, word: Word, sample: Any) -> Ours:
        made = cls(word, dict(_bound(word, sample)))
        tensors = {name: x for name, x in made.arguments.items() if isinstance(x, torch.Tensor)}
        for name, tensor in tensors.items():
            made._take(name, tensor.detach().numpy())
        return made

    def _take(self, name: str, array: np.ndarray) -> None:
        if array.dtype.kind != "f" and name not in self.word.numbers:
            self.arguments[name] = array
            return
        array = np.require(array, np.float32, "C")
        if name in self.word.parameters:
            self.parameters[name] = self.arguments[name] = Parameter(array)
        elif self.word.batch == ONE_SAMPLE or array.ndim + 1 == self.word.batch:
            self.tensors[name] = array[None]
        else:
            self.tensors[name] = array

    def compiled(self) -> Any:
        """The network of what the word makes of the tensors."""
        graph, rows = Tracing(), self.word.rows
        graph.at_once = True
        with graph.within():
            values = {
                name: graph.value(graph.input(array.shape[rows:], name, rows))
                for name, array in self.tensors.items()
            }
            made = leaves(self.word.function(**{**self.arguments, **values}))
        network = new_network(graph, [graph.as_value(each).number for each in made], workspace())
        for layer, _, _ in graph.calls:
            layer._initialize()
        for parameter in self.parameters.values():
            parameter.place()
        return network

    def run(self, grad: np.ndarray) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
        """The outputs, and the gradients of sum(grad * the first) by tensors and parameters."""
        network, arrays = self.compiled(), list(self.tensors.values())
        outputs = network.predict(arrays)
        given = [np.zeros_like(each) for each in outputs]
        given[0] = grad.reshape(outputs[0].shape)
        by_inputs, by_weights = network.vjp(arrays, given)
        grads = dict(zip(self.tensors, by_inputs, strict=True))
        of_weights = {weight.name: made for weight, made in zip(network.weights, by_weights, strict=True)}
        for name, parameter in self.parameters.items():
            if parameter.variable is not None:
                grads[name] = parameter.back(of_weights[parameter.variable.name])
        return outputs, grads


def _bound(word: Word, sample: Any) -> dict[str, Any]:
    bound = inspect.signature(word.function).bind(sample.input, *sample.args, **sample.kwargs)
    bound.apply_defaults()
    return bound.arguments


def _wide(x: Any) -> Any:
    """A tensor in float64, whose gradient is wanted as before."""
    if not torch.is_tensor(x) or not x.is_floating_point():
        return x
    return x.detach().double().requires_grad_(x.requires_grad)


def close(got: np.ndarray, want: np.ndarray, numbers: int, scale: float, name: str, least: int) -> None:
    """Within the roundings of as many terms as numbers went into each of the results."""
    assert got.size == want.size, f"{name}: shape {got.shape}, expected {want.shape}"
    got = got.reshape(want.shape)
    terms = max(least, numbers / max(want.size, 1))
    allowed = terms * EPS * max(scale, float(np.abs(want[np.isfinite(want)]).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=0, atol=allowed, err_msg=name)


def check(name: str, sample: Any) -> None:
    """Our word makes of a sample what torch does, forward and backward.

    Raises:
        NotSaidError: If the word does not say it.
        AssertionError: If it says something else.
    """
    op, word = opinfos()[name], WORDS[name]
    wide = sample.transform(_wide)
    made = op.op(wide.input, *wide.args, **wide.kwargs)
    wants = [each for each in (made if isinstance(made, tuple) else (made,)) if each is not None]
    tensors = {name: x for name, x in _bound(word, wide).items() if torch.is_tensor(x)}
    if not all(x.numel() for x in tensors.values()):
        raise NotSaidError("empty")
    grad = np.random.default_rng(0).normal(size=tuple(wants[0].shape)).astype(np.float32)

    outputs, grads = Ours.of(word, sample).run(grad)
    numbers = sum(x.numel() for x in tensors.values())
    scale = max([1.0, *(float(x.detach().abs().max()) for x in tensors.values())])
    for place, (got, want) in enumerate(zip(outputs, wants, strict=False)):
        close(got, want.detach().numpy(), numbers, scale, f"output {place}", ROUNDINGS)
    asked = {name: x for name, x in tensors.items() if x.requires_grad}
    if not asked or word.forward_only:
        return
    theirs = torch.autograd.grad(
        wants[0], list(asked.values()), torch.tensor(grad).double(), allow_unused=True
    )
    for which, want in zip(asked, theirs, strict=True):
        wanted = np.zeros(asked[which].shape) if want is None else want.numpy()
        close(grads[which], wanted, numbers + grad.size, scale, f"by {which}", ROUNDINGS_BACK)


def refuse(name: str, sample: Any) -> None:
    """Says in our words what torch refuses.

    Raises:
        ValueError: As it must.
        TypeError: Likewise.
    """
    Ours.of(WORDS[name], sample).compiled()
