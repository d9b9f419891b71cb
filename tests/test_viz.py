"""What the pictures count: class numbers in every form, and refusals of what cannot be drawn."""

import numpy as np
import pytest

import cnnfast
from cnnfast import layers, viz


def test_class_numbers_in_columns_are_class_numbers() -> None:
    """CIFAR-10's labels come as (n, 1)."""
    labels, scores = np.array([[2], [0], [1]], np.uint8), np.eye(3)[[2, 0, 0]]
    expected = [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    for y_true in (labels, labels[:, 0], np.eye(3)[[2, 0, 1]]):
        assert viz.confusion_matrix(y_true, scores).tolist() == expected
        assert viz.worst_mistakes(y_true, scores).tolist() == [2]


def test_one_probability_names_no_class() -> None:
    yes = np.array([[0.2], [0.9]])
    with pytest.raises(ValueError, match=r"y_pred .*\(2, 1\).*> 0\.5"):
        viz.confusion_matrix([0, 1], yes)
    assert viz.confusion_matrix([0, 1], yes > 0.5).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="two classes"):
        viz.worst_mistakes([0, 1], yes)


class Called(cnnfast.Model):
    """A model whose graph is not kept."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = layers.Conv2D(2, 3)

    def call(self, inputs: object) -> object:
        return self.filters(inputs)


def test_feature_maps_of_a_model_with_a_call() -> None:
    model = Called()
    model.build((None, 8, 8, 1))
    with pytest.raises(ValueError, match="call"):
        viz.plot_feature_maps(model, np.ones((8, 8)))
