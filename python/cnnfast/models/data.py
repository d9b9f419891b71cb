"""Samples, labels and weights of samples as `fit` and its kin take them, checked and in the core's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.models.inputs import fits, in_order
from cnnfast.models.objectives import Form
from cnnfast.utils.arguments import real_number
from cnnfast.utils.samples import as_array, check_labels, check_samples, core_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.models.blueprint import Blueprint
    from cnnfast.models.objectives import Part

    Arrays = list[NDArray[Any]]


class Data:
    """What has passed every check.

    Args:
        samples: One array for each input.
        targets: One for each output that is compared with something.
        weights: One for each output whose samples count differently.
        forms: Which of these there are, for each output.
    """

    def __init__(self, samples: Arrays, targets: Arrays, weights: Arrays, forms: tuple[Form, ...]) -> None:
        self.samples, self.targets, self.weights, self.forms = samples, targets, weights, forms

    def __len__(self) -> int:
        return len(self.samples[0])

    @property
    def arrays(self) -> Arrays:
        """All, as the objective's inputs."""
        return [*self.samples, *self.targets, *self.weights]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of samples."""
        return [array.shape[1:] for array in self.samples]

    def part(self, begin: int, end: int) -> Data:
        """Returns views of some of the samples."""
        return self.rows(slice(begin, end))

    def rows(self, index: slice | NDArray[np.int64]) -> Data:
        """Returns the samples of these numbers."""
        samples, targets, weights = (
            [array[index] for array in each] for each in (self.samples, self.targets, self.weights)
        )
        return Data(samples, targets, weights, self.forms)

    def split(self, share: float) -> tuple[Data, Data]:
        """Returns views of the first and of the last samples; the last are `share` of all."""
        if not 0 <= share < 1:
            raise ValueError(f"validation_split must lie in [0, 1), got {share}")
        at = int(len(self) * (1 - share))
        if not 0 < at < len(self):
            raise ValueError(
                f"validation_split={share} of {len(self)} samples leaves {at} to train and {len(self) - at} "
                "to validate; both must be at least 1"
            )
        return self.part(0, at), self.part(at, len(self))


def model_samples(plan: Blueprint, x: Any, name: str = "x") -> Arrays:
    """Returns one array for each input.

    Raises:
        ValueError: If there are not as many, or their shapes or numbers of samples do not suit.
    """
    if plan.is_simple:
        return [check_samples(x, plan.shapes[0] if plan.fixed else None, name)]
    given = in_order(x, plan.inputs, plan.input_names, name)
    arrays: Arrays = []
    for each, source, own in zip(given, plan.sources, plan.input_names, strict=True):
        called = name if len(given) == 1 else f"{name} ({own})"
        known = plan.fixed and None not in source.shape[1:]
        array = check_samples(each, source.examples[0] if known else None, called)
        if plan.fixed and not fits(array.shape[1:], source.shape[1:]):
            raise ValueError(f"{called} must have shape {source.shape}, got {array.shape}")
        arrays.append(array)
    counts = [len(array) for array in arrays]
    if len(set(counts)) > 1:
        raise ValueError(f"all inputs must have as many samples, got {counts} of {plan.input_names}")
    return arrays


def check_data(
    plan: Blueprint, parts: Sequence[Part], x: Any, y: Any, sample_weight: Any, names: tuple[str, str]
) -> Data:
    """Returns samples, labels and weights for a model.

    Raises:
        ValueError: If a shape, a number or a label does not suit.
    """
    samples = model_samples(plan, x, names[0])
    count = len(samples[0])
    simple = plan.is_simple and plan.fixed and parts[0].needs_target
    if simple and sample_weight is None:  # as quickly as a batch should go
        target = check_labels(y, count, parts[0].loss, plan.output_shape, names[1])
        return Data(samples, [target], [], _single_form(target.shape[1:]))
    outputs = plan.describe([array.shape[1:] for array in samples], False).outputs
    targets: Arrays = []
    weights: Arrays = []
    forms: list[Form] = []
    given = _for_outputs(y, plan, [part.name for part in parts if part.needs_target], names[1])
    rates = [None] * len(parts) if sample_weight is None else _rates(sample_weight, plan)
    for part, value, label, rate in zip(parts, outputs, given, rates, strict=True):
        if not part.needs_target:
            forms.append(Form(None, None))
            continue
        called = names[1] if len(parts) == 1 else f"{names[1]} ({part.name})"
        targets.append(check_labels(label, count, part.loss, value.dims, called))
        if rate is not None:
            weights.append(_weights(rate, count, value.dims, part.name))
        own = None if rate is None else weights[-1].shape[1:]
        forms.append(Form(targets[-1].shape[1:], own))
    return Data(samples, targets, weights, tuple(forms))


@lru_cache
def _single_form(target: tuple[int, ...]) -> tuple[Form]:
    return (Form(target, None),)


def _for_outputs(y: Any, plan: Blueprint, needed: list[str], name: str) -> list[Any]:
    if y is None:
        if needed:
            raise ValueError(f"{name} must have labels for {needed}, got None")
        return [None] * len(plan.output_names)
    if isinstance(y, dict) and set(needed) <= set(y) <= set(plan.output_names):
        return [y.get(name) for name in plan.output_names]
    return in_order(y, plan.outputs, plan.output_names, name)


def _rates(sample_weight: Any, plan: Blueprint) -> list[Any]:
    names = plan.output_names
    if isinstance(sample_weight, dict):
        if unknown := set(sample_weight) - set(names):
            raise ValueError(f"sample_weight: the outputs are named {names}, got {sorted(unknown)}")
        return [sample_weight.get(name) for name in names]
    if isinstance(sample_weight, (list, tuple)) and len(names) > 1:
        return in_order(list(sample_weight), [0] * len(names), names, "sample_weight")
    return [sample_weight] * len(names)


def _weights(value: Any, count: int, dims: tuple[int, ...], name: str) -> NDArray[Any]:
    array = as_array(value, f"sample_weight of {name}")
    if array.shape == (count, 1) and dims[:-1] != (1,):
        array = array[:, 0]
    if array.shape not in ((count,), (count, *dims[:-1])):
        raise ValueError(
            f"sample_weight must have one number for each of the {count} samples, or shape "
            f"{(count, *dims[:-1])}, got {array.shape}"
        )
    array = core_array(array)
    if not np.isfinite(array).all():
        raise ValueError("sample_weight must be finite, got NaN or infinity")
    return array


def class_weights(y: Any, class_weight: Mapping[int, float]) -> NDArray[np.float32]:
    """Returns the weight of each sample by its class.

    Args:
        y: Class numbers, or one-hot rows.
        class_weight: The weight of each class; those that are not named weigh 1.

    Raises:
        ValueError: If they are not of that form.

    Example:
        >>> class_weights([0, 1, 1], {1: 3.0})
        array([1., 3., 3.], dtype=float32)
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight must map class numbers to weights, got {class_weight!r}")
    labels = as_array(y, "y")
    classes = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(len(labels))
    weights = np.ones(classes.shape, np.float32)
    for number, weight in class_weight.items():
        weights[classes == number] = real_number(weight, f"the weight of class {number}")
    return weights
