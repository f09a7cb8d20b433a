"""The claims: each trial differs from the paper in what it says, and tables say what was found."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from overtile.config import NetworkConfig
from overtile.data.sample import Annotated

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SMALL = NetworkConfig(base_channels=4, depth=2, dropout=0.0)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import scripts that lie beside each other."""
    for folder in (BENCHMARKS, BENCHMARKS / "claims"):
        monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module


def test_without_copies_no_weight_on_a_copy_learns(module: Callable[[str], Any]) -> None:
    network = module("networks").build(1, SMALL, "no copies", "He", 0)
    network(torch.randn(1, 1, 60, 60)).sum().backward()
    gradient = network.expanding[-1][0].weight.grad
    copied, from_below = gradient.chunk(2, dim=1)
    assert copied.abs().max() == 0
    assert from_below.abs().max() > 0


def test_a_narrow_expanding_path_has_four_channels_and_the_same_output(
    module: Callable[[str], Any],
) -> None:
    build = module("networks").build
    narrow, wide = (build(1, SMALL, s, "He", 0) for s in ("narrow expanding path", "paper"))
    assert [level[0].out_channels for level in narrow.expanding] == [4, 4]
    pixels = torch.randn(1, 1, 60, 60)
    assert narrow(pixels).shape == wide(pixels).shape == (1, 2, 20, 20)


def test_a_naive_start_has_one_sd_for_all_weights(module: Callable[[str], Any]) -> None:
    config = NetworkConfig(base_channels=16, depth=2)
    network = module("networks").build(1, config, "paper", "naive", 0)
    layers = (network.bottom[0], network.contracting[1][0])
    assert [layer.weight.std().item() for layer in layers] == pytest.approx([0.01, 0.01], rel=0.05)


def test_the_seed_decides_the_first_weights(module: Callable[[str], Any]) -> None:
    build = module("networks").build
    first, again, other = (build(1, SMALL, "paper", "He", seed) for seed in (0, 0, 1))
    weights = [network.bottom[0].weight for network in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_fewer_images_are_some_of_the_more(module: Callable[[str], Any]) -> None:
    images = [
        Annotated(name=str(n), pixels=np.zeros((1, 1, 1), "f4"), labels=np.zeros((1, 1), "u4"))
        for n in range(20)
    ]
    draw = module("trial")._draw
    two, ten = ([image.name for image in draw(images, count, 3)] for count in (2, 10))
    assert two == ten[:2]
    assert len(set(ten)) == 10


def test_every_trial_has_a_name_of_its_own_and_a_valid_recipe(module: Callable[[str], Any]) -> None:
    trials = list(module("trials").all_trials())
    assert len({trial.name for trial in trials}) == len(trials) == 3 * (15 + 6 + 8 + 3)
    for trial in trials:
        recipe = trial.settled()
        assert type(recipe).model_validate(recipe.model_dump()) == recipe


def test_only_the_elastic_condition_deforms(module: Callable[[str], Any]) -> None:
    strengths = {
        trial.condition: trial.settled().augmentation.elastic_sd_px
        for trial in module("trials").all_trials()
        if trial.claim == "augmentation"
    }
    assert strengths == {"none": 0, "rigid": 0, "elastic": 10}


def test_a_cell_of_a_table_is_mean_and_sample_sd(module: Callable[[str], Any]) -> None:
    # Mean of 0.1, 0.2, 0.3; deviations -0.1, 0, 0.1; sqrt(0.02 / 2).
    assert module("tables.results").figure("rand_error", [0.1, 0.2, 0.3]) == "0.200 ± 0.100"
    assert module("tables.results").figure("rand_error", [0.1]) == "0.100"


def test_tables_stand_between_their_markers_only(module: Callable[[str], Any]) -> None:
    text = "a\n<!-- table:x -->\nold\n<!-- end -->\nb\n<!-- table:y -->\n<!-- end -->\n"
    found = module("tables.__main__").with_tables(text, {"x": "| new |"})
    assert found == text.replace("old", "| new |")
