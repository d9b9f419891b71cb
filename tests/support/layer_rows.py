"""Layers, each with arguments of its own: those that Keras has by the same name, and the others."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cnnfast import Model, layers, ops

IMAGE, LINE, VOLUME, VECTOR, COLOURS = (8, 7, 4), (9, 4), (5, 6, 4, 3), (6,), (8, 8, 3)
JOINS = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")


def _joined(kind: str, k: Any) -> Callable[[Any], Any]:
    return lambda x: getattr(k, kind)()([x, k.Conv2D(4, 1)(x)])


# What makes a layer, or a function of symbols, with the layers of a library; and the shape of a sample.
BOTH: list[tuple[Callable[[Any], Any], tuple[int, ...]]] = [
    (lambda k: k.Conv1D(3, 3, 2, "same", activation="relu"), LINE),
    (lambda k: k.Conv1D(3, 3, padding="causal", dilation_rate=2), LINE),
    (lambda k: k.Conv2D(6, (3, 2), 2, groups=2, kernel_regularizer="l2", bias_constraint="non_neg"), IMAGE),
    (lambda k: k.Conv2D(3, 3, padding="same", use_bias=False, activation="gelu"), IMAGE),
    (lambda k: k.Conv2D(3, 3, kernel_initializer="he_normal"), IMAGE),
    (lambda k: k.Conv3D(3, 2), VOLUME),
    (lambda k: k.Conv1DTranspose(3, 3, 2), LINE),
    (lambda k: k.Conv2DTranspose(3, 3, 2, "same"), IMAGE),
    (lambda k: k.Conv3DTranspose(2, 2, 2), VOLUME),
    (lambda k: k.DepthwiseConv1D(3, depth_multiplier=2), LINE),
    (lambda k: k.DepthwiseConv2D(3, 2, "same", depth_multiplier=2, activation="relu"), IMAGE),
    (lambda k: k.SeparableConv1D(5, 3), LINE),
    (lambda k: k.SeparableConv2D(5, 3, depth_multiplier=2), IMAGE),
    (lambda k: k.Dense(5, activation="softmax"), VECTOR),
    (lambda k: k.Dense(5, use_bias=False, kernel_regularizer="l1"), IMAGE),
    (lambda k: k.BatchNormalization(epsilon=0.01), IMAGE),
    (lambda k: k.BatchNormalization(axis=1, scale=False), IMAGE),
    (lambda k: k.LayerNormalization(axis=[1, 2]), IMAGE),
    (lambda k: k.LayerNormalization(), IMAGE),
    (lambda k: k.GroupNormalization(2), IMAGE),
    (lambda k: k.RMSNormalization(), IMAGE),
    (lambda k: k.UnitNormalization(), IMAGE),
    (lambda k: k.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 1, 2]), IMAGE),
    (lambda k: k.Discretization([0.2, 0.6]), VECTOR),
    (lambda k: k.Rescaling(2.0, 1.0), IMAGE),
    (lambda k: k.Rescaling([2.0, 3, 1, 5], [1.0, 0, 0, 1]), IMAGE),
    (lambda k: k.MaxPooling1D(2), LINE),
    (lambda k: k.MaxPooling2D((2, 3), 2, "same"), IMAGE),
    (lambda k: k.MaxPooling3D(2), VOLUME),
    (lambda k: k.AveragePooling1D(2), LINE),
    (lambda k: k.AveragePooling2D(3, 2, "same"), IMAGE),
    (lambda k: k.AveragePooling3D(2), VOLUME),
    (lambda k: k.GlobalAveragePooling1D(), LINE),
    (lambda k: k.GlobalAveragePooling2D(keepdims=True), IMAGE),
    (lambda k: k.GlobalMaxPooling2D(), IMAGE),
    (lambda k: k.GlobalMaxPooling3D(), VOLUME),
    (lambda k: k.AdaptiveAveragePooling2D((3, 2)), IMAGE),
    (lambda k: k.AdaptiveMaxPooling2D(2), IMAGE),
    (lambda k: k.ZeroPadding1D((1, 2)), LINE),
    (lambda k: k.ZeroPadding2D(((1, 2), (0, 3))), IMAGE),
    (lambda k: k.ZeroPadding3D(1), VOLUME),
    (lambda k: k.Cropping1D((1, 2)), LINE),
    (lambda k: k.Cropping2D(1), IMAGE),
    (lambda k: k.Cropping3D(1), VOLUME),
    (lambda k: k.UpSampling1D(2), LINE),
    (lambda k: k.UpSampling2D((2, 3)), IMAGE),
    (lambda k: k.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    (lambda k: k.UpSampling3D(2), VOLUME),
    (lambda k: k.Resizing(5, 9), IMAGE),
    (lambda k: k.CenterCrop(5, 4), IMAGE),
    (lambda k: k.Flatten(), IMAGE),
    (lambda k: k.Reshape((-1, 4)), IMAGE),
    (lambda k: k.Permute((3, 1, 2)), IMAGE),
    (lambda k: k.RepeatVector(3), VECTOR),
    (lambda k: k.Activation("swish"), IMAGE),
    (lambda k: k.ReLU(max_value=0.6, negative_slope=0.1, threshold=0.2), IMAGE),
    (lambda k: k.LeakyReLU(negative_slope=0.2), IMAGE),
    (lambda k: k.PReLU(shared_axes=[1, 2]), IMAGE),
    (lambda k: k.ELU(alpha=0.5), IMAGE),
    (lambda k: k.Softmax(), VECTOR),
    (lambda k: k.Identity(), VECTOR),
    (lambda k: k.ActivityRegularization(0.1), VECTOR),
    (lambda k: k.Dropout(0.5, seed=3), VECTOR),
    (lambda k: k.SpatialDropout2D(0.3), IMAGE),
    (lambda k: k.GaussianNoise(0.3), VECTOR),
    (lambda k: k.GaussianDropout(0.3), VECTOR),
    (lambda k: k.AlphaDropout(0.3), VECTOR),
    (lambda k: k.TimeDistributed(k.Dense(3)), LINE),
    (lambda k: k.RandomFlip(), IMAGE),
    (lambda k: k.RandomCrop(5, 4), IMAGE),
    (lambda k: k.RandomRotation(0.1), IMAGE),
    (lambda k: k.RandomTranslation(0.1, 0.1), IMAGE),
    (lambda k: k.RandomZoom(0.1), IMAGE),
    (lambda k: k.RandomContrast(0.2), IMAGE),
    (lambda k: k.RandomBrightness(0.2), COLOURS),
    (lambda k: k.RandomColorDegeneration((0.0, 0.5)), COLOURS),
    (lambda k: k.RandomColorJitter(), COLOURS),
    (lambda k: k.RandomElasticTransform(), COLOURS),
    (lambda k: k.RandomErasing(), COLOURS),
    (lambda k: k.RandomGaussianBlur(), COLOURS),
    (lambda k: k.RandomGrayscale(), COLOURS),
    (lambda k: k.RandomHue(0.1), COLOURS),
    (lambda k: k.RandomInvert(), COLOURS),
    (lambda k: k.RandomPerspective(), COLOURS),
    (lambda k: k.RandomPosterization(4), COLOURS),
    (lambda k: k.RandomSaturation((0.4, 0.6)), COLOURS),
    (lambda k: k.RandomSharpness(0.3), COLOURS),
    (lambda k: k.RandomShear((0.0, 0.1), (0.0, 0.1)), COLOURS),
    (lambda k: k.AugMix(), COLOURS),
    (lambda k: k.AutoContrast(), COLOURS),
    (lambda k: k.ContrastLimitedAdaptiveHistogramEqualization(), COLOURS),
    (lambda k: k.Equalization(), COLOURS),
    (lambda k: k.RandAugment(), COLOURS),
    (lambda k: k.Solarization(), COLOURS),
    (lambda k: k.AdaptiveAveragePooling1D(3), LINE),
    (lambda k: k.AdaptiveAveragePooling3D((2, 3, 2)), VOLUME),
    (lambda k: k.AdaptiveMaxPooling1D(3), LINE),
    (lambda k: k.AdaptiveMaxPooling3D(2), VOLUME),
    (lambda k: k.GlobalAveragePooling3D(), VOLUME),
    (lambda k: k.GlobalMaxPooling1D(), LINE),
    (lambda k: k.SpatialDropout1D(0.3), LINE),
    (lambda k: k.SpatialDropout3D(0.3), VOLUME),
    (lambda k: k.CategoryEncoding(3, "one_hot"), (1,)),
    (lambda k: k.Pipeline([k.Rescaling(2.0), k.CenterCrop(4, 4)]), IMAGE),
    (lambda k: k.Embedding(3, 4), VECTOR),
    *[(partial(_joined, kind), IMAGE) for kind in JOINS],
    (lambda k: lambda x: k.Dot(axes=(2, 2))([x, k.ReLU()(x)]), LINE),
]


class Block(layers.Layer):
    """Code that calls layers and words."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Conv2D(4, 1), layers.Dense(4)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return inputs + ops.silu(self.second(self.first(inputs)))


