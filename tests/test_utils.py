"""Small helpers by Keras's names: batches and their parts, names of layers, settings."""

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Sequential, backend, layers, utils


class Batches(utils.PyDataset):
    """Three batches, and how often each was asked for."""

    def __init__(self) -> None:
        super().__init__(workers=2)
        self.asked = [0, 0, 0]
        self.epochs = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        self.asked[index] += 1
        return np.full((4, 2), index, np.float32), np.ones((4, 1), np.float32)

    def on_epoch_end(self) -> None:
        self.epochs += 1


def test_batches_by_number() -> None:
    model = Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    batches = Batches()
    model.fit(batches, epochs=2, verbose=0)
    assert batches.epochs == 2
    assert min(batches.asked) >= 2
    assert model.predict(batches, verbose=0).shape == (12, 1)
    assert utils.Sequence is utils.PyDataset


def test_what_is_not_defined_is_told() -> None:
    for use in (len, lambda batches: batches[0]):
        with pytest.raises(NotImplementedError, match="PyDataset needs a method"):
            use(utils.PyDataset())


def test_parts_of_a_batch() -> None:
    x, y, weight = np.ones(3), np.zeros(3), np.full(3, 2.0)
    assert utils.pack_x_y_sample_weight(x) is x
    assert utils.pack_x_y_sample_weight([x]) == ([x],)
    for parts in ((x, y), (x, y, weight)):
        packed = utils.pack_x_y_sample_weight(*parts)
        assert packed == parts
        assert utils.unpack_x_y_sample_weight(packed) == (*parts, None)[:3]
    assert utils.unpack_x_y_sample_weight(x) == (x, None, None)
    with pytest.raises(ValueError, match="got 4 parts"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_names_begin_anew() -> None:
    layers.Dense(1)
    backend.clear_session()
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]


def test_settings_that_scripts_ask_for() -> None:
    assert cnnfast.config.epsilon() == backend.epsilon() == 1e-7
    assert backend.floatx() == "float32"
    assert backend.backend() == "cnnfast"
    with pytest.raises(ValueError, match="all is computed in float32"):
        backend.set_floatx("float16")
