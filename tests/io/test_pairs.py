from __future__ import annotations

import os
from pathlib import Path

import pytest

from overtile.errors import ImageError, PairError
from overtile.io import (
    LABEL_SUFFIXES,
    Pair,
    count_others,
    find_images,
    match_files,
    pair_files,
)


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.image.name, pair.labels.name) for pair in pairs]


# Finding


def test_a_file_is_itself_whatever_its_name(tmp_path: Path) -> None:
    path = fill(tmp_path, "scan.dat") / "scan.dat"
    assert find_images(path) == [path]


def test_a_folder_is_sorted_as_people_count(tmp_path: Path) -> None:
    fill(tmp_path, "img10.png", "img2.png", "Img1.tif", "img2b.png")
    assert [p.name for p in find_images(tmp_path)] == [
        "Img1.tif",
        "img2.png",
        "img2b.png",
        "img10.png",
    ]


def test_strays_and_other_formats_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "a.PNG", "b.jpg", "c.JPEG", "d.tif", "e.TIFF")
    fill(tmp_path, "._a.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.tif")
    fill(tmp_path, ".0123456789ab.overtile-part", "README.md", "index.csv")
    fill(tmp_path / "inner.tif", "x.tif")
    assert [p.name for p in find_images(str(tmp_path))] == [
        "a.PNG",
        "b.jpg",
        "c.JPEG",
        "d.tif",
        "e.TIFF",
    ]


def test_a_pattern_finds_what_it_matches(tmp_path: Path) -> None:
    fill(tmp_path, "a1.png", "a10.png", "a2.png", "b1.png", "a3.txt")
    assert [p.name for p in find_images(f"{tmp_path}/a*")] == ["a1.png", "a2.png", "a10.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    path = fill(tmp_path, "a[1].png", "a1.png") / "a[1].png"
    assert find_images(path) == [path]


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("none", "does not exist"),
        ("none.tif", "does not exist"),
        ("*.tif", "matches no image"),
        (".", "holds no image.*inner folders are not searched"),
    ],
)
def test_nothing_found_is_an_error_with_a_remedy(tmp_path: Path, source: str, fault: str) -> None:
    fill(tmp_path, "README.md")
    with pytest.raises(ImageError, match=fault) as caught:
        find_images(tmp_path / source)
    assert caught.value.remedy


# Pairing


def test_files_pair_by_name_across_formats(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "b10.png", "b2.jpg", "a.ome.tif")
    labels = fill(tmp_path / "labels", "b2.tif", "b10.tif", "a.png")
    assert names(pair_files(images, labels)) == [
        ("a.ome.tif", "a.png"),
        ("b2.jpg", "b2.tif"),
        ("b10.png", "b10.tif"),
    ]


@pytest.mark.parametrize("suffix", LABEL_SUFFIXES)
def test_label_files_may_say_that_they_are(tmp_path: Path, suffix: str) -> None:
    images = fill(tmp_path / "images", "a.png", "b.png")
    labels = fill(tmp_path / "labels", f"a{suffix}.tif", f"b{suffix}.tif")
    assert names(pair_files(images, labels)) == [
        ("a.png", f"a{suffix}.tif"),
        ("b.png", f"b{suffix}.tif"),
    ]


def test_the_whole_name_comes_before_the_name_without_its_end(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png", "a_mask.png")
    labels = fill(tmp_path / "labels", "a.tif", "a_mask.tif")
    assert names(pair_files(images, labels)) == [("a.png", "a.tif"), ("a_mask.png", "a_mask.tif")]


def test_images_and_labels_may_share_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "a_cp_masks.png", "b.png", "b_cp_masks.png")
    expected = [("a.png", "a_cp_masks.png"), ("b.png", "b_cp_masks.png")]
    assert names(pair_files(tmp_path, tmp_path)) == expected
    assert names(pair_files(f"{tmp_path}/*.png", f"{tmp_path}/*_masks.png")) == expected


