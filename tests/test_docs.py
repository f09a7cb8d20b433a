"""What the documents say exists: links, commands, options, files and tests."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import overtile
from overtile.cli.main import app
from overtile.config import read_recipe
from overtile.training.split import hold_out_fraction
from overtile.workflows.demo import ANNOTATED, FRESH, GOOD_AVERAGE_PRECISION, MINUTES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
IN_DOCS = [path for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")]
PAPER_MAP = ROOT / "docs" / "explanation" / "paper-map.md"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
NAMED_FILE = re.compile(r"([\w.-]+/[\w./-]+\.(?:py|toml))(?:::(test_\w+))?")
SHELL = {"", "sh", "bash", "console"}
COMMANDS: dict[str, Any] = dict(get_command(app).commands)  # type: ignore[attr-defined]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    """Give a document without its blocks of code."""
    return FENCE.sub("", path.read_text("utf-8"))


def shown_lines(path: Path) -> Iterator[str]:
    """List the lines of all blocks that a person would type into a shell."""
    for language, block in FENCE.findall(path.read_text("utf-8")):
        if language in SHELL:
            for line in block.replace("\\\n", " ").splitlines():
                yield line.strip().removeprefix("$ ")


def anchors(path: Path) -> set[str]:
    """Give the names that headings get on the web: small letters, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def options(command: str) -> set[str]:
    return {name for one in COMMANDS[command].params for name in one.opts} | {"--help"}


def files_meant(name: str) -> list[Path]:
    """Find a file by its path from the root, or from inside the package or the tests."""
    places = (ROOT, ROOT / "src" / "overtile", ROOT / "tests")
    return [place / name for place in places if (place / name).is_file()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(prose(path)) if "://" not in link]
    for link in links:
        place, _, anchor = link.partition("#")
        target = (path.parent / place) if place else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_command_shown_can_be_typed(path: Path) -> None:
    for line in shown_lines(path):
        words = shlex.split(line, comments=True)
        if words[:1] != ["overtile"] or "--help" in words:
            continue
        assert words[1] in COMMANDS, line
        COMMANDS[words[1]].make_context(words[1], words[2:])  # raises what a user would be told


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_command_and_option_spoken_of_exists(path: Path) -> None:
    known = set().union(*map(options, COMMANDS))
    for code in INLINE.findall(prose(path)):
        if code.startswith("--"):
            assert code.split()[0] in known, code
        command = re.match(r"overtile ([a-z]\w*)(.*)", code)
        if command:
            assert command[1] in COMMANDS, code
            assert set(re.findall(r"--[a-z-]+", command[2])) <= options(command[1]), code


@pytest.mark.parametrize("path", IN_DOCS, ids=named)
def test_every_file_and_test_spoken_of_exists(path: Path) -> None:
    tests = "\n".join(file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    for code in INLINE.findall(prose(path)):
        match = NAMED_FILE.fullmatch(code)
        if match:
            found = files_meant(match[1])
            assert found, code
            assert not match[2] or f"def {match[2]}(" in found[0].read_text("utf-8"), code
        elif re.fullmatch(r"test_(\w+_){2,}\w+", code):
            assert f"def {code}(" in tests, code


def test_every_statement_of_the_paper_has_a_test() -> None:
    # Tables of what was measured state figures, not the paper.
    said = re.sub(r"<!-- table:.*?<!-- end -->", "", prose(PAPER_MAP), flags=re.DOTALL)
    rows = [line for line in said.splitlines() if line.count(" | ") == 4]
    statements = [row for row in rows if not row.startswith(("| the paper", "| ---", "| key"))]
    assert len(statements) >= 45
    assert [row for row in statements if "::test_" not in row] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_target_of_make_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    code = [*shown_lines(path), *INLINE.findall(prose(path))]
    for line in code:
        words = shlex.split(line, comments=True) if line.startswith("make ") else []
        for target in words[1:]:
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), line


def test_pages_that_are_facts_of_the_code_are_up_to_date() -> None:
    script = [sys.executable, str(ROOT / "docs" / "make_reference.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_tutorial_tells_of_the_demo_as_it_is() -> None:
    tutorial = (ROOT / "docs" / "tutorial" / "first-model.md").read_text("utf-8")
    held_out = len(hold_out_fraction(ANNOTATED, read_recipe("auto").training.validation))
    for text in (
        f"images       {ANNOTATED} pages in {ANNOTATED} files",
        f"split: {ANNOTATED - held_out} images to train on, {held_out} held out",
        f"--minutes {MINUTES:g}\n",
        f"{FRESH} images written",
        f"below {GOOD_AVERAGE_PRECISION}.",
    ):
        assert text in tutorial


def test_every_page_is_in_the_map_of_the_documents() -> None:
    contents = ROOT / "docs" / "README.md"
    listed = {(contents.parent / link).resolve() for link in LINK.findall(prose(contents))}
    assert {path for path in IN_DOCS if path != contents} <= listed


def test_the_citation_names_this_release_and_the_paper() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {overtile.__version__}\n" in citation
    assert "10.1007/978-3-319-24574-4_28" in citation
