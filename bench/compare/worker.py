"""One engine's process: reads a line of JSON on stdin, answers with a line of JSON, and sleeps in between.

Commands: {"do": "about"}; {"do": "prepare", "network", "task", "batch", "dropout", "steps"} builds and warms
a call and answers its results for checking; {"do": "time", "seconds"} repeats that call and answers the
median time of one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.compare import engines, networks

WEIGHTS_SEED, SAMPLES_SEED = 1, 2
WARM_SECONDS = 0.2
FEWEST_CALLS = 3

Call = Callable[[], Any]


class Worker:
    """Holds the engine and the call that was prepared last."""

    def __init__(self, name: str, threads: int) -> None:
        start = time.perf_counter()
        self.engine = engines.make(name, threads)
        self.import_s = time.perf_counter() - start
        self.call: Call | None = None

    def about(self) -> dict[str, Any]:
        """Versions, and what the whole process cost so far."""
        peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"versions": self.engine.versions(), "import_s": self.import_s, "peak_mib": peak_kib / 1024}

    def prepare(self, network: str, task: str, batch: int, dropout: bool, steps: int) -> dict[str, Any]:
        """Binds the call; answers its logits (predict) or the losses of its first `steps` calls (train)."""
        net = networks.load(network)
        net = net if dropout else networks.without_dropout(net)
        weights = networks.he_weights(net, WEIGHTS_SEED)
        x, y = networks.samples(net, batch, SAMPLES_SEED)
        start = time.perf_counter()
        if task == "predict":
            self.call = self.engine.predictor(net, weights, x)
            result = self.call().tolist()
        else:
            self.call = self.engine.trainer(net, weights, x, y)
            result = [self.call() for _ in range(steps)]
        built_s = time.perf_counter() - start
        _repeat(self.call, WARM_SECONDS)
        return {"result": result, "prepare_s": built_s}

    def time(self, seconds: float) -> dict[str, Any]:
        """The median time of one call."""
        if self.call is None:
            raise RuntimeError("prepare comes before time")
        calls = _repeat(self.call, seconds)
        return {"median_s": median(calls), "calls": len(calls)}


def _repeat(call: Call, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < FEWEST_CALLS or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Serves until stdin closes. An engine's failure is an answer, not the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=engines.names())
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    # Libraries that print must not reach the protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(arguments.engine, arguments.threads)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
