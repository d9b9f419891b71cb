"""The compiled core: graphs, the networks planned from them, and the machine they run on.

Everything here is plumbing for the Python face; users meet `cnnfast.layers`, `cnnfast.Sequential` and
`cnnfast.ops`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, overload

import numpy as np
from numpy.typing import NDArray

Activation = Literal["linear", "relu", "tanh", "sigmoid", "softmax"]
LossKernel = Literal["softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error"]
MetricKernel = Literal[
    "accuracy", "binary_accuracy", "top_k", "equal", "mean_squared_error", "mean_absolute_error"
]
DataFormat = Literal["channels_last", "channels_first"]
Reduction = Literal["sum", "product", "max", "min", "mean", "argmax", "argmin"]
DepthOrder = Literal["DCR", "CRD"]  # by ONNX's names; PyTorch's is the latter
PadMode = Literal["constant", "reflect", "replicate", "circular"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
Coordinates = Literal["half_pixel", "align_corners", "asymmetric"]  # by ONNX's names
FillMode = Literal["constant", "nearest", "reflect", "mirror", "wrap"]  # by SciPy's names
# One number for each spatial axis, outermost first; one to three of them.
Sizes = tuple[int, ...]
# "valid", "same", or (before, after) of each axis.
Padding = str | tuple[tuple[int, int], ...]

class Weight:
    """One array of weights: whoever made it owns it, and networks bind it.

    Calls, and runs of networks that bind it, exclude each other. Arrays are float32, C-contiguous and of its
    shape.
    """

    def __init__(self, name: str, shape: tuple[int, ...]) -> None: ...
    @property
    def name(self) -> str: ...  # "conv2d/kernel"
    @property
    def shape(self) -> tuple[int, ...]: ...  # as Keras: HWIO kernels, (in, out) matrices
    @property
    def size(self) -> int: ...
    trainable: bool  # in whatever network
    learning_rate_factor: float  # likewise, at least 0
    def numpy(self) -> NDArray[np.float32]:
        """Returns a copy of the values."""

    def assign(self, value: NDArray[np.float32]) -> None:
        """Sets the values."""

    def assign_first(self, value: NDArray[np.float32]) -> bool:
        """Sets the values if there are none yet; returns whether it did."""

    @property
    def has_values(self) -> bool: ...
    def clear(self) -> None:
        """Forgets the values and gives their memory back."""

    def set_regularizer(self, l1: float, l2: float) -> None:
        """Adds l1 * sum|w| + l2 * sum w^2 to the loss of both steps, and its gradient to that of w."""

    def set_constraint(
        self,
        kind: str | None,
        minimum: float = 0.0,
        maximum: float = 0.0,
        rate: float = 1.0,
        axes: Sequence[int] = (0,),
    ) -> None:
        """After each update: "non_negative", or "norm".

        Each norm over `axes` then moves the share `rate` of its way into [minimum, maximum].
        """

def get_weights(weights: Sequence[Weight]) -> list[NDArray[np.float32]]:
    """Copies of several weights, of one moment."""

def set_weights(weights: Sequence[Weight], values: Sequence[NDArray[np.float32]]) -> None:
    """Sets several weights at once; all values are checked first."""

class Graph:
    """A network's description: values are numbered, shapes exclude the batch and are as the user sees them.

    Each method adds one node and returns the number of its output value. Shape errors are ValueErrors that
    name the node, the rule, the shapes received and what to change.

    A value has `rows` rows of its shape for each sample; with 0, one row for the whole batch. A shape may be
    (): one number.

    Layers with weights bind those they are given, kernel first, and make their own where they are given none.
    """

    def __init__(self, begin: Graph = ...) -> None: ...
    def copy(self) -> Graph: ...
    def input(self, shape: tuple[int, ...], name: str, rows: int = 1) -> int: ...
    def weight(self, weight: Weight) -> int:
        """A weight as a value of one row for the whole batch, which training moves by its gradient."""

    def updated_weight(self, weight: Weight) -> int:
        """A weight as a training step's update leaves it, for what is assigned after that."""

    def gradient(self, weight: Weight) -> int:
        """The gradient of a weight that the graph uses, as the update takes it, likewise."""

    def constant(self, values: NDArray[np.float32], name: str) -> int:
        """Of one row for the whole batch, too."""

    def reshape(self, src: int, shape: tuple[int, ...], rows: int, name: str) -> int:
        """The same numbers of each sample in the user's order."""
    def conv(
        self,
        src: int,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes,
        padding: Padding,
        dilation: Sizes,
        groups: int,
        use_bias: bool,
        data_format: DataFormat,
        name: str,
        weights: Sequence[Weight] = (),
    ) -> int: ...
    def depthwise_conv(
        self,
        src: int,
        depth_multiplier: int,
        kernel_size: Sizes,
        strides: Sizes,
        padding: Padding,
        dilation: Sizes,
        use_bias: bool,
        data_format: DataFormat,
        name: str,
        weights: Sequence[Weight] = (),
    ) -> int: ...
    def conv_transpose(
        self,
        src: int,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes,
        padding: Padding,
        output_padding: Sizes | None,
        dilation: Sizes,
        groups: int,
        use_bias: bool,
        data_format: DataFormat,
        name: str,
        weights: Sequence[Weight] = (),
    ) -> int: ...
    def max_pool(
        self,
        src: int,
        pool_size: Sizes,
        strides: Sizes,
        padding: Padding,
        ceil_mode: bool,
        data_format: DataFormat,
        name: str,
        dilation: Sizes | None = None,
    ) -> int: ...
    def adaptive_pool(
        self, src: int, maximum: bool, output_size: Sizes, data_format: DataFormat, name: str
    ) -> int: ...
    def average_pool(
        self,
        src: int,
        pool_size: Sizes,
        strides: Sizes,
        padding: Padding,
        ceil_mode: bool,
        count_include_pad: bool,
        data_format: DataFormat,
        name: str,
    ) -> int: ...
    def dense(
        self, src: int, units: int, use_bias: bool, name: str, weights: Sequence[Weight] = ()
    ) -> int: ...
    def flatten(self, src: int, data_format: DataFormat, name: str) -> int: ...
    def dropout(self, src: int, rate: float, name: str) -> int: ...
    def add(self, srcs: Sequence[int], name: str) -> int: ...
    def activation(self, src: int, kind: Activation, name: str) -> int: ...
    def maker(self, value: int) -> str:
        """What kind of node makes a value; an activation by its name."""

    def stop_gradient(self, src: int, name: str) -> int: ...
    def reduce(self, src: int, kind: Reduction, axes: Sequence[int], batch: bool, name: str) -> int: ...
    def formula(self, op: str, operands: list[int | float], name: str, seed: int | None = None) -> int: ...
    def matmul(self, a: int, b: int, name: str) -> int: ...
    def gather(self, src: int, indices: int, axis: int, name: str) -> int: ...
    def gather_along(self, src: int, indices: int, axis: int, name: str) -> int: ...
    def order(self, src: int, count: int, descending: bool, name: str) -> int: ...
    def resize(
        self,
        src: int,
        axis: int,
        size: int,
        interpolation: Interpolation,
        coordinates: Coordinates,
        antialias: bool,
        name: str,
        cubic: float = -0.5,
        repeats: bool = False,
        step: float = 0.0,
    ) -> int:
        """One axis of a row in another size.

        `cubic`: The parameter of Keys's kernel; PyTorch's is -0.75. `repeats`: Cells beyond the border are
        its last cell; else they do not count. `step`: How many cells one of the result stands for; 0: the
        ratio of the sizes.
        """

    def sample(
        self,
        src: int,
        at: int,
        interpolation: Literal["nearest", "bilinear"],
        fill_mode: FillMode,
        fill_value: float,
        data_format: DataFormat,
        name: str,
    ) -> int:
        """An image read at places `at`, (places..., axes)."""

    def batch_norm(
        self,
        src: int,
        momentum: float,
        epsilon: float,
        scale: bool,
        center: bool,
        data_format: DataFormat,
        name: str,
        weights: Sequence[Weight] = (),
        moving: bool = False,
    ) -> int:
        """Weights: gamma and beta, if there are such, then moving mean and variance.

        `moving`: By the moving statistics in training, too.
        """

    # Axes of moves are those of one sample, from 0; lists have an entry for each.
    def concatenate(self, srcs: Sequence[int], axis: int, name: str) -> int: ...
    def pad(
        self, src: int, sides: Sequence[tuple[int, int]], mode: PadMode, value: float, name: str
    ) -> int: ...
    def slice(self, src: int, ranges: Sequence[tuple[int, int, int]], name: str) -> int:
        """Ranges are (begin, step, count); a step below 0 goes back."""

    def permute(self, src: int, order: Sequence[int], name: str) -> int: ...
    def repeat(self, src: int, times: Sequence[int], name: str) -> int:
        """Each cell so many times."""

    def tile(self, src: int, times: Sequence[int], name: str) -> int:
        """The whole so many times."""

    def depth_to_space(
        self, src: int, block: int, data_format: DataFormat, name: str, order: DepthOrder = "DCR"
    ) -> int: ...
    def space_to_depth(
        self, src: int, block: int, data_format: DataFormat, name: str, order: DepthOrder = "DCR"
    ) -> int: ...
    def loss(
        self,
        kind: LossKernel,
        predictions: int,
        targets: int,
        from_logits: bool,
        name: str,
        weights: int | None = None,
    ) -> int:
        """One number for each vector along the last axis of the predictions.

        Targets without that axis are class numbers. Predictions that are not logits must come from the
        softmax or sigmoid of the loss. Weights, one a row or one a vector, multiply.
        """

    def metric(
        self,
        kind: MetricKernel,
        predictions: int,
        targets: int,
        name: str,
        k: int = 1,
        threshold: float = 0.5,
    ) -> int:
        """Likewise; it has no gradient."""

    def assign(self, weight: Weight, value: int) -> None:
        """After each training step the weight takes the value, which has one row for the whole batch."""

    def host(
        self,
        srcs: Sequence[int],
        shape: tuple[int, ...],
        forward: Callable[..., NDArray[np.float32]],
        backward: Callable[..., list[NDArray[np.float32]]],
        name: str,
    ) -> int:
        """What Python functions make: of the values; and of these, the output and its gradient."""

    def shape(self, value: int) -> tuple[int, ...]: ...
    def rows(self, value: int) -> int: ...
    @property
    def size(self) -> int: ...  # values so far
    @property
    def inputs(self) -> list[int]: ...
    @property
    def weights(self) -> list[Weight]:
        """Each once, in the order of first use: a node's kernel, then its bias."""

    def multiply_adds(self, value: int) -> int:
        """Multiply-adds for one sample of the node that makes this value."""

