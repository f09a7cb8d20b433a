"""What a recipe says itself is never replaced by what would be planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from overtile.config import Recipe, read_recipe
from overtile.training.own_settings import OwnSettings, own_settings

OWN = OwnSettings({"network": {"depth": 5, "batch_norm": False}, "training": {"batch": 7}})


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, "utf-8")
    return str(path)


def test_recipe_auto_leaves_everything_to_the_plan() -> None:
    assert own_settings("auto") == OwnSettings()


def test_a_recipe_that_extends_auto_keeps_what_it_says(tmp_path: Path) -> None:
    text = 'extends = "auto"\nname = "mine"\n[training]\nbatch = 7\n[network]\ndepth = 5\n'
    own = own_settings(written(tmp_path, text))
    assert own == OwnSettings({"training": {"batch": 7}, "network": {"depth": 5}})


@pytest.mark.parametrize("text", ["", 'extends = "paper"\n', 'name = "auto"\n'])
def test_other_recipes_are_used_as_they_stand(tmp_path: Path, text: str) -> None:
    assert own_settings(written(tmp_path, text)) is None
    assert own_settings("paper") is None


def test_settings_are_put_back_and_others_stay() -> None:
    chosen = read_recipe("auto")
    kept = OWN.keep(chosen)
    assert (kept.network.depth, kept.network.batch_norm, kept.training.batch) == (5, False, 7)
    assert OwnSettings().keep(kept) == kept
    assert kept.loss == chosen.loss
    assert isinstance(kept, Recipe)


def test_a_setting_is_found_by_its_dotted_name_though_it_be_false() -> None:
    assert (OWN.get("network.depth"), OWN.get("network.batch_norm")) == (5, False)
    assert OWN.get("network.binning") is None


def test_the_network_can_be_left_to_the_model_that_training_starts_from() -> None:
    assert OWN.without_network() == OwnSettings({"training": {"batch": 7}})


def test_decisions_that_were_not_taken_are_not_told_and_what_stayed_is() -> None:
    decisions = ("depth: 3 poolings", "batch: 2, because", "width: 16 base channels")
    assert OWN.told(decisions) == (
        "width: 16 base channels",
        "as the recipe says: network.depth = 5, network.batch_norm = false, training.batch = 7",
    )
    assert OwnSettings().told(decisions) == decisions