def test_one_and_one_pair_whatever_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "train-volume.tif", "train-labels.tif")
    pairs = pair_files(tmp_path / "train-volume.tif", tmp_path / "train-labels.tif")
    assert names(pairs) == [("train-volume.tif", "train-labels.tif")]


def test_unpaired_files_are_counted_and_named_on_both_sides(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", *(f"a{i}.png" for i in range(5)))
    labels = fill(tmp_path / "labels", "a0.tif", "x.tif")
    with pytest.raises(PairError, match="an image pairs with the label file of the same name") as e:
        pair_files(images, labels)
    assert e.value.fault == (
        "4 of 5 images lack labels (a1.png, a2.png, a3.png, ...) "
        "and 1 of 2 label files lack an image (x.tif)"
    )


def test_an_image_without_labels_is_not_dropped(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png", "b.png")
    labels = fill(tmp_path / "labels", "a.tif")
    with pytest.raises(PairError, match=r"1 of 2 images lack labels \(b\.png\);"):
        pair_files(images, labels)


def test_labels_without_an_image_are_not_dropped(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png")
    labels = fill(tmp_path / "labels", "a.tif", "b_mask.tif")
    with pytest.raises(PairError, match=r"1 of 2 label files lack an image \(b_mask\.tif\);"):
        pair_files(images, labels)


def test_two_labels_for_one_image_are_refused(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png", "b.png")
    labels = fill(tmp_path / "labels", "a.tif", "a_mask.tif", "b.tif")
    with pytest.raises(PairError, match=r"a\.png: has two label files, a\.tif and a_mask\.tif"):
        pair_files(images, labels)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png", "a.tif")
    labels = fill(tmp_path / "labels", "a.tif", "b.tif")
    with pytest.raises(PairError, match=r"a\.tif: has the same name as a\.png"):
        pair_files(images, labels)


def test_all_that_does_not_pair_is_told_and_the_rest_pairs(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "a.png", "a.tif", "b.png", "c.png", "d.png")
    labels = fill(tmp_path / "labels", "a.tif", "b.tif", "b_mask.tif", "c.tif", "x.tif")
    pairing = match_files(images, labels)
    assert names(pairing.pairs) == [("a.png", "a.tif"), ("b.png", "b.tif"), ("c.png", "c.tif")]
    assert [error.fault for error in pairing.faults] == [
        "has the same name as a.png, so that labels cannot be told apart",
        "has two label files, b.tif and b_mask.tif",
        "1 of 5 images lack labels (d.png) and 1 of 5 label files lack an image (x.tif)",
    ]


def test_accents_pair_however_a_system_writes_them(tmp_path: Path) -> None:
    images = fill(tmp_path / "images", "Zelle-\u00e4.png", "b.png")
    labels = fill(tmp_path / "labels", "Zelle-a\u0308.tif", "b.tif")
    assert len(pair_files(images, labels)) == 2


def test_what_is_left_out_is_counted_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "a_mask.png", ".DS_Store", "._a.png", "notes.txt", "Thumbs.db")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert count_others(tmp_path, tmp_path) == (4, 1)
    assert count_others(f"{tmp_path}/*") == (2, 0)  # a pattern does not match hidden files
    assert count_others(tmp_path / "a.png") == (0, 0)


def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(ImageError, match="is neither a file nor a folder"):
        find_images(tmp_path / "pipe.tif")
    with pytest.raises(ImageError, match="holds no image"):
        find_images(tmp_path)


def test_a_shared_folder_without_labels_says_so(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.png")
    with pytest.raises(PairError, match="there is no label file beside the images"):
        pair_files(tmp_path, tmp_path)


def test_an_image_is_not_its_own_labels(tmp_path: Path) -> None:
    path = fill(tmp_path, "a.png") / "a.png"
    with pytest.raises(PairError, match="there is no label file"):
        pair_files(path, path)
