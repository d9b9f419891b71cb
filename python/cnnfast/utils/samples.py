"""Checks of the arrays that users hand in: everything is refused here, before anything runs or changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.losses import Loss

# What the core reads as it is.
_CORE_DTYPES = frozenset(map(np.dtype, ("float32", "float64", "uint8", "bool")))


_INT32, _FLOAT32 = np.dtype(np.int32), np.dtype(np.float32)


def _is_ready(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether the core takes it as it is: np.require takes microseconds to say so."""
    return array.dtype is dtype and array.flags.c_contiguous and array.flags.aligned


def as_array(value: Any, name: str) -> NDArray[Any]:
    """Returns anything array-like on the CPU as a NumPy array of real numbers.

    Raises:
        ValueError: If it cannot be one.

    Example:
        >>> as_array([1.0, 2.0], "x").shape
        (2,)
    """
    from cnnfast.layers.symbolic import SymbolicTensor

    if isinstance(value, SymbolicTensor):
        raise ValueError(
            f"{name} must be an array, got {value!r}, which only stands for one: make "
            "a Model(inputs, outputs) of such tensors and give it arrays"
        )
    if getattr(value, "requires_grad", False) is True:
        raise ValueError(
            f"{name} tracks gradients in its own library; give it detached, as tensor.detach() does"
        )
    try:
        if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
            array = np.from_dlpack(value)
        else:
            array = np.asarray(value)
    except (ValueError, TypeError, BufferError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
    if array.dtype == object and array.ndim == 0:
        got = "None" if value is None else type(value).__name__
        whole = "; put its parts together with np.concatenate, or give one batch at a time to train_on_batch"
        several = hasattr(value, "__iter__") or hasattr(value, "__getitem__")
        raise ValueError(f"{name} must be an array or a list, got {got}{whole if several else ''}")
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} must hold real numbers, got {array.dtype} {array.shape}; convert it, for instance with "
            ".astype('float32')"
        )
    return array


def check_samples(value: Any, shape: tuple[int, ...] | None, name: str) -> NDArray[Any]:
    """Returns samples as a C-contiguous array, copied only if the core cannot read them as they are.

    Args:
        value: The samples, batch axis first.
        shape: Shape that one sample must have; None allows any.
        name: What to call them in a message.

    Raises:
        ValueError: If they are not real numbers, there are none, or the shape differs.

    Example:
        >>> check_samples([[1, 2]], (2,), "x")
        array([[1., 2.]], dtype=float32)
    """
    x = as_array(value, name)
    if x.ndim < 1:
        raise ValueError(f"{name} must have a batch axis, got the single number {x}")
    if shape is not None and x.shape[1:] != shape:
        raise ValueError(
            f"{name} must have shape {_with_batch(shape)}, got {x.shape}{_shape_advice(x.shape, shape)}"
        )
    if x.size == 0:
        raise ValueError(f"{name} must hold at least one sample, got shape {x.shape}")
    return core_array(x)


def core_array(x: NDArray[Any]) -> NDArray[Any]:
    """Returns an array as the core takes it, copied only if it cannot be read as it is.

    Example:
        >>> core_array(np.array([1, 2])).dtype
        dtype('float32')
    """
    known = x.dtype in _CORE_DTYPES  # none of another byte order
    if known and x.flags.c_contiguous:
        return x
    return np.ascontiguousarray(x, None if known else np.float32).reshape(x.shape)


