"""How a function of torch is said in our words, and why some of its samples are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Samples that ask for what cnnfast is not.
DO_NOT_APPLY = {
    "empty": "arrays without numbers, which cnnfast refuses",
    "random": "random numbers, which are each library's own",
}
# Samples of what it could do, and does otherwise or not.
EXCEPTIONS = {
    "all": "dropping all of AlphaDropout's numbers: its rate is below 1",
    "classes": "as many classes as the largest number tells",
    "bicubic": "images read at places by cubic interpolation",
    "divisor": "average pooling with a divisor of one's own",
    "negative epsilon": "an epsilon below 0, which cnnfast refuses",
    "no axes": "an axis of a number, which has none",
    "places": "places of maxima of adaptive pooling",
}
# Functions that we have no words for, by their names after "nn.functional.".
NO_WORD = {
    "about other things than convolutional networks": (
        "embedding_bag",
        "multi_head_attention_forward",
        "pairwise_distance",
        "pdist",
        "scaled_dot_product_attention",
    ),
    "other dtypes than float32": ("silu complex", "softmin with_dtype"),
    "random numbers, which are each library's own": (
        "feature_alpha_dropout with_train",
        "feature_alpha_dropout without_train",
        "fractional_max_pool2d",
        "fractional_max_pool3d",
    ),
    "the same function, as called without cuDNN": ("batch_norm without_cudnn",),
    "missing: a loss along paths": ("ctc_loss",),
    "missing: a loss of lists of labels": ("multilabel_margin_loss",),
    "missing: a dense layer and its cross-entropy in one, a part of the batch after the other": (
        "linear_cross_entropy",
        "linear_cross_entropy chunked",
        "linear_cross_entropy chunked_none",
    ),
}
# What torch refuses and we do not: a function, words of its message, and why.
ALLOWED = (
    ("conv1d", "should be the same", "all numbers become float32"),
    ("conv2d", "should be the same", "all numbers become float32"),
    ("conv3d", "should be the same", "all numbers become float32"),
    ("conv3d", "not supported for strided", "Keras's 'same' is for strides, too"),
    ("max_pool1d", "half of effective kernel size", "padding is right as long as each window sees the input"),
    ("avg_pool2d", "divisor must be", "there is no divisor of one's own"),
    ("avg_pool3d", "divisor must be", "there is no divisor of one's own"),
    ("rms_norm", "same shape as normalized_shape", "the layer makes its weights"),
    ("rms_norm", "Given normalized_shape", "layers are told axes, not their sizes"),
    ("prelu", "Mismatch of parameter numbers", "the layer makes its weights"),
    ("prelu", "scalar or 1D tensor", "the layer makes its weights"),
    ("prelu", "zero-dim input", "the layer makes its weights"),
    ("embedding", "must be 2-D", "the layer makes its weights"),
    ("rrelu", "Lower bound", "we have the mean slope only"),
    ("hardtanh", "cannot be greater", "Keras's and NumPy's rule: the upper bound wins"),
    ("gelu", "approximate argument", "it is True or False in Keras"),
)

ONE_SAMPLE = -1  # as `Word.batch`: all tensors are one sample of a batch


class NotSaidError(Exception):
    """A sample that a word does not say; the reason is a key of the tables."""


@dataclass
class Parameter:
    """A tensor that is a layer's weight here.

    Attributes:
        array: Its numbers.
        variable: The weight.
        axes: In which order the weight has its axes.
    """

    array: np.ndarray
    variable: Any = None
    axes: Sequence[int] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def place(self) -> None:
        """Puts its numbers into the weight."""
        if self.variable is not None:
            turned = self.array if self.axes is None else self.array.transpose(self.axes)
            self.variable.assign(turned.reshape(self.variable.shape))

    def back(self, grad: np.ndarray) -> np.ndarray:
        """The gradient by the weight as one by the tensor."""
        if self.axes is None:
            return grad.reshape(self.shape)
        turned = grad.reshape([self.shape[axis] for axis in self.axes])
        return turned.transpose(np.argsort(self.axes))


@dataclass(frozen=True)
class Word:
    """A function of torch in our words.

    Attributes:
        function: It, with torch's names and order of arguments, of values that stand for tensors.
        batch: How many axes a batch has, for words about batches, which may get one sample alone; 0 where
            they never do, `ONE_SAMPLE` where they always do; None for words about arrays of any shape.
        parameters: Which of the tensors are weights.
        numbers: Which tensors of whole numbers are tensors here, too; others are constants.
        forward_only: Whether torch's gradients count what was overwritten.
        composed: Whether it is written in `ops`, as we have no word of its own: then it refuses what its
            writer wants.
    """

    function: Callable[..., Any]
    batch: int | None = None
    parameters: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    forward_only: bool = False
    composed: bool = False

    @property
    def rows(self) -> int:
        """How many of an array's axes are the batch's."""
        return 0 if self.batch is None else 1


WORDS: dict[str, Word] = {}


def said(*names: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enters a function under names of torch's, those of `nn.functional` without that."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            WORDS[name if name in TENSOR_METHODS else f"nn.functional.{name}"] = Word(function, **options)
        return function

    return enter


TENSOR_METHODS = ("softmax", "log_softmax", "sigmoid", "tanh")


def layered(layer: Any, x: Any, options: Any = None, **weights: Any) -> Any:
    """What a layer with these weights makes; each a parameter, or one and the order of its axes."""
    made = layer(x, **(options or {}))
    for name, given in weights.items():
        if given is not None:
            parameter, axes = given if isinstance(given, tuple) else (given, None)
            parameter.variable, parameter.axes = getattr(layer, name), axes
    return made
