"""What the pages share: cards of pictures, rows of scores, and how a template is filled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from overtile.evaluation.scores import TaskScores
from overtile.report import words
from overtile.report.pictures import Picture
from overtile.report.score_table import over_images


@dataclass(frozen=True, kw_only=True)
class Card:
    """Pictures of one thing, side by side."""

    name: str
    panels: list[tuple[str, Picture]]
    """Captions and pictures."""

    scores: list[tuple[str, str]]
    """Names and values, in words; empty for none."""


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One line of the table of scores, in words."""

    title: str
    name: str
    together: str
    mean: str
    sd: str
    better: str


def score_rows(scores: TaskScores) -> list[ScoreRow]:
    """Say every number of the summary, with its mean and SD over the images that have it."""
    rows = []
    for name, together in scores.summary.items():
        mean, sd = over_images(scores, name)
        rows.append(
            ScoreRow(
                title=words.title(name),
                name=name,
                together=words.score(name, together),
                mean=_average(name, mean),
                sd=_average(name, sd),
                better=words.better(name),
            )
        )
    return rows


def fill(template: str, **parts: object) -> str:
    """Write a page.

    Parameters
    ----------
    template : str
        A file of this package, such as ``page.html``.
    **parts
        What its names stand for.

    Returns
    -------
    page : str
        HTML that can be encoded as UTF-8.
    """
    page = _environment().get_template(template).render(parts)
    # A file name need not be text: bytes that are not arrive as lone surrogates.
    return page.lstrip().encode("utf-8", "replace").decode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("overtile", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["words"] = words
    return environment


def _average(name: str, value: float | None) -> str:
    return "" if value is None else words.average(name, value)
