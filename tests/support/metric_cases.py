"""Losses, last activations, labels and metrics in all combinations, for the package and for Keras alike."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A name, or a class with its arguments.
MetricSpec = str | tuple[str, dict[str, Any]]

CLASS_METRICS: list[MetricSpec] = [
    "accuracy",
    "categorical_accuracy",
    "binary_accuracy",
    "mse",
    "mae",
    ("TopKCategoricalAccuracy", {"k": 2, "name": "top2"}),
    ("BinaryAccuracy", {"threshold": 0.3, "name": "above_0.3"}),
    ("Accuracy", {"name": "equal"}),
]
NUMBER_METRICS: list[MetricSpec] = [
    "acc",
    "sparse_categorical_accuracy",
    ("SparseTopKCategoricalAccuracy", {"k": 3, "name": "top3"}),
]
ONE_METRICS = [m for m in CLASS_METRICS if m not in ("categorical_accuracy", CLASS_METRICS[5])]


@dataclass(frozen=True)
class MetricCase:
    """One network of one layer that passes its input on, one loss, one kind of labels."""

    loss: str
    from_logits: bool | None  # None for a loss without it
    activation: str
    labels: str
    outputs: int
    x: NDArray[np.float32] = field(repr=False, compare=False)
    y: NDArray[Any] = field(repr=False, compare=False)
    metrics: list[MetricSpec] = field(repr=False, compare=False)

    def __str__(self) -> str:
        logits = {None: "", True: "-logits", False: "-probabilities"}[self.from_logits]
        return f"{self.loss}{logits}-{self.activation}-{self.labels}-{self.outputs}"

    @property
    def offered(self) -> bool:
        """Whether the package takes it: without logits, a crossentropy wants probabilities."""
        return self.from_logits is not False or self.activation in ("softmax", "sigmoid")

    @property
    def is_of_another_activation(self) -> bool:
        """Whether a crossentropy of probabilities is beside the activation of the other.

        Keras on TensorFlow then takes what went into that for the logits of its own; on other backends it
        computes what its formula says.
        """
        own = "sigmoid" if self.loss == "BinaryCrossentropy" else "softmax"
        return self.from_logits is False and self.activation != own


def scores(samples: int, outputs: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows of scores: some equal, some so far apart that softmax and sigmoid reach 0 and 1."""
    x = np.random.default_rng(seed).normal(size=(samples, outputs)).astype(np.float32) * 2
    x[0] = 0.5
    x[1] = -200
    x[1, 0] = 200
    x[2, : outputs // 2] = 3
    return x


def _labels(kind: str, samples: int, outputs: int) -> NDArray[Any]:
    rng = np.random.default_rng(7)
    numbers = rng.integers(0, outputs, samples)
    numbers[1] = 0
    return {
        "numbers": lambda: numbers,
        "numbers as a column": lambda: numbers[:, None],
        "numbers as floats": lambda: numbers.astype(np.float32),
        "one-hot": lambda: np.eye(outputs, dtype=np.float32)[numbers],
        "soft": lambda: (0.7 * np.eye(outputs)[numbers] + 0.3 / outputs).astype(np.float32),
        "bits": lambda: (rng.random((samples, outputs)) < 0.4).astype(np.float32),
        "real": lambda: rng.normal(size=(samples, outputs)).astype(np.float32),
        "one bit": lambda: rng.integers(0, 2, samples),
    }[kind]()


def _logits(loss: str) -> list[bool | None]:
    return [None] if loss == "MeanSquaredError" else [False, True]


def metric_cases(samples: int) -> list[MetricCase]:
    """All of them, over so many samples."""
    kinds = {
        "SparseCategoricalCrossentropy": ("numbers", "numbers as a column", "numbers as floats"),
        "CategoricalCrossentropy": ("one-hot", "soft"),
        "BinaryCrossentropy": ("one-hot", "soft", "bits", "one bit"),
        "MeanSquaredError": ("one-hot", "bits", "real", "one bit"),
    }
    return [
        MetricCase(
            loss,
            from_logits,
            activation,
            labels,
            outputs,
            scores(samples, outputs),
            _labels(labels, samples, outputs),
            NUMBER_METRICS if "numbers" in labels else ONE_METRICS if outputs == 1 else CLASS_METRICS,
        )
        for loss in kinds
        for labels in kinds[loss]
        for outputs in ((1,) if labels == "one bit" else (2, 5))
        for from_logits in _logits(loss)
        for activation in ("linear", "softmax", "sigmoid", "tanh")
        if not (outputs == 1 and activation == "softmax")
    ]


def evaluate(library: Any, case: MetricCase, **compile_arguments: Any) -> dict[str, float]:
    """What a model of `keras` or of `cnnfast` says of a case."""
    model = library.Sequential(
        [
            library.Input((case.outputs,)),
            library.layers.Dense(case.outputs, activation=case.activation, use_bias=False),
        ]
    )
    model.set_weights([np.eye(case.outputs, dtype=np.float32)])
    arguments = {} if case.from_logits is None else {"from_logits": case.from_logits}
    model.compile(
        optimizer="sgd",
        loss=getattr(library.losses, case.loss)(**arguments),
        metrics=[m if isinstance(m, str) else getattr(library.metrics, m[0])(**m[1]) for m in case.metrics],
        **compile_arguments,
    )
    values = model.evaluate(case.x, case.y, batch_size=len(case.x), verbose=0, return_dict=True)
    return {name: float(value) for name, value in values.items()}
