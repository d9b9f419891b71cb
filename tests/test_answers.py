"""Answers: names that Keras has and the package lacks, typing errors, shapes the wrong way round."""

import importlib
from typing import Any

import numpy as np
import pytest
from support.nets import refusal

import cnnfast
from cnnfast import Input, Model, Sequential, layers
from cnnfast.utils.keras_names import INSTEAD, NAMES, NEAR

MODULES = [name for name in NAMES if name and hasattr(cnnfast, name)]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("layers.LSTM", ["Keras has it", "does not yet"]),
        ("layers.ConvLSTM2D", ["Keras has it"]),
        ("layers.Conv2d", ["did you mean 'Conv2D'"]),
        ("layers.Maxpool2D", ["did you mean 'MaxPool2D'"]),
        ("optimizers.ScheduleFreeAdamW", ["Keras has it"]),
        ("callbacks.RemoteMonitor", ["Keras has it"]),
        ("callbacks.EarlyStoping", ["did you mean 'EarlyStopping'"]),
        ("losses.Circl", ["did you mean 'Circle'"]),
        ("metrics.Precison", ["did you mean 'Precision'"]),
        ("initializers.STFT", ["Keras has it"]),
        ("utils.model_to_dot", ["Keras has it", "plot_model"]),
        ("ops.ctc_decode", ["Keras has it"]),
        ("datasets.imdb", ["Keras has it"]),
        ("quantizers", ["Keras has it"]),
        ("applications.ResNet101", ["Keras has it", "use ResNet50"]),
        ("applications.Resnet34", ["did you mean 'ResNet34'"]),
        ("Sequentail", ["did you mean 'Sequential'"]),
        ("activations.softmx", ["did you mean 'softmax'"]),
        ("ops.nn.softmx", ["did you mean 'softmax'"]),
        ("ops.linalg.eig", ["did you mean 'eigh'"]),
        ("ops.image.grid_sampel", ["did you mean 'grid_sample'"]),
        ("viz.plot_filter", ["did you mean 'plot_filters'"]),
        ("layers.Attention", ["use ops.dot_product_attention"]),
    ],
)
def test_missing_names_are_answered(path: str, words: list[str]) -> None:
    module, _, name = f"cnnfast.{path}".rpartition(".")
    with pytest.raises(AttributeError) as attribute:
        getattr(importlib.import_module(module), name)
    refusal(attribute.value, repr(module), repr(name), *words)
    with pytest.raises(ImportError) as wanted:
        exec(f"from {module} import {name}")
    assert str(wanted.value) == str(attribute.value)


def test_other_names_are_plainly_missing() -> None:
    for module in ("cnnfast", *(f"cnnfast.{name}" for name in MODULES)):
        for name in ("xyzzy", "__wrapped__", "_private"):
            assert not hasattr(importlib.import_module(module), name)
        with pytest.raises(AttributeError, match=rf"^module '{module}' has no attribute 'xyzzy'$"):
            importlib.import_module(module).xyzzy  # noqa: B018


@pytest.mark.parametrize("path", ["layers.TextVectorization", "layers.Masking", "ops.polar"])
def test_names_that_are_only_spelt_alike_are_not_advised(path: str) -> None:
    module, _, name = f"cnnfast.{path}".rpartition(".")
    with pytest.raises(AttributeError, match=r"Keras has it, cnnfast does not yet$"):
        getattr(importlib.import_module(module), name)


def test_submodules_are_still_imported() -> None:
    from cnnfast.models import registry, saving

    assert registry.__name__ == "cnnfast.models.registry"
    assert saving.__name__ == "cnnfast.models.saving"


