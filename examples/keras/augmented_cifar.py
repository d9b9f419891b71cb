"""Small colour pictures through augmentation layers, whose factors are 0 here: the same losses each time."""

import keras
import numpy as np
from keras import layers

augmentation = keras.Sequential(
    [
        layers.RandomRotation(0.0),
        layers.RandomTranslation(0.0, 0.0),
        layers.RandomZoom(0.0),
        layers.RandomContrast(0.0),
        layers.RandomBrightness(0.0, value_range=(0, 1)),
    ],
    name="augmentation",
)


def build():
    inputs = keras.Input(shape=(32, 32, 3))
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = augmentation(x)
    x = layers.CenterCrop(28, 28)(x)
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def data(rng):
    x = rng.integers(0, 256, (8, 32, 32, 3)).astype("float32")
    return x, keras.utils.to_categorical(rng.integers(0, 10, 8), 10)


def compiled(model):
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    compiled(build()).fit(*data(np.random.default_rng(0)), epochs=2)
