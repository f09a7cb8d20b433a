from __future__ import annotations

import threading
import time

import pytest

from overtile.data import sample
from overtile.data.sample import Sampler
from overtile.errors import StoppedError
from overtile.training import tiles_ahead
from overtile.training.tiles_ahead import TilesAhead


def test_batches_come_in_the_order_of_their_steps() -> None:
    with TilesAhead(lambda step: step * step, first=3) as tiles:
        assert [tiles.next() for _ in range(4)] == [9, 16, 25, 36]


def test_no_more_than_three_batches_are_drawn_ahead() -> None:
    drawn: list[int] = []
    with TilesAhead(drawn.append, first=0) as tiles:
        tiles.next()
        time.sleep(0.1)
        assert drawn in ([0, 1, 2], [0, 1, 2, 3])  # two wait, and one may be in the hand


def test_what_the_worker_died_of_is_told() -> None:
    def draw(step: int) -> int:
        if step == 2:
            raise MemoryError("no room for tile 2")
        return step

    with TilesAhead(draw, first=0) as tiles:
        assert [tiles.next(), tiles.next()] == [0, 1]
        with pytest.raises(MemoryError, match="no room for tile 2"):
            tiles.next()


def test_a_worker_that_hangs_is_told_with_the_place_where_it_stands(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles_ahead, "SECONDS_OF_PATIENCE", 1)
    gate = threading.Event()
    monkeypatch.setattr(sample, "draw_field", lambda *_: gate.wait())
    told = r"no training tile came for 1 s; .* overtile\.data\.sample, line \d+ \(draw\)"
    with TilesAhead(sampler.draw, first=0) as tiles:
        began = time.monotonic()
        with pytest.raises(StoppedError, match=told) as stop:
            tiles.next()
        assert time.monotonic() - began < 5
        assert stop.value.exit_code == 3
        gate.set()


def test_a_worker_that_hangs_is_noticed_within_a_minute() -> None:
    assert tiles_ahead.SECONDS_OF_PATIENCE < 60


def test_the_thread_ends_with_the_context() -> None:
    before = threading.active_count()
    with TilesAhead(lambda step: step, first=0) as tiles:
        tiles.next()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
