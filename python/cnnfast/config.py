"""Settings of the process: threads, precision, device, image layout, seed; what this build can do."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Literal, cast

from cnnfast import _core
from cnnfast.utils.arguments import ArgumentTypeError, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

DataFormat = Literal["channels_last", "channels_first"]
Precision = Literal["exact", "default", "fast"]

EPSILON = 1e-7  # Keras's epsilon(): keeps divisors and logarithms of losses, metrics and norms off zero


class _Settings:
    """What may change while the process runs."""

    data_format: DataFormat = "channels_last"
    generator: np.random.Generator | None = None
    interactive = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None


def set_num_threads(n: int) -> None:
    """Sets how many threads the core uses from now on, in every network.

    Results do not depend on it: one thread and many give the same bits. In a forked child, and where the
    system gives no more threads, the calling thread does all the work.

    Args:
        n: Number of threads, at least 1.

    Raises:
        ValueError: If `n` is below 1.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    _core.set_num_threads(whole_number(n, "the number of threads", 1))


def get_num_threads() -> int:
    """Returns how many threads the core uses.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    return _core.get_num_threads()


def set_precision(precision: Precision) -> None:
    """Sets how far results may be from the direct sum, from now on, in every network.

    A class allows algorithms; each network then takes the fastest of them for each of its layers. Between
    classes results differ by rounding only; within one, the same calls give the same bits with any number of
    threads. Relative errors here are the largest error over the largest output, measured against float64 on
    random images with up to 512 channels.

    Args:
        precision: `"exact"`: direct sums in float32 only, errors up to 3e-6. `"default"`, what the process
            starts with: also Winograd's F(2, 3) and F(4, 3) for convolutions of size 3 and stride 1, and
            their likes of stride 2, errors up to 6.1e-6. `"fast"`: also Winograd's F(6, 3), errors up to
            2.6e-5, and convolutions and dense layers of operands rounded to bfloat16, summed in float32,
            errors up to 3e-3, also in gradients; parameters and all that is kept stay float32. Untuned,
            only CPUs with AVX512_BF16 take those, and all CPUs dense layers in predictions of fewer than 8
            samples.

    Winograd computes tiles of outputs together, 4 x 4 to 6 x 6 but in F(2, 3). A pixel that is not finite, or
    larger than its neighbours by many orders of magnitude, changes all outputs of the tiles that read it,
    some pixels outside its own windows: a NaN spreads, and errors go by the largest value in the tile. To
    follow such a value, take `"exact"`, which keeps it where the formula says.

    Raises:
        ValueError: If `precision` is none of the three.

    Source:
        Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, https://arxiv.org/abs/1509.09308

    Example:
        >>> set_precision("exact")
        >>> get_precision()
        'exact'
        >>> set_precision("default")
    """
    if precision not in ("exact", "default", "fast"):
        raise ValueError(f"precision must be 'exact', 'default' or 'fast', got {precision!r}")
    _core.set_precision(precision)


def get_precision() -> Precision:
    """Returns the class of precision in which networks plan their work.

    Example:
        >>> get_precision()
        'default'
    """
    return _core.get_precision()


def set_device(device: str) -> None:
    """Sets where models compute from now on, but those that `model.to` moved elsewhere.

    Weights go there when they are first needed, and come back when they are read: what `get_weights`, files
    and callbacks see does not depend on the device. Results do, by rounding. Words outside of
    models are computed by the CPU everywhere.

    Args:
        device: `"cpu"`, what the process starts with; `"cuda"`, the first NVIDIA GPU; or `"cuda:1"` and so
            on. GPUs need a build with CUDA: `pip install . -Ccmake.define.CNNFAST_CUDA=ON`.

    Raises:
        ValueError: If this machine or this build has no such device.

    Example:
        >>> set_device("cpu")
        >>> get_device()
        'cpu'
    """
    _core.set_device(device_name(device))


def get_device() -> str:
    """Returns where models compute that were not moved elsewhere.

    Example:
        >>> get_device()
        'cpu'
    """
    return _core.get_device()


def devices() -> list[str]:
    """Returns what this machine and this build can compute on.

    Example:
        >>> devices()[0]
        'cpu'
    """
    return _core.devices()


def device_name(device: Any) -> str:
    """Returns the full name of a device: that of "cuda" is "cuda:0".

    Raises:
        TypeError: If it is no text.
        ValueError: If this machine or this build has no such device.

    Example:
        >>> device_name("cpu")
        'cpu'
    """
    if not isinstance(device, str):
        raise ArgumentTypeError(f'a device is "cpu", "cuda" or "cuda:1" and so on, got {device!r}')
    return _core.device_name(device)


def set_image_data_format(data_format: DataFormat) -> None:
    """Sets the layout that layers made from now on assume when their `data_format` is None.

    Args:
        data_format: `"channels_last"` for (height, width, channels), the default, or `"channels_first"` for
            (channels, height, width).

    Raises:
        ValueError: If `data_format` is neither.

    Example:
        >>> set_image_data_format("channels_first")
        >>> image_data_format()
        'channels_first'
        >>> set_image_data_format("channels_last")
    """
    _Settings.data_format = resolve_data_format(data_format)


def image_data_format() -> DataFormat:
    """Returns the layout assumed where none is given: `"channels_last"` or `"channels_first"`.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return _Settings.data_format


