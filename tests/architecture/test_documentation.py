"""Documentation leads to things that are there."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, relative, text_of

PAGES = files("*.md", "docs/**/*.md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKE_CALL = re.compile(r"(?:^|`)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", re.MULTILINE)


def broken_links(page: Path, text: str) -> list[str]:
    links = [link for link in LINK.findall(FENCED.sub("", text)) if "://" not in link]
    return [link for link in links if not _leads_somewhere(page, link)]


def _leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    assert broken_links(page, text_of(page)) == []


@pytest.mark.parametrize("link", ["docs/nothing.md", "README.md#no-such-heading"])
def test_broken_link_is_noticed(link: str) -> None:
    assert broken_links(ROOT / "README.md", f"see [this]({link})") == [link]


def test_every_decision_is_listed() -> None:
    index = text_of(ROOT / "docs" / "decisions" / "README.md")

    assert [path.name for path in files("docs/decisions/0*.md") if f"({path.name})" not in index] == []


def test_documented_make_commands_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in MAKE_CALL.findall(text_of(page))}

    assert {"serve", "test", "check"} <= named
    assert named - targets == set()
