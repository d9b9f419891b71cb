"""The profile of a run: what adds up, what it counts, what it leaves alone."""

from collections.abc import Callable

import numpy as np
import pytest
from support.models import images, same_bits, small_model
from support.nets import refusal

import cnnfast
from cnnfast import _core, layers

BATCH = 64


def wide_model() -> "cnnfast.Sequential":
    """Large enough that starting and ending a run do not show."""
    model = cnnfast.Sequential(
        [
            cnnfast.Input((32, 32, 3)),
            layers.Conv2D(32, 3, activation="relu", name="first"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(32, 3, activation="relu", name="second"),
            layers.Flatten(name="flat"),
            layers.Dense(10, activation="softmax", name="head"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
    return model


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(BATCH, 32, 32, 3)).astype(np.float32), rng.integers(0, 10, BATCH)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("training", [False, True])
def test_rows_add_up_to_the_whole(count: int, training: bool, threads: Callable[[int], None]) -> None:
    """Both are of one run: a busy machine slows them alike, but for an interruption between two clocks."""
    threads(count)
    model, (x, y) = wide_model(), batch()
    shares = []
    for _ in range(5):
        profile = model.profile(x, y if training else None, training=training, runs=1)
        assert profile.threads == count
        shares.append(sum(row.seconds for row in profile.rows) / profile.seconds)
        assert shares[-1] <= 1
    assert max(shares) > 0.95


def test_counts_of_a_training_step(isa: str) -> None:
    x, y = batch()
    model = wide_model()
    profile = model.profile(x, y, training=True, runs=1)
    rows = {(row.layer, row.direction): row for row in profile.rows}
    assert len(rows) == len(profile.rows)
    flops = {"first": 2 * 30 * 30 * 32 * 9 * 3, "second": 2 * 13 * 13 * 32 * 9 * 32, "head": 2 * 5408 * 10}
    for layer, each in flops.items():
        for direction in ("forward", "backward data", "backward weights"):
            if (layer, direction) == ("first", "backward data"):
                assert (layer, direction) not in rows  # nobody asks for the gradient of the samples
                continue
            row = rows[layer, direction]
            assert row.flops == BATCH * each
            assert row.gflops == pytest.approx(row.flops / row.seconds / 1e9)
            assert row.share_of_peak == pytest.approx(row.gflops * 1e9 / profile.peak / profile.threads)
            assert row.algorithm
    assert rows["flat", "forward"].flops == 0
    weights = sum(w.size for w in model.get_weights())
    plan = model.network.plan(BATCH, "train")
    packed = sum(step["bytes"] for step in plan if step["direction"] == "pack weights")
    assert packed > 4 * model.get_weights()[0].size
    gradients = BATCH // 16  # of micro-batches; Adam keeps two moments
    moved = 4 * (gradients + 3) * weights
    assert rows["optimizer", "update"].bytes == pytest.approx(moved + packed, rel=1e-3)
    assert rows["head", "forward"].bytes >= 4 * (BATCH * 5418 + 5408 * 10)
    assert {row.bound for row in profile.rows} <= {"arithmetic", "memory", "overhead"}


def test_prediction_leaves_packing_out() -> None:
    """Weights are prepared once for many predictions: it is no part of one."""
    directions = {row.direction for row in wide_model().profile(batch()[0], runs=1).rows}
    assert "forward" in directions
    assert "pack weights" not in directions
    assert not any(direction.startswith("backward") for direction in directions)


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_training_changes_nothing(momentum: float | None) -> None:
    optimizer = "adam" if momentum is None else cnnfast.optimizers.SGD(0.1, momentum)
    net, twin = small_model(optimizer=optimizer), small_model(optimizer=optimizer)
    x, y = images(20)
    for each in (net, twin):
        each.train_on_batch(x, y)
    net.profile(x, y, training=True, runs=3)
    net.profile(x)
    assert same_bits(net.get_weights(), twin.get_weights())
    assert same_bits(
        list(net.network.optimizer_state().values()), list(twin.network.optimizer_state().values())
    )
    assert net.network.step == twin.network.step == 1
    assert same_bits([net.predict(x, verbose=0)], [twin.predict(x, verbose=0)])
    for each in (net, twin):
        each.train_on_batch(x, y)
    assert same_bits(net.get_weights(), twin.get_weights())


def test_table() -> None:
    profile = wide_model().profile(batch()[0])
    lines = str(profile).splitlines()
    assert lines[0].split()[:2] == ["Layer", "Direction"]
    assert len(lines) == len(profile.rows) + 5
    for line, row in zip(lines[2:], profile.rows, strict=False):
        assert line.startswith(row.layer)
        assert row.bound in line
    assert "GFLOP/s" in lines[-1]


def test_the_share_of_peak_is_believable(threads: Callable[[int], None]) -> None:
    """The exact class does every operation that is counted, so none can be above the peak.

    Neighbours may leave between a layer's turn and the peak's, so that five profiles must all be wrong.
    """
    threads(1)
    cnnfast.set_precision("exact")
    model = wide_model()

    def shares() -> list[float]:
        rows = model.profile(batch()[0], runs=10).rows
        return [row.share_of_peak for row in rows if row.layer in ("first", "second") and row.flops]

    try:
        found = [shares() for _ in range(5)]
    finally:
        cnnfast.set_precision("default")
    assert all(len(each) == 2 for each in found)
    assert any(all(0.01 < share < 1.1 for share in each) for each in found), found


def test_machine_is_measured_once(isa: str) -> None:
    flops, bandwidth = _core.measured_machine()
    assert 1e8 < flops < 1e12
    assert 1e8 < bandwidth < 1e12
    assert _core.measured_machine() == (flops, bandwidth)


def test_measuring_changes_no_plan() -> None:
    """A plan follows from shapes, or from a file: never from what a process happened to measure."""
    before = wide_model().network.plan(4, "predict")
    _core.measured_machine()
    assert _core.get_tuning() == ({}, {})
    plan = wide_model().network.plan(4, "predict")
    assert [s["algorithm"] for s in plan] == [s["algorithm"] for s in before]


def test_bad_arguments() -> None:
    x, y = batch()
    model = wide_model()
    for arguments in ({"y": y}, {"training": True}):
        with pytest.raises(ValueError, match="needs labels") as info:
            model.profile(x, **arguments)
        refusal(info.value, "labels", "training=True")
    with pytest.raises(ValueError, match="runs"):
        model.profile(x, runs=0)
    with pytest.raises(ValueError, match="shape"):
        model.profile(x[:, :3])
    bare = cnnfast.Sequential([cnnfast.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="compile"):
        bare.profile(np.zeros((1, 4), "f"), np.zeros((1, 2), "f"), training=True)
