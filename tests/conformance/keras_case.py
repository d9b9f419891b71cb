"""Keras's `testing.TestCase`, with what looks into objects written for ours.

Where Keras asks for more than float32 of one machine can tell (masks, seed generators, mixed precision), the
part that is about a layer's numbers, weights and configuration is asked.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from keras.src import testing

from cnnfast import Input, Model, ops
from cnnfast.models.registry import layer_from_config, layer_to_config
from cnnfast.utils import clear_session
from cnnfast.utils.nest import leaves, mapped
from cnnfast.utils.serialization import serialize

# float32 sums in another order than Keras's, which are often float64.
TOLERANCE = 1e-5


def sample(shape: tuple[int, ...], dtype: str | None) -> np.ndarray:
    """What Keras's tests feed a layer whose numbers do not matter."""
    return (np.random.default_rng(0).uniform(size=shape) * 3).astype(dtype or "float32")


def is_shape(shape: Any) -> bool:
    return isinstance(shape, (tuple, list)) and all(isinstance(size, (int, type(None))) for size in shape)


class TestCase(testing.TestCase):  # type: ignore[misc]
    """Base of Keras's tests while they are run against ours."""

    def setUp(self) -> None:
        super().setUp()
        clear_session(free_memory=False)  # as Keras does for itself: names are numbered from 0

    def convert_to_numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def assertAllClose(  # noqa: N802
        self, actual: Any, desired: Any, atol: float = 0, rtol: float = 0, msg: Any = None, **_: Any
    ) -> None:
        """Values are equal but for rounding."""
        loosened = {"atol": max(atol, TOLERANCE), "rtol": max(rtol, TOLERANCE)}
        np.testing.assert_allclose(np.asarray(actual), np.asarray(desired), err_msg=msg or "", **loosened)

    def assertRaisesRegex(  # noqa: N802
        self, error: Any, expected_regex: Any, *rest: Any, **named: Any
    ) -> Any:
        """The same kind of error; its words are ours."""
        return self.assertRaises(error, *rest, **named)  # noqa: PT027

    def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
        """An object comes back from its configuration, and from what `serialize` makes of it."""
        config = instance.get_config()
        revived = type(instance).from_config(config)
        assert revived.get_config() == config
        if custom_objects is None:
            family = importlib.import_module(".".join(type(instance).__module__.split(".")[:2]))
            get = getattr(family, "get", None) or getattr(family, "deserialize", None)
            again = get(serialize(instance)) if get else layer_from_config(layer_to_config(instance))
            assert again.get_config() == config
        return revived

    def run_layer_test(
        self,
        layer_cls: Any,
        init_kwargs: dict[str, Any] | None,
        input_shape: Any = None,
        input_dtype: Any = None,
        input_data: Any = None,
        call_kwargs: dict[str, Any] | None = None,
        expected_output_shape: Any = None,
        expected_output_dtype: Any = None,
        expected_output: Any = None,
        expected_num_trainable_weights: int | None = None,
        expected_num_non_trainable_weights: int | None = None,
        custom_objects: Any = None,
        run_training_check: bool = True,
        input_sparse: bool = False,
        input_ragged: bool = False,
        **_: Any,
    ) -> None:
        """A layer on arrays, on symbolic tensors, from its configuration, and in a step of training."""
        assert not input_sparse, "no sparse tensors"
        assert not input_ragged, "no ragged tensors"
        assert expected_output_dtype in (None, "float32"), "all is computed in float32"
        make = lambda: layer_cls(**(init_kwargs or {}))  # noqa: E731
        named = call_kwargs or {}
        self.run_class_serialization_test(make(), custom_objects)
        if input_shape is None and input_data is None:
            return
        if input_data is None:
            dtype = input_dtype if isinstance(input_dtype, str) else None
            input_data = _of_shapes(input_shape, lambda shape: sample(shape, dtype))

        layer = make()
        output = _called(layer, input_data, named)
        _check_output(output, expected_output_shape)
        if expected_output is not None:
            self.assertAllClose(output, expected_output)
        for count, weights in (
            (expected_num_trainable_weights, layer.trainable_weights),
            (expected_num_non_trainable_weights, layer.non_trainable_weights),
        ):
            assert count in (None, len(weights)), f"{len(weights)} weights of {count}"

        # An image without a batch stands for samples: symbolic tensors always have a batch axis.
        alone = "image_preprocessing" in type(self).__module__ and np.ndim(input_data) == 3
        sources = mapped(lambda each: Input(np.shape(each)[1 - alone :]), input_data)
        layer = make()
        symbolic = _called(layer, sources, named)
        if not alone:
            _check_output(symbolic, expected_output_shape, besides_batch=True)
        if run_training_check and not alone:
            _train(leaves(sources), symbolic, leaves(input_data), leaves(output))


def _of_shapes(shapes: Any, make: Any) -> Any:
    if is_shape(shapes):
        return make(tuple(shapes))
    if isinstance(shapes, dict):
        return {name.removesuffix("_shape"): make(shape) for name, shape in shapes.items()}
    return type(shapes)(make(shape) for shape in shapes)


def _called(layer: Any, given: Any, named: dict[str, Any]) -> Any:
    return layer(**given, **named) if isinstance(given, dict) else layer(given, **named)


def _check_output(output: Any, expected: Any, besides_batch: bool = False) -> None:
    if expected is None:
        return
    shapes = [expected] if is_shape(expected) else list(expected)
    for each, shape in zip(leaves(output), shapes, strict=True):
        pairs = list(zip(each.shape, shape, strict=True))[besides_batch:]
        assert all(want in (None, got) for got, want in pairs), f"shape {each.shape}, expected {shape}"


def _train(sources: list[Any], outputs: Any, x: list[Any], y: list[Any]) -> None:
    """One step that makes the outputs' sum smaller: its loss is the sum, and no weight becomes NaN."""
    outputs = leaves(outputs)
    if any(np.asarray(each).size == 0 for each in x):
        return
    model = Model(sources, outputs)
    model.compile(optimizer="sgd", loss=[lambda y_true, y_pred: ops.sum(y_pred)] * len(outputs))
    model.train_on_batch(x, y)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