@pytest.mark.parametrize("module", MODULES)
def test_the_table_of_names_speaks_of_this_package(module: str) -> None:
    """What it points to exists, and what the package has is not said to be missing."""
    here = getattr(cnnfast, module)
    for name in here.__all__:
        assert getattr(here, name) is not None
    theirs = {name for names in NAMES.values() for name in names.split()}
    assert {name for name in NEAR if name not in theirs} == set()
    assert all(text for text in INSTEAD.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"optimizer": "schedule_free_adamw"}, ["optimizer", "Keras has it"]),
        ({"optimizer": "adm"}, ["did you mean 'adam'"]),
        ({"loss": "circel"}, ["did you mean 'circle'"]),
        ({"loss": "sparse_categorical_cross_entropy"}, ["did you mean"]),
        ({"metrics": ["f1score"]}, ["did you mean 'f1_score'"]),
        ({"metrics": ["acuracy"]}, ["did you mean 'accuracy'"]),
    ],
)
def test_names_of_compile_are_answered(arguments: dict[str, Any], words: list[str]) -> None:
    model = Sequential([Input((2,)), layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match="unknown") as info:
        model.compile(**{"loss": "categorical_crossentropy", **arguments})
    refusal(info.value, *words)


def test_names_of_arguments_are_answered() -> None:
    for action, word in (
        (lambda: layers.Dense(2, activation="geluu"), "did you mean 'gelu'"),
        (lambda: layers.Activation("nothing"), "'hard_silu', .*'relu', .*'threshold'$"),
        (lambda: layers.Dense(2, kernel_initializer="stft"), "Keras has it"),
        (lambda: layers.Dense(2, kernel_regularizer="l3"), "known are"),
        (lambda: layers.Dense(2, kernel_regularizr="l2"), "did you mean 'kernel_regularizer'"),
        (lambda: layers.Flatten(foo=1), "Flatten has no argument 'foo'$"),
    ):
        with pytest.raises(ValueError, match=word):
            action()


@pytest.mark.parametrize(
    ("layer", "shape", "data_format", "right"),
    [
        (lambda f: layers.Conv2D(8, 3, data_format=f), (1, 28, 28), "channels_last", "(28, 28, 1)"),
        (lambda f: layers.Conv2D(8, 3, data_format=f), (28, 28, 1), "channels_first", "(1, 28, 28)"),
        (lambda f: layers.Conv1D(8, 4, data_format=f), (3, 100), "channels_last", "(100, 3)"),
        (lambda f: layers.Conv3D(8, 2, data_format=f), (1, 9, 8, 7), "channels_last", "(9, 8, 7, 1)"),
        (lambda f: layers.DepthwiseConv2D(3, data_format=f), (1, 28, 28), "channels_last", "(28, 28, 1)"),
        (lambda f: layers.SeparableConv2D(8, 3, data_format=f), (1, 28, 28), "channels_last", "(28, 28, 1)"),
        (lambda f: layers.MaxPooling2D(data_format=f), (1, 28, 28), "channels_last", "(28, 28, 1)"),
        (lambda f: layers.AveragePooling1D(data_format=f), (1, 28), "channels_last", "(28, 1)"),
    ],
)
def test_channels_at_the_wrong_end_are_suspected(
    layer: Any, shape: tuple[int, ...], data_format: str, right: str
) -> None:
    with pytest.raises(ValueError, match="channels") as info:
        layer(data_format)(Input(shape))
    other = "channels_first" if data_format == "channels_last" else "channels_last"
    refusal(info.value, right, f"data_format='{other}'")
    assert "padding" not in str(info.value)


def test_windows_that_are_too_large_either_way_are_told_as_before() -> None:
    with pytest.raises(ValueError, match="smaller window"):
        layers.Conv2D(8, 30)(Input((28, 28, 1)))
    assert layers.Conv2D(8, 3, padding="same")(Input((1, 28, 28))).shape == (None, 1, 28, 8)


def test_the_first_axis_of_a_shape_to_build_is_the_batch() -> None:
    model = Sequential([layers.Flatten(), layers.Dense(2)])
    model.build((32, 4, 4))
    assert model.layers[1].kernel.shape == (16, 2)
    for shape in ((None, 3), (7, 3), [None, 3], np.array([5, 3])):
        layer = layers.Dense(2)
        layer.build(shape)
        assert layer.kernel.shape == (3, 2)
    assert layers.Conv2D(8, 3).compute_output_shape((None, 28, 28, 1)) == (None, 26, 26, 8)
    assert layers.Conv2D(8, 3).compute_output_shape((32, 28, 28, 1)) == (32, 26, 26, 8)
    with pytest.raises(ValueError, match="Dense needs an axis of features, got one number a row"):
        layers.Dense(2).build((3,))
    for wrong in ((), 3, None, (None, None), (0, 3), ("a", 3)):
        with pytest.raises(ValueError, match="input_shape"):
            layers.Dense(2).build(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("built", [True, False])
def test_what_is_no_array_is_answered(built: bool) -> None:
    """Nothing at all, and what makes batches of nothing."""
    model = Sequential([*([Input((4,))] if built else []), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"^x must be an array or a list, got None$"):
        model.fit()
    with pytest.raises(ValueError, match="there is no batch"):
        model.fit(iter(()))


def test_an_input_has_one_shape() -> None:
    for arguments in ({"shape": (3,), "batch_shape": (None, 4)}, {"batch_size": 5, "batch_shape": (None, 4)}):
        with pytest.raises(ValueError, match="batch_shape in place of"):
            Input(**arguments)  # type: ignore[arg-type]
    assert Input(batch_shape=(None, 4)).shape == (None, 4)


def test_an_input_may_tell_its_batch() -> None:
    for source in (Input((4,), 2), Input(batch_shape=(2, 4))):
        model = Model(source, layers.Dense(3)(source))
        assert (model.input_shape, model.output_shape) == ((2, 4), (2, 3))
        again = Model.from_config(model.get_config())
        assert again.output_shape == (2, 3)
        assert again.predict(np.ones((5, 4)), verbose=0).shape == (5, 3)
    with pytest.raises(ValueError, match="batch_size must be"):
        Input((4,), 0)


def test_an_input_may_be_given_any_numbers() -> None:
    for dtype in ("uint8", "int32", np.int64, bool, "float64"):
        model = Sequential([Input((2,), dtype=dtype), layers.Identity()])
        x = np.ones((3, 2), dtype)
        np.testing.assert_array_equal(model.predict(x, verbose=0), x.astype(np.float32))
    for dtype in ("complex64", "U5", "numbers"):
        with pytest.raises(ValueError, match="must be one of numbers"):
            Input((2,), dtype=dtype)
