"""One engine's process: reads a line of JSON on stdin, answers with a line of JSON, and sleeps in between.

Commands: {"do": "about"}; {"do": "prepare", "workload", "dropout", "steps"} builds and warms the calls of a
workload and answers their results for checking; {"do": "prepare_known", "folder", "name", "trains"} does so
for a network of bench/compare/known.py; {"do": "time", "seconds"} repeats those calls, turn about,
and answers the workload's figure; {"do": "forget"} frees them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.compare import engines, known, networks
from bench.compare.layer_networks import Part
from bench.compare.workloads import BY_NAME

WEIGHTS_SEED, SAMPLES_SEED = 1, 2
WARM_SECONDS = 0.2
FEWEST_CALLS = 3

Call = Callable[[], Any]


class Worker:
    """Holds the engine and the calls that were prepared last, each with its share in the figure."""

    def __init__(self, name: str, threads: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        start = time.perf_counter()
        self.engine = engines.make(name, threads)
        self.import_s = time.perf_counter() - start
        self.calls: list[tuple[Call, float]] = []

    def about(self) -> dict[str, Any]:
        """Versions, and what the whole process cost so far."""
        return {"versions": self.engine.versions(), "import_s": self.import_s, "peak_mib": _peak_mib()}

    def prepare(self, workload: str, dropout: bool, steps: int) -> dict[str, Any]:
        """Binds the calls; answers the logits of each (predict), or the losses of its first `steps` calls."""
        self.forget()
        what = BY_NAME[workload]
        start = time.perf_counter()
        results = [self._bind(part, what.batch, dropout, steps) for part in what.parts()]
        built_s = time.perf_counter() - start
        self._repeat(WARM_SECONDS)
        return {"results": results, "prepare_s": built_s}

    def prepare_known(self, folder: str, name: str, trains: bool) -> dict[str, Any]:
        """Binds a network of bench/compare/known.py; answers its logits, or the losses of its first steps."""
        self.forget()
        call = known.bind(self.engine, Path(folder), name, trains)
        self.calls.append((call, 1.0))
        results = [call() for _ in range(known.STEPS)] if trains else call().tolist()
        self._repeat(WARM_SECONDS)
        return {"results": results}

    def forget(self) -> dict[str, Any]:
        """Gives the calls and their memory back."""
        self.calls.clear()
        gc.collect()
        return {}

    def _bind(self, part: Part, batch: int, dropout: bool, steps: int) -> list[Any]:
        net = part.network if dropout else networks.without_dropout(part.network)
        weights = networks.he_weights(net, WEIGHTS_SEED)
        x, y = networks.samples(net, batch, SAMPLES_SEED)
        if part.trains:
            trainer = self.engine.trainer(net, weights, x, y)
            self.calls.append((trainer, part.share))
            return [trainer() for _ in range(steps)]
        predictor = self.engine.predictor(net, weights, x)
        self.calls.append((predictor, part.share))
        result: list[Any] = predictor().tolist()
        return result

    def time(self, seconds: float) -> dict[str, Any]:
        """The sum of the calls' median times, each times its share."""
        if not self.calls:
            raise RuntimeError("prepare comes before time")
        times = self._repeat(seconds)
        figure = sum(share * median(each) for (_, share), each in zip(self.calls, times, strict=True))
        return {"seconds": figure, "calls": len(times[0])}

    def _repeat(self, seconds: float) -> list[list[float]]:
        times: list[list[float]] = [[] for _ in self.calls]
        end = self.clock() + seconds
        while len(times[0]) < FEWEST_CALLS or self.clock() < end:
            for (call, _), each in zip(self.calls, times, strict=True):
                start = self.clock()
                call()
                each.append(self.clock() - start)
        return times


def _peak_mib() -> float:
    # `getrusage` would count what the process that started this one had taken.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Serves until stdin closes. An engine's failure is an answer, not the end of the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=engines.names())
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--processor-time", action="store_true")
    arguments = parser.parse_args()
    # Libraries that print must not reach the protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    clock = time.process_time if arguments.processor_time else time.perf_counter
    worker = Worker(arguments.engine, arguments.threads, clock)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