def resolve_data_format(data_format: str | None) -> DataFormat:
    """Returns `data_format`, or the process's default where it is None.

    Raises:
        ValueError: If it is neither `"channels_last"` nor `"channels_first"`.

    Example:
        >>> resolve_data_format(None)
        'channels_last'
    """
    if data_format is None:
        return _Settings.data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return cast("DataFormat", data_format)


def epsilon() -> float:
    """Returns what keeps divisors and logarithms of losses, metrics and norms off zero.

    Example:
        >>> epsilon()
        1e-07
    """
    return EPSILON


def floatx() -> str:
    """Returns in what all is computed.

    Example:
        >>> floatx()
        'float32'
    """
    return "float32"


def set_floatx(value: str) -> None:
    """Does nothing for "float32", in which all is computed.

    Raises:
        ValueError: If `value` is another type.

    Example:
        >>> set_floatx("float32")
    """
    if value != "float32":
        raise ValueError(f"all is computed in float32, got {value!r}; cnnfast.set_precision says how closely")


def set_epsilon(value: float) -> None:
    """Does nothing for 1e-7, which all words here have.

    Raises:
        ValueError: If `value` is another number.

    Example:
        >>> set_epsilon(1e-7)
    """
    if value != EPSILON:
        raise ValueError(
            f"epsilon is {EPSILON} here, got {value!r}; layers and norms take their own `epsilon`"
        )


def standardize_dtype(dtype: Any) -> str:
    """Returns the name of a type of numbers; that of None is "float32".

    Raises:
        ValueError: If it is none.

    Source:
        Keras 3, `keras.config.standardize_dtype`.

    Example:
        >>> standardize_dtype(int), standardize_dtype(None)
        ('int64', 'float32')
    """
    from numpy import dtype as type_of

    try:
        return floatx() if dtype is None else type_of(dtype).name
    except TypeError:
        raise ValueError(f"dtype must be the name of a type of numbers, got {dtype!r}") from None


def is_float_dtype(dtype: Any) -> bool:
    """Returns whether a type is one of floating-point numbers.

    Example:
        >>> is_float_dtype("float32"), is_float_dtype("int8")
        (True, False)
    """
    return standardize_dtype(dtype).startswith("float")


