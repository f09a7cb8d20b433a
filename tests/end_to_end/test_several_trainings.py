"""Cross-validation and the learning curve, as a person at a terminal meets them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Start = Callable[..., subprocess.Popen[str]]


def test_folds_end_in_a_score_of_every_image_and_a_model_of_all(
    start: Start, cells: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = start(
        *("train", cells / "images", cells / "labels", "--out", out, "--recipe", tiny_recipe),
        *("--steps", "2", "--folds", "2", "--json", tmp_path / "folds.json"),
    )
    told, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    assert "fold 2 of 2: in " in said
    assert "the mean over images like these: " in told
    assert f"next: overtile predict {out / 'all'} IMAGES --out DIR" in told
    result = json.loads((tmp_path / "folds.json").read_text("utf-8"))
    assert {row["image"] for row in result["scores"]["per_image"]} == {
        f"cell{number}.tif" for number in range(4)
    }
    assert (out / "all" / "model.safetensors").exists()
