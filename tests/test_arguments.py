"""Arguments as in Keras: order, defaults, answers to those that are not offered, ValueErrors."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.keras_arguments import POSITIONAL
from support.models import images, small_model
from support.nets import refusal

import cnnfast
from cnnfast import (
    Input,
    Sequential,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    utils,
)

X, Y = images(12)


def _find(library: Any, path: str) -> Any:
    found = library
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _positional(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"}


@pytest.mark.parametrize("path", POSITIONAL)
def test_order_of_arguments(path: str) -> None:
    assert list(_positional(_find(cnnfast, path))) == POSITIONAL[path].split()


# Ours where they differ from Keras's, and why.
DEFAULTS = {
    ("layers.AveragePooling1D", "pool_size"): 2,  # as MaxPooling1D's
    ("layers.AveragePooling2D", "pool_size"): 2,
    ("layers.AveragePooling3D", "pool_size"): 2,
    ("Model", "inputs"): None,  # Keras's functional class has a subclass's place here
    ("Model", "outputs"): None,
}


def _same_on_all_sides(default: Any) -> Any:
    """One number for all axes and sides, where they are equal."""
    if not isinstance(default, tuple) or len(set(default)) != 1:
        return default
    return _same_on_all_sides(default[0])


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", POSITIONAL)
def test_arguments_against_keras(path: str) -> None:
    keras = pytest.importorskip(
        "keras", reason="compares arguments with Keras: pip install keras tensorflow-cpu"
    )
    theirs: Any = {
        "Sequential": lambda: keras.src.models.sequential.Sequential.__init__,
        "Model": lambda: keras.src.models.functional.Functional.__init__,
    }.get(path, lambda: _find(keras, path))()
    ours = _positional(_find(cnnfast, path))
    for name, default in _positional(theirs).items():
        assert _same_on_all_sides(ours[name]) == DEFAULTS.get((path, name), _same_on_all_sides(default)), name


# What comes first has another name here: `ops` of windows read `x`, and one function serves all `serialize`.
OTHER_NAMES = ("x", "value")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_no_argument_has_the_place_of_another() -> None:
    """Of whatever both have: what is given by position means the same."""
    keras = pytest.importorskip(
        "keras", reason="compares arguments with Keras: pip install keras tensorflow-cpu"
    )
    from cnnfast.utils.keras_names import NAMES

    compared = 0
    for module, names in NAMES.items():
        there, here = (_find(library, module) if module else library for library in (keras, cnnfast))
        if module == "applications":  # weights come first, as in torchvision; include_top there is refused
            continue
        for name in set(names.split()) & set(here.__all__) - {"KerasTensor"}:  # which nobody makes
            if not (callable(getattr(there, name)) and callable(getattr(here, name))):
                continue
            theirs, ours = (list(_positional(getattr(library, name))) for library in (there, here))
            if ours[:1] and ours[0] in OTHER_NAMES:
                theirs, ours = theirs[1:], ours[1:]
            both = min(len(theirs), len(ours))
            assert ours[:both] == theirs[:both], f"{module}.{name}"
            compared += 1
    assert compared > 700


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_names_of_keras() -> None:
    keras = pytest.importorskip("keras", reason="compares names with Keras: pip install keras tensorflow-cpu")
    from cnnfast.utils.keras_names import NAMES

    for module, names in NAMES.items():
        here = set(dir(_find(keras, module) if module else keras))
        if module != "activations":
            assert set(names.split()) <= here, module


# -- not offered -------------------------------------------------------------------------------------------

NOT_OFFERED: dict[str, Any] = {
    "eager": (lambda: small_model(run_eagerly=True), "run_eagerly", "False"),
    "precision": (lambda: losses.MeanSquaredError(dtype="float16"), "dtype", "None"),
    "dtype of a metric": (lambda: metrics.Accuracy(dtype="float64"), "dtype", "float32"),
    "low rank": (lambda: layers.Dense(2, lora_rank=4), "lora_rank", "None"),  # type: ignore[arg-type]
    "half": (lambda: layers.Dense(2, dtype="float16"), "dtype", "set_precision"),
    "shards": (lambda: small_model().save_weights("m", max_shard_size=1), "max_shard_size"),
    "mismatch": (lambda: small_model().load_weights("m", skip_mismatch=True), "skip_mismatch"),
    "widths of a table": (lambda: small_model().summary(positions=[0.3, 1.0]), "positions"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", NOT_OFFERED)
def test_what_is_not_offered_says_so(what: str) -> None:
    action, *words = NOT_OFFERED[what]
    with pytest.raises(ValueError, match="does not offer") as info:
        action()
    refusal(info.value, *words)


def test_arguments_of_keras_with_its_defaults_do() -> None:
    model = Sequential(
        [
            Input((4,), None, "float32", name="in"),
            layers.Dense(3, lora_rank=None, dtype="float32", autocast=True),
            layers.ReLU(None, 0.0, 0.0),
            layers.Dropout(0.1, None, None),
            layers.Softmax(-1),
        ]
    )
    model.compile(
        optimizers.Adam(weight_decay=None, use_ema=False, name="mine"),
        losses.CategoricalCrossentropy(False, 0.0, -1, "sum_over_batch_size", "mine"),
        None,
        ["accuracy"],
        jit_compile=True,
    )
    x, y = np.ones((8, 4)), np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
    model.fit(x, y, 4, 1, 0, None, 0.0, None, True, None, None, 0, None, None, None, 1)
    assert len(model.evaluate(x, y, 4, 0, None, None, None)) == 2
    assert model.predict(x, 4, 0, None, None).shape == (8, 3)
    assert model.optimizer.name == "mine"


# -- ValueErrors -------------------------------------------------------------------------------------------

WRONG: dict[str, Callable[[], Any]] = {
    "units": lambda: layers.Dense("64"),  # type: ignore[arg-type]
    "units with a fraction": lambda: layers.Dense(2.5),  # type: ignore[arg-type]
    "filters": lambda: layers.Conv2D(None, 3),  # type: ignore[arg-type]
    "kernel_size": lambda: layers.Conv2D(1, "3"),  # type: ignore[arg-type]
    "kernel_size with a fraction": lambda: layers.Conv2D(1, (3, 2.5)),  # type: ignore[arg-type]
    "pool_size": lambda: layers.MaxPooling2D({}),  # type: ignore[arg-type]
    "padding": lambda: layers.Conv2D(1, 3, padding=((0.5, 1), (1, 1))),  # type: ignore[arg-type]
    "padding of nothing": lambda: layers.Conv2D(1, 3, padding=None),  # type: ignore[arg-type]
    "rate": lambda: layers.Dropout("0.5"),  # type: ignore[arg-type]
    "activation": lambda: layers.Dense(1, activation=3),
    "unknown argument": lambda: layers.Dense(1, unit=3),  # type: ignore[call-arg]
    "weights": lambda: small_model().set_weights(None),  # type: ignore[arg-type]
    "weights of a layer": lambda: small_model().layers[0].set_weights(np.ones((3, 3, 2, 6))),
    "shape": lambda: Input(3),  # type: ignore[arg-type]
    "no shape": lambda: Input(),
    "layer": lambda: Sequential().add({}),  # type: ignore[arg-type]
    "joining layer": lambda: Sequential([Input((3,)), layers.Add()]),
    "inputs": lambda: cnnfast.Model(3, 4),  # type: ignore[arg-type]
    "call": lambda: layers.Dense(2)("text"),  # type: ignore[call-overload]
    "call on several": lambda: layers.Dense(2)([Input((3,)), Input((3,))]),
    "optimizer": lambda: optimizers.get(3),
    "learning rate": lambda: optimizers.SGD("fast"),  # type: ignore[arg-type]
    "learning rate as a text": lambda: optimizers.SGD("0.1"),  # type: ignore[arg-type]
    "loss": lambda: losses.get(3),
    "metric": lambda: metrics.get(3),
    "initializer": lambda: initializers.get(3),
    "regularizer": lambda: regularizers.get(3),
    "constraint": lambda: constraints.get(3),
    "configuration": lambda: constraints.get({"class_name": "MaxNorm", "config": 3}),
    "epochs": lambda: small_model().fit(X, Y, epochs="3", verbose=0),  # type: ignore[arg-type]
    "batch_size": lambda: small_model().fit(X, Y, batch_size=2.5, verbose=0),  # type: ignore[arg-type]
    "split": lambda: small_model().fit(X, Y, validation_split="0.1", verbose=0),  # type: ignore[arg-type]
    "validation_freq": lambda: small_model().fit(X, Y, validation_freq=2.5),  # type: ignore[arg-type]
    "no validation_freq": lambda: small_model().fit(X, Y, validation_freq=None),  # type: ignore[arg-type]
    "baseline": lambda: callbacks.EarlyStopping(baseline="0.5"),  # type: ignore[arg-type]
    "threshold": lambda: callbacks.ModelCheckpoint("m", initial_value_threshold="a"),  # type: ignore[arg-type]
    "separator": lambda: callbacks.CSVLogger("log.csv", ";;"),
    "class numbers": lambda: utils.to_categorical(["a"]),
    "seed": lambda: cnnfast.set_random_seed("a"),  # type: ignore[arg-type]
    "seed with a fraction": lambda: cnnfast.set_random_seed(1.5),  # type: ignore[arg-type]
    "threads": lambda: cnnfast.set_num_threads(2.5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arguments_are_value_errors(what: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as info:
        WRONG[what]()
    refusal(info.value)


# -- NumPy's numbers and arrays ----------------------------------------------------------------------------


def test_numbers_and_arrays_of_numpy_are_arguments() -> None:
    two, three = np.int64(2), np.array([3, 3])
    layer = layers.Conv2D(two, three, strides=np.array([1, 2]), padding=np.array([[0, 1], [1, 0]]))
    assert (layer.filters, layer.kernel_size, layer.strides) == (2, (3, 3), (1, 2))
    assert layer.padding == ((0, 1), (1, 0))
    assert all(type(size) is int for size in (layer.filters, *layer.kernel_size))
    assert layers.MaxPooling2D(np.array(2)).pool_size == (2, 2)
    assert Input(np.array([28, 28, 1])).shape == (None, 28, 28, 1)
    assert layers.Dense(np.int32(4), input_dim=np.uint8(3)).declared_shape == (3,)
    model = small_model()
    model.fit(X, Y, batch_size=np.int64(4), epochs=np.int64(1), verbose=0, initial_epoch=np.array(0))
    assert model.optimizer.iterations == 3
    for often in (np.int64(2), np.array([2]), {2}, (2,)):
        done = model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), validation_freq=often)
        assert len(done.history["val_loss"]) == 1
    assert callbacks.EarlyStopping(baseline=np.float32(0.5)).baseline == 0.5
    assert optimizers.SGD(np.float32(0.5), np.array(0.25)).get_config()["momentum"] == 0.25
    assert regularizers.L2(np.float64(0.5)) == regularizers.L2(0.5)
    assert ops.max_pool(X, np.array([2, 2])).shape == (12, 5, 4, 2)


# -- numbers that float32 does not hold --------------------------------------------------------------------

BEYOND: dict[str, Callable[[float], Any]] = {
    "l1": regularizers.L1,
    "l2": regularizers.L2,
    "l1 and l2": lambda value: regularizers.L1L2(0.1, value),
    "learning rate": optimizers.SGD,
    "epsilon": lambda value: optimizers.Adam(epsilon=value),
    "clipnorm": lambda value: optimizers.Adam(clipnorm=value),
    "clipvalue": lambda value: optimizers.SGD(clipvalue=value),
    "norm": constraints.MaxNorm,
    "norms": lambda value: constraints.MinMaxNorm(0.0, value),
    "set rate": lambda value: setattr(small_model().optimizer, "learning_rate", value),
    "constant": initializers.Constant,
    "deviation": lambda value: initializers.RandomNormal(stddev=value),
    "mean": lambda value: initializers.TruncatedNormal(value),
    "least": lambda value: initializers.RandomUniform(minval=value),
    "least change": lambda value: callbacks.EarlyStopping(min_delta=value),
}


@pytest.mark.parametrize("value", [1e300, 3.5e38, np.inf, np.nan, 10**400, 1j, "1", None, [1.0]])
@pytest.mark.parametrize("what", BEYOND)
def test_numbers_are_finite_in_float32(what: str, value: Any) -> None:
    if (value is None and what in ("clipnorm", "clipvalue")) or (value == [1.0] and what == "constant"):
        return
    with pytest.raises(ValueError, match=r"must be (a number|at least|finite)") as info:
        BEYOND[what](value)
    refusal(info.value)


@pytest.mark.parametrize("what", BEYOND)
def test_the_largest_number_of_float32_is_taken(what: str) -> None:
    BEYOND[what](float(np.finfo(np.float32).max))


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RepeatVector("3"),  # type: ignore[arg-type]
        lambda: layers.UpSampling1D(True),
        lambda: layers.Embedding(3.7, 2),  # type: ignore[arg-type]
        lambda: layers.LayerNormalization({"axis": -1}),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("error", [ValueError, TypeError])
def test_what_is_no_whole_number_is_of_a_wrong_type_too(make: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="must be a whole number, got"):
        make()


@pytest.mark.parametrize("wrong", ["yes", 1, None])
def test_trainable_is_yes_or_no(wrong: Any) -> None:
    with pytest.raises(ValueError, match="trainable must be True or False"):
        layers.Dense(2, trainable=wrong)


def test_optimizers_names_are_numbered() -> None:
    utils.clear_session()
    made = [optimizers.Adam(), optimizers.Adam(), optimizers.AdamW(), optimizers.Adam(name="mine")]
    assert [each.name for each in made] == ["adam", "adam_1", "adam_w", "mine"]
    again = optimizers.get(optimizers.serialize(made[1]))
    assert again.name == "adam_1"


def test_a_layer_without_training_may_be_told() -> None:
    class Twice(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.half = layers.Dropout(0.5, seed=3)

        def call(self, inputs: Any) -> Any:
            return 2.0 * self.half(inputs)

    x = np.ones((4, 50), np.float32)
    np.testing.assert_array_equal(Twice()(x, training=False), 2 * x)
    assert sorted(set(Twice()(x, training=True).ravel().tolist())) == [0.0, 4.0]
