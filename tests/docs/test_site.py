"""The site: every page is in the navigation, every link leads somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.docs.conftest import EXAMPLES, PAGES, ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def leaves(entry: Any) -> list[str]:  # noqa: ANN401  YAML of any shape
    """The files that a navigation names."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry
    return [leaf for one in inner for leaf in leaves(one)]


def test_the_navigation_names_every_page_once() -> None:
    config = YAML(typ="safe").load(ROOT / "mkdocs.yml")
    docs = ROOT / "docs"
    pages = [str(page.relative_to(docs)) for page in docs.rglob("*.md") if not page.is_relative_to(EXAMPLES)]
    assert sorted(leaves(config["nav"])) == sorted(pages)


def test_the_site_builds_without_a_complaint(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("models"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "-f", "mkdocs.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "build" / "site" / "getting-started" / "index.html").exists()


def links() -> list[tuple[Path, str]]:
    """Every link of every page that leads to a file."""
    found = [(page, link) for page in PAGES for link in LINK.findall(page.read_text(encoding="utf-8"))]
    return [(page, link) for page, link in found if "://" not in link]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda part: part.name if isinstance(part, Path) else part)
def test_a_link_leads_to_a_file_and_a_heading_of_it(page: Path, link: str) -> None:
    name, _, heading = link.partition("#")
    target = page.parent / name if name else page
    assert target.exists()
    if heading:
        titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
