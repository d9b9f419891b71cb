"""Every optional pass can be left out, alone or with all the others, and results agree."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.nets import (
    Twin,
    adam,
    classic_cnn,
    get_weights,
    hourglass_cnn,
    mlp,
    refusal,
    residual_cnn,
    small_cnn,
    volume_cnn,
)

from cnnfast import _core

MAKERS: dict[str, Callable[[int], Twin]] = {
    make.__name__: make for make in (classic_cnn, small_cnn, residual_cnn, volume_cnn, hourglass_cnn, mlp)
}
BATCH = 18
CUT_BATCH = 32  # whole micro-batches


def _results(make: Callable[[int], Twin], disabled: tuple[str, ...]) -> list[np.ndarray]:
    twin = make(BATCH)
    for name in disabled:
        twin.network.disable_pass(name)
    labels = np.arange(BATCH, dtype=np.int32) % twin.classes
    results = [twin.network.predict(twin.x)]
    grad_x, grads = twin.network.vjp(twin.x, np.ones((BATCH, twin.classes), np.float32))
    results += [grad_x, *grads]
    twin.network.configure("sparse_categorical_crossentropy", True, ["accuracy"], adam())
    losses = [twin.network.train_step(twin.x, labels) for _ in range(3)]
    return [*results, np.array(losses), *get_weights(twin.network, len(twin.reference.weights))]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("disabled", [(name,) for name in _core.PASSES] + [_core.PASSES], ids=str)
def test_without(disabled: tuple[str, ...], make: Callable[[int], Twin], isa: str) -> None:
    for got, ref in zip(_results(make, disabled), _results(make, ()), strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=2e-5 * max(1.0, float(np.abs(ref).max())))


def test_there_are_passes() -> None:
    assert len(_core.PASSES) >= 2
    assert len(set(_core.PASSES)) == len(_core.PASSES)


def test_a_pass_left_out_changes_the_plan() -> None:
    """Otherwise the comparison above would compare a program with itself."""

    def plans(*disabled: str) -> list[Any]:
        found = []
        for make in MAKERS.values():
            twin = make(BATCH)
            for name in disabled:
                twin.network.disable_pass(name)
            for batch in (BATCH, CUT_BATCH):
                found += [twin.network.plan(batch, "predict"), twin.network.memory(batch, "predict")]
        return found

    # These networks have no normalizations, formulas, concatenations and means of 1x1 convolutions: the tests
    # of these leave out their passes.
    others = ["fold_norm", "merge_formulas", "fuse_formula", "pool_before_conv", "place_inside"]
    assert [name for name in _core.PASSES if plans(name) == plans()] == others


def test_unknown_pass() -> None:
    with pytest.raises(ValueError, match="unroll") as info:
        mlp(1).network.disable_pass("unroll")
    refusal(info.value, "unroll", *_core.PASSES)


def test_unknown_algorithm() -> None:
    twin = small_cnn(2)
    with pytest.raises(ValueError, match="winograd_9000") as info:  # noqa: PT012
        twin.network.force_algorithm("conv2d", "winograd_9000")
        twin.network.predict(twin.x)
    refusal(info.value, "winograd_9000")


def test_plan_says_what_runs() -> None:
    twin = residual_cnn(4)
    steps = twin.network.plan(4, "predict")
    assert {"name", "op", "direction", "algorithm"} <= set(steps[0])
    convolutions = [step for step in steps if step["op"] == "conv2d" and step["direction"] == "forward"]
    assert len(convolutions) == 3
    assert all(step["algorithm"] in ("lanes", "blocked", "winograd", "winograd_f2") for step in convolutions)
    assert not any("grad" in step["direction"] for step in steps)
    assert all(step["tasks"] >= 1 for step in steps)


def test_every_isa_is_available_and_can_be_set(isa: str) -> None:
    assert _core.get_isa() == isa


def test_machine_isas_are_in_the_build() -> None:
    from support.machine import expected_isas

    assert expected_isas() == set(_core.available_isas())


def test_unknown_isa() -> None:
    with pytest.raises(ValueError, match="mmx") as info:
        _core.set_isa("mmx")
    refusal(info.value, "mmx", *_core.available_isas())


def test_plan_names_refusals() -> None:
    graph = _core.Graph()
    src = graph.input((9, 9, 4), "input")
    conv = graph.conv(src, 6, (3, 3), (1, 1), "valid", (1, 1), 2, True, "channels_last", "grouped")
    steps = _core.Network(graph, conv).plan(1, "predict")
    assert [s["algorithm"] for s in steps if s["direction"] == "forward" and s["op"] == "conv2d"] == ["lanes"]
    assert any("blocked: a group must have a multiple of 16 channels" in s["refused"] for s in steps)