class Snapshot(TypedDict):
    weights: list[NDArray[np.float32]]  # as Network.weights lists them
    optimizer: dict[str, NDArray[np.float32]]
    step: int
    seed: int

class Workspace:
    """Memory for the programs of several networks, as large as the largest needs.

    Where two of them run at once, one takes memory for that call.
    """

class TrainingState:
    """What training keeps besides weights: the optimizer, its slots by weight, step, seed and predictions.

    Networks of one model for several shapes share one; calls on them exclude each other.
    """

    def __init__(self, device: str | None = "cpu") -> None: ...
    def set_device(self, device: str | None) -> None:
        """Where its networks compute from now on; None: wherever `get_device()` says. Raises ValueError."""

class Objective:
    """What to train for: a graph that continues a network's, or is another one with the same first inputs.

    The loss is the sum of penalties and of `losses`, (value, factor, sum): factor * the mean, or the sum, of
    the value's numbers. Of each of `metrics` the sum over the rows is reported, for each of its numbers.
    """

    def __init__(
        self, graph: Graph, losses: Sequence[tuple[int, float, bool]], metrics: Sequence[int] = ()
    ) -> None: ...
    @property
    def graph(self) -> Graph: ...

class Network:
    """A graph with its weights bound, and, once configured, its loss, metrics and optimizer.

    Arrays given as samples are float32, float64, uint8, bool or int32, C-contiguous; `index` picks rows
    (int64) and may be None for all rows in order. Labels are int32 of shape (n,), or float32 of the output's
    shape. Every call is one transaction: it validates first, then runs one planned program, without the GIL
    from before it waits for another call to end; nothing changes when validation fails.

    With a list of arrays, one for each input of the graph (or of the objective, in steps), calls are those of
    a network with any number of inputs and outputs; with single arrays of one with one of each.
    """

    @overload
    def __init__(self, graph: Graph, output: int, workspace: Workspace | None = None) -> None: ...
    @overload
    def __init__(
        self,
        graph: Graph,
        outputs: Sequence[int],
        workspace: Workspace | None = None,
        state: TrainingState | None = None,
    ) -> None: ...
    @property
    def weights(self) -> list[Weight]: ...
    @property
    def graph(self) -> Graph: ...
    @property
    def outputs(self) -> list[int]: ...
    def set_objective(self, training: Objective, evaluation: Objective | None = None) -> None:
        """Evaluation may have another graph, of the same inputs and metrics."""

    def set_optimizer(self, optimizer: Mapping[str, Any]) -> None:
        """As `configure`; resets what is shared with other networks, too."""
    def configure(
        self,
        loss: Literal[
            "sparse_categorical_crossentropy",
            "categorical_crossentropy",
            "binary_crossentropy",
            "mean_squared_error",
        ],
        from_logits: bool,
        metrics: Sequence[str],
        optimizer: Mapping[str, Any],
    ) -> None:
        """`metrics`: "accuracy", "binary_accuracy", "top_k:5", "equal", "mean_{squared,absolute}_error".

        All are of what `predict` returns. "binary_accuracy:0.3" has another threshold than 0.5.

        `optimizer`: {"name": "sgd", "learning_rate", "momentum", "nesterov"} or
        {"name": "adam", "learning_rate", "beta_1", "beta_2", "epsilon"}, and at most one of "clipnorm",
        "clipvalue" and "global_clipnorm". Configuring again resets the optimizer's state.
        """

    learning_rate: float  # of the configured optimizer; may be changed between steps
    seed: int  # of all random numbers
    predictions: int  # evaluations and gradients, too, so far; random numbers are others in each
    @property
    def step(self) -> int: ...  # optimizer steps taken so far
    @property
    def device(self) -> str: ...  # where it computes
    def leave_device(self) -> None:
        """Brings home what is on a device, and gives memory and programs back."""

    @overload
    def predict(self, x: NDArray[Any]) -> NDArray[np.float32]: ...
    @overload
    def predict(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]: ...
    def predict_into(
        self,
        inputs: Sequence[NDArray[Any]],
        outs: Sequence[NDArray[np.float32]],
        batch_size: int,
        seconds: float,
    ) -> int:
        """Batch after batch of the rows, as train_steps, into those of `outs`. Returns how many were run."""

    @overload
    def train_step(
        self, x: NDArray[Any], y: NDArray[Any], index: NDArray[np.int64] | None = None
    ) -> list[float]:
        """Forward, loss, backward and update on one batch. Returns [loss, *metrics], means over the batch."""

    @overload
    def train_step(
        self, inputs: Sequence[NDArray[Any]], index: NDArray[np.int64] | None = None
    ) -> list[float]:
        """Returns the loss and, of the metrics, sums over the rows."""

    @overload
    def evaluate_step(
        self, x: NDArray[Any], y: NDArray[Any], index: NDArray[np.int64] | None = None
    ) -> list[float]:
        """As train_step, without dropout, gradients or update."""

    @overload
    def evaluate_step(
        self, inputs: Sequence[NDArray[Any]], index: NDArray[np.int64] | None = None
    ) -> list[float]: ...
    def train_steps(
        self,
        inputs: Sequence[NDArray[Any]],
        batch_size: int,
        index: NDArray[np.int64] | None,
        seconds: float,
        rates: Sequence[float] = (),
    ) -> list[list[float]]:
        """train_step on batch after batch of the rows, or of those that the index names.

        Ends once the seconds have passed, or where another thread waits. Returns the results of each batch
        that was run, at least one. `rates`: a learning rate for each batch in place of the present one.
        """

    def evaluate_steps(
        self,
        inputs: Sequence[NDArray[Any]],
        batch_size: int,
        index: NDArray[np.int64] | None,
        seconds: float,
    ) -> list[list[float]]:
        """The same of evaluate_step."""

    @overload
    def vjp(
        self, x: NDArray[Any], grad_out: NDArray[np.float32], training: bool = False
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """(gradient of the input, gradients of `weights`) of sum(grad_out * output)."""

    @overload
    def vjp(
        self,
        inputs: Sequence[NDArray[Any]],
        grad_outs: Sequence[NDArray[np.float32]],
        training: bool = False,
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """(gradients of the inputs, gradients of `weights`)."""

    def last_slots(self) -> list[NDArray[np.float32]]:
        """The optimizer's last numbers for each weight, in their shapes."""

    def optimizer_state(self) -> dict[str, NDArray[np.float32]]:
        """Flat buffers: {"velocity": ...} or {"m": ..., "v": ...}."""

    def set_optimizer_state(self, state: Mapping[str, NDArray[np.float32]], step: int) -> None: ...
    def snapshot(self) -> Snapshot:
        """What training changes, of one moment."""

    def memory(self, batch_size: int, mode: Literal["predict", "train", "vjp"]) -> int:
        """Exact bytes that this program runs in, told from the plan alone."""

    @property
    def arena_bytes(self) -> int:
        """Bytes really taken for the programs run so far, which share them; 0 before the first."""

    def plan(self, batch_size: int, mode: Literal["predict", "train", "vjp"]) -> list[dict[str, Any]]:
        """The steps of that program: name, op, direction, algorithm, reasons of refused algorithms, tasks.

        And "flops" of the direct computation, on every step of a layer's direction that multiplies, and
        "bytes" of the buffers that the step works on.
        """

    @overload
    def profile(
        self, inputs: Sequence[NDArray[Any]], mode: Literal["predict", "train"], runs: int
    ) -> tuple[float, list[float], int]: ...
    @overload
    def profile(self, x: NDArray[Any], y: NDArray[Any] | None, runs: int) -> tuple[float, list[float], int]:
        """(seconds, seconds of each step of the plan, threads) of the fastest of some runs.

        With `y`, of training steps; they train a copy. A step that a run leaves out took 0 seconds.
        """

    def tune(self, batch_size: int, mode: Literal["predict", "train"]) -> None:
        """Times all algorithms for the convolutions of that program and adds the times to `get_tuning()`."""

    def force_algorithm(self, op: str, algorithm: str | None) -> None:
        """For tests: every `op` uses `algorithm`, or planning fails.

        For "conv2d": "blocked", "lanes", "winograd", "winograd_f2", "winograd_f6", "winograd_s2",
        "winograd_s2_f5", "depthwise", "grouped".
        """

    def disable_pass(self, name: str, disabled: bool = True) -> None:
        """For tests and debugging: leave one optional pass out of programs built from now on."""

PASSES: tuple[str, ...]

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def set_precision(name: Literal["exact", "default", "fast"]) -> None:
    """Programs planned from now on use algorithms of this class; networks keep the programs of the others."""

def get_precision() -> Literal["exact", "default", "fast"]: ...
def devices() -> list[str]:
    """What this machine and this build can compute on: "cpu" first."""

def device_name(name: str) -> str:
    """The full name, "cuda:0" for "cuda". Raises ValueError where there is no such device."""

def describe_device(name: str) -> str: ...
def set_device(name: str) -> None:
    """Training states that were told none compute there from now on. Raises ValueError."""

def get_device() -> str: ...
def available_isas() -> list[str]:
    """What this machine and this build can run, weakest first."""

def get_isa() -> str: ...
def set_isa(name: str) -> None:
    """Programs built from now on use this instruction set; one of available_isas()."""

def measure_flops() -> float:
    """float32 operations a second of one core, measured anew in some tens of milliseconds."""

def measured_machine() -> tuple[float, float]:
    """Of one core, a second: float32 operations, and bytes from memory. Measured by the first call."""

def trim_heap() -> None:
    """Gives memory that was freed back to the system, where the C library keeps it."""

def get_tuning() -> tuple[dict[str, dict[str, float]], dict[str, tuple[float, float]]]:
    """What plans go by: seconds of algorithms by convolution; `measured_machine()` by instruction set."""

def set_tuning(
    convolutions: Mapping[str, Mapping[str, float]], machines: Mapping[str, tuple[float, float]]
) -> None:
    """Programs planned from now on go by these. Of a convolution's algorithms only those named are chosen."""

def set_tunes_when_planning(wanted: bool) -> None:
    """Networks tune convolutions that `get_tuning()` does not know when they first plan them."""

def build_info() -> dict[str, str]:
    """Version, compiler, flags, CPU name, OpenMP, CUDA."""

def philox(counter: tuple[int, int, int, int], key: int) -> tuple[int, int, int, int]:
    """Philox4x32-10, the generator behind dropout. For tests."""
