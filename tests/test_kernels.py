from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numba
import pytest
from numba.core import caching

from overtile.kernels import kernel


def twice(number: int) -> int:
    return 2 * number


def fail(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_a_kernel_gives_what_its_function_gives(cache: Path) -> None:
    assert kernel(twice)(21) == 42


def test_compiled_code_is_kept_and_found_again(cache: Path) -> None:
    kernel(twice)(21)
    assert [path.suffix for path in kept(cache)] == [".nbc", ".nbi"]
    again = kernel(twice)
    assert again(21) == 42
    assert sum(again.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]


def test_without_a_place_for_it_nothing_is_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert kernel(twice)(21) == 42
    assert kept(cache) == []


def test_a_full_disk_fails_no_kernel(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching.IndexDataCacheFile, "save", fail)
    assert kernel(twice)(21) == 42


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[:-9]])
def test_what_is_kept_and_damaged_is_compiled_again(
    cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    kernel(twice)(21)
    for path in kept(cache):
        path.write_bytes(damage(path.read_bytes()))
    assert kernel(twice)(21) == 42
