"""Layers: what networks are built of. Names and arguments are those of Keras 3."""

from cnnfast.layers.activation import Activation, ReLU, Softmax
from cnnfast.layers.add import Add, add
from cnnfast.layers.average_pooling2d import AveragePooling2D
from cnnfast.layers.conv2d import Conv2D
from cnnfast.layers.dense import Dense
from cnnfast.layers.dropout import Dropout
from cnnfast.layers.flatten import Flatten
from cnnfast.layers.input import Input, InputLayer
from cnnfast.layers.layer import Layer
from cnnfast.layers.max_pooling2d import MaxPooling2D

AvgPool2D = AveragePooling2D
MaxPool2D = MaxPooling2D

__all__ = [
    "Activation",
    "Add",
    "AveragePooling2D",
    "AvgPool2D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPool2D",
    "MaxPooling2D",
    "ReLU",
    "Softmax",
    "add",
]
