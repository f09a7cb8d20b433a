from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from overtile.seal import UNSEALED, file_digest, is_whole, seal

CONTENT = f'{{"seal": "{UNSEALED}", "cells": [1, 2, 3]}}'.encode()


def test_a_seal_is_the_sha256_of_the_content_with_zeros_in_its_place() -> None:
    digest = hashlib.sha256(CONTENT).hexdigest().encode()
    assert seal(CONTENT) == CONTENT.replace(b"0" * 64, digest)


def test_what_was_sealed_is_whole_and_what_was_not_is_not() -> None:
    assert is_whole(seal(CONTENT))
    assert not is_whole(CONTENT)


def test_every_flipped_bit_is_noticed() -> None:
    sealed = seal(CONTENT)
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not is_whole(bytes(flipped))


def test_every_cut_and_every_byte_more_is_noticed() -> None:
    sealed = seal(CONTENT)
    assert not any(is_whole(sealed[:length]) for length in range(len(sealed)))
    assert not is_whole(sealed + b"\n")
    assert not is_whole(b" " + sealed)


def test_a_seal_of_something_else_is_noticed() -> None:
    other = seal(CONTENT.replace(b"cells", b"cores"))
    assert not is_whole(seal(CONTENT).replace(b"cells", b"cores"))
    assert is_whole(other)


@pytest.mark.parametrize("content", [b"", b"{}", b" " * 300 + CONTENT, seal(CONTENT)])
def test_without_a_place_for_the_seal_nothing_is_sealed(content: bytes) -> None:
    with pytest.raises(ValueError, match="no place for a seal"):
        seal(content)


def test_a_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    assert file_digest(tmp_path / "a") == hashlib.sha256(CONTENT).hexdigest()


def test_the_digest_of_a_folder_is_over_all_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for number, (name, content) in enumerate([("a", b"1"), ("b", b"1"), ("a", b"2")]):
        folder = tmp_path / str(number)
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / name).write_bytes(content)
        (folder / "zarr.json").write_bytes(b"{}")
        digests.add(file_digest(folder))
    (tmp_path / "2" / "inner" / "a").write_bytes(b"1")
    assert len(digests) == 3
    assert file_digest(tmp_path / "2") in digests
