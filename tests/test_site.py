"""The site is built without a warning, and what would mislead its readers is one."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import songmood
from tiny import ROOT

pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install 'songmood[docs]'")
pytest.importorskip("furo")
pytest.importorskip("myst_parser")

MAKE_DOCS = re.search(r"-m (sphinx .*) docs build/docs", (ROOT / "Makefile").read_text())


def build(pages: Path, out: Path) -> tuple[bool, str]:
    """Whether the pages became a site, and what was said."""
    assert MAKE_DOCS
    done = subprocess.run(
        [sys.executable, "-m", *MAKE_DOCS[1].split(), "-c", str(ROOT / "docs"), str(pages), str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode == 0, done.stdout + done.stderr


def test_the_site_has_every_page_and_public_name_and_asks_no_other_host(tmp_path: Path) -> None:
    is_built, said = build(ROOT / "docs", tmp_path)
    assert is_built, said
    assert not said
    for page in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / f"{page.stem}.html").is_file()
    interface = (tmp_path / "api.html").read_text()
    for name in songmood.__all__:
        assert f'id="songmood.{name}"' in interface
    for page in tmp_path.glob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert loaded
        assert not [address for address in loaded if re.match(r"(\w+:)?//", address)]
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"(url\(\s*['\"]?|@import\s+['\"])(\w+:)?//", style.read_text()), style


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A site of one page and its README, which tests add to."""
    (tmp_path / "README.md").write_text("# A readme\n\n[a page](docs/page.md), [a heading](docs/page.md#a-heading)\n")
    (tmp_path / "CONTRIBUTING.md").write_text("# Rooms\n\nSee the [readme](README.md).\n")
    pages = tmp_path / "docs"
    pages.mkdir()
    for name in ("index", "contributing"):
        (pages / f"{name}.md").write_text((ROOT / "docs" / f"{name}.md").read_text())
    (pages / "page.md").write_text("# A page\n\n## A heading\n")
    return pages


def test_links_between_the_readme_and_the_pages_lead_somewhere(pages: Path, tmp_path: Path) -> None:
    is_built, said = build(pages, tmp_path / "site")
    assert is_built, said
    assert 'href="page.html#a-heading"' in (tmp_path / "site" / "index.html").read_text()
    assert 'href="index.html"' in (tmp_path / "site" / "contributing.html").read_text()


FAULTS = {
    "[nothing](nowhere.md)": "cross-reference target not found: 'nowhere.md'",
    "[nothing](page.md#no-heading)": "no-heading",
    "![nothing](images/none.png)": "image file not readable: images/none.png",
    "```{eval-rst}\n.. automodule:: bare\n```": "bare.undocumented has no docstring",
}


def test_what_is_missing_fails_the_build(pages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare.py").write_text('"""A module."""\n\ndef undocumented() -> None:\n    pass\n')
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT / 'src'}")
    (pages / "faulty.md").write_text("# Faulty\n\n" + "\n\n".join(FAULTS) + "\n")
    is_built, said = build(pages, tmp_path / "site")
    assert not is_built
    warnings = [line for line in said.splitlines() if "WARNING" in line]
    assert len(warnings) == len(FAULTS), said
    for complaint in FAULTS.values():
        assert any(complaint in line for line in warnings), said