class Net(Model):
    """The same as a model, with a model of its own kind in it."""

    def __init__(self, inner: Any = None) -> None:
        super().__init__()
        self.block, self.inner, self.head = Block(), inner, layers.Dense(3)

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self.block(inputs)
        return self.head(x if self.inner is None else self.inner(x))


def _unpooled(rank: int) -> Callable[[Any], Any]:
    pool, back = getattr(layers, f"MaxPooling{rank}D"), getattr(layers, f"MaxUnpool{rank}D")
    return lambda x: back(2)(*pool(2, return_indices=True)(x))


# Layers of ours that Keras has as several, or by another name.
OWN: list[tuple[Any, tuple[int, ...]]] = [
    (lambda: layers.PixelShuffle(2), IMAGE),
    (lambda: layers.PixelShuffle(2, "channels_first"), (8, 3, 5)),
    (lambda: layers.DepthToSpace(2), IMAGE),
    (lambda: layers.DepthToSpace(2, "channels_first"), (8, 3, 5)),
    (lambda: layers.LayerScale(0.3), IMAGE),
    (lambda: layers.InstanceNormalization(), IMAGE),
    (lambda: layers.Lambda(ops.relu), IMAGE),
    (lambda: layers.Lambda(lambda x: ops.tanh(x * 2.0) + ops.mean(x, -1, keepdims=True)), IMAGE),
    (lambda: layers.Conv2D(3, 3, padding="same", padding_mode="reflect"), IMAGE),
    (lambda: layers.Conv2D(3, 4, 2, padding="same", padding_mode="replicate"), IMAGE),
    (lambda: layers.Conv1D(3, 3, padding="causal", padding_mode="circular"), LINE),
    (lambda: layers.Conv2D(3, 3, padding="valid", padding_mode="circular"), IMAGE),
    (lambda: layers.DepthwiseConv2D(3, padding=((1, 2), (0, 1)), padding_mode="circular"), IMAGE),
    (lambda: layers.Conv2D(3, 3, padding=1, padding_mode="reflect", data_format="channels_first"), IMAGE),
    (lambda: Block(), IMAGE),
]
# Layers that Keras lacks.
LACKED: list[tuple[Any, tuple[int, ...]]] = [
    (lambda: layers.LocalResponseNormalization(3), IMAGE),
    (lambda: layers.LpPooling1D(2.0, 2), LINE),
    (lambda: layers.LpPooling2D(2.0, 2), IMAGE),
    (lambda: layers.LpPooling3D(2.0, 2), VOLUME),
    (lambda: layers.SpectralNormalization(layers.Dense(3)), VECTOR),
    (lambda: lambda x: x + layers.Parameter(IMAGE, "random_normal")(x), IMAGE),
    *[(partial(_unpooled, rank), shape) for rank, shape in ((1, LINE), (2, IMAGE), (3, VOLUME))],
]
# What is no layer of a network: bases, and what mixes the samples of a batch.
APART = ("CutMix", "Layer", "MixUp", "Wrapper")