def check_weights(value: Any, shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    """Returns values for weights as a C-contiguous, aligned float32 array.

    Args:
        value: The values.
        shape: Shape that they must have.
        name: What the weights are called.

    Raises:
        ValueError: If they are not real numbers, too large for float32, or the shape differs.

    Example:
        >>> check_weights([[1, 2]], (1, 2), "head/kernel")
        array([[1., 2.]], dtype=float32)
    """
    given = as_array(value, f"weights {name!r}")
    if given.shape != shape:
        raise ValueError(f"weights {name!r} have shape {shape}, got {given.shape}")
    with np.errstate(over="ignore"):
        array = np.require(given, np.float32, ["C", "A"])
    if given.dtype != np.float32 and (np.isinf(array) & np.isfinite(given)).any():
        raise ValueError(f"weights {name!r} must be finite in float32, got larger numbers")
    return array


def _with_batch(shape: tuple[int, ...]) -> str:
    return "(n,)" if not shape else f"({', '.join(['n', *map(str, shape)])})"


def _shape_advice(got: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if got == shape:
        return "; add the batch axis, for instance with x[None]"
    if len(shape) == 3 and got[1:] == (*shape[1:], shape[0]):
        return "; channels come first here, so move them there with np.moveaxis(x, -1, 1), or set data_format"
    if len(shape) == 3 and got[1:] == (shape[2], *shape[:2]):
        return "; channels come last here, so move them there with np.moveaxis(x, 1, -1), or set data_format"
    if (*got, 1) == (got[0], *shape):
        return "; add the channel axis with x[..., None]"
    if (got[0], 1, *got[1:]) == (got[0], *shape):
        return "; add the channel axis with x[:, None]"
    if got[1:] != shape and np.prod(got[1:]) == np.prod(shape):
        return f"; the sizes agree, so x.reshape(-1, {', '.join(map(str, shape))}) may be what you want"
    return ""


def check_labels(
    value: Any, samples: int, loss: Loss | None, outputs: tuple[int, ...], name: str
) -> NDArray[Any]:
    """Returns labels as the core takes them: int32 class numbers, or float32 of the output's shape.

    Args:
        value: The labels, one for each sample.
        samples: How many samples there are.
        loss: The loss, which says which labels it takes; None, or one of your own, takes any.
        outputs: Shape of the model's output for one sample.
        name: What to call them in a message.

    Raises:
        ValueError: If they are not real numbers, or number, shape, range or values do not suit.

    Example:
        >>> from cnnfast.losses import SparseCategoricalCrossentropy
        >>> check_labels([[2], [0]], 2, SparseCategoricalCrossentropy(), (3,), "y")
        array([2, 0], dtype=int32)
    """
    y = as_array(value, name)
    if y.ndim == 0 or len(y) != samples:
        count = "a single number" if y.ndim == 0 else len(y)
        raise ValueError(f"{name} must hold one label for each of the {samples} samples, got {count}")
    if loss is not None and loss.sparse and loss.kind is not None:
        return _class_numbers(y, outputs, name)
    if outputs[-1:] == (1,) and y.shape[1:] == outputs[:-1]:
        y = y[..., None]
    if loss is None or loss.kind is None:
        return core_array(y)
    return _targets(y, loss, outputs, name)


def _class_numbers(y: NDArray[Any], outputs: tuple[int, ...], name: str) -> NDArray[np.int32]:
    places = outputs[:-1]
    if y.shape[1:] == (*places, 1):
        y = y[..., 0]
    if y.shape[1:] != places:
        advice = "; for one-hot rows use the loss 'categorical_crossentropy'"
        raise ValueError(
            f"{name} must be class numbers of shape {_with_batch(places)} or {_with_batch((*places, 1))}, "
            f"got {y.shape}{advice}"
        )
    if y.dtype.kind == "f" and not np.array_equal(y, np.trunc(y)):
        raise ValueError(f"{name} must be whole class numbers, got fractions or NaN")
    low, high, classes = np.minimum.reduce(y, None), np.maximum.reduce(y, None), outputs[-1]
    if low < 0 or high >= classes:
        raise ValueError(
            f"{name} must lie in 0 ... {classes - 1} since the model has {classes} outputs, got {low} ... "
            f"{high}; count classes from 0, or give the last layer more units"
        )
    return y if _is_ready(y, _INT32) else np.require(y, np.int32, ["C", "A"])


def _targets(y: NDArray[Any], loss: Loss, outputs: tuple[int, ...], name: str) -> NDArray[np.float32]:
    if y.shape[1:] != outputs:
        advice = ""
        if loss.kind == "categorical_crossentropy" and y.size == len(y):
            advice = "; class numbers need the loss 'sparse_categorical_crossentropy' or to_categorical(y)"
        raise ValueError(
            f"{name} must have shape {_with_batch(outputs)} for loss {loss.kind!r}, got {y.shape}{advice}"
        )
    if _is_ready(y, _FLOAT32):
        targets = y
    else:
        with np.errstate(over="ignore"):
            targets = np.require(y, np.float32, ["C", "A"])
    if not np.isfinite(targets).all():
        raise ValueError(f"{name} must be finite in float32, got NaN, infinity or larger numbers")
    return targets
