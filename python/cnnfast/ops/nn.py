"""The words about layers: Keras's module of that name."""

from typing import TYPE_CHECKING

from cnnfast.ops.activations import relu, sigmoid, softmax
from cnnfast.ops.alignment import ctc_loss
from cnnfast.ops.attention import dot_product_attention
from cnnfast.ops.comparing import psnr
from cnnfast.ops.conv import conv
from cnnfast.ops.conv_transpose import conv_transpose
from cnnfast.ops.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from cnnfast.ops.depthwise_conv import depthwise_conv, separable_conv
from cnnfast.ops.folding import fold, unfold
from cnnfast.ops.nonlinear import (
    celu,
    elu,
    gelu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    relu6,
    selu,
    silu,
    soft_shrink,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from cnnfast.ops.normalizing import batch_normalization, layer_normalization, rms_normalization
from cnnfast.ops.pooling import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool
from cnnfast.ops.reductions import log_softmax, moments, normalize
from cnnfast.ops.selection import multi_hot, one_hot
from cnnfast.ops.turning import depth_to_space, space_to_depth
from cnnfast.ops.vectors import glu, sparsemax
from cnnfast.utils.missing import missing

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
