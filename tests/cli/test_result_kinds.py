"""The list of results that a user asks for."""

from __future__ import annotations

import pytest

from overtile.cli.result_kinds import parse_kinds
from overtile.errors import ConfigError


def test_kinds_are_read_from_a_list_in_any_order() -> None:
    assert parse_kinds("overlay, labels,labels") == ("labels", "overlay")


@pytest.mark.parametrize("text", ["", ",", "masks", "labels,masks"])
def test_a_list_that_names_no_kind_is_refused_with_those_that_exist(text: str) -> None:
    kinds = "labels, foreground, probabilities, uncertainty, overlay"
    message = f"is not a list of results; use any of {kinds}"
    with pytest.raises(ConfigError, match=message):
        parse_kinds(text)
