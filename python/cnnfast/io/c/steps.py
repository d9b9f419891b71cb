"""Each operation of the core as lines of C: loops over numbers here, the larger ones as calls of kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core
from cnnfast.utils.arguments import explicit_sides

if TYPE_CHECKING:
    from cnnfast.io.c.exporting import Program

Lines = list[str]
WRITERS: dict[str, Callable[..., Lines]] = {}

# Instructions as C, given operands.
_INSTRUCTIONS = {
    "abs": "fabsf({0})",
    "add": "{0} + {1}",
    "cos": "cosf({0})",
    "div": "{0} / {1}",
    "eq": "(float)({0} == {1})",
    "erf": "erff({0})",
    "exp": "expf({0})",
    "expm1": "expm1f({0})",
    "floor": "floorf({0})",
    "ge": "(float)({0} >= {1})",
    "gt": "(float)({0} > {1})",
    "le": "(float)({0} <= {1})",
    "log": "logf({0})",
    "log1p": "log1pf({0})",
    "lt": "(float)({0} < {1})",
    "max": "larger({0}, {1})",
    "min": "smaller({0}, {1})",
    "mul": "{0} * {1}",
    "ne": "(float)({0} != {1})",
    "neg": "-{0}",
    "pow": "powf({0}, {1})",
    "reciprocal": "1.0f / {0}",
    "round": "rintf({0})",
    "rsqrt": "1.0f / sqrtf({0})",
    "select": "{0} != 0.0f ? {1} : {2}",
    "sigmoid": "1.0f / (1.0f + expf(-{0}))",
    "sign": "sign({0})",
    "sin": "sinf({0})",
    "square": "{0} * {0}",
    "sqrt": "sqrtf({0})",
    "sub": "{0} - {1}",
    "tanh": "tanhf({0})",
}
_ACTIVATIONS = {"relu": "larger({0}, 0.0f)", "sigmoid": _INSTRUCTIONS["sigmoid"], "tanh": "tanhf({0})"}


def writes(method: str) -> Callable[[Callable[..., Lines]], Callable[..., Lines]]:
    """Returns a decorator that makes a function the writer of a method of `_core.Graph`.

    The writer gets the program, the number of the new value, and what the method was called with.

    Args:
        method: The method's name.

    Example:
        >>> @writes("nothing")
        ... def nothing(to, made, src, name):
        ...     return []
        >>> WRITERS.pop("nothing") is nothing
        True
    """

    def enter(writer: Callable[..., Lines]) -> Callable[..., Lines]:
        WRITERS[method] = writer
        return writer

    return enter


# -- element by element ----------------------------------------------------------------------------------


def elementwise(to: Program, made: int) -> Lines:
    """One loop for a value, and for those that are computed within it."""
    body: Lines = []
    result = _computed(to, made, body)
    lines = [f"  {line}" for line in body]
    return [
        f"for (int i = 0; i < {to.graph.count(made)}; ++i) {{",
        *lines,
        f"  {to.at(made)}[i] = {result};",
        "}",
    ]


def _computed(to: Program, made: int, body: Lines) -> str:
    """Adds what computes one number of a value; returns its name."""
    method, args, options, *_ = to.graph.steps[made]
    whole = to.graph.whole(made)

    def read(operand: int | float) -> str:
        if isinstance(operand, float):
            return number(operand)
        root = to.plan.root(operand)
        if root in to.plan.fused:
            return _computed(to, root, body)
        return f"{to.at(operand)}[{index(to.graph.whole(operand), whole)}]"

    if method == "formula":
        op, operands = args[0], args[1]
        if op not in _INSTRUCTIONS:
            raise to.graph.lacks(made, f"{op!r}, which is of random numbers,")
        text = _INSTRUCTIONS[op].format(*map(read, operands))
    elif method == "add":
        text = " + ".join(map(read, args[0]))
    elif method == "activation":
        text = _ACTIVATIONS[args[1]].format(read(args[0]))
    else:
        text = _normalized(to, made, read(args[0]), whole, *args[1:], **options)
    body.append(f"const float v{made} = {text};")
    return f"v{made}"


def _normalized(
    to: Program, made: int, x: str, whole: tuple[int, ...], momentum: float, epsilon: float, scale: bool,
    center: bool, data_format: str, name: str, weights: Any = (), moving: bool = False,
) -> str:  # fmt: skip
    """By the moving statistics, as one scale and one shift of each channel."""
    own = [each.astype(np.float64) for each in _core.get_weights(list(weights))]
    mean, variance = own[-2:]
    factor = (own[0] if scale else 1.0) / np.sqrt(variance + epsilon)
    shift = (own[int(scale)] if center else 0.0) - mean * factor
    first = data_format == "channels_first" and len(whole) > 2
    shape = (1, -1, *[1] * (len(whole) - 2)) if first else (*[1] * (len(whole) - 1), -1)
    place = index(np.reshape(factor, shape).shape, whole)
    return f"{x} * {to.constant(factor, name)}[{place}] + {to.constant(shift, name)}[{place}]"


def index(own: tuple[int, ...], whole: tuple[int, ...]) -> str:
    """Returns where in an operand the number is that belongs to number i of what is made.

    Args:
        own: The operand's shape, rows first; axes of 1, and those that it has less, are repeated.
        whole: The shape that is made.

    Example:
        >>> index((1, 4), (1, 2, 3, 4)), index((1, 2, 1, 1), (1, 2, 3, 4)), index((1, 2, 3, 4), (1, 2, 3, 4))
        ('i % 4', 'i / 12 % 2', 'i')
    """
    shape = (own[0], *[1] * (len(whole) - len(own)), *own[1:])
    if shape == whole:
        return "i"
    terms, step, own_step = [], 1, 1
    for size, mine in zip(reversed(whole), reversed(shape), strict=True):
        if mine > 1:
            terms.append(f"i{f' / {step}' * (step > 1)} % {size}{f' * {own_step}' * (own_step > 1)}")
        step, own_step = step * size, own_step * mine
    return " + ".join(reversed(terms)) or "0"


def number(value: float) -> str:
    """Returns a float as C writes it.

    Example:
        >>> number(0.5), number(6.0), number(float("-inf"))
        ('0.5f', '6.0f', '-INFINITY')
    """
    value = float(np.float32(value))
    if value != value:
        return "NAN"
    if value in (float("inf"), float("-inf")):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    text = f"{text}f" if set(text) & set(".e") else f"{text}.0f"
    return f"({text})" if value < 0 else text


# -- kernels ---------------------------------------------------------------------------------------------


def both_images(to: Program, src: int, made: int, data_format: str) -> list[str]:
    """A row of what is read, and of what is made of it, as images of C; of lines the height is 1."""
    if len(to.graph.shape(src)) > 3:
        raise to.graph.lacks(made, "an image of three axes")
    return [_image(to.graph.shape(each), data_format) for each in (src, made)]


def _image(shape: tuple[int, ...], data_format: str) -> str:
    first = data_format == "channels_first"
    sizes, channels = (shape[1:], shape[0]) if first else (shape[:-1], shape[-1])
    height, width = (1, *sizes)[-2:]
    steps = (width, 1, height * width) if first else (width * channels, channels, 1)
    return f"(image){{{height}, {width}, {channels}, {', '.join(map(str, steps))}}}"


def window(size: Any, strides: Any, dilation: Any, begin: Any) -> str:
    """A window of C; of one over a line the height is 1."""
    given = [
        (*[fill] * (2 - len(each)), *each)
        for each, fill in zip((size, strides, dilation, begin), (1, 1, 1, 0), strict=True)
    ]
    return f"(window){{{', '.join(str(n) for pair in given for n in pair)}}}"


def spatial(shape: tuple[int, ...], data_format: str) -> tuple[int, ...]:
    """Height and width, or length, of a shape."""
    return tuple(shape[1:] if data_format == "channels_first" else shape[:-1])


def sides_of(
    to: Program, src: int, padding: Any, size: Any, strides: Any, dilation: Any, data_format: str
) -> Any:
    """The padding as (before, after) of each axis."""
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    return explicit_sides(padding, spatial(to.graph.shape(src), data_format), reach, strides)


def _each_row(to: Program, src: int, made: int, call: str) -> Lines:
    """A call for each row of a sample."""
    rows = to.graph.whole(src)[0]
    x, y = to.at(src), to.at(made)
    if rows == 1:
        return [call.format(x=x, y=y)]
    steps = [to.graph.count(each) // rows for each in (src, made)]
    inner = call.format(x=f"{x} + i * {steps[0]}", y=f"{y} + i * {steps[1]}")
    return [f"for (int i = 0; i < {rows}; ++i) {inner}"]


def _weights(to: Program, weights: Any) -> str:
    names = [to.weight(each) for each in weights]
    return ", ".join([*names, "NULL"][:2])


@writes("conv")
def conv(
    to: Program, made: int, src: int, filters: int, kernel_size: Any, strides: Any, padding: Any,
    dilation: Any, groups: int, use_bias: bool, data_format: str, name: str, weights: Any = (),
) -> Lines:  # fmt: skip
    """A convolution."""
    sides = sides_of(to, src, padding, kernel_size, strides, dilation, data_format)
    spot = window(kernel_size, strides, dilation, [before for before, _ in sides])
    images = both_images(to, src, made, data_format)
    call = f"conv({{x}}, {images[0]}, {spot}, {groups}, {_weights(to, weights)}, {{y}}, {images[1]});"
    return _each_row(to, src, made, _escaped(call))


@writes("depthwise_conv")
def depthwise_conv(
    to: Program, made: int, src: int, depth_multiplier: int, kernel_size: Any, strides: Any, padding: Any,
    dilation: Any, use_bias: bool, data_format: str, name: str, weights: Any = (),
) -> Lines:  # fmt: skip
    """One of each channel."""
    sides = sides_of(to, src, padding, kernel_size, strides, dilation, data_format)
    spot = window(kernel_size, strides, dilation, [before for before, _ in sides])
    images = both_images(to, src, made, data_format)
    call = f"depthwise_conv({{x}}, {images[0]}, {spot}, {_weights(to, weights)}, {{y}}, {images[1]});"
    return _each_row(to, src, made, _escaped(call))


@writes("conv_transpose")
def conv_transpose(
    to: Program, made: int, src: int, filters: int, kernel_size: Any, strides: Any, padding: Any,
    output_padding: Any, dilation: Any, groups: int, use_bias: bool, data_format: str, name: str,
    weights: Any = (),
) -> Lines:  # fmt: skip
    """A convolution's backward direction; "same" cuts what is too much, the odd cell at the end."""
    cut = [0] * len(strides) if isinstance(padding, str) else [before for before, _ in padding]
    if padding == "same":
        sizes = [spatial(to.graph.shape(each), data_format) for each in (src, made)]
        reach = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]
        spare = [
            (before - 1) * s + r - after for before, after, s, r in zip(*sizes, strides, reach, strict=True)
        ]
        cut = [max(0, each) // 2 for each in spare]
    images = both_images(to, src, made, data_format)
    spot = window(kernel_size, strides, dilation, cut)
    call = (
        f"conv_transpose({{x}}, {images[0]}, {spot}, {groups}, {_weights(to, weights)}, {{y}}, {images[1]});"
    )
    return _each_row(to, src, made, _escaped(call))


@writes("max_pool")
def max_pool(
    to: Program, made: int, src: int, pool_size: Any, strides: Any, padding: Any, ceil_mode: bool,
    data_format: str, name: str, dilation: Any = None,
) -> Lines:  # fmt: skip
    """The largest of each window."""
    dilation = dilation or [1] * len(strides)
    sides = sides_of(to, src, padding, pool_size, strides, dilation, data_format)
    spot = window(pool_size, strides, dilation, [before for before, _ in sides])
    images = both_images(to, src, made, data_format)
    return _each_row(to, src, made, _escaped(f"max_pool({{x}}, {images[0]}, {spot}, {{y}}, {images[1]});"))


@writes("average_pool")
def average_pool(
    to: Program, made: int, src: int, pool_size: Any, strides: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, data_format: str, name: str,
) -> Lines:  # fmt: skip
    """The mean of each window; the border counts where it is asked to."""
    ones = [1] * len(strides)
    sides = sides_of(to, src, padding, pool_size, strides, ones, data_format)
    spot = window(pool_size, strides, ones, [before for before, _ in sides])
    ends = [
        size + after
        for size, (_, after) in zip(spatial(to.graph.shape(src), data_format), sides, strict=True)
    ]
    bottom, side = (1, *ends)[-2:]
    images = both_images(to, src, made, data_format)
    counts = int(count_include_pad)
    call = f"average_pool({{x}}, {images[0]}, {spot}, {counts}, {bottom}, {side}, {{y}}, {images[1]});"
    return _each_row(to, src, made, _escaped(call))


@writes("adaptive_pool")
def adaptive_pool(
    to: Program, made: int, src: int, maximum: bool, output_size: Any, data_format: str, name: str
) -> Lines:
    """Windows that follow from how many there are to be."""
    images = both_images(to, src, made, data_format)
    call = f"adaptive_pool({{x}}, {images[0]}, {int(maximum)}, {{y}}, {images[1]});"
    return _each_row(to, src, made, _escaped(call))


@writes("dense")
def dense(
    to: Program, made: int, src: int, units: int, use_bias: bool, name: str, weights: Any = ()
) -> Lines:
    """A product of rows and a matrix."""
    inputs = to.graph.shape(src)[-1]
    rows = to.graph.count(src) // inputs
    return [f"dense({to.at(src)}, {rows}, {inputs}, {_weights(to, weights)}, {to.at(made)}, {units});"]


@writes("activation")
def softmax(to: Program, made: int, src: int, kind: str, name: str) -> Lines:
    """Softmax along the last axis; the others are loops over numbers."""
    count = to.graph.shape(src)[-1]
    return [f"softmax({to.at(src)}, {to.graph.count(src) // count}, {count}, {to.at(made)});"]


def _escaped(call: str) -> str:
    """A call whose braces `format` leaves, but for those of x and y."""
    return call.replace("{", "{{").replace("}", "}}").replace("{{x}}", "{x}").replace("{{y}}", "{y}")
