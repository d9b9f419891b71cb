"""Sequential and Model as in Keras: history, splits, seeds, evaluation, weights, callbacks, interruption."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from reference import losses as reference
from reference.conv import conv
from reference.dense import activation, dense
from reference.pool import max_pool
from support.models import images, same_bits, small_model

import cnnfast
from cnnfast import Input, Model, Sequential, callbacks, config, layers
from cnnfast.models.receptive import WHOLE, receptive_fields

X, Y = images(90)


def test_history() -> None:
    model = small_model()
    history = model.fit(X, Y, batch_size=16, epochs=3, validation_split=0.2, verbose=0)
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert history.epoch == [0, 1, 2]
    for values in history.history.values():
        assert len(values) == 3
        assert all(isinstance(value, float) for value in values)
    assert model.history is history
    # The last 18 samples were held back, and validation is evaluation.
    loss, accuracy = model.evaluate(X[72:], Y[72:], batch_size=16, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(loss, rel=1e-6)
    assert history.history["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-6)


def test_validation_data_and_split_agree() -> None:
    one = small_model()
    split = one.fit(X, Y, epochs=2, validation_split=0.3, verbose=0)
    two = small_model()
    at = int(len(X) * (1 - 0.3))
    given = two.fit(X[:at], Y[:at], epochs=2, validation_data=(X[at:], Y[at:]), verbose=0)
    assert split.history == given.history
    assert same_bits(one.get_weights(), two.get_weights())


def test_history_is_the_mean_over_samples() -> None:
    """With a learning rate of 0 the epoch's loss is the data's, though the last batch is smaller."""
    model = small_model(dropout=0.0, optimizer=cnnfast.optimizers.SGD(0.0))
    history = model.fit(X, Y, batch_size=32, verbose=0).history
    loss, accuracy = model.evaluate(X, Y, batch_size=90, verbose=0)
    assert history["loss"] == [pytest.approx(loss, rel=1e-5)]
    assert history["accuracy"] == [pytest.approx(accuracy, rel=1e-5)]


def test_training_learns() -> None:
    model = small_model(dropout=0.0)
    history = model.fit(X, Y, epochs=25, batch_size=16, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    fresh = images(100, seed=5)
    assert model.evaluate(*fresh, verbose=0)[1] > 0.8


def test_shuffling_is_seeded() -> None:
    def losses(seed: int, shuffle: bool) -> list[float]:
        seen: list[float] = []
        listen = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
        model = small_model(1, dropout=0.0)
        cnnfast.set_random_seed(seed)  # after the weights are made: only the order of samples follows from it
        model.compile(cnnfast.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=shuffle, verbose=0, callbacks=[listen])
        return seen

    assert losses(3, True) == losses(3, True)
    assert losses(3, True) != losses(4, True)
    plain = losses(3, False)
    assert plain[:9] == plain[9:], "without shuffling all epochs see the same batches"
    shuffled = losses(3, True)
    assert shuffled[:9] != shuffled[9:], "each epoch has an order of its own"


def test_predict() -> None:
    model = small_model()
    expected = model.predict_on_batch(X)
    for batch_size in (1, 7, 32, 1000):
        got = model.predict(X, batch_size=batch_size, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X, batch_size=90, verbose=0), expected)
    np.testing.assert_array_equal(model(X), expected)
    assert expected.shape == (90, 4)
    np.testing.assert_allclose(expected.sum(1), 1, rtol=1e-6)


def test_results_do_not_alias() -> None:
    """An output or a weight in the user's hands is not changed by what the model does next."""
    model = small_model()
    out, weights = model.predict_on_batch(X), model.get_weights()
    copies = [out.copy(), *(w.copy() for w in weights)]
    model.predict_on_batch(X * 2)
    model.train_on_batch(X, Y)
    assert same_bits([out, *weights], copies)


def _oracle(model: Any, x: np.ndarray) -> np.ndarray:
    kernel, bias, head, head_bias = model.get_weights()
    features = max_pool(activation("relu", conv(x, kernel, bias=bias)), 2)
    return activation("softmax", dense(features.reshape(len(x), -1), head, head_bias))


def test_evaluate_against_the_oracle() -> None:
    model = small_model(metrics=["accuracy", cnnfast.metrics.SparseTopKCategoricalAccuracy(k=2, name="top")])
    out = _oracle(model, X)
    np.testing.assert_allclose(model.predict(X, verbose=0), out, rtol=0, atol=1e-6)
    expected = [-np.log(out[np.arange(90), Y]).mean(), reference.accuracy(out, Y)]
    expected.append(reference.top_k_accuracy(out, Y, 2))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-5)
    named = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert named == pytest.approx(dict(zip(["loss", "accuracy", "top"], expected, strict=True)), rel=1e-5)
    assert model.metrics_names == ["loss", "accuracy", "top"]
    alone = small_model(metrics=None)
    assert alone.evaluate(X, Y, verbose=0) == pytest.approx(expected[0], rel=1e-5)


