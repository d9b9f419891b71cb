"""Vectors for whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.variable import Variable
from cnnfast.layers.weighted import RuledLayer, Rules
from cnnfast.utils.arguments import not_offered, whole_number

if TYPE_CHECKING:
    from cnnfast._core import Graph, Weight
    from cnnfast.utils.serialization import Config


class Embedding(RuledLayer):
    """A vector of its own for each whole number, such as the number of a word; training moves it.

    Formula: out[..., :] = embeddings[in[...], :]

    Args:
        input_dim: How many numbers there are: 0 to input_dim - 1.
        output_dim: Size of a vector, at least 1.
        embeddings_initializer: How the vectors begin.
        embeddings_regularizer: Penalty on them.
        embeddings_constraint: Rule for them after each update.
        mask_zero: Must be False: there are no masks here, and a 0 is a number like others.
        weights: The first vectors, (input_dim, output_dim); None leaves them to the initializer.
        lora_rank, lora_alpha, quantization_config: Keras's arguments, which must be None.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        (n, ...) -> (n, ..., output_dim); embeddings (input_dim, output_dim).

    Raises:
        ValueError: If an argument is out of its range, or, when called, an input is no number that has a
            vector; such as are computed in the model give vectors of NaN.

    Source:
        Keras 3, `keras.layers.Embedding`.

    Example:
        >>> import numpy as np
        >>> Embedding(3, 2, weights=[[0, 1], [2, 3], [4, 5]])(np.array([[2, 0]]))
        array([[[4., 5.],
                [0., 1.]]], dtype=float32)
    """

    rule_names: ClassVar[dict[str, str]] = {"embeddings": "embeddings"}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **options: Any,
    ) -> None:
        not_offered(
            "Embedding",
            mask_zero=(mask_zero, False),
            lora_rank=(lora_rank, None),
            lora_alpha=(lora_alpha, None),
            quantization_config=(quantization_config, None),
        )
        rules = Rules.of(embeddings_initializer, embeddings_regularizer, embeddings_constraint)
        super().__init__({"embeddings": rules}, **options)
        self.input_dim = whole_number(input_dim, "input_dim", 1)
        self.output_dim = whole_number(output_dim, "output_dim", 1)
        if weights is not None:
            self.build()
            one = isinstance(weights, (list, tuple)) and len(weights) == 1
            self.set_weights(weights if one else [weights])

    def build(self, input_shape: Any = None) -> None:
        """Makes the vectors, of whatever shape inputs are.

        Args:
            input_shape: Shape of a batch; None for any.
        """
        super().build((None, 1) if input_shape is None else input_shape)

    @property
    def embeddings(self) -> Variable:
        """The vectors."""
        return self._weight("embeddings")

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        shape = (self.input_dim, self.output_dim)
        table = weights[0] if weights else Variable.named(f"{self.name}/embeddings", shape)
        return graph.gather(graph.weight(table), srcs[0], 0, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "input_dim": self.input_dim, "output_dim": self.output_dim}
