"""What a second thread brings, and that it never costs: alone, beside a busy process, with too few cores.

Training goes through `fit`, prediction through `predict`, each figure in a process of its own
(`python -m bench.gates.threads NETWORK THREADS SECONDS`), scene after scene in turns; the figure of a scene
is the median of its turns. The busy process is a loop pinned to one of two cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from statistics import median
from typing import Any

from bench.compare import engines, networks
from bench.compare.driver import Process
from bench.compare.engines import with_cnnfast
from bench.gates import Effort, Verdict

import cnnfast
from cnnfast import _core

PEERS = ("torch", "torch-channels-last", "keras-tf")
SECONDS = 2.0  # of a figure: long enough for the number of threads to settle
BATCHES = 100  # of 128 samples, an epoch of training
# Network: what two threads must bring alone.
SPEEDUP = {"mnist_mlp": 1.8, "mnist_cnn": 1.8, "cifar_cnn": 1.9, "vgg16": 1.9}
TRAINED = ("mnist_mlp", "mnist_cnn", "cifar_cnn")
NEVER_MORE, OVER_PEERS, OUTSIDE = 1.1, 1.2, 0.02


def run(effort: Effort) -> Iterator[Verdict]:
    """Every line, network by network."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        yield Verdict("threads", "one core", "two cores", None)
        return
    for network in SPEEDUP:
        if fnmatch(network, effort.only):
            yield from _network(network, cores, effort.rounds)
    yield _outside_the_core()


def _network(network: str, cores: list[int], rounds: int) -> Iterator[Verdict]:
    scenes: dict[str, Callable[[], Any]] = {
        "1 thread": lambda: _figure(network, 1, cores[:1]),
        "2 threads": lambda: _figure(network, 2, cores),
        "busy": lambda: _beside_busy(cores[1], lambda: _figure(network, 2, cores)),
        "1 core": lambda: _figure(network, 2, cores[:1]),
        "8 threads": lambda: _figure(network, 8, cores),
        "3 threads, busy": lambda: _beside_busy(cores[1], lambda: _figure(network, 3, cores)),  # for its bits
    }
    told: dict[str, list[Any]] = {scene: [] for scene in scenes}
    peers: list[float] = []
    trains = network in TRAINED
    for _ in range(rounds):
        for scene, measure in scenes.items():
            told[scene].append(measure())
        if trains:
            peers.append(_best_peer(network, cores))
    took = {scene: median(each["seconds"] for each in all_told) for scene, all_told in told.items()}
    one, two = took["1 thread"], took["2 threads"]
    what = f"{network}, {'training step' if trains else 'one image'}"
    figures = ", ".join(f"{scene} {seconds * 1e3:.2f}" for scene, seconds in took.items())
    yield _at_least(f"{what}: 1 thread / 2", one / two, SPEEDUP[network], f"ms: {figures}")
    yield _at_most(f"{what}: beside a busy loop, 2 threads / 1 alone", took["busy"] / one)
    yield _at_most(f"{what}: 2 threads on one core / the best choice", took["1 core"] / one)
    yield _at_most(f"{what}: 8 threads on two cores / the best choice", took["8 threads"] / min(one, two))
    if trains:
        yield _at_least(
            f"{what}: beside a busy loop, the best peer / ours", median(peers) / took["busy"], OVER_PEERS
        )
    digests = {each["digest"] for all_told in told.values() for each in all_told}
    yield Verdict(f"{what}: bits in all scenes", f"{len(digests)} kind(s)", "1", len(digests) == 1)


def _at_least(what: str, ratio: float, bar: float, about: str = "") -> Verdict:
    return Verdict(what, f"{ratio:.2f}{about and '; ' + about}", f">= {bar}", ratio >= bar)


def _at_most(what: str, ratio: float) -> Verdict:
    return Verdict(what, f"{ratio:.2f}", f"<= {NEVER_MORE}", ratio <= NEVER_MORE)


def _figure(network: str, threads: int, cores: list[int]) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-m", "bench.gates.threads", network, str(threads), str(SECONDS)],
        check=True,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    answer: dict[str, Any] = json.loads(told.stdout)
    return answer


@contextmanager
def _busy(core: int) -> Iterator[None]:
    loop = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, [core])
    )
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def _beside_busy(core: int, measure: Callable[[], Any]) -> Any:
    with _busy(core):
        return measure()


def _best_peer(network: str, cores: list[int]) -> float:
    """The step of the fastest one, in seconds, with two threads beside the busy loop."""
    best = float("inf")
    for name in sorted(set(PEERS) & set(engines.installed())):
        with ExitStack() as stack:
            worker = Process(name, len(cores), processor_time=False)
            stack.callback(worker.close)
            worker.ask("prepare", workload=f"{network}/train/128", dropout=True, steps=1)
            stack.enter_context(_busy(cores[1]))
            best = min(best, float(worker.ask("time", seconds=SECONDS)["seconds"]))
    return best


def _outside_the_core() -> Verdict:
    """The share of `fit` that Python takes: the MLP, batches of 32, whole epochs."""
    inside = [0.0]
    original = _core.Network.train_steps

    def timed(*arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return original(*arguments)
        finally:
            inside[0] += time.perf_counter() - start

    model, x, y = _trained("mnist_mlp", 60_000)
    model.fit(x, y, 32, verbose=0)
    try:
        _core.Network.train_steps = timed  # type: ignore[assignment, method-assign]
        start = time.perf_counter()
        model.fit(x, y, 32, epochs=3, verbose=0)
        share = 1 - inside[0] / (time.perf_counter() - start)
    finally:
        _core.Network.train_steps = original  # type: ignore[method-assign]
    return Verdict(
        "mnist_mlp, fit in batches of 32: time outside the core",
        f"{share:.1%}",
        f"<= {OUTSIDE:.0%}",
        share <= OUTSIDE,
    )


def _trained(network: str, samples: int) -> tuple[Any, Any, Any]:
    net = networks.load(network)
    x, y = networks.samples(net, samples, seed=2)
    model, x = with_cnnfast.build(net, networks.he_weights(net, seed=1), x)
    model.compile(optimizer=with_cnnfast.optimizer(net), loss=with_cnnfast.loss())
    return model, x, y


def _timed(call: Callable[[], Any], seconds: float) -> float:
    """The median of its times."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """One figure: seconds of a step or an image, and a digest of what came out of the first ones."""
    parser = argparse.ArgumentParser(prog="python -m bench.gates.threads", description=main.__doc__)
    parser.add_argument("network")
    parser.add_argument("threads", type=int)
    parser.add_argument("seconds", type=float)
    asked = parser.parse_args()
    cnnfast.set_num_threads(asked.threads)
    cnnfast.set_random_seed(1)
    trains = asked.network in TRAINED
    count = BATCHES if trains else 2
    model, x, y = _trained(asked.network, 128 * count if trains else count)
    if trains:
        model.fit(x, y, 128, verbose=0)
        out = b"".join(weight.tobytes() for weight in model.get_weights())
        seconds = _timed(lambda: model.fit(x, y, 128, verbose=0), asked.seconds)
    else:
        out = model.predict(x, 1, verbose=0).tobytes()
        seconds = _timed(lambda: model.predict(x, 1, verbose=0), asked.seconds)
    print(json.dumps({"seconds": seconds / count, "digest": hashlib.sha256(out).hexdigest()}))


if __name__ == "__main__":
    main()
