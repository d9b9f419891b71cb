"""Functions on arrays, which run at once, and on what stands for them in models, layers and losses.

Those with a `_grad` beside them tell their gradients, too.
"""

from typing import TYPE_CHECKING

from cnnfast.ops.activations import (
    relu,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    softmax,
    softmax_grad,
    tanh,
    tanh_grad,
)
from cnnfast.ops.arithmetic import add
from cnnfast.ops.conv import conv, conv_grad
from cnnfast.ops.conv_transpose import conv_transpose, conv_transpose_grad
from cnnfast.ops.dense import dense, dense_grad
from cnnfast.ops.depthwise_conv import depthwise_conv, depthwise_conv_grad
from cnnfast.ops.pooling import average_pool, average_pool_grad, max_pool, max_pool_grad
from cnnfast.utils.missing import missing

__all__ = [
    "add",
    "average_pool",
    "average_pool_grad",
    "conv",
    "conv_grad",
    "conv_transpose",
    "conv_transpose_grad",
    "dense",
    "dense_grad",
    "depthwise_conv",
    "depthwise_conv_grad",
    "max_pool",
    "max_pool_grad",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_grad",
    "tanh",
    "tanh_grad",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
