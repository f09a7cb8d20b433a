"""What holds for any page, whatever it tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import TypeAlias

import numpy as np
import pytest

from overtile.choices import LabelKind
from overtile.report import Story, render

StoryMaker: TypeAlias = Callable[..., Story]
PageMaker: TypeAlias = Callable[..., str]
Emptier: TypeAlias = Callable[[Story], Story]
SECTIONS = (
    "next",
    "data",
    "images",
    "weights",
    "augmentation",
    "curves",
    "predictions",
    "scores",
    "cost",
    "recipe",
)
VOID = {"meta", "img", "input", "br", "hr", "link"}


class Reader(HTMLParser):
    """Reads a page strictly: what opens must close, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [value or "" for _, attributes in self.tags for key, value in attributes.items()
                if key == name]  # fmt: skip


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
@pytest.mark.parametrize("begun", [True, False])
def test_a_page_is_sound_html_with_every_section_in_order(
    kind: LabelKind, begun: bool, full_story: StoryMaker, empty: Emptier
) -> None:
    story = full_story(kind)
    reader = Reader(render(story if begun else empty(story)))
    ids = reader.attributes("id")
    assert [one for one in ids if one in SECTIONS] == list(SECTIONS)
    assert len(set(ids)) == len(ids)
    assert [tag for tag, _ in reader.tags].count("h1") == 1


def test_a_page_starts_with_its_doctype(full_page: PageMaker) -> None:
    assert full_page().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
def test_a_page_needs_no_network_and_no_script(kind: LabelKind, full_page: PageMaker) -> None:
    page = full_page(kind)
    reader = Reader(page)
    assert all(source.startswith("data:image/") for source in reader.attributes("src"))
    assert all(target.startswith("#") for target in reader.attributes("href"))
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    assert not re.search(r"https?:|url\((?!#)|@import", page)


def test_links_inside_the_page_lead_somewhere(full_page: PageMaker) -> None:
    reader = Reader(full_page())
    assert {target[1:] for target in reader.attributes("href")} <= set(reader.attributes("id"))


@pytest.mark.parametrize("kind", ["instances", "binary", "classes"])
def test_every_picture_is_described(kind: LabelKind, full_page: PageMaker) -> None:
    reader = Reader(full_page(kind))
    pictures = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert pictures
    # Only swatches are silent: the words of a legend stand beside them.
    assert all(one["alt"] for one in pictures if one.get("class") != "swatch")
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert [one["role"] for one in drawings] == ["img", "img"]
    assert all(one["aria-label"] for one in drawings)


def test_every_table_names_its_columns(full_page: PageMaker) -> None:
    reader = Reader(full_page())
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("thead") > 0
    assert all("scope" in attributes for tag, attributes in reader.tags if tag == "th")


def test_hostile_names_are_only_text(full_story: StoryMaker) -> None:
    hostile = "<script>alert(1)</script>\"'&</title></style>"
    story = full_story("classes")
    story = replace(
        story,
        name=hostile,
        device=hostile,
        version=hostile,
        created=hostile,
        recipe_toml=hostile,
        class_names=("background", hostile, "b"),
        facts=((hostile, hostile),),
        decisions=(hostile,),
        training_names=(hostile,),
        validation_names=(hostile,),
        commands=((hostile, hostile),),
        examples=[replace(one, name=hostile) for one in story.examples],
        predictions=[
            replace(one, name=hostile, scores={**one.scores, f"dice_{hostile}": 0.5})
            for one in story.predictions
        ],
    )
    reader = Reader(render(story))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.text.count(hostile) >= 12


@pytest.mark.parametrize(
    ("shape", "channels"), [((1, 200), 1), ((200, 1), 3), ((1, 1), 2), ((40, 60), 3)]
)
def test_images_of_any_shape_are_shown(
    shape: tuple[int, int], channels: int, full_story: StoryMaker
) -> None:
    Reader(render(full_story("binary", shape, channels, images=1)))


@pytest.mark.parametrize("kind", ["instances", "classes"])
def test_what_is_not_labelled_is_explained_where_it_is_shown(
    kind: LabelKind, full_story: StoryMaker
) -> None:
    story = full_story(kind)
    words, ignore = "not known, counts nowhere", np.ones((40, 60), bool)
    assert words not in Reader(render(story)).text
    examples = [replace(one, ignore=ignore) for one in story.examples]
    predictions = [replace(one, ignore=ignore) for one in story.predictions]
    assert Reader(render(replace(story, examples=examples))).text.count(words) == 1
    assert Reader(render(replace(story, predictions=predictions))).text.count(words) == 1


def test_one_class_is_enough(full_story: StoryMaker) -> None:
    Reader(render(replace(full_story(), class_names=("background",))))
