"""The likelihood of labels whose places in a sequence are not known: connectionist temporal classification.

Its sums go along all paths through labels and blanks, step by step: NumPy computes them, in float64, by one
thread, for all samples of a batch together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.ops.numpy_function import by_numpy
from cnnfast.ops.operation import on_graph, operation
from cnnfast.utils.arguments import whole_number

Array = NDArray[Any]

_NEVER = -1e5  # the logarithm of what cannot be, as Keras has it: labels that do not fit cost this


@operation("target", "output", "target_length", "output_length")
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """Returns -log of the probability that a sequence, without blanks and repetitions, is the labels.

    Formula: -log sum over paths of prod_t softmax(output)[t, path_t], of all paths that say the labels: each
    one once or more in turn, blanks anywhere, and at least one between two labels that are equal
    Gradient: softmax(output) minus the share of the paths that are at each class at each time

    Args:
        target: The labels, class numbers, (n, length).
        output: Logits of the classes at each time, (n, times, classes).
        target_length: How many labels each sample has, (n,); what lies behind does not count.
        output_length: How many times each sample has, (n,); likewise.
        mask_index: The class of blanks.

    Shapes:
        (n,)

    Raises:
        ValueError: If a shape does not suit, a label that counts is no class, or a length is more than there
            is.

    Source:
        Graves et al., 2006; Keras 3, `keras.ops.ctc_loss`.

    Example:
        >>> import math
        >>> halves = [[[0.0, 0.0], [0.0, 0.0]]]  # blank or 1, at two times: 01, 10 and 11 say 1
        >>> float(math.e ** -ctc_loss([[1]], halves, [1], [2])[0])
        0.75...
    """
    _, *values = on_graph(target, output, target_length, output_length)
    labels, logits, *lengths = values
    batch = logits.dims[: len(logits.dims) - 2]
    if len(logits.shape) != 3 or len(labels.shape) != 2 or any(each.dims != batch for each in lengths):
        raise ValueError(
            "ctc_loss takes labels (n, length), logits (n, times, classes), and a length of each for every "
            f"sample, got shapes {', '.join(str(each.shape) for each in values)}"
        )
    blank = whole_number(mask_index, "mask_index", 0)

    def forward(*given: Array) -> list[Array]:
        return [_Paths(blank, *given).losses]

    def backward(*given: Any) -> list[Any]:
        *arrays, (grad,) = given
        return [None, _Paths(blank, *arrays).gradient(grad.reshape(-1)), None, None]

    return by_numpy("ctc_loss", values, [batch], forward, backward)[0]


def _check(name: str, numbers: Array, most: int) -> None:
    wrong = numbers[~((numbers >= 0) & (numbers <= most) & (numbers == np.trunc(numbers)))]
    if wrong.size:
        raise ValueError(
            f"ctc_loss: {name} must be whole numbers from 0 to {most} for these shapes, got {wrong.flat[0]:g}"
        )


class _Paths:
    """Sums along paths through states: blank, first label, blank, second label, ..., blank."""

    def __init__(self, blank: int, target: Array, output: Array, labels: Array, times: Array) -> None:
        count, length = target.shape
        _check("target_length", labels, length)
        _check("output_length", times, output.shape[1])
        _check("mask_index", np.array(blank), output.shape[2] - 1)
        target = np.where(np.arange(length) < labels.reshape(-1, 1), target, blank)
        _check("target", target, output.shape[2] - 1)
        self.states = np.full((count, 2 * length + 1), blank)
        self.states[:, 1::2] = target
        self.skips = np.zeros(self.states.shape, bool)  # whether the blank before a label may be left out
        self.skips[:, 3::2] = target[:, 1:] != target[:, :-1]
        shifted = output - output.max(-1, keepdims=True)
        self.logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        self.said = np.take_along_axis(self.logs, self.states[:, None].repeat(output.shape[1], 1), 2)
        self.lives = np.arange(output.shape[1]) < times.reshape(-1, 1)
        at = np.full(self.states.shape, _NEVER)
        at[:, 0] = 0
        self.ways = [at]  # before the first time, and after each
        for time, lives in enumerate(self.lives.T):
            at = np.where(lives[:, None], self._reached(at) + self.said[:, time], at)
            self.ways.append(at)
        last = 2 * labels.reshape(-1, 1).astype(int)
        places = np.arange(self.states.shape[1])
        ends = np.where((places == last) | (places == last - 1), at, -np.inf)
        self.losses = -np.logaddexp.reduce(ends, 1)
        self.ends = np.exp(ends + self.losses[:, None])

    def _sources(self, at: Array) -> tuple[Array, Array, Array]:
        """What stays, what comes from the state before, and what leaves out a blank."""
        before, skipping = np.full(at.shape, _NEVER), np.full(at.shape, _NEVER)
        before[:, 1:] = at[:, :-1]
        skipping[:, 2:] = np.where(self.skips[:, 2:], at[:, :-2], _NEVER)
        return at, before, skipping

    def _reached(self, at: Array) -> Array:
        stays, before, skipping = self._sources(at)
        made: Array = np.logaddexp(np.logaddexp(stays, before), skipping)
        return made

    def gradient(self, grad: Array) -> Array:
        """By the logits: of each sample's loss, times a number each."""
        made: Array = np.exp(self.logs) * self.lives[:, :, None]
        share, rows = self.ends, np.arange(len(made))[:, None]
        for time in reversed(range(made.shape[1])):
            lives = self.lives[:, time, None]
            at: Any = (rows, time, self.states)
            np.add.at(made, at, -share * lives)
            total = self._reached(self.ways[time])
            stays, before, skipping = (share * np.exp(s - total) for s in self._sources(self.ways[time]))
            back = stays
            back[:, :-1] += before[:, 1:]
            back[:, :-2] += np.where(self.skips[:, 2:], skipping[:, 2:], 0)
            share = np.where(lives, back, share)
        by_logits: Array = made * grad[:, None, None]
        return by_logits
