"""torch's losses in our words; and those that Keras lacks, as a user would write them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from conformance.torch_word import said

from cnnfast import losses, ops
from cnnfast.losses.reducing import reduced as as_losses_do


def loss(kind: Any, input: Any, target: Any, reduction: str, weight: Any = None, **arguments: Any) -> Any:
    """A loss of numbers one by one, of which Keras's take the mean along the last axis."""
    made = kind(reduction=reduction, **arguments)
    if input.shape != target.shape:
        return made(target, input, weight)
    return made(ops.expand_dims(target, -1), ops.expand_dims(input, -1), weight)


@said("mse_loss")
def mse_loss(input, target, reduction="mean"):
    return loss(losses.MeanSquaredError, input, target, reduction)


@said("l1_loss")
def l1_loss(input, target, reduction="mean"):
    return loss(losses.MeanAbsoluteError, input, target, reduction)


@said("huber_loss")
def huber_loss(input, target, reduction="mean", delta=1.0):
    return loss(losses.Huber, input, target, reduction, delta=delta)


@said("smooth_l1_loss")
def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    return huber_loss(input, target, reduction, beta) / beta if beta else l1_loss(input, target, reduction)


@said("binary_cross_entropy")
def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    return loss(losses.BinaryCrossentropy, input, target, reduction, weight)


@said("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    if pos_weight is None:
        wide = None if weight is None else weight + ops.zeros_like(input)
        return loss(losses.BinaryCrossentropy, input, target, reduction, wide, from_logits=True)
    likely = pos_weight * target * ops.log_sigmoid(input)
    return reduced(-likely - (1 - target) * ops.log_sigmoid(-input), reduction, weight)


def reduced(values: Any, reduction: str, weight: Any = None) -> Any:
    """The numbers of a loss of one's own, as the losses reduce them."""
    return as_losses_do(values if weight is None else values * weight, None, reduction)


@said("cross_entropy")
def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    if isinstance(target, np.ndarray):  # numbers of classes
        own = None if weight is None else ops.take(weight, np.where(target == ignore_index, 0, target))
        mean = "mean" if weight is None else "mean_with_sample_weight"
        kind = mean if reduction == "mean" else reduction
        return losses.SparseCategoricalCrossentropy(True, ignore_index, kind, axis=1)(target, input, own)
    if weight is not None:
        target = target * ops.reshape(weight, (-1, *(1,) * (len(input.shape) - 2)))
    return losses.CategoricalCrossentropy(True, label_smoothing, 1, reduction)(target, input)


@said("nll_loss", composed=True)
def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """Of logarithms, whose softmax has the same."""
    if input.ndim == 1:
        input, target = ops.expand_dims(input, 0), target[None]
    kept = target != ignore_index
    safe = np.where(kept, target, 0)
    values = -ops.sum(ops.one_hot(safe, input.shape[1], axis=1) * input, 1) * kept
    if weight is None:
        return reduced(values, reduction) if reduction != "mean" else ops.sum(values) / float(kept.sum())
    own = ops.take(weight, safe) * kept
    return ops.sum(values * own) / ops.sum(own) if reduction == "mean" else reduced(values * own, reduction)


@said("kl_div", composed=True)
def kl_div(input, target, reduction="mean", log_target=False):
    logarithm = target if log_target else ops.log(target)
    values = (ops.exp(target) if log_target else target) * (logarithm - input)
    return ops.sum(values) / input.shape[0] if reduction == "batchmean" else reduced(values, reduction)


# ---- losses that Keras lacks, as a user would write them


@said("poisson_nll_loss", composed=True)
def poisson_nll_loss(input, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    values = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        safe = ops.where(target > 1, target, 1.0)
        values = values + ops.where(
            target > 1, safe * ops.log(safe) - safe + 0.5 * ops.log(2 * math.pi * safe), 0.0
        )
    return reduced(values, reduction)


@said("gaussian_nll_loss", composed=True)
def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    if var.ndim == input.ndim - 1 and var.shape == input.shape[:-1]:
        var = ops.expand_dims(var, -1)
    var = var + ops.stop_gradient(ops.maximum(var, eps) - var)
    values = 0.5 * (ops.log(var) + (input - target) ** 2 / var)
    return reduced(values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


@said("soft_margin_loss", composed=True)
def soft_margin_loss(input, target, reduction="mean"):
    return reduced(ops.softplus(-target * input), reduction)


@said("margin_ranking_loss", composed=True)
def margin_ranking_loss(input1, input2, target, margin=0.0, reduction="mean"):
    return reduced(ops.relu(margin - target * (input1 - input2)), reduction)


@said("hinge_embedding_loss", composed=True)
def hinge_embedding_loss(input, target, margin=1.0, reduction="mean"):
    near = ops.where(ops.not_equal(target, -1), input, 0.0)
    return reduced(near + ops.where(ops.not_equal(target, 1), ops.relu(margin - input), 0.0), reduction)


@said("multi_margin_loss", composed=True)
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, reduction="mean"):
    rows = ops.reshape(input, (-1, input.shape[-1] if input.ndim else 1))
    own = ops.one_hot(target.reshape(-1), rows.shape[1])
    gap = ops.relu(margin - ops.sum(own * rows, 1, keepdims=True) + rows) ** p * (1 - own)
    if weight is not None:
        gap = gap * ops.expand_dims(ops.take(weight, target.reshape(-1)), 1)
    return reduced(ops.mean(gap, 1), reduction)


@said("multilabel_soft_margin_loss", composed=True)
def multilabel_soft_margin_loss(input, target, weight=None, reduction="mean"):
    values = -target * ops.log_sigmoid(input) - (1 - target) * ops.log_sigmoid(-input)
    return reduced(ops.mean(values if weight is None else values * weight, -1), reduction)


@said("cosine_embedding_loss", composed=True)
def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction="mean"):
    alike = _cosine(input1, input2, -1, 1e-12)
    values = ops.where(ops.equal(target, 1), 1 - alike, 0.0)
    return reduced(values + ops.where(ops.equal(target, -1), ops.relu(alike - margin), 0.0), reduction)


def _cosine(x1: Any, x2: Any, axis: int, epsilon: float) -> Any:
    squares = ops.sum(x1 * x1, axis) + epsilon, ops.sum(x2 * x2, axis) + epsilon
    return ops.sum(x1 * x2, axis) / ops.sqrt(squares[0] * squares[1])


@said("triplet_margin_loss", composed=True)
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean"):
    far = _distance(anchor, negative, eps)
    if swap:
        far = ops.minimum(far, _distance(positive, negative, eps))
    return reduced(ops.relu(margin + _distance(anchor, positive, eps) - far), reduction)


def _distance(x1: Any, x2: Any, epsilon: float) -> Any:
    return ops.norm(x1 - x2 + epsilon, axis=-1)


@said("triplet_margin_with_distance_loss", composed=True)
def triplet_margin_with_distance_loss(
    anchor, positive, negative, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    return triplet_margin_loss(anchor, positive, negative, margin, swap=swap, reduction=reduction)