def test_train_on_batch_is_a_step_of_fit() -> None:
    one = small_model()
    one.fit(X, Y, batch_size=90, shuffle=False, verbose=0)
    two = small_model()
    two.train_on_batch(X, Y)
    assert same_bits(one.get_weights(), two.get_weights())
    assert two.optimizer.iterations == 1


def test_weights() -> None:
    model = small_model()
    assert [w.shape for w in model.get_weights()] == [(3, 3, 2, 6), (6,), (72, 4), (4,)]
    assert model.count_params() == 114 + 292
    new = [np.full(w.shape, k, np.float32) for k, w in enumerate(model.get_weights())]
    model.set_weights(new)
    assert same_bits(model.get_weights(), new)
    assert (model.get_layer("head").bias.numpy() == 3).all()
    model.get_layer("conv").set_weights([np.ones((3, 3, 2, 6)), np.zeros(6)])
    assert (model.get_weights()[0] == 1).all()
    for bad in (new[:3], [*new[:3], np.ones(5)], [new[1], new[0], *new[2:]]):
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"shape|weights|arrays"):
            model.set_weights(bad)
        assert same_bits(before, model.get_weights())


def test_initial_weights() -> None:
    one, two, other = small_model(1), small_model(1), small_model(2)
    assert same_bits(one.get_weights(), two.get_weights())
    assert not same_bits(one.get_weights(), other.get_weights())
    kernel, bias, head, _ = one.get_weights()
    assert not bias.any()
    limit = np.sqrt(6 / (72 + 4))  # Glorot
    assert 0.8 * limit < np.abs(head).max() <= limit
    assert np.abs(kernel).max() <= np.sqrt(6 / (9 * 2 + 9 * 6))


def test_frozen_layer() -> None:
    model = small_model()
    model.get_layer("conv").trainable = False
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    after = model.get_weights()
    assert same_bits(before[:2], after[:2])
    assert not same_bits(before[2:], after[2:])
    assert len(model.trainable_weights) == 2
    assert len(model.non_trainable_weights) == 2


def test_early_stopping() -> None:
    model = small_model(dropout=0.0, optimizer=cnnfast.optimizers.SGD(0.0))
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=2)
    history = model.fit(X, Y, epochs=20, validation_split=0.2, verbose=0, callbacks=[stop])
    assert len(history.history["loss"]) == 3, "the first epoch is the best; two more are waited for"


def test_early_stopping_restores_the_best_weights() -> None:
    model = small_model(dropout=0.0)
    kept: list[list[np.ndarray]] = []
    script = iter([1.0, 0.5, 0.9, 0.8])

    class Spoil(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            assert logs is not None
            logs["val_loss"] = next(script)
            kept.append(self.model.get_weights())

    stop = callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    model.fit(X, Y, epochs=9, validation_split=0.2, verbose=0, callbacks=[Spoil(), stop])
    assert len(kept) == 4
    assert same_bits(model.get_weights(), kept[1])


def test_interruption_leaves_a_usable_model() -> None:
    """Ctrl-C in the middle of an epoch: what was trained stays, and everything can go on."""
    model = small_model()

    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            if batch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=10, verbose=0, callbacks=[Interrupt()])
    assert model.optimizer.iterations == 3
    assert np.isfinite(model.predict(X, verbose=0)).all()
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


def test_functional_model_with_a_shortcut() -> None:
    inputs = Input((10, 9, 2))
    trunk = layers.Conv2D(5, 3, padding="same", activation="relu")(inputs)
    branch = layers.Conv2D(5, 3, padding="same")(trunk)
    joined = layers.Activation("relu")(layers.Add()([branch, trunk]))
    model = Model(inputs, layers.Dense(3)(layers.Flatten()(joined)))
    k0, b0, k1, b1, head, head_bias = model.get_weights()
    first = activation("relu", conv(X, k0, padding="same", bias=b0))
    second = activation("relu", conv(first, k1, padding="same", bias=b1) + first)
    expected = dense(second.reshape(len(X), -1), head, head_bias)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=0, atol=2e-5)
    model.compile("sgd", "mse")
    before = model.evaluate(X, expected + 1, verbose=0)
    assert before == pytest.approx(1.0, abs=1e-3)
    assert model.fit(X, expected + 1, epochs=3, verbose=0).history["loss"][-1] < before


def test_layers_on_arrays() -> None:
    cnnfast.set_random_seed(0)
    layer = layers.Conv2D(4, 3, activation="tanh")
    out = layer(X)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(out, np.tanh(conv(X, kernel, bias=bias)), rtol=0, atol=1e-6)
    assert layers.Flatten()(X).shape == (90, 180)
    np.testing.assert_array_equal(layers.MaxPooling2D()(X), max_pool(X, 2).astype(np.float32))
    np.testing.assert_array_equal(layers.Dropout(0.5)(X), X)


