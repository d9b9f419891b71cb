"""What can be timed: networks of bench/shapes predicting and training, and its single layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from bench.compare import layer_networks, networks
from bench.compare.layer_networks import LayerShape, LayerTask, Part

Task = Literal["predict", "train", "forward", "backward_data", "backward_weights"]


@dataclass(frozen=True)
class Workload:
    """One network or layer, one task, one batch size."""

    network: str
    task: Task
    batch: int

    def __str__(self) -> str:
        return f"{self.network}/{self.task}/{self.batch}"

    @property
    def layer(self) -> LayerShape | None:
        """The layer, where it is about one."""
        if not self.network.startswith(layer_networks.PREFIX):
            return None
        return layer_networks.all_shapes()[self.network.removeprefix(layer_networks.PREFIX)]

    @property
    def flops(self) -> int | None:
        """Of a layer's direct sum; None for a whole network."""
        return self.layer.flops * self.batch if self.layer else None

    def parts(self) -> list[Part]:
        """The networks that have to be timed, and their shares in the figure."""
        if self.layer:
            return layer_networks.parts(self.layer.name, cast(LayerTask, self.task))
        return [Part(networks.load(self.network), self.task == "train", 1.0)]


_SMALL: tuple[tuple[Task, int], ...] = (("predict", 1), ("predict", 128), ("train", 32), ("train", 128))
_LARGE: dict[str, tuple[tuple[Task, int], ...]] = {
    "vgg16": (("predict", 1), ("predict", 8), ("train", 4)),
    "alexnet": (("predict", 1), ("predict", 8)),
}
_BRANCHED: dict[str, tuple[tuple[Task, int], ...]] = {
    "resnet20": (("predict", 1), ("train", 128)),
    "unet": (("train", 8),),
}


def _all() -> list[Workload]:
    out = [Workload(name, *what) for name in networks.SMALL for what in _SMALL]
    for some in (_LARGE, _BRANCHED):
        out += [Workload(name, *what) for name, tasks in some.items() for what in tasks]
    for layer in layer_networks.all_shapes().values():
        for task in layer.tasks():
            batch = layer.batch if task == "forward" else layer.backward_batch
            out.append(Workload(layer_networks.PREFIX + layer.name, task, batch))
    return out


WORKLOADS = tuple(_all())
BY_NAME = {str(workload): workload for workload in WORKLOADS}
