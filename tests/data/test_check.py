from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overtile.data.check import Finding, Page, check_page, check_set, fault
from overtile.data.synthetic import Scene, generate
from overtile.errors import ImageError


def clean(name: str, seed: int = 0, scene: Scene = "membranes") -> Page:
    pixels, labels = generate(scene, (96, 80), np.random.default_rng(seed))
    return Page(name=name, pixels=pixels[None], labels=labels)


def only(findings: list[Finding]) -> str:
    assert len(findings) == 1
    return f"{findings[0].level}: {findings[0]}"


@pytest.mark.parametrize("seed", range(3))
def test_clean_tissue_raises_no_finding(seed: int) -> None:
    pages = [clean(f"{i}.tif", 10 * seed + i) for i in range(4)]
    assert [check_page(page) for page in pages] == [[], [], [], []]
    assert check_set(pages, "instances") == []


def test_cells_that_touch_are_noted_and_nothing_else() -> None:
    pages = [clean(f"{i}.tif", i, "cells") for i in range(4)]
    assert [check_page(page) for page in pages] == [[], [], [], []]
    findings = check_set(pages, "instances")
    assert findings
    assert all(one.level == "note" and "touch" in one.what for one in findings)


def test_labels_of_another_size_are_a_fault() -> None:
    page = clean("a.tif")
    finding = only(check_page(replace(page, labels=page.labels[:, 1:])))
    assert finding == (
        "fault: a.tif: the image is 96x80 px, its labels 96x79 px; "
        "pair images and labels of the same size; check --axes"
    )


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (65535, "65535")])
def test_an_image_of_one_value_is_a_fault(value: int, shown: str) -> None:
    page = replace(clean("a.tif"), pixels=np.full((1, 96, 80), value, np.uint16))
    assert only(check_page(page)) == (
        f"fault: a.tif: every pixel is {shown}; "
        "export the image again, or leave it out with its labels"
    )


def test_two_faults_of_one_image_are_both_found() -> None:
    page = replace(clean("a.tif"), pixels=np.zeros((1, 5, 5), np.uint8))
    assert len(check_page(page)) == 2


def test_another_number_of_channels_is_a_fault() -> None:
    grey, colour = clean("a.tif", 0), clean("b.tif", 1)
    colour = replace(colour, pixels=np.repeat(colour.pixels, 3, axis=0))
    assert only(check_set([grey, colour, clean("c.tif", 2)], "instances")) == (
        "fault: b.tif: has 3 channels, a.tif has 1; "
        "train on images of one kind; convert or leave out the others"
    )


def test_one_image_with_two_label_images_is_a_fault() -> None:
    page, other = clean("a.tif", 0), clean("b.tif", 1)
    assert only(check_set([page, replace(other, pixels=page.pixels)], "instances")) == (
        "fault: b.tif: is the same image with other labels as a.tif; "
        "one of the two pairs is wrong; mend or remove it"
    )


def test_one_label_image_for_two_images_is_a_fault() -> None:
    page, other = clean("a.tif", 0), clean("b.tif", 1)
    assert only(check_set([page, replace(other, labels=page.labels)], "instances")) == (
        "fault: b.tif: is another image with the same labels as a.tif; "
        "one of the two pairs is wrong; mend or remove it"
    )


def test_labels_without_foreground_are_noted_and_no_wrong_pairs() -> None:
    pages = [clean(f"{i}.tif", i) for i in range(6)]
    empty = [replace(page, labels=np.zeros_like(page.labels)) for page in pages[1:]]
    assert only(check_set([pages[0], *empty], "instances")) == (
        "note: 5 of the images: no foreground in the labels of 1.tif, 2.tif, 3.tif, …"
    )


def test_labels_that_are_foreground_all_over_are_no_wrong_pairs() -> None:
    pages = [clean(f"{i}.tif", i) for i in range(3)]
    filled = [replace(page, labels=np.ones_like(page.labels)) for page in pages]
    assert check_set([*filled, clean("other.tif", 9)], "binary") == []


def test_labels_of_one_value_all_over_in_every_image_teach_nothing() -> None:
    page = clean("a.tif")
    filled = replace(page, labels=np.full_like(page.labels, 7))
    assert only(check_set([filled], "binary")) == (
        "fault: a.tif: its labels, and those of all images, have no background: the lowest value "
        "is 7; "
        "check that these are the label images, and that 0 means background"
    )


def test_class_maps_that_count_from_1_have_no_background() -> None:
    pages = [clean(f"{i}.tif", i) for i in range(2)]
    pages = [replace(page, labels=1 + (page.labels > 0).astype(np.uint32)) for page in pages]
    assert "the lowest value is 1" in only(check_set(pages, "classes"))
    # Objects may fill the image: they are parted in training.
    assert all(one.level == "note" for one in check_set(pages, "instances"))


def test_an_image_in_the_place_of_its_labels_is_a_fault() -> None:
    page = clean("a.tif")
    page = replace(page, labels=page.pixels[0].astype(np.uint32))
    assert "its labels are the image itself" in only(check_page(page))


def test_the_same_pair_under_two_names_is_noted() -> None:
    page = clean("a.tif")
    assert only(check_set([page, replace(page, name="b.tif"), clean("c.tif", 2)], "instances")) == (
        "note: 1 of the images: same image and labels as another, which then counts twice: b.tif"
    )


def test_objects_that_touch_are_counted() -> None:
    page = replace(clean("a.tif"), labels=np.repeat([[1, 2, 0, 3, 4, 1]], 96, 0).astype(np.uint32))
    assert only(check_set([page], "instances")) == (
        "note: 1 of the images: 3 pairs of objects touch, "
        "kept apart by a pixel in training, in a.tif"
    )


def test_missing_ids_are_noted_as_harmless() -> None:
    page = clean("a.tif")
    page = replace(page, labels=np.where(page.labels == 1, np.uint32(70_000), page.labels))
    assert only(check_set([page, clean("b.tif", 1)], "instances")) == (
        "note: 1 of the images: ids are not 1…n without gaps, which is fine, in a.tif"
    )


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_touching_and_missing_values_say_something_of_instances_only(kind: str) -> None:
    page = replace(clean("a.tif"), labels=np.repeat([[1, 5, 0, 3]], 96, axis=0).astype(np.uint32))
    assert check_set([page], kind) == []  # type: ignore[arg-type]
    assert len(check_set([page], "instances")) == 2


def test_faults_come_before_notes() -> None:
    pages = [clean(f"{i}.tif", 0, "cells") for i in range(2)]
    pages[1] = replace(pages[1], labels=pages[1].labels * np.uint32(2))
    levels = [finding.level for finding in check_set(pages, "instances")]
    assert levels == ["fault", "note", "note"]


def test_an_error_of_reading_becomes_a_fault_that_keeps_its_file_and_remedy() -> None:
    error = ImageError("is cut off", remedy="copy it again")
    assert str(fault(error, "a.tif")) == "a.tif: is cut off; copy it again"
    assert fault(error.at("b.tif"), "a.tif").where == "b.tif"
    assert fault(error, "a.tif").level == "fault"
