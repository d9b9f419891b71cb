"""Building and loading take time in proportion to the layers."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cnnfast
from cnnfast import Input, Model, Sequential, layers

TURNS = 12  # the least of fewer is the weather's on a shared machine


def _chain(count: int) -> Any:
    model = Sequential([Input((8,))])
    for _ in range(count):
        model.add(layers.Dense(8))
    return model


def _functional(count: int) -> Any:
    source = value = Input((8,))
    shared = layers.Dense(8)
    for k in range(count):
        value = shared(value) if k % 2 else layers.Dense(8)(value)
    return Model(source, value)


def _seconds(*works: Callable[[], Any]) -> list[float]:
    """Processor times, the least of some, turn about: a machine's slow seconds fall on all of them.

    Without the collector, whose long passes come at their own times.
    """
    took: list[list[float]] = [[] for _ in works]
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(TURNS):
            for work, times in zip(works, took, strict=True):
                start = time.process_time()
                kept = work()
                times.append(time.process_time() - start)
                del kept
    finally:
        if enabled:
            gc.enable()
    return [min(times) for times in took]


def _ratio(work: Callable[[int], Any]) -> float:
    small, large = _seconds(lambda: work(1000), lambda: work(2000))
    assert small <= 0.5
    return large / small


def test_building() -> None:
    assert _ratio(lambda count: _chain(count).network) <= 2.3
    assert _ratio(lambda count: _functional(count).network) <= 2.3


def test_loading(tmp_path: Path) -> None:
    paths = {}
    for count in (1000, 2000):
        paths[count] = tmp_path / f"{count}.cnnfast"
        _chain(count).save(paths[count])
    assert _ratio(lambda count: cnnfast.models.load_model(paths[count])) <= 2.3
