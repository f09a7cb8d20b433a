"""Damage to files of any kind, from a seeded generator: what was done is told, to be done again."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Field = tuple[int, int]
"""Offset and length in bytes of a number, such as a size or a place, that a reader believes."""

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A good file to be damaged."""

    name: str
    """With the end of its format, such as ``raw.tif``."""

    content: bytes
    fields: Sequence[Field] = ()
    """Numbers that are worth a wrong value; any bytes do if there are none."""

    byte_order: str = "<"
    mend: Callable[[bytes], bytes] | None = None
    """Sets the checksums of the format right again, so that damage gets past them."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A damaged file."""

    seed: Seed
    number: int
    """Of its kind; the same number is the same damage."""

    done: str
    """What was done to it, in one or two words each."""

    content: bytes


def mutants(seeds: Sequence[Seed], amount: int, *, salt: int = 0) -> Iterator[Mutant]:
    """Damage seeds in turn.

    Parameters
    ----------
    seeds : sequence of Seed
    amount : int
        How many files to make.
    salt : int
        Another one, other damage.
    """
    for number in range(amount):
        rng = np.random.default_rng([salt, number])
        seed = seeds[number % len(seeds)]
        content, done = seed.content, []
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            kind = _KINDS[int(rng.integers(len(_KINDS)))]
            content = kind(content, seed, seeds, rng)
            done.append(kind.__name__.strip("_"))
        if seed.mend is not None and rng.random() < 0.7:
            content = seed.mend(content)
        yield Mutant(seed=seed, number=number, done=" + ".join(done), content=content)


def _truncated(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    return content[: _place(content, rng)]


def _flipped(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 3, 30])):
        if changed:
            changed[_place(content, rng)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _renumbered(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    """Give a number another value: a length, a count, a place, a type."""
    here = int(rng.choice([1, 2, 4, 8]))
    fields = [field for field in seed.fields if sum(field) <= len(content)]
    fields = fields or [(_place(content, rng) // here * here, here)]
    at, size = fields[int(rng.integers(len(fields)))]
    top = (1 << 8 * size) - 1
    old = int.from_bytes(content[at : at + size], "little" if seed.byte_order == "<" else "big")
    values = [0, 1, 2, 3, top, top - 1, top >> 1, (top >> 1) + 1, old + 1, old - 1, old * 2]
    values += [old << 8, len(content), len(content) - 1, at, 8, int(rng.integers(1 << 31))]
    value = values[int(rng.integers(len(values)))] & top
    number = value.to_bytes(size, "little" if seed.byte_order == "<" else "big")
    return content[:at] + number + content[at + size :]


def _spliced(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    other = seeds[int(rng.integers(len(seeds)))].content
    return content[: _place(content, rng)] + other[_place(other, rng) :]


def _inserted(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    at = _place(content, rng)
    return content[:at] + rng.bytes(int(rng.choice([1, 4, 100, 5_000]))) + content[at:]


def _cut_out(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + int(rng.choice([1, 4, 50])) :]


def _zeroed(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    at = _place(content, rng)
    end = min(at + int(rng.choice([2, 16, 512])), len(content))
    return content[:at] + bytes(end - at) + content[end:]


def _beheaded(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    """Give it the head of another format."""
    size = int(rng.choice([4, 8, 16, 64]))
    return seeds[int(rng.integers(len(seeds)))].content[:size] + content[size:]


def _repeated(content: bytes, seed: Seed, seeds: Sequence[Seed], rng: Rng) -> bytes:
    at = _place(content, rng)
    part = content[at : at + int(rng.choice([4, 12, 200]))]
    return content[:at] + part * int(rng.choice([2, 50])) + content[at:]


# Numbers are what readers believe: they come as often as all else together.
_KINDS: Any = [_truncated, _flipped, _spliced, _inserted, _cut_out, _zeroed, _beheaded, _repeated]
_KINDS += [_renumbered] * len(_KINDS)


def _place(content: bytes, rng: Rng) -> int:
    """Choose a place, half of the time near the begin or the end, where the structure is."""
    if not content:
        return 0
    reach = len(content) if rng.random() < 0.5 else min(len(content), 400)
    at = int(rng.integers(reach))
    return at if rng.random() < 0.7 else len(content) - 1 - at


def png_chunks(content: bytes) -> list[tuple[int, int]]:
    """Give the place and the length of each chunk of a PNG, as far as they make sense."""
    at, chunks = 8, []
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        if at + 12 + length > len(content):
            break
        chunks.append((at, length))
        at += 12 + length
    return chunks


def mend_png(content: bytes) -> bytes:
    """Set the checksums of all chunks right."""
    mended = bytearray(content)
    for at, length in png_chunks(content):
        end = at + 8 + length
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[at + 4 : end]))
    return bytes(mended)
