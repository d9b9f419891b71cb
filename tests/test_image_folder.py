"""A folder for each class as a data set: what is found, how it is split, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.nets import refusal

from cnnfast.datasets import image_folder


def make(folder: Path, counts: dict[str, int], size: tuple[int, int] = (6, 4)) -> Path:
    """Pictures of one colour in folders; the colour is told by the number of folder and picture."""
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size, (label, number, 0)).save(folder / name / f"{number:03}.png")
    return folder


def numbers(images: np.ndarray) -> list[tuple[int, int]]:
    """(label, number) of each picture by its colour."""
    return [(int(image[0, 0, 0]), int(image[0, 0, 1])) for image in images]


def test_train_and_test_folders(tmp_path: Path) -> None:
    make(tmp_path / "train", {"b": 3, "a": 2})
    make(tmp_path / "test", {"b": 1})
    train, test, names, unreadable = image_folder.load_data(tmp_path, (4, 6))
    assert names == ("a", "b")
    assert unreadable == ()
    assert train[0].dtype == np.uint8
    assert train[0].shape == (5, 4, 6, 3)
    assert train[1].tolist() == [0, 0, 1, 1, 1]
    assert test[1].tolist() == [1]
    assert numbers(train[0]) == [(1, 0), (1, 1), (0, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation", "Test"])
def test_names_of_test_folders(name: str, tmp_path: Path) -> None:
    make(tmp_path / "train", {"a": 2, "b": 2})
    make(tmp_path / name, {"a": 1, "b": 1})
    found = image_folder.find(tmp_path)
    assert (len(found.train), len(found.test), found.source) == (4, 2, f"train/ and {name}/")


def test_a_seeded_part_of_each_class_is_put_aside(tmp_path: Path) -> None:
    make(tmp_path, {"a": 10, "b": 40, "c": 2, "d": 1})
    one, again, other = (image_folder.load_data(tmp_path, (4, 6), seed=seed) for seed in (3, 3, 4))
    assert np.bincount(one.test[1], minlength=4).tolist() == [2, 8, 1, 0]
    assert np.bincount(one.train[1]).tolist() == [8, 32, 1, 1]
    everything = numbers(one.train[0]) + numbers(one.test[0])
    assert sorted(everything) == [(k, n) for k, count in enumerate((10, 40, 2, 1)) for n in range(count)]
    assert numbers(again.test[0]) == numbers(one.test[0]) != numbers(other.test[0])
    half = image_folder.load_data(tmp_path, (4, 6), validation_split=0.5)
    assert np.bincount(half.test[1], minlength=4).tolist() == [5, 20, 1, 0]


def test_train_alone_is_split_too(tmp_path: Path) -> None:
    make(tmp_path / "train", {"a": 5, "b": 5})
    found = image_folder.find(tmp_path)
    assert (found.class_names, len(found.train), len(found.test)) == (("a", "b"), 8, 2)


def test_trains_and_tests_may_be_classes(tmp_path: Path) -> None:
    make(tmp_path, {"car": 2, "train": 2, "test": 2})
    assert image_folder.find(tmp_path).class_names == ("car", "test", "train")


def test_sizes_and_grey(tmp_path: Path) -> None:
    make(tmp_path, {"a": 2, "b": 2}, size=(30, 20))
    Image.new("L", (5, 50), 9).save(tmp_path / "a" / "tall.jpg")
    train, test, _, _ = image_folder.load_data(tmp_path, (7, 7), "grayscale")
    assert train[0].shape[1:] == test[0].shape[1:] == (7, 7, 1)


def test_bad_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    make(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "000.png").write_bytes(b"no picture")
    (tmp_path / "b" / "notes.txt").write_text("not looked at")
    (tmp_path / "b" / ".hidden.png").write_bytes(b"not looked at")
    (tmp_path / ".git").mkdir()
    found = image_folder.load_data(tmp_path, (4, 6))
    assert len(found.train[0]) + len(found.test[0]) == 7
    assert len(found.unreadable) == 1
    assert "000.png" in found.unreadable[0]
    assert (0, 0) not in numbers(found.train[0]) + numbers(found.test[0])


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        image_folder.find(tmp_path / "nowhere")
    refusal(missing.value, "nowhere")
    make(tmp_path / "one", {"a": 3})
    with pytest.raises(ValueError, match="two classes") as info:
        image_folder.find(tmp_path / "one")
    refusal(info.value, "one", "cat", "dog", "holds 1")
    make(tmp_path / "strange" / "train", {"a": 1, "b": 1})
    make(tmp_path / "strange" / "test", {"a": 1, "z": 1})
    with pytest.raises(ValueError, match="'z'"):
        image_folder.find(tmp_path / "strange")
    make(tmp_path / "few", {"a": 1, "b": 1})
    with pytest.raises(ValueError, match="two pictures"):
        image_folder.find(tmp_path / "few")
    make(tmp_path / "good", {"a": 2, "b": 2})
    with pytest.raises(ValueError, match="validation_split"):
        image_folder.find(tmp_path / "good", validation_split=1.0)
    with pytest.raises(ValueError, match="color_mode"):
        image_folder.load_data(tmp_path / "good", color_mode="cmyk")
    for path in (tmp_path / "good").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="can be read"):
        image_folder.load_data(tmp_path / "good")


def test_a_test_folder_is_no_class(tmp_path: Path) -> None:
    make(tmp_path, {"a": 2, "b": 2})
    make(tmp_path / "test", {"a": 1, "b": 1})
    with pytest.raises(ValueError, match="test/") as info:
        image_folder.find(tmp_path)
    refusal(info.value, str(tmp_path), "train/")


@pytest.mark.parametrize("size", [(0, 4), (4,), (4, 4, 3), "large"])
def test_sizes_that_are_none(size: object, tmp_path: Path) -> None:
    make(tmp_path, {"a": 2, "b": 2})
    with pytest.raises(ValueError, match="image_size"):
        image_folder.load_data(tmp_path, size)  # type: ignore[arg-type]
