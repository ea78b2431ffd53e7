"""What the documentation names is there: links, headings, files, commands, targets of make, fragments of pages."""

import inspect
import re

import pytest

from sharing.running.install import CHECKOUT
from sharing.services.operating import numbers

FOLDERS = ("docs", "sharing", "static", "templates", "tests", "benchmarks")
PAGES = sorted(["README.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in (CHECKOUT / "docs").glob("*.md"))])
#: Where a path in a text may begin.
BEGINNINGS = ("", "sharing/", "docs/", "docs/deployment/", "static/", "templates/", "tests/")
#: Files of an installation or of a running demo, and what only looks like a path.
ELSEWHERE = re.compile(r"var/|Europe/|demo\.kill/end/begin|.*…|.*\{")


def text_of(page: str) -> str:
    return (CHECKOUT / page).read_text()


def anchors(text: str) -> set[str]:
    """The ids that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        there = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_are_there(page: str) -> None:
    names = {path.name for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*")}
    for code in re.findall(r"`([^`\n]+)`", text_of(page)):
        if "://" in code or ELSEWHERE.match(code):
            continue
        for path in re.findall(r"(?<![\w/.-])[a-z][\w-]*(?:/[\w.-]+)*\.(?:py|html|css|js|md|svg|toml|txt|yaml|sql)\b", code):
            assert path in names or any((CHECKOUT / begin / path).exists() for begin in BEGINNINGS), path


def test_commands_that_are_named_exist() -> None:
    ours = {path.stem for path in (CHECKOUT / "sharing" / "management" / "commands").glob("[a-z]*.py")}
    django = {"migrate", "collectstatic", "makemigrations"}
    told = {page: set(re.findall(r"manage\.py ([a-z][\w-]+)", text_of(page))) for page in PAGES}
    assert {page: named - ours - django for page, named in told.items() if named - ours - django} == {}
    readme = text_of("README.md")
    listed = re.search(r"\*\*Commands\*\* for shells(.+?)\n\n", readme, re.DOTALL)
    assert listed is not None
    assert ours - {"history-key"} == set(re.findall(r"`([a-z][\w-]+)`", listed[1]))


def test_targets_of_make_and_modules_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z]+)", text_of(page), re.MULTILINE)
        assert set(named) <= targets, page
        for module in re.findall(r"python -m ((?:sharing|benchmarks|tests)[\w.]*)", text_of(page)):
            path = CHECKOUT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or path.is_dir(), module


def test_alarms_of_the_runbook_are_about_numbers_that_there_are() -> None:
    served = set(re.findall(r'"(fnshare_[a-z_]+)"', inspect.getsource(numbers)))
    told = set(re.findall(r"fnshare_[a-z_]+", text_of("docs/runbook.md")))
    assert {name.removesuffix("_total") for name in told} <= served