def is_int_dtype(dtype: Any) -> bool:
    """Returns whether a type is one of whole numbers.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("float32")
        (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


def result_type(*dtypes: Any) -> str:
    """Returns in what type numbers of several types are computed: "float32".

    Args:
        dtypes: The types.

    Raises:
        ValueError: If one is none.

    Example:
        >>> result_type("int32", "uint8")
        'float32'
    """
    for dtype in dtypes:
        standardize_dtype(dtype)
    return floatx()


def enable_interactive_logging() -> None:
    """Has `fit`, `evaluate` and `predict` draw bars where the output allows, unless they are told otherwise.

    Example:
        >>> enable_interactive_logging()
        >>> is_interactive_logging_enabled()
        True
    """
    _Settings.interactive = True


def disable_interactive_logging() -> None:
    """Has them print lines instead of bars, unless they are told otherwise.

    Example:
        >>> disable_interactive_logging()
        >>> is_interactive_logging_enabled()
        False
        >>> enable_interactive_logging()
    """
    _Settings.interactive = False


def is_interactive_logging_enabled() -> bool:
    """Returns whether bars are drawn where the output allows it.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return _Settings.interactive


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every `fit`, whatever it is told: scripts can be tried in short.

    Args:
        max_epochs: The most, at least 1; None for no limit.

    Raises:
        ValueError: If it is below 1.

    Source:
        Keras 3, `keras.config.set_max_epochs`.

    Example:
        >>> set_max_epochs(2)
        >>> max_epochs()
        2
        >>> set_max_epochs(None)
    """
    _Settings.max_epochs = _limit(max_epochs, "max_epochs")


def max_epochs() -> int | None:
    """Returns the limit of epochs; None where there is none.

    Example:
        >>> max_epochs() is None
        True
    """
    return _Settings.max_epochs


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the batches of each epoch, and of `evaluate` and `predict`, whatever they are told.

    Args:
        max_steps_per_epoch: The most, at least 1; None for no limit.

    Raises:
        ValueError: If it is below 1.

    Source:
        Keras 3, `keras.config.set_max_steps_per_epoch`.

    Example:
        >>> set_max_steps_per_epoch(5)
        >>> max_steps_per_epoch()
        5
        >>> set_max_steps_per_epoch(None)
    """
    _Settings.max_steps_per_epoch = _limit(max_steps_per_epoch, "max_steps_per_epoch")


def max_steps_per_epoch() -> int | None:
    """Returns the limit of batches; None where there is none.

    Example:
        >>> max_steps_per_epoch() is None
        True
    """
    return _Settings.max_steps_per_epoch


def _limit(value: int | None, name: str) -> int | None:
    if value is not None and operator.index(value) < 1:
        raise ValueError(f"{name} must be at least 1, or None for no limit; got {value!r}")
    return value


def backend() -> str:
    """Returns the name of what computes: scripts that are run by Keras, too, ask for it.

    Example:
        >>> backend()
        'cnnfast'
    """
    return "cnnfast"


def set_random_seed(seed: int) -> None:
    """Seeds initial weights, dropout and shuffling: the same seed and calls give the same bits.

    Weights follow the seed when their layer is made; dropout and shuffling, when the model is compiled.

    Args:
        seed: A whole number, 0 or more.

    Raises:
        ValueError: If `seed` is negative.

    Example:
        >>> import cnnfast
        >>> set_random_seed(7)
        >>> a = cnnfast.initializers.GlorotUniform()((3, 2))
        >>> set_random_seed(7)
        >>> b = cnnfast.initializers.GlorotUniform()((3, 2))
        >>> bool((a == b).all())
        True
    """
    try:
        value = operator.index(seed)
    except TypeError:
        raise ArgumentTypeError(f"seed must be a whole number, got {seed!r}") from None
    if value < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    from numpy.random import default_rng  # costs 20 ms, too much for `import cnnfast`

    _Settings.generator = default_rng(value)


def random_generator() -> np.random.Generator:
    """Returns the generator behind everything random; seeded from the system until `set_random_seed`.

    Example:
        >>> set_random_seed(1)
        >>> int(random_generator().integers(10)) < 10
        True
    """
    if _Settings.generator is None:
        from numpy.random import default_rng

        _Settings.generator = default_rng()
    return _Settings.generator


def next_seed() -> int:
    """Draws a seed for one layer or one model.

    Example:
        >>> 0 <= next_seed() < 2**31
        True
    """
    return int(random_generator().integers(2**31))


def show_config(print_fn: Callable[[str], object] = print) -> None:
    """Prints the version, the compiler, the processor and its instruction sets, threads, precision, devices.

    Args:
        print_fn: Called with each line.

    Example:
        >>> lines = []
        >>> show_config(lines.append)
        >>> any(line.startswith("threads") for line in lines)
        True
    """
    facts = dict(_core.build_info())
    facts["isa"] = f"{_core.get_isa()} (available: {', '.join(_core.available_isas())})"
    facts["threads"] = str(_core.get_num_threads())
    facts["precision"] = _core.get_precision()
    facts["device"] = f"{get_device()} (available: {', '.join(devices())})"
    for name in devices()[1:]:
        facts[name] = _core.describe_device(name)
    width = max(map(len, facts))
    for name, value in facts.items():
        print_fn(f"{name:<{width}}  {value}")
