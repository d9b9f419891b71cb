"""Building and loading take time in proportion to the layers."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cnnfast
from cnnfast import Input, Model, Sequential, layers


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


def _seconds(work: Callable[[], Any]) -> float:
    """Processor time, the least of some; without the collector, whose long passes come at their own times."""
    took = []
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(5):
            start = time.process_time()
            kept = work()
            took.append(time.process_time() - start)
            del kept
    finally:
        if enabled:
            gc.enable()
    return min(took)


def _ratio(work: Callable[[int], Any]) -> float:
    small = _seconds(lambda: work(1000))
    assert small <= 0.5
    return _seconds(lambda: work(2000)) / small


def test_building() -> None:
    assert _ratio(lambda count: _chain(count).network) <= 2.3
    assert _ratio(lambda count: _functional(count).network) <= 2.3


def test_loading(tmp_path: Path) -> None:
    paths = {}
    for count in (1000, 2000):
        paths[count] = tmp_path / f"{count}.cnnfast"
        _chain(count).save(paths[count])
    assert _ratio(lambda count: cnnfast.models.load_model(paths[count])) <= 2.3
