"""Layers: what networks are built of. Names and arguments are those of Keras 3."""

from importlib import import_module
from typing import TYPE_CHECKING

from cnnfast.layers.activation import Activation, ReLU, Softmax
from cnnfast.layers.adaptive_average_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
)
from cnnfast.layers.adaptive_max_pooling import (
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from cnnfast.layers.add import Add, add
from cnnfast.layers.average_pooling1d import AveragePooling1D
from cnnfast.layers.average_pooling2d import AveragePooling2D
from cnnfast.layers.average_pooling3d import AveragePooling3D
from cnnfast.layers.batch_normalization import BatchNormalization
from cnnfast.layers.borders import (
    CenterCrop,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from cnnfast.layers.concatenate import Concatenate, concatenate
from cnnfast.layers.conv1d import Conv1D
from cnnfast.layers.conv1d_transpose import Conv1DTranspose
from cnnfast.layers.conv2d import Conv2D
from cnnfast.layers.conv2d_transpose import Conv2DTranspose
from cnnfast.layers.conv3d import Conv3D
from cnnfast.layers.conv3d_transpose import Conv3DTranspose
from cnnfast.layers.dense import Dense
from cnnfast.layers.depth_to_space import DepthToSpace, PixelShuffle
from cnnfast.layers.depthwise_conv1d import DepthwiseConv1D
from cnnfast.layers.depthwise_conv2d import DepthwiseConv2D
from cnnfast.layers.dot import Dot, dot
from cnnfast.layers.dropout import Dropout
from cnnfast.layers.elementwise import ELU, ActivityRegularization, LayerScale, LeakyReLU, PReLU, Rescaling
from cnnfast.layers.embedding import Embedding
from cnnfast.layers.encoding import CategoryEncoding, Discretization
from cnnfast.layers.feature_normalization import Normalization
from cnnfast.layers.flatten import Flatten
from cnnfast.layers.functions import Identity, Lambda
from cnnfast.layers.global_average_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)
from cnnfast.layers.global_max_pooling import GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
from cnnfast.layers.input import Input, InputLayer
from cnnfast.layers.input_spec import InputSpec
from cnnfast.layers.layer import Layer
from cnnfast.layers.lp_pooling import LpPooling1D, LpPooling2D, LpPooling3D
from cnnfast.layers.max_pooling1d import MaxPooling1D
from cnnfast.layers.max_pooling2d import MaxPooling2D
from cnnfast.layers.max_pooling3d import MaxPooling3D
from cnnfast.layers.merging import (
    Average,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    average,
    maximum,
    minimum,
    multiply,
    subtract,
)
from cnnfast.layers.noise import (
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from cnnfast.layers.normalization import (
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    LocalResponseNormalization,
    RMSNormalization,
    UnitNormalization,
)
from cnnfast.layers.operation import Operation
from cnnfast.layers.parameter import Parameter
from cnnfast.layers.pipeline import Pipeline
from cnnfast.layers.reshaping import Permute, RepeatVector, Reshape
from cnnfast.layers.resizing import Resizing
from cnnfast.layers.separable_conv1d import SeparableConv1D
from cnnfast.layers.separable_conv2d import SeparableConv2D
from cnnfast.layers.serializing import deserialize, serialize
from cnnfast.layers.spectral_normalization import SpectralNormalization
from cnnfast.layers.time_distributed import TimeDistributed
from cnnfast.layers.unpooling import MaxUnpool1D, MaxUnpool2D, MaxUnpool3D
from cnnfast.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from cnnfast.layers.wrapper import Wrapper
from cnnfast.utils.missing import missing

AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

if TYPE_CHECKING:  # comes when it is asked for
    from cnnfast.layers.augmenting import (
        AugMix,
        AutoContrast,
        ContrastLimitedAdaptiveHistogramEqualization,
        CutMix,
        Equalization,
        MixUp,
        RandAugment,
        RandomBrightness,
        RandomColorDegeneration,
        RandomColorJitter,
        RandomContrast,
        RandomCrop,
        RandomElasticTransform,
        RandomErasing,
        RandomFlip,
        RandomGaussianBlur,
        RandomGrayscale,
        RandomHue,
        RandomInvert,
        RandomPerspective,
        RandomPosterization,
        RandomRotation,
        RandomSaturation,
        RandomSharpness,
        RandomShear,
        RandomTranslation,
        RandomZoom,
        Solarization,
    )

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AlphaDropout",
    "AugMix",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthToSpace",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "Embedding",
    "Equalization",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "InstanceNormalization",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LayerScale",
    "LeakyReLU",
    "LocalResponseNormalization",
    "LpPooling1D",
    "LpPooling2D",
    "LpPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MaxUnpool1D",
    "MaxUnpool2D",
    "MaxUnpool3D",
    "Maximum",
    "Minimum",
    "MixUp",
    "Multiply",
    "Normalization",
    "Operation",
    "PReLU",
    "Parameter",
    "Permute",
    "Pipeline",
    "PixelShuffle",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "Subtract",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        if name in __all__:
            return getattr(import_module("cnnfast.layers.augmenting"), name)
        raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
