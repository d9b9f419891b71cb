"""Layers: what networks are built of. Names and arguments are those of Keras 3."""

from typing import TYPE_CHECKING

from cnnfast.layers.activation import Activation, ReLU, Softmax
from cnnfast.layers.add import Add, add
from cnnfast.layers.average_pooling1d import AveragePooling1D
from cnnfast.layers.average_pooling2d import AveragePooling2D
from cnnfast.layers.conv1d import Conv1D
from cnnfast.layers.conv1d_transpose import Conv1DTranspose
from cnnfast.layers.conv2d import Conv2D
from cnnfast.layers.conv2d_transpose import Conv2DTranspose
from cnnfast.layers.conv3d import Conv3D
from cnnfast.layers.conv3d_transpose import Conv3DTranspose
from cnnfast.layers.dense import Dense
from cnnfast.layers.depthwise_conv1d import DepthwiseConv1D
from cnnfast.layers.depthwise_conv2d import DepthwiseConv2D
from cnnfast.layers.dropout import Dropout
from cnnfast.layers.flatten import Flatten
from cnnfast.layers.input import Input, InputLayer
from cnnfast.layers.layer import Layer
from cnnfast.layers.max_pooling1d import MaxPooling1D
from cnnfast.layers.max_pooling2d import MaxPooling2D
from cnnfast.layers.operation import Operation
from cnnfast.layers.separable_conv1d import SeparableConv1D
from cnnfast.layers.separable_conv2d import SeparableConv2D
from cnnfast.utils.missing import missing

AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D

__all__ = [
    "Activation",
    "Add",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Operation",
    "ReLU",
    "SeparableConv1D",
    "SeparableConv2D",
    "Softmax",
    "add",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
