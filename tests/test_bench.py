"""The benchmarks' own machinery: a reference that is right, and a driver that does not time wrong engines."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.compare import driver, networks, reference, report
from bench.compare.driver import Measurement, Workload

PARAMETERS = {"lenet5": 61_706, "mnist_cnn": 59_933, "mnist_mlp": 623_290, "cifar_cnn": 122_570}


@pytest.mark.parametrize("name", networks.NAMES)
def test_shapes_are_the_known_networks(name: str) -> None:
    net = networks.load(name)
    assert sum(w.size for w in networks.he_weights(net, seed=0)) == PARAMETERS[name]
    assert networks.shapes(net)[-1] == (networks.CLASSES,)


@pytest.mark.parametrize("name", ["lenet5", "mnist_cnn"])
def test_reference_gradient_is_the_numerical_gradient(name: str) -> None:
    net = networks.without_dropout(networks.load(name))
    weights = [w.astype(np.float64) for w in networks.he_weights(net, seed=3)]
    x, y = networks.samples(net, 2, seed=4)
    gradients = reference.gradients(net, weights, x, y)[1]
    rng = np.random.default_rng(5)
    for w, gradient in zip(weights, gradients, strict=True):
        at = tuple(rng.integers(0, n) for n in w.shape)
        before, step = w[at], 1e-6
        w[at] = before + step
        higher = reference.gradients(net, weights, x, y)[0]
        w[at] = before - step
        lower = reference.gradients(net, weights, x, y)[0]
        w[at] = before
        assert gradient[at] == pytest.approx((higher - lower) / (2 * step), rel=1e-4, abs=1e-8)


def test_channels_last_weights_give_the_same_logits() -> None:
    """Row r of a matrix after a flatten belongs to the same value in either order."""
    net = networks.load("mnist_cnn")
    weights = networks.he_weights(net, seed=0)
    last = networks.channels_last_weights(net, weights)
    maps = np.random.default_rng(1).standard_normal((15, 5, 5))
    np.testing.assert_allclose(maps.ravel() @ weights[4], maps.transpose(1, 2, 0).ravel() @ last[4])
    assert all(np.array_equal(weights[i], last[i]) for i in range(len(weights)) if i != 4)


class _Fake:
    """A worker process that answers the reference's logits, off by `error`."""

    def __init__(self, engine: str, error: float) -> None:
        self.engine, self.error = engine, error

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        if do == "time":
            return {"median_s": 1.0, "calls": 3}
        net = networks.without_dropout(networks.load(arguments["network"]))
        x, _ = networks.samples(net, arguments["batch"], driver.worker.SAMPLES_SEED)
        logits = reference.predict(net, networks.he_weights(net, driver.worker.WEIGHTS_SEED), x)
        return {"result": (logits + self.error).tolist()}


def test_wrong_engine_loses_its_time() -> None:
    workers: list[Any] = [_Fake("torch", 0.0), _Fake("cnnfast", 0.1)]
    right, wrong = driver.measure(Workload("lenet5", "predict", 1), workers, rounds=2, seconds=0.0)
    assert right.refused is None
    assert right.turns_s == [1.0, 1.0]
    assert wrong.turns_s == []
    assert wrong.refused is not None
    assert wrong.refused.startswith("wrong")
    assert report.ratio_to_best([right, wrong]) is None


def test_ratio_is_to_the_fastest_other() -> None:
    ours = Measurement(Workload("lenet5", "predict", 1), "cnnfast", [2.0, 1.0, 3.0])
    row = [
        ours,
        replace(ours, engine="torch", turns_s=[8.0]),
        replace(ours, engine="keras-tf", turns_s=[5.0]),
    ]
    assert report.ratio_to_best(row) == 2.5
    assert ours.spread == 1.0


def test_readme_table_replaces_only_what_is_between_the_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.update_readme(readme, "new")
    assert readme.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    readme.write_text("no markers")
    with pytest.raises(ValueError, match="once each"):
        report.update_readme(readme, "new")
