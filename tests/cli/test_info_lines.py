from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from overtile.cli.info_lines import info_lines
from overtile.cli.main import main
from overtile.seal import file_digest


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(trained / "model.safetensors", tmp_path))


def test_the_origin_is_told_in_a_line_without_its_lists(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(model)]) == 0
    (origin,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("origin"))
    assert "seed 0, steps 12" in origin
    assert "images 3" in origin
    assert "recipe" not in origin


def test_a_model_that_is_verified_says_so(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(model), "--verify", "--sha256", file_digest(model)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert f"sha256  {file_digest(model)}" in shown
    assert shown[-1].startswith("verified: it is whole, and answers its self-test, off by ")


def test_a_model_without_a_self_test_says_so() -> None:
    verified = {"sha256": "0", "weights_sha256": "1", "self_test": None}
    assert info_lines({"verified": verified})[-1] == "verified: it is whole, and has no self-test"


def test_the_json_tells_the_digest_of_the_weights_and_what_was_verified(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(model), "--verify", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verified"]["weights_sha256"] == told["weights_sha256"]
    assert told["verified"]["sha256"] == file_digest(model)
    assert len(told["origin"]["pages"]) == 3


def test_another_file_than_the_one_that_is_meant_is_refused(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(model), "--sha256", "0" * 64]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"error: {model}: has another SHA-256: {file_digest(model)}; "
        "fetch the file again, or ask for it\n"
    )


def test_a_folder_of_results_is_compared_with_what_was_written(
    trained: Path, cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    words = ["predict", str(trained), str(cells / "images"), "--out", str(out)]
    assert main([*words, "--save", "labels"]) == 0
    assert main(["info", str(out), "--verify"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "verified: 4 files of results are as they were written"
    (out / "cell0_labels.tif").unlink()
    (out / "cell1_labels.tif").write_bytes(b"else")
    assert main(["info", str(out), "--verify"]) == 2
    assert capsys.readouterr().out.splitlines() == [
        "MISSING: cell0_labels.tif",
        "DAMAGED: cell1_labels.tif",
        "2 faults; give the command of `overtile predict` again",
    ]