def test_data_formats_agree() -> None:
    """The same weights on the same picture in either format."""

    def make(data_format: str, shape: tuple[int, ...]) -> Sequential:
        return Sequential(
            [
                Input(shape),
                layers.Conv2D(7, 3, padding="same", activation="relu", data_format=data_format),
                layers.AveragePooling2D(2, data_format=data_format),
                layers.Flatten(data_format=data_format),
                layers.Dense(3),
            ]
        )

    last, first = make("channels_last", (10, 9, 2)), make("channels_first", (2, 10, 9))
    first.set_weights(last.get_weights())
    got = first.predict(np.moveaxis(X, -1, 1), verbose=0)
    np.testing.assert_allclose(got, last.predict(X, verbose=0), rtol=0, atol=1e-6)


def test_default_data_format(image_data_format: Any) -> None:
    image_data_format("channels_first")
    assert layers.Conv2D(7, 3)(Input((2, 10, 9))).shape == (None, 7, 8, 7)
    image_data_format("channels_last")
    assert layers.Conv2D(7, 3)(Input((10, 9, 2))).shape == (None, 8, 7, 7)


def test_summary() -> None:
    lines: list[str] = []
    small_model().summary(print_fn=lines.append)
    text = "\n".join(lines)
    for part in ("conv", "pool", "dropout", "flatten", "head", "(None, 8, 7, 6)", "(None, 72)", "292", "406"):
        assert part in text


def test_summary_of_nested_models() -> None:
    inner = Sequential([Input((32, 32, 3)), layers.Conv2D(8, 3, strides=2), layers.ReLU()], name="inner")
    inner.trainable = False
    model = Sequential([inner, layers.Conv2D(4, 3, dilation_rate=2), layers.Flatten(), layers.Dense(2)])
    lines: list[str] = []
    model.summary(expand_nested=True, print_fn=lines.append)
    assert "Receptive Field" in lines[1]
    inside = next(line for line in lines if line.startswith("  conv2d"))
    assert "3 x 3" in inside
    assert inside.endswith(" no")
    shallow: list[str] = []
    model.summary(print_fn=shallow.append)
    assert len(lines) == len(shallow) + 2


_SHRINKING = [
    layers.Conv2D(2, 3, strides=2, kernel_initializer="ones"),
    layers.AveragePooling2D(2),
    layers.DepthwiseConv2D((3, 1), dilation_rate=2, depthwise_initializer="ones"),
]
_ENLARGING = [
    layers.Conv2DTranspose(2, 3, strides=2, kernel_initializer="ones"),
    layers.UpSampling2D(2),
    layers.Conv2D(1, 2, kernel_initializer="ones"),
]


@pytest.mark.parametrize(("several", "exact"), [(_SHRINKING, True), (_SHRINKING + _ENLARGING, False)])
def test_receptive_fields(several: list[Any], exact: bool) -> None:
    """Against the pixels that have a gradient; behind what enlarges images it is a bound."""
    model = Sequential([Input((60, 60, 2)), *several])
    told = [size for size, _ in receptive_fields(model.blueprint)[-1] or ()]
    seen = []
    for at in range(4, 8):
        slopes = model.gradients(np.ones((1, 60, 60, 2)), output=partial(_pixel, at))[0, :, :, 0]
        seen.append([int(np.ptp(np.flatnonzero(slopes.any(axis)))) + 1 for axis in (1, 0)])
    most = np.max(seen, 0)
    assert (most == told).all() if exact else ((most <= told) & (most + 2 >= told)).all()


def test_receptive_fields_of_whole_images() -> None:
    whole = Sequential([Input((9, 9, 1)), layers.Conv2D(1, 3), layers.GlobalAveragePooling2D(keepdims=True)])
    assert receptive_fields(whole.blueprint)[-1] == WHOLE
    flat = Sequential([Input((9,)), layers.Dense(2)])
    assert receptive_fields(flat.blueprint) == [None, None]


def _pixel(at: int, images: Any) -> Any:
    return images[:, at, at, 0]


@pytest.mark.parametrize("called", [False, True])
def test_shape_errors_tell_the_way(called: bool) -> None:
    several = [layers.Conv2D(8, 3, name="a"), layers.MaxPooling2D(8, name="b"), layers.Conv2D(8, 7, name="c")]

    class Called(Model):
        def call(self, inputs: Any) -> Any:
            for layer in several:
                inputs = layer(inputs)
            return inputs

    way = r"^c: .* larger input\. Shapes up to there: .*a \(30, 30, 8\) -> b \(3, 3, 8\)$"
    model = Called() if called else Sequential(several)
    with pytest.raises(ValueError, match=way):
        model.build((None, 32, 32, 3))


