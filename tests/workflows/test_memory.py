"""Memory that is allowed, taken and needed."""

from __future__ import annotations

import numpy as np
import pytest

from overtile.errors import ConfigError
from overtile.workflows.memory import image_bytes, memory_allowed, parse_memory, taken_bytes


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("2GB", 2_000_000_000),
        ("800 MB", 800_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("64k", 64_000),
        ("1000", 1000),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, amount: int) -> None:
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-1GB", "2GBs", "1e9", "GB", "I"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no amount of memory; give one, such as 2GB"):
        parse_memory(text)


def test_what_is_asked_for_is_allowed() -> None:
    assert memory_allowed(123) == 123


def test_most_of_what_is_free_is_allowed_where_nobody_asks() -> None:
    assert memory_allowed(None) > taken_bytes()


def test_memory_that_is_taken_is_seen() -> None:
    block = np.ones(300_000_000, np.uint8)
    assert 300e6 < taken_bytes() < 1e11
    assert block.all()


def test_an_image_takes_more_by_pages_classes_and_versions() -> None:
    least = image_bytes((1, 1, 100, 100), 1, 2, 1)
    assert least == 100 * 100 * ((1 + 8 + 4) + (4 + 8 + 20))
    assert image_bytes((3, 1, 100, 100), 1, 2, 1) - least == 2 * 100 * 100 * 13
    assert image_bytes((1, 1, 100, 100), 1, 3, 8) > least
