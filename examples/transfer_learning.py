"""Tells your own pictures apart with a network that learnt ImageNet; docs/transfer_learning.md explains it.

python examples/transfer_learning.py pictures

`pictures` has a folder for each class, such as pictures/cat and pictures/dog, or train/ and test/ that do.
"""

import argparse

import cnnfast
from cnnfast import applications, datasets, layers, optimizers


def build(classes, size):
    """The network without its head, frozen, and a new head: one sigmoid unit tells two classes apart."""
    base = applications.MobileNetV2(
        weights="imagenet", include_top=False, input_shape=(size, size, 3), pooling="avg"
    )
    base.trainable = False
    inputs = cnnfast.Input((size, size, 3))
    x = layers.Dropout(0.2)(base(inputs, training=False))
    if classes == 2:
        outputs = layers.Dense(1, activation="sigmoid")(x)
    else:
        outputs = layers.Dense(classes, activation="softmax")(x)
    return cnnfast.Model(inputs, outputs), base


def compiled(model, rate):
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


def main(folder, size=96, epochs=10, more_epochs=2, out="pictures.cnnfast"):
    cnnfast.set_random_seed(0)
    train, test, names, _ = datasets.image_folder.load_data(folder, (size, size))
    (x, y), (x_test, y_test) = (
        (applications.preprocess_input(images), labels) for images, labels in (train, test)
    )

    model, base = build(len(names), size)
    compiled(model, 1e-3).fit(x, y, batch_size=32, epochs=epochs, validation_data=(x_test, y_test), verbose=2)

    base.trainable = True
    compiled(model, 1e-5).fit(
        x, y, batch_size=32, epochs=more_epochs, validation_data=(x_test, y_test), verbose=2
    )
    model.metadata.update(class_names=list(names), preparation="imagenet")
    model.save(out)
    print(f"cnnfast predict {out} PICTURE tells what is in a picture.")
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder")
    main(parser.parse_args().folder)