def test_metric_names_follow_the_user() -> None:
    model = small_model(metrics=["acc"])
    history = model.fit(X, Y, validation_split=0.5, verbose=0).history
    assert set(history) == {"loss", "acc", "val_loss", "val_acc"}


def test_multiply_adds() -> None:
    model = Sequential(
        [
            Input((8, 8, 16)),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.Conv2DTranspose(5, 3, strides=2),
            layers.Conv2D(8, 3, groups=1),
            layers.Conv2D(8, 1, groups=4),
            layers.SeparableConv2D(4, 3),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    transposed, full, grouped = 6 * 6 * 32 * 9 * 5, 11 * 11 * 8 * 9 * 5, 11 * 11 * 8 * 2
    separable = 9 * 9 * 8 * 9 + 9 * 9 * 8 * 4
    expected = [0, 6 * 6 * 32 * 9, transposed, full, grouped, separable, 0, 324 * 3]
    assert [node.multiply_adds for node in model.blueprint.nodes] == expected


def test_metrics_of_the_model() -> None:
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=[cnnfast.metrics.MeanSquaredError()])
    assert [type(metric).__name__ for metric in model.metrics] == ["MeanAbsoluteError", "MeanSquaredError"]
    model.metrics[1].update_state([[1.0]], [[3.0]])
    assert float(model.metrics[1].result()) == 4.0
    model.reset_metrics()
    assert float(model.metrics[1].result()) == 0.0


def test_limits_of_all_fits() -> None:
    """Epochs and batches are at most as many as the process was told, whatever a script says."""
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        config.set_max_epochs(2)
        assert model.fit(x, x[:, :1], epochs=5, verbose=0).epoch == [0, 1]
        assert model.fit(x, x[:, :1], epochs=1, verbose=0).epoch == [0]
        config.set_max_steps_per_epoch(3)
        before = model.network.step
        model.fit(x, x[:, :1], batch_size=2, epochs=1, verbose=0)
        assert model.network.step == before + 3
        assert len(model.predict(x, batch_size=2, verbose=0)) == 6
        assert model.evaluate(x, x[:, :1], batch_size=2, verbose=0) == pytest.approx(
            model.evaluate(x[:6], x[:6, :1], batch_size=2, verbose=0)
        )
        with pytest.raises(ValueError, match="max_epochs must be at least 1"):
            config.set_max_epochs(0)
    finally:
        config.set_max_epochs(None)
        config.set_max_steps_per_epoch(None)
    assert len(model.fit(x, x[:, :1], epochs=5, verbose=0).epoch) == 5


def test_metrics_with_and_without_weights_are_told_apart() -> None:
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    y, weights = np.zeros((8, 1)), np.arange(8.0)
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae", "mse"])
    errors = np.abs(model.predict(x, verbose=0))[:, 0]
    names = ["loss", "mae", "weighted_mae", "mse"]
    assert model.metrics_names == names
    told = model.train_on_batch(x, y, sample_weight=weights, return_dict=True)
    assert list(told) == names
    assert told["mae"] == pytest.approx(errors.mean(), rel=1e-5)
    assert told["weighted_mae"] == pytest.approx((errors * weights).sum() / weights.sum(), rel=1e-5)
    assert list(model.fit(x, y, sample_weight=weights, verbose=0).history) == names


def test_summary_of_some_layers() -> None:
    model = cnnfast.Sequential([cnnfast.Input((4,)), *(layers.Dense(3, name=f"d{i}") for i in range(4))])
    lines: list[str] = []
    model.summary(print_fn=lines.append, layer_range=["d1", "d[12]"])
    assert [name for name in ("d0", "d1", "d2", "d3") if any(f"{name} (" in line for line in lines)] == [
        "d1",
        "d2",
    ]
    assert any("Total params: 51" in line for line in lines)  # of all
    for wrong, words in (
        (["d1"], "two names"),
        ([1, 2], "two names"),
        (["d1", "x"], "no layer's name .* 'x'"),
    ):
        with pytest.raises(ValueError, match=words):
            model.summary(layer_range=wrong)  # type: ignore[arg-type]


def test_a_chain_that_knows_its_shape_is_built() -> None:
    cnnfast.Sequential([cnnfast.Input((4,)), layers.Dense(3)]).build()
    with pytest.raises(ValueError, match="shape"):
        cnnfast.Sequential([layers.Dense(3)]).build()


def test_a_chain_that_knows_its_shape_refuses_another() -> None:
    model = cnnfast.Sequential([layers.Dense(3)])
    model.build((None, 4))
    model.build((None, 4))
    with pytest.raises(ValueError, match=r"takes samples of shape \(4,\), got \(5,\)"):
        model.build((None, 5))
