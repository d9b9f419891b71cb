"""What `Sequential` and `Model` have in common besides training: layers, weights, tables, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import _core
from cnnfast.layers.calls import acts_by_default
from cnnfast.layers.layer import Layer, assign_all
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.models.data import model_samples
from cnnfast.models.inputs import in_order
from cnnfast.models.trainer import Trainer
from cnnfast.utils.arguments import batch_shape, not_offered, whole_number
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import ArrayLike, NDArray

    from cnnfast.layers.tracing import Tracing
    from cnnfast.models.blueprint import Blueprint
    from cnnfast.models.profile import Profile
    from cnnfast.utils.serialization import Config


class BaseModel(Trainer, Layer, builds_once=False):
    """Layers and the network they make, itself a layer: in other models it computes with the same weights.

    The network of the core is made when it is first needed. It binds the layers' weights.

    Attributes:
        metadata: What the model's file is to say beside layers and weights, in JSON's types. The command
            `cnnfast predict` reads "class_names", a list of the classes' names by number.
    """

    def __init__(self, name: str) -> None:
        Trainer.__init__(self)
        Layer.__init__(self, name=name)
        self.metadata: dict[str, Any] = {}
        self._blueprint: Blueprint | None = None

    def __getstate__(self) -> dict[str, Any]:
        from cnnfast.models.copying import state_of

        return state_of(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        from cnnfast.models.copying import set_state

        set_state(self, state)

    # -- structure ---------------------------------------------------------------------------------------

    @property
    def blueprint(self) -> Blueprint:
        """The model's nodes and graph.

        Raises:
            ValueError: If the input's shape is not known yet.
        """
        if self._blueprint is None:
            raise ValueError(
                f"model {self.name!r} does not know its input's shape yet; give the first layer "
                "input_shape=(...), add an Input, call build(shape), or fit it to data"
            )
        return self._blueprint

    @property
    def built(self) -> bool:
        """Whether the model knows its input's shape, and so its weights."""
        return self._blueprint is not None

    @built.setter
    def built(self, value: bool) -> None:
        """Does nothing: Keras's models set it at the end of `build`, and this one knows."""

    @property
    def layers(self) -> list[Layer]:
        """The layers in order."""
        return self.blueprint.layers

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Returns one layer.

        Args:
            name: Its name.
            index: Or its place among `layers`.

        Raises:
            ValueError: If there is none such, or not exactly one of the two is given.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer needs a name or an index, and not both")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"model {self.name!r} has {len(self.layers)} layers; there is no layer {index}"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"no layer is named {name!r}; there are {[layer.name for layer in self.layers]}")

    @property
    def input_shape(self) -> Any:
        """Shape of the input, batch axis first as None; where there are several, of each."""
        return _shapes(self.blueprint.inputs)

    @property
    def output_shape(self) -> Any:
        """Shape of the output, batch axis first as None; where there are several, of each."""
        return _shapes(self.blueprint.outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return list(self.blueprint.input_names)

    @property
    def output_names(self) -> list[str]:
        """The names of the outputs: of the layers that make them, or of the dict that they are in."""
        return list(self.blueprint.output_names)

    # -- weights -----------------------------------------------------------------------------------------

    def _leaves(self) -> list[Layer]:
        """The layers in order, those in models and layers among them in their place, each once."""
        own = [self] if self._weights else []
        inner = [leaf for layer in self.layers for leaf in layer._leaves()]
        return list({id(leaf): leaf for leaf in [*own, *inner]}.values())

    def _last_change(self) -> int:
        return max([super()._last_change(), *(layer._last_change() for layer in self.layers)])

    def _contains(self, model: BaseModel) -> bool:
        """Whether the other is this one, or among the models in it."""
        return self is model or any(isinstance(e, BaseModel) and e._contains(model) for e in self.layers)

    def _initialize(self) -> None:
        for leaf in self._leaves():
            if leaf is not self:
                leaf._initialize()

    @property
    def trainable(self) -> bool:
        """Whether training changes any layer, or weights of its own; setting it sets all of these."""
        own = any(variable.trainable for variable in self._weights)
        return own or any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        Layer.trainable.fset(self, value)  # type: ignore[attr-defined]
        for layer in self.layers:
            layer.trainable = value

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Returns copies of all weights in order, as they are at one moment."""
        return _core.get_weights(self.weights)

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Sets all weights; all are checked before one is set.

        Args:
            weights: Arrays as `get_weights` returns them.

        Raises:
            ValueError: If their number or a shape differs.
        """
        assign_all(self.weights, weights, f"model {self.name!r}")

    # -- reports -----------------------------------------------------------------------------------------

    def memory(self, batch_size: int = 32, training: bool = True) -> int:
        """Returns the bytes that one batch needs besides the weights, exactly, before anything runs.

        On a GPU those of its memory, what goes to and from the processor included.

        Args:
            batch_size: Samples in the batch, at least 1.
            training: Whether for training, or for prediction.
        """
        return self.network.memory(batch_size, "train" if training else "predict")

    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Prints a table: each layer's output shape, weights, multiply-adds and memory for one sample.

        Of a network of images it tells what one number of each layer sees of the image: its receptive field.

        Args:
            line_length: Width of the table in characters; None fits the widest entries.
            positions: Not offered; must be None.
            print_fn: Called with each line; None means `print`.
            expand_nested: Whether the layers of models in this one are listed below them.
            show_trainable: Keras's argument; that is shown.
            layer_range: The first and the last layer to list, as regular expressions that their names match;
                None lists all. The sums below the table are of the whole model.
        """
        not_offered("summary", positions=(positions, None))
        from cnnfast.models.summary import summary_lines

        for line in summary_lines(self, line_length, expand_nested, layer_range):
            (print_fn or print)(line)

    def profile(self, x: Any, y: Any = None, training: bool = False, runs: int = 5) -> Profile:
        """Times one batch and returns where the time went, layer by layer and direction by direction.

        Several runs are timed and the fastest counts; the first call of a process also measures the peak and
        the memory bandwidth of a core, for some tens of milliseconds. The model does not change: training
        steps are made on a copy of weights and optimizer.

        An algorithm named `winograd` mixes the pixels of a tile: where a NaN or a huge pixel reaches too far,
        that is why (`cnnfast.set_precision` says how far).

        Args:
            x: The samples of one batch, batch axis first.
            y: Their labels, for training.
            training: Whether to time a training step, which needs a compiled model, or a prediction.
            runs: How many runs to time, at least 1.

        Returns:
            The profile; `print` shows it as a table, `rows` holds its numbers.

        Raises:
            ValueError: As `predict` and `fit`; also if only one of `y` and `training` is given.

        Example:
            >>> import cnnfast, numpy as np
            >>> from cnnfast.layers import Conv2D, Dense, Flatten
            >>> model = cnnfast.Sequential([
            ...     Conv2D(4, 3, input_shape=(8, 8, 1), name="filters"),
            ...     Flatten(name="flat"),
            ...     Dense(2, name="head"),
            ... ])
            >>> rows = model.profile(np.zeros((5, 8, 8, 1), np.float32)).rows
            >>> [row.layer for row in rows if row.flops]
            ['filters', 'head']
        """
        from cnnfast.models.profile import profile

        if training != (y is not None):
            raise ValueError("profile needs labels y and training=True to time a training step, or neither")
        count = whole_number(runs, "runs", 1)
        with self._shaped_by(x):
            if training:
                self._needs_compile("profile with training=True")
                data = self._checked(x, y, None)
                network = self._networks.training(data.shapes, data.forms).network
                return profile(network, data.arrays, "train", count)
            samples = model_samples(self.blueprint, x)
            network = self._networks.predicting([each.shape[1:] for each in samples])
            return profile(network, samples, "predict", count)

    def gradients(self, x: Any, output: Any = None, wrt: Any = None) -> Any:
        """Returns gradients of outputs by inputs, or by what a layer makes; layers act as in prediction.

        Saliency is the gradient by the input, activation maximization climbs it, and Grad-CAM weights a
        layer's channels by the means of theirs. Compiled, and kept for the next call of the same shapes.

        Formula: d sum(output) / d wrt

        Args:
            x: The samples, as for `predict`; all are one batch.
            output: Of what: None for the sum of all outputs, a class (the place along the last axis of the
                only output) or an array of one for each sample, the name of an output, or a function of what
                the model returns, written with `cnnfast.ops` and traced once.
            wrt: By what: None for the inputs, an input, a layer or its name (in this model or in models in
                it), or the symbolic tensor that it returned.

        Returns:
            Arrays in the form of the inputs; of an input's or layer's output the one array.

        Raises:
            ValueError: If there is no such output, class or layer, or the layer has several outputs or uses.

        Example:
            >>> import cnnfast, numpy as np
            >>> from cnnfast.layers import Conv2D, Dense, GlobalAveragePooling2D
            >>> model = cnnfast.Sequential([
            ...     Conv2D(4, 3, input_shape=(8, 8, 1), activation="relu", name="maps"),
            ...     GlobalAveragePooling2D(),
            ...     Dense(3),
            ... ])
            >>> image = np.ones((1, 8, 8, 1))
            >>> features = cnnfast.Model(model.inputs, model.get_layer("maps").output).predict(image)
            >>> weights = model.gradients(image, output=2, wrt="maps").mean(axis=(1, 2), keepdims=True)
            >>> np.maximum((weights * features).sum(-1), 0).shape  # Grad-CAM
            (1, 6, 6)
        """
        from cnnfast.models.gradients import gradients

        with self._shaped_by(x):
            return gradients(self, x, output, wrt)

    def to_json(self, **options: Any) -> str:
        """Returns the structure as JSON, of which `models.model_from_json` makes a model with new weights.

        Args:
            options: Those of `json.dumps`, such as `indent`.

        Raises:
            ValueError: If a layer is code of your own without a name or a configuration.
        """
        import json

        from cnnfast.models.registry import layer_to_config

        return json.dumps(layer_to_config(self), **options)

    # -- files -------------------------------------------------------------------------------------------

    def save(self, filepath: str | PathLike[str], overwrite: bool = True, zipped: bool | None = None) -> None:
        """Writes the model to one file: structure, weights and, if compiled, the state of its training.

        The file appears at once and complete, or not at all. A symbolic link is followed, and the mode of an
        existing file is kept. Code of your own (layers, losses, functions, ...) it holds by name only; see
        `load_model`. With losses, metrics or schedules that have no name it is saved as if it were not
        compiled, with a warning.

        With the suffix ".keras" it is a file of Keras 3, which needs h5py (extra `h5`).

        Args:
            filepath: Where to; ".cnnfast" is added to a name without a suffix.
            overwrite: Whether an existing file may be replaced.
            zipped: Keras's argument; a model is always one file.

        Raises:
            FileExistsError: If the file exists and `overwrite` is False.
            PermissionError: If the file is write-protected.
            ValueError: If the suffix is that of another format, such as ".h5", or a layer, or what holds its
                weights, is code of your own without a name or configuration; `save_weights` does without. Of
                ".keras": if Keras lacks a layer, or an argument of one.
        """
        from cnnfast.models.saving import save_model

        not_offered("save", zipped=(zipped or zipped is None, True))
        save_model(self, filepath, overwrite)

    def export_c(self, filepath: str | PathLike[str]) -> None:
        """Writes the model as one C99 file without dependencies, which predicts one sample a call.

        It holds a function named after the file, `void net(const float *input, float *output)`, the weights
        and an arena whose size stands in the file. Outputs are those of `predict` within rounding. The file
        appears complete, or not at all.

        Args:
            filepath: Where to, such as "net.c"; a file that is there is replaced.

        Raises:
            NotImplementedError: If a part of the model has no code in C; names the layer.
            ValueError: If the model does not know its inputs' shapes, or some of their sizes.
            OSError: If it cannot be written; names the file.

        Example:
            >>> import pathlib, tempfile
            >>> from cnnfast import Sequential, layers
            >>> model = Sequential([layers.Dense(2, input_shape=(3,))])
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     model.export_c(pathlib.Path(folder, "net.c"))
            ...     "void net(" in pathlib.Path(folder, "net.c").read_text()
            True
        """
        from cnnfast.io.c.exporting import export_c

        export_c(self, filepath)

    def save_weights(
        self, filepath: str | PathLike[str], overwrite: bool = True, max_shard_size: None = None
    ) -> None:
        """Writes the weights alone, as a safetensors file with a digest of them; otherwise as `save`.

        Args:
            filepath: Where to; ".safetensors" is added to a name without a suffix. One that ends in
                ".weights.h5" becomes Keras's file of weights, which needs h5py (extra `h5`).
            overwrite: Whether an existing file may be replaced.
            max_shard_size: Not offered; must be None.

        Raises:
            FileExistsError, PermissionError, ValueError: As `save`.
        """
        from cnnfast.models.saving import save_weights

        not_offered("save_weights", max_shard_size=(max_shard_size, None))
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | PathLike[str], skip_mismatch: bool = False) -> None:
        """Sets all weights from a file that `save_weights` or `save` wrote, or Keras's `save_weights`.

        All is checked before anything is set. A file without a digest, as other programs write, loads with a
        warning.

        Args:
            filepath: The file; a name without a suffix stands for what was saved by that name.
            skip_mismatch: Not offered; must be False.

        Raises:
            ModelFileError: If the file is damaged, or made by another model; the model is then unchanged.
        """
        from cnnfast.models.saving import load_weights

        not_offered("load_weights", skip_mismatch=(skip_mismatch, False))
        load_weights(self, filepath)

    # -- configuration -----------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """Returns what makes a model of the same structure, without its weights."""
        raise NotImplementedError

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """Where the graph begins, as a list."""
        return list(self.blueprint.sources)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """Where the graph ends, as a list."""
        return leaves(self.blueprint.shown())

    @property
    def input(self) -> Any:
        """Where the graph begins: one symbolic tensor, or a list or dict of several."""
        return self.blueprint.inputs

    @property
    def output(self) -> Any:
        """Where the graph ends, likewise."""
        return self.blueprint.shown()

    # -- as a layer --------------------------------------------------------------------------------------

    @property
    def _is_called(self) -> bool:
        return True

    def _trace(self, graph: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        plan = self.blueprint
        given = in_order(
            args[0] if args else next(iter(kwargs.values())), plan.inputs, plan.input_names, self.name
        )
        with graph.within(training=kwargs.get("training")):
            return plan.pack_outputs(plan.trace(graph, [graph.as_value(each) for each in given]))

    def _build_for(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], shapes: Sequence[tuple[int, ...]]
    ) -> None:
        if not self.built:
            self.build((None, *shapes[0]))

    @property
    def _first_shape(self) -> tuple[int | None, ...] | None:
        return self.blueprint.sources[0].shape[1:] if self.built else None

    def build(self, input_shape: Any) -> None:
        """Tells the input's shape.

        Args:
            input_shape: Shape of a batch, as in Keras: the first axis, None or a number, is the batch's.

        Raises:
            ValueError: If it does not suit, or the model knows another one.
        """
        shape = batch_shape(input_shape)[1]
        if self.built and self.blueprint.input_shape != shape:
            raise ValueError(
                f"model {self.name!r} takes samples of shape {self.blueprint.input_shape}, got {shape}"
            )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Extends a graph where inputs are symbolic; returns the outputs for arrays, without training.

        Arrays are augmented by layers that do so unless told, as in Keras.

        Args:
            args: What `Input` or layers returned, or arrays with the batch axis first; a list or dict where
                there are several inputs.
            kwargs: `training`: whether layers act as in training.

        Returns:
            Symbolic tensors, or as `predict_on_batch`.
        """
        if any(isinstance(each, (SymbolicTensor, Value)) for each in leaves((args, kwargs))):
            return super().__call__(*args, **kwargs)
        acts = kwargs.get("training", self._augments())
        return super().__call__(*args, **kwargs) if acts else self.predict_on_batch(*args)

    def _augments(self) -> bool:
        """Whether there are layers that act unless told."""
        plan = self._blueprint
        return any(map(acts_by_default, self._leaves())) if plan is None else plan.acts_by_default

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name!r}, built={self.built}>"


def _shapes(structure: Any) -> Any:
    return mapped(lambda symbol: symbol.shape, structure)
