"""Digests: of a file, and inside the very bytes that they are over; one flipped bit is noticed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

UNSEALED = f"sha256:{'0' * 64}"
"""What stands in the place of the seal until it is set; to be the first text of the content."""

_SEAL = re.compile(rb"sha256:([0-9a-f]{64})")
_FARTHEST = 256
_DIGITS = 64


def seal(content: bytes) -> bytes:
    """Set the seal: the SHA-256 of `content` as it is given, with `UNSEALED` in its place.

    Parameters
    ----------
    content : bytes
        It holds `UNSEALED` within its first 256 bytes.

    Returns
    -------
    sealed : bytes
        As long as `content`.

    Raises
    ------
    ValueError
        If there is no place for the seal: a fault of the caller.
    """
    start = _digits(content)
    if start is None or content[start : start + _DIGITS] != b"0" * _DIGITS:
        raise ValueError("there is no place for a seal")
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:start] + digest + content[start + _DIGITS :]


def is_whole(content: bytes) -> bool:
    """Say whether `content` is, bit by bit, what was sealed.

    Examples
    --------
    >>> sealed = seal(f'{{"seal": "{UNSEALED}", "cells": 7}}'.encode())
    >>> is_whole(sealed), is_whole(sealed.replace(b"7", b"8"))
    (True, False)
    """
    start = _digits(content)
    if start is None:
        return False
    end = start + _DIGITS
    digest = hashlib.sha256(content[:start])
    digest.update(b"0" * _DIGITS)
    digest.update(memoryview(content)[end:])
    return digest.hexdigest().encode() == content[start:end]


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal digits; it is never in memory as a whole.

    That of a folder is over the names and digests of all files in it.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(inside for inside in path.rglob("*") if inside.is_file()):
            name = file.relative_to(path).as_posix()
            digest.update(f"{name}\0{file_digest(file)}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _digits(content: bytes) -> int | None:
    """Find where the digits of the seal begin."""
    found = _SEAL.search(content, 0, _FARTHEST)
    return found.start(1) if found else None
