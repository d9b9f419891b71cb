"""Building and loading take time in proportion to the layers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.timing import least_seconds

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


def _check(work: Callable[[int], Any]) -> None:
    def holds(least: list[float]) -> bool:
        small, large = least
        return small <= 0.5 and large <= 2.3 * small

    least = least_seconds(lambda: work(1000), lambda: work(2000), until=holds)
    assert holds(least), least


def test_building() -> None:
    _check(lambda count: _chain(count).network)
    _check(lambda count: _functional(count).network)


def test_loading(tmp_path: Path) -> None:
    paths = {}
    for count in (1000, 2000):
        paths[count] = tmp_path / f"{count}.cnnfast"
        _chain(count).save(paths[count])
    _check(lambda count: cnnfast.models.load_model(paths[count]))
