"""A folder of results knows what it should hold, and does not depend on how it came to be."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overtile import storage
from overtile.workflows.predict import predict
from overtile.workflows.results import RECORD_NAME, PredictRequest
from overtile.workflows.verify import verify_results

Amount = Callable[[int, int], int]


@pytest.fixture
def request_(trained: Path, cells: Path, tmp_path: Path, one_thread: None) -> PredictRequest:
    """All results of the four cells."""
    return PredictRequest(
        model=trained, inputs=[str(cells / "images")], out=tmp_path / "out", device="cpu"
    )


class CutBefore(storage.Disk):
    """A disk under a process that is stopped before one file gets its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def replace(self, part: Path, path: Path) -> None:
        if path.name == self.name:
            raise KeyboardInterrupt
        super().replace(part, path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.timeout(3600)
def test_any_flipped_bit_of_a_result_is_found_and_mended(
    request_: PredictRequest, amount: Amount
) -> None:
    predict(request_)
    whole = contents(request_.out)
    rng = random.Random(5)
    results = [name for name in whole if name != RECORD_NAME]
    for _ in range(amount(60, 2000)):
        name = rng.choice(results)
        content = bytearray(whole[name])
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (request_.out / name).write_bytes(content)
        assert verify_results(request_.out).damaged == (name,)
        (request_.out / name).write_bytes(whole[name])
    (request_.out / name).write_bytes(content)
    assert len(predict(request_).failed) == 1
    (request_.out / name).unlink()
    assert len(predict(request_).written) == 1
    assert contents(request_.out) == whole


def test_a_set_of_results_that_is_cut_short_never_passes_for_complete(
    request_: PredictRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cells: Path
) -> None:
    request_ = replace(request_, inputs=[str(cells / "images" / "cell[01].tif")])
    predict(request_)
    whole = contents(request_.out)
    for number, name in enumerate(sorted(set(whole) - {RECORD_NAME})):
        cut = replace(request_, out=tmp_path / f"cut{number}")
        with monkeypatch.context() as patch:
            patch.setattr(storage, "disk", CutBefore(name))
            with pytest.raises(KeyboardInterrupt):
                predict(cut)
        assert verify_results(cut.out).unfinished == (("cell0", "cell1")[int(name[4]) :])
        predict(cut)
        assert contents(cut.out) == whole


def test_the_order_of_images_and_the_number_of_calls_change_no_result(
    request_: PredictRequest, cells: Path, tmp_path: Path, amount: Amount
) -> None:
    predict(request_)
    expected = contents(request_.out)
    del expected[RECORD_NAME]
    images = [str(path) for path in sorted((cells / "images").iterdir())]
    rng = random.Random(6)
    for number in range(amount(2, 20)):
        rng.shuffle(images)
        calls = rng.randint(1, 4)
        out = tmp_path / f"shuffled{number}"
        for first in range(calls):
            predict(replace(request_, inputs=images[first::calls], out=out))
        assert verify_results(out).complete
        found = contents(out)
        del found[RECORD_NAME]
        assert found == expected
