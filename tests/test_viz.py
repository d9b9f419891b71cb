"""What the pictures count: class numbers in every form, and refusals of what cannot be drawn."""

from pathlib import Path

import numpy as np
import pytest

import cnnfast
from cnnfast import layers, utils, viz


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


def test_images_of_any_size_and_several_inputs() -> None:
    inputs = cnnfast.Input((None, None, 1))
    model = cnnfast.Model(inputs, layers.Conv2D(2, 3, name="maps")(inputs))
    figure = viz.plot_feature_maps(model, np.ones((9, 7, 1)))
    assert figure.axes[0].get_title() == "maps: 2 feature maps 7 x 5"
    for wrong in (np.ones((9, 7)), np.ones((9, 7, 3))):
        with pytest.raises(ValueError, match="shape"):
            viz.plot_feature_maps(model, wrong)
    one, two = cnnfast.Input((8, 8, 1)), cnnfast.Input((8, 8, 1))
    model = cnnfast.Model([one, two], layers.Add()([layers.Conv2D(2, 3)(one), layers.Conv2D(2, 3)(two)]))
    with pytest.raises(ValueError, match="several"):
        viz.plot_feature_maps(model, np.ones((8, 8)))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 3), (3, 4, 4)])
def test_bytes_are_drawn_as_they_are(shape: tuple[int, ...]) -> None:
    """A white picture is white, and a dark one is not stretched; numbers of another range are."""
    scores = [[0.1, 0.9]]
    for grey, expected in ((255, 1.0), (51, 0.2), (0, 0.0)):
        drawn = viz.plot_mistakes(np.full((1, *shape), grey, np.uint8), [0], scores).axes[0].images[0]
        assert drawn.get_array().data == pytest.approx(expected)
        assert drawn.get_clim() == (0, 1)
    floats = np.linspace(-3, 5, np.prod(shape)).reshape(1, *shape)
    drawn = viz.plot_mistakes(floats, [0], scores).axes[0].images[0].get_array()
    assert (drawn.min(), drawn.max()) == (0, 1)


def test_mistakes_need_names() -> None:
    for labels, names in (([0], ["a"]), ([5], ["a", "b"])):
        with pytest.raises(ValueError, match="class_names"):
            viz.plot_mistakes(np.zeros((1, 4, 4)), labels, [[0.3, 0.7]], names)
    assert viz.plot_mistakes(np.zeros((1, 4, 4)), [5], [[0.3, 0.7]]).axes[0].get_title() == "1 (70 %), is 5"


def test_a_model_as_boxes_and_arrows(tmp_path: Path) -> None:
    source = cnnfast.Input((8, 8, 3), name="image")
    first = layers.Conv2D(4, 3, padding="same", name="first")(source)
    second = layers.Conv2D(4, 3, padding="same", name="second", trainable=False)(first)
    model = cnnfast.Model(source, layers.Add(name="sum")([first, second]))
    figure = utils.plot_model(
        model, tmp_path / "model.png", show_shapes=True, show_layer_names=True, show_trainable=True
    )
    axes = figure.axes[0]  # type: ignore[attr-defined]
    boxes = [text for text in axes.texts if text.get_text()]
    arrows = [text for text in axes.texts if not text.get_text()]
    assert boxes[1].get_text() == "Conv2D\nfirst\n(None, 8, 8, 4)"
    assert [box.get_position() for box in boxes] == [(0, 0), (0, -1), (0, -2), (0, -3)]
    ends = sorted((arrow.get_position(), arrow.xy) for arrow in arrows)
    assert ends == [((0, -2), (0, -3)), ((0, -1), (0, -3)), ((0, -1), (0, -2)), ((0, 0), (0, -1))]
    colours = [box.get_bbox_patch().get_facecolor() for box in boxes]
    assert colours[1] == colours[0] != colours[2]
    assert (tmp_path / "model.png").read_bytes()[1:4] == b"PNG"
    across = viz.plot_model(model, rankdir="LR").axes[0]  # type: ignore[attr-defined]
    assert [text.get_position() for text in across.texts[:4]] == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_branches_stand_side_by_side() -> None:
    sources = [cnnfast.Input((4,), name=name) for name in ("left", "right")]
    dense = layers.Dense(3)
    model = cnnfast.Model(sources, layers.Concatenate()([dense(each) for each in sources]))
    axes = viz.plot_model(model).axes[0]  # type: ignore[attr-defined]
    places = [text.get_position() for text in axes.texts if text.get_text()]
    assert places == [(-0.5, 0), (0.5, 0), (-0.5, -1), (0.5, -1), (0, -2)]


def test_what_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="no shapes yet"):
        viz.plot_model(cnnfast.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="expand_nested"):
        utils.plot_model(cnnfast.Sequential([layers.Dense(1, input_shape=(2,))]), None, expand_nested=True)
