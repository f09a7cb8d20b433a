"""The comparison with peers: what is only scored is never trained on, and each cell is run once."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch

DataSetOf = Callable[..., object]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import scripts that lie beside each other."""
    for folder in ("", "baselines", "comparison"):
        monkeypatch.syspath_prepend(str(BENCHMARKS / folder))
    return importlib.import_module


@pytest.fixture
def data_set(module: Callable[[str], Any], tmp_path: Path) -> DataSetOf:
    """Two files of four pages each; every grey value names its page, every label its file."""
    for number in range(2):
        labels = np.full((4, 6, 5), number + 1, np.uint8)
        pixels = np.arange(4, dtype=np.uint8)[:, None, None] + 10 * number + labels * 0
        for kind, stack in (("images", pixels), ("labels", labels)):
            (tmp_path / "made" / kind).mkdir(parents=True, exist_ok=True)
            target = tmp_path / "made" / kind / f"{number}.tif"
            tifffile.imwrite(target, stack, photometric="minisblack", metadata={"axes": "ZYX"})

    def make(**settings: object) -> object:
        return module("data_sets").DataSet(
            **{
                "title": "made",
                "folder": "made",
                "kind": "classes",
                "task": "classes",
                "held_out": (1, 6),
                "figures": ("mean_dice",),
                **settings,
            }
        )

    return make


def shown(folder: Path) -> list[int]:
    return sorted(int(tifffile.imread(path)[0, 0]) for path in (folder / "images").iterdir())


def test_held_out_pages_are_scored_and_all_others_trained_on(
    module: Callable[[str], Any], data_set: DataSetOf, tmp_path: Path
) -> None:
    assert module("data_sets").put_aside(data_set(), tmp_path, tmp_path / "out") == 2
    assert shown(tmp_path / "out" / "test") == [1, 12]
    assert shown(tmp_path / "out" / "train") == [0, 2, 3, 10, 11, 13]


def test_files_are_held_out_as_a_whole_where_only_some_pages_are_taken(
    module: Callable[[str], Any], data_set: DataSetOf, tmp_path: Path
) -> None:
    module("data_sets").put_aside(data_set(every=2, held_out=(1,)), tmp_path, tmp_path / "out")
    assert shown(tmp_path / "out" / "train") == [0, 2]
    assert shown(tmp_path / "out" / "test") == [10, 12]


def test_a_seed_chooses_few_images_and_never_those_that_are_scored(
    module: Callable[[str], Any], data_set: DataSetOf, tmp_path: Path
) -> None:
    chosen = []
    for seed in range(6):
        folder = tmp_path / f"{seed}"
        module("data_sets").put_aside(data_set(), tmp_path, folder, images=2, seed=seed)
        chosen.append(shown(folder / "train"))
        assert shown(folder / "test") == [1, 12]
    assert all(len(one) == 2 and not {1, 12} & set(one) for one in chosen)
    assert len({tuple(one) for one in chosen}) > 1


def test_every_cell_has_a_name_of_its_own_and_is_run_once(module: Callable[[str], Any]) -> None:
    cells = list(module("cells").all_cells())
    assert len({cell.name for cell in cells}) == len(cells)
    assert cells[0].name == "isbi2012-all-5min-auto-seed0"
    asked = {(cell.data, cell.images, cell.method) for cell in cells if cell.minutes == 5}
    assert len(asked) == 4 * 2 * len(module("cells").METHODS)


@pytest.mark.parametrize("sides", [(48, 48), (35, 51), (17, 16)])
def test_the_padded_network_keeps_any_sides_and_gives_every_class(
    module: Callable[[str], Any], sides: tuple[int, int]
) -> None:
    network = module("padded_unet").PaddedUNet(3).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, *sides)).shape == (1, 3, *sides)
