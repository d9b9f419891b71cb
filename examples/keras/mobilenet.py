"""Inverted residuals: wide inside, depthwise convolutions, ReLU6, no activation at the narrow ends."""

import keras
import numpy as np
from keras import layers


def inverted(x, filters, strides, expansion=4):
    y = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU(max_value=6.0)(y)
    if strides == 2:
        y = layers.ZeroPadding2D(((0, 1), (0, 1)))(y)
    y = layers.DepthwiseConv2D(3, strides, padding="valid" if strides == 2 else "same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU(6.0)(y)
    y = layers.Conv2D(filters, 1, use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    return layers.Add()([x, y]) if strides == 1 and x.shape[-1] == filters else y


def build():
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = inverted(x, 8, 1)
    x = inverted(x, 12, 2)
    x = inverted(x, 12, 1)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(4, 1)(x)
    return keras.Model(inputs, layers.Softmax()(layers.Reshape((4,))(x)))


def data(rng):
    return rng.normal(size=(8, 16, 16, 3)), rng.integers(0, 4, 8)


def compiled(model):
    model.compile(
        optimizer=keras.optimizers.RMSprop(1e-3, momentum=0.9), loss="sparse_categorical_crossentropy"
    )
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
