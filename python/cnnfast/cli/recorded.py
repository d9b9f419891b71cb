"""What a model's file says of the pictures that it learnt, beside its layers and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnfast.cli.images import PREPARATIONS, Preparation


@dataclass(frozen=True)
class Recorded:
    """Entries of `model.metadata`, which the model's file keeps."""

    class_names: Sequence[str] = ()
    preparation: Preparation | None = None  # None: not said

    def write(self, model: Any) -> None:
        """Puts them into the model."""
        model.metadata.update(class_names=list(self.class_names), preparation=self.preparation)

    @classmethod
    def of(cls, model: Any) -> "Recorded":
        """Reads them; what is not as `write` puts it counts as not said."""
        names, preparation = (model.metadata.get(key) for key in ("class_names", "preparation"))
        sound = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return cls(names if sound else (), preparation if preparation in PREPARATIONS else None)

    def names(self, classes: int) -> Sequence[str]:
        """The name of each class, or its number."""
        return self.class_names if len(self.class_names) == classes else [str(n) for n in range(classes)]
