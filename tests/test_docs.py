"""The documents name no file that is not there, and the README's first commands are those that CI runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(ROOT.glob("docs/**/*.md"))
FOLDERS = ("bench", "csrc", "docs", "python", "tests")
SUFFIXES = "cc|h|py|md|json|toml|txt|png"


@pytest.fixture(scope="module")
def files() -> list[str]:
    found = [*ROOT.glob("*"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*"))]
    return [f"/{path.relative_to(ROOT).as_posix()}" for path in found if path.is_file()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path, files: list[str]) -> None:
    """The first folders of a name may be left out."""
    text = page.read_text()
    for name in re.findall(rf"`([\w./-]+\.(?:{SUFFIXES}))`", text):
        assert any(file.endswith(f"/{name}") for file in files), name
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).is_file(), link


def test_examples_are_as_short_as_promised() -> None:
    """Of Python what the README shows, ten lines; of C++ fewer than sixty."""
    (python,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert len([line for line in python.splitlines() if line]) <= 10
    assert len((ROOT / "examples" / "cpp" / "mnist.cc").read_text().splitlines()) < 60


def test_first_commands_are_those_of_ci() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = re.findall(r'_command="(.*)"', (ROOT / ".ci" / "run").read_text())
    assert len(commands) == 2
    assert all(command in lines for command in commands)
