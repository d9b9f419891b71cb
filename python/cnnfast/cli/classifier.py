"""A model as one that tells classes apart, however it says so."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.cli.errors import UserError
from cnnfast.utils.nest import leaves

# How far from 1 the sum of a softmax may be.
_TOLERANCE = 1e-3


def probabilities(
    model: Any, x: NDArray[np.float32], name: str, may_be_logits: bool = False
) -> NDArray[np.float32]:
    """The probability of each class, (n, classes).

    A model may end in a softmax over its classes, in a sigmoid that tells the second of two classes, or in
    logits, if it was compiled with a loss that knows.

    Args:
        model: the model.
        x: what it takes.
        name: what to call it in a message.
        may_be_logits: whether rows that are no probabilities are taken for logits.

    Raises:
        UserError: its outputs are no probabilities.
    """
    if not isinstance(model.output_shape, tuple):
        raise UserError(f"{name} has several outputs, {model.output_shape}, and classes come from one")
    outputs: NDArray[np.float32] = model.predict(x, verbose=0)
    if not np.isfinite(outputs).all():
        raise UserError(f"{name} answers with numbers that are not finite; train it anew, at a lower rate")
    if outputs.ndim != 2:
        raise UserError(f"{name} answers with arrays of shape {outputs.shape[1:]}, not with a row of classes")
    logits = is_compiled(model) and bool(getattr(_loss(model), "from_logits", False))
    if outputs.shape[1] == 1:
        second = 1 / (1 + np.exp(-outputs)) if logits else outputs
        if not ((second >= 0) & (second <= 1)).all():
            raise UserError(f"{name} has one output and no sigmoid at its end: give its last layer one")
        return np.hstack([1 - second, second])
    if logits or (may_be_logits and not _are_probabilities(outputs)):
        from cnnfast import ops

        return np.asarray(ops.softmax(outputs))
    if not _are_probabilities(outputs):
        raise UserError(
            f'{name} does not end in a softmax over classes: give its last layer activation="softmax", or '
            "compile it with a loss that has from_logits=True"
        )
    return outputs


def _are_probabilities(rows: NDArray[np.float32]) -> bool:
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=_TOLERANCE))


def is_compiled(model: Any) -> bool:
    """Whether `compile` was called."""
    try:
        return model.loss is not None
    except ValueError:
        return False


def _loss(model: Any) -> Any:
    """That of its one output, which may stand in a list or dict."""
    return leaves(model.loss)[0]


def labels_for(model: Any, labels: NDArray[Any], classes: int) -> NDArray[Any]:
    """Class numbers as the model's loss takes them."""
    from cnnfast.utils import to_categorical

    if _loss(model).sparse or model.output_shape[-1] == 1:
        return labels
    return to_categorical(labels, classes)
