"""The batch's size in what is traced: in shapes, and as a number to compute with."""

from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, layers, metrics, ops, random

ROWS = 10
X = np.random.default_rng(0).normal(size=(ROWS, 2, 3)).astype(np.float32)


class Calls(layers.Layer):
    """Does what a function says."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


def _model(function: Any) -> Model:
    source = Input(X.shape[1:])
    return Model(source, Calls(function)(source))


@pytest.mark.parametrize("batch", [3, ROWS])
def test_as_a_number(batch: int) -> None:
    sizes = np.array([min(batch, ROWS - i // batch * batch) for i in range(ROWS)])  # of each sample's batch
    want = X * sizes[:, None, None]
    for function in (
        lambda x: x * ops.shape(x)[0],
        lambda x: ops.cast(ops.shape(x)[0], "float32") * x,
        lambda x: x * (ops.shape(x)[0] * 2 + 1 - ops.shape(x)[0] - 1),
        lambda x: x * ops.size(x) / 6,
    ):
        made = _model(function).predict(X, batch_size=batch, verbose=0)
        np.testing.assert_allclose(made, want, rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "want"),
    [
        (lambda x: ops.reshape(x, (ops.shape(x)[0], 6)), X.reshape(ROWS, 6)),
        (lambda x: ops.reshape(x, [ops.shape(x)[0], -1, 1]), X.reshape(ROWS, 6, 1)),
        (lambda x: ops.zeros((ops.shape(x)[0], 4)) + x[:, 0, :1], np.repeat(X[:, 0, :1], 4, 1)),
        (lambda x: ops.concatenate([ops.ones([ops.shape(x)[0], 2, 1]), x], -1)[..., 0], np.ones((ROWS, 2))),
        (lambda x: ops.full((ops.shape(x)[0], 2), [3.0, 4.0]), np.tile([3.0, 4.0], (ROWS, 1))),
        (
            lambda x: ops.broadcast_to(ops.reshape(x[:, :1, :1], (-1, 1)), (ops.shape(x)[0], 5)),
            np.repeat(X[:, 0, :1], 5, 1),
        ),
        (lambda x: 0 * random.normal((ops.shape(x)[0], 2)), np.zeros((ROWS, 2))),
    ],
)
def test_in_shapes(function: Any, want: Any) -> None:
    np.testing.assert_array_equal(_model(function).predict(X, batch_size=3, verbose=0), want)


def test_metrics_that_count(isa: str) -> None:
    """As Keras's guide has it: sums and counts over uneven batches."""

    class Absolute(metrics.Metric):
        def __init__(self, by_size: bool, name: str) -> None:
            super().__init__(name=name)
            self.by_size = by_size
            self.total = self.add_variable(shape=(), initializer="zeros", name="total")
            self.count = self.add_variable(shape=(), initializer="zeros", name="count")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(ops.sum(ops.abs(y_true - y_pred)))
            self.count.assign_add(
                ops.cast(ops.size(y_pred), "float32") if self.by_size else ops.shape(y_pred)[0] * 6
            )

        def result(self) -> Any:
            return self.total / self.count

    source = Input(X.shape[1:])
    model = Model(source, layers.Identity()(source))
    model.compile("sgd", "mse", metrics=[Absolute(True, "a"), Absolute(False, "b")])
    told = model.evaluate(X, 3 * X, batch_size=3, verbose=0, return_dict=True)
    want = np.abs(2 * X).mean()
    assert (told["a"], told["b"]) == pytest.approx((want, want), rel=1e-6)


def test_only_the_first_size_is_the_batchs() -> None:
    with pytest.raises(ValueError, match="only the batch's size, the first, may be None"):
        _model(lambda x: ops.reshape(x, (-1, ops.shape(x)[0])))
    with pytest.raises(TypeError, match="cannot make a number of it"):
        _model(lambda x: ops.arange(int(ops.shape(x)[0])))
