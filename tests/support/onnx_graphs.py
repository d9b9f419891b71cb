"""Small graphs of ONNX, each with one thing that its reader has to know."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=(64, 64)).astype(np.float32)


def some(*shape: int) -> Array:
    """Numbers of a shape."""
    return np.resize(NORMAL, shape)


PAIR = "net (float[2, 6, 9, 8] x) => (float[2, 6, b, c] y)"
IMAGE = "net (float[n, 6, 9, 8] x) => (float[n, a, b, c] y)"
VECTOR = "net (float[n, 6] x) => (float[n, a] y)"
K3 = some(4, 6, 3, 3)

# What a graph says, its constants, and the kinds of layers that are made of it.
GRAPHS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "conv": (
        f"{IMAGE} {{ y = Conv <pads=[1,1,1,1], strides=[2,1]> (x, k, b) }}",
        {"k": K3, "b": some(4)},
        ["Conv2D"],
    ),
    "grouped": (
        f"{IMAGE} {{ y = Conv <group=2, dilations=[2,1]> (x, k) }}",
        {"k": some(4, 3, 3, 3)},
        ["Conv2D"],
    ),
    "depthwise": (
        f'{IMAGE} {{ y = Conv <group=6, auto_pad="SAME_UPPER", strides=[2,2]> (x, k) }}',
        {"k": some(12, 1, 3, 3)},
        ["DepthwiseConv2D"],
    ),
    "same lower": (
        f'{IMAGE} {{ y = Conv <auto_pad="SAME_LOWER"> (x, k) }}',
        {"k": some(4, 6, 2, 2)},
        ["Conv2D"],
    ),
    "transposed": (
        f"{IMAGE} {{ y = ConvTranspose <strides=[2,3], pads=[1,0,0,1], output_padding=[1,0]> (x, k, b) }}",
        {"k": some(6, 4, 3, 3), "b": some(4)},
        ["Conv2DTranspose"],
    ),
    "bias in an Add": (
        f"{IMAGE} {{ t = Conv (x, k) y = Add (t, b) }}",
        {"k": K3, "b": some(1, 4, 1, 1)},
        ["Conv2D"],
    ),
    "dense": (
        f"{VECTOR} {{ t = MatMul (x, k) u = Add (t, b) y = Relu (u) }}",
        {"k": some(6, 5), "b": some(5)},
        ["Dense", "Activation"],
    ),
    "gemm": (
        f"{VECTOR} {{ y = Gemm <alpha=0.5, beta=2.0, transB=1> (x, k, b) }}",
        {"k": some(5, 6), "b": some(5)},
        ["Dense"],
    ),
    "batch normalization": (
        f"{IMAGE} {{ y = BatchNormalization (x, s, b, m, v) }}",
        {"s": some(6), "b": some(6), "m": some(6), "v": np.abs(some(6)) + 1},
        ["BatchNormalization"],
    ),
    "spelled out normalization": (
        f"{IMAGE} {{ t = Sub (x, m) u = Mul (t, s) y = Add (u, b) }}",
        {name: some(6, 1, 1) for name in "msb"},
        ["BatchNormalization"],
    ),
    "scale and shift": (
        f"{IMAGE} {{ u = Mul (x, s) y = Add (u, b) }}",
        {name: some(1, 6, 1, 1) for name in "sb"},
        ["BatchNormalization"],
    ),
    "normalization with a quotient": (
        f"{IMAGE} {{ t = Sub (x, m) d = Div (t, q) u = Mul (d, s) y = Add (u, b) }}",
        {**{name: some(6, 1, 1) for name in "msb"}, "q": np.abs(some(6, 1, 1)) + 1},
        ["BatchNormalization"],
    ),
    "spelled out layer normalization": (
        f"{VECTOR} {{ m = ReduceMean <axes=[-1]> (x) c = Sub (x, m) p = Pow (c, two) "
        "v = ReduceMean <axes=[-1]> (p) w = Add (v, e) r = Sqrt (w) d = Div (c, r) g = Mul (d, s) "
        "y = Add (g, b) }",
        {"two": np.float32(2), "e": np.float32(1e-3), "s": some(6), "b": some(6)},
        ["LayerNormalization"],
    ),
    "layer normalization along another axis": (
        f"{VECTOR} {{ m = ReduceMean <axes=[1]> (x) c = Sub (x, m) p = Pow (c, two) "
        "v = ReduceMean <axes=[-1]> (p) w = Add (v, e) r = Sqrt (w) d = Div (c, r) g = Mul (d, s) "
        "y = Add (g, b) }",
        {"two": np.float32(2), "e": np.float32(1e-3), "s": some(6), "b": some(6)},
        ["Operation"] * 9,
    ),
    "factors of channels": (f"{IMAGE} {{ y = Mul (s, x) }}", {"s": some(6, 1, 1)}, ["LayerScale"]),
    "silu": (f"{IMAGE} {{ s = Sigmoid (x) y = Mul (x, s) }}", {}, ["Activation"]),
    "hard swish": (
        f"{IMAGE} {{ a = Add (x, three) c = Clip (a, zero, six) m = Mul (x, c) y = Div (m, six) }}",
        {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)},
        ["Activation"],
    ),
    "hard sigmoid": (
        f"{IMAGE} {{ a = Add (x, three) c = Clip (a, zero, six) y = Mul (c, sixth) }}",
        {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6), "sixth": np.float32(1 / 6)},
        ["Activation"],
    ),
    "relu6 of a relu": (
        f"{IMAGE} {{ a = Relu (x) y = Min (a, six) }}",
        {"six": np.float32(6)},
        ["Activation"],
    ),
    "gelu": (
        f"{IMAGE} {{ d = Div (x, r) e = Erf (d) a = Add (e, one) m = Mul (x, a) y = Mul (m, half) }}",
        {"r": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)},
        ["Operation"],
    ),
    "relu6": (
        f"{IMAGE} {{ y = Clip (x, zero, six) }}",
        {"zero": np.float32(0), "six": np.float32(6)},
        ["Activation"],
    ),
    "slopes": (f"{IMAGE} {{ y = PRelu (x, s) }}", {"s": some(6, 1, 1)}, ["PReLU"]),
    "pools": (
        f"{IMAGE} {{ t = MaxPool <kernel_shape=[3,2], ceil_mode=1, strides=[2,2]> (x) "
        "y = AveragePool <kernel_shape=[2,2], pads=[1,1,0,0], count_include_pad=1> (t) }",
        {},
        ["MaxPooling2D", "AveragePooling2D"],
    ),
    "global pool": (f"{IMAGE} {{ y = GlobalAveragePool (x) }}", {}, ["GlobalAveragePooling2D"]),
    "shape arithmetic": (
        "net (float[n, 6, 9, 8] x) => (float[n, a] y) { s = Shape (x) n = Gather <axis=0> (s, zero) "
        "u = Unsqueeze (n, axes) t = Concat <axis=0> (u, rest) y = Reshape (x, t) }",
        {"zero": np.int64(0), "axes": np.array([0]), "rest": np.array([-1])},
        ["Operation"],
    ),
    "shuffled channels": (
        f"{IMAGE} {{ t = Reshape (x, split) u = Transpose <perm=[0,2,1,3,4]> (t) y = Reshape (u, joined) }}",
        {"split": np.array([0, 2, 3, 9, 8]), "joined": np.array([0, 6, 9, 8])},
        ["Operation", "Permute", "Operation"],
    ),
    "parts": (
        f"{IMAGE} {{ a, b = Split <axis=1> (x, sizes) "
        "c = Slice (a, begins, ends, axes) y = Concat <axis=1> (c, c) }",
        {
            "sizes": np.array([2, 4]),
            "begins": np.array([1]),
            "ends": np.array([2**60]),
            "axes": np.array([2]),
        },
        ["Operation", "Operation", "Concatenate"],
    ),
    "padding": (
        f'{IMAGE} {{ y = Pad <mode="reflect"> (x, sides) }}',
        {"sides": np.array([0, 0, 1, 2, 0, 0, 3, 0])},
        ["Operation"],
    ),
    "up": (
        f'{IMAGE} {{ y = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", '
        'nearest_mode="floor"> (x, , scales) }',
        {"scales": np.array([1, 1, 2, 3], np.float32)},
        ["UpSampling2D"],
    ),
    "to a size": (
        f'{PAIR} {{ y = Resize <mode="linear"> (x, , , sizes) }}',
        {"sizes": np.array([2, 6, 5, 11])},
        ["Operation"],
    ),
    "cubic": (
        f'{PAIR} {{ y = Resize <mode="cubic"> (x, , , sizes) }}',
        {"sizes": np.array([2, 6, 5, 11])},
        ["Operation"],
    ),
    "residual": (
        f"{IMAGE} {{ t = Conv <pads=[1,1,1,1]> (x, k) y = Add (x, t) }}",
        {"k": some(6, 6, 3, 3)},
        ["Conv2D", "Add"],
    ),
    "mean and power": (
        f"{IMAGE} {{ m = ReduceMean <axes=[2,3]> (x) d = Sub (x, m) p = Pow (d, two) y = Sqrt (p) }}",
        {"two": np.float32(2)},
        ["Operation"] * 4,
    ),
    "softmax": (f"{VECTOR} {{ y = Softmax (x) }}", {}, ["Softmax"]),
    "layer normalization": (
        f"{VECTOR} {{ y = LayerNormalization (x, s, b) }}",
        {"s": some(6), "b": some(6)},
        ["LayerNormalization"],
    ),
    "folded constants": (
        "net (float[n, 6] x) => (float[n, 6] y) { t = ConstantOfShape (s) u = Tile (t, times) "
        "v = Expand (u, wide) r = Range (zero, six, one) f = Cast <to=1> (r) a = Add (v, f) "
        "o = MatMul (column, row) b = Add (o, a) y = Add (x, b) }",
        {
            "s": np.array([1, 2]),
            "times": np.array([1, 3]),
            "wide": np.array([1, 6]),
            "zero": np.int64(0),
            "six": np.int64(6),
            "one": np.int64(1),
            "column": some(1, 2),
            "row": some(2, 6),
        },
        ["Operation"],
    ),
}
