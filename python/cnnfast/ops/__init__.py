"""Functions on arrays, which run at once, and on what stands for them in models, layers and losses.

Those with a `_grad` beside them tell their gradients, too. Most stand in Keras's modules of words, which are
brought together here.
"""

from typing import TYPE_CHECKING

from cnnfast.ops import image, linalg, nn, numpy
from cnnfast.ops.activations import relu_grad, sigmoid_grad, softmax_grad, tanh_grad
from cnnfast.ops.arithmetic import rsqrt
from cnnfast.ops.casting import cast
from cnnfast.ops.comparing import cdist
from cnnfast.ops.control import (
    associative_scan,
    cond,
    fori_loop,
    map,
    scan,
    switch,
    vectorized_map,
    while_loop,
)
from cnnfast.ops.conv import conv_grad
from cnnfast.ops.conv_transpose import conv_transpose_grad
from cnnfast.ops.custom_gradient import custom_gradient
from cnnfast.ops.dense import dense, dense_grad
from cnnfast.ops.depthwise_conv import depthwise_conv_grad
from cnnfast.ops.folding import extract_sequences
from cnnfast.ops.functions import erf, erfc, erfinv
from cnnfast.ops.grad import grad
from cnnfast.ops.linalg import *  # noqa: F403  # its `__all__`
from cnnfast.ops.linalg import logdet
from cnnfast.ops.nn import *  # noqa: F403  # its `__all__`
from cnnfast.ops.nonlinear import mish
from cnnfast.ops.numpy import *  # noqa: F403  # its `__all__`
from cnnfast.ops.numpy_function import numpy_function
from cnnfast.ops.pooling import average_pool_grad, max_pool_grad
from cnnfast.ops.rearranging import rearrange
from cnnfast.ops.reductions import array_equal, logsumexp, stop_gradient
from cnnfast.ops.scattering import (
    scatter,
    scatter_update,
    segment_max,
    segment_min,
    segment_prod,
    segment_sum,
    slice_update,
)
from cnnfast.ops.selection import in_top_k, top_k
from cnnfast.ops.shaping import shape
from cnnfast.ops.slicing import slice, unstack
from cnnfast.ops.tensors import convert_to_numpy, convert_to_tensor, dtype, is_tensor, saturate_cast
from cnnfast.utils.missing import missing

__all__ = [
    "array_equal",
    "associative_scan",
    "average_pool_grad",
    "cast",
    "cdist",
    "cond",
    "conv_grad",
    "conv_transpose_grad",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dense",
    "dense_grad",
    "depthwise_conv_grad",
    "dtype",
    "erf",
    "erfc",
    "erfinv",
    "extract_sequences",
    "fori_loop",
    "grad",
    "image",
    "in_top_k",
    "is_tensor",
    "linalg",
    "logdet",
    "logsumexp",
    "map",
    "max_pool_grad",
    "mish",
    "nn",
    "numpy",
    "numpy_function",
    "rearrange",
    "relu_grad",
    "rsqrt",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "shape",
    "sigmoid_grad",
    "slice",
    "slice_update",
    "softmax_grad",
    "stop_gradient",
    "switch",
    "tanh_grad",
    "top_k",
    "unstack",
    "vectorized_map",
    "while_loop",
]
__all__ += linalg.__all__
__all__ += nn.__all__
__all__ += numpy.__all__

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
