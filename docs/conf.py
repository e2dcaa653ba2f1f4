"""The site that `make docs` builds: these pages, the README before them, and the docstrings of the public names."""

import posixpath
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

import songmood

project = "songmood"
release = songmood.__version__
html_title = f"songmood {release}"
html_theme = "furo"  # brings its styles and scripts along: the site asks no other host
html_copy_source = False
html_show_copyright = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3  # `page.md#a-heading` is a link, as on code hosts
highlight_language = "text"  # of a block that names no language

default_role = "code"  # `name` in a docstring is code, as in Markdown
napoleon_use_ivar = True  # a class's attributes are listed where it lists them, and only there
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
nitpick_ignore_regex = [(r"py:.*", r".*")]  # types link where they are on the site; others are named and not linked

ROOT_PAGES = {"index": "README.md", "contributing": "CONTRIBUTING.md"}  # they stand where code hosts look for them
LINK = re.compile(r"\]\((?!\w+:|#)([^)#]+)")


def bring_root_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the words of a page of the root before what this folder's file of it holds, with links as from here."""
    if page in ROOT_PAGES:
        text = (Path(app.srcdir).parent / ROOT_PAGES[page]).read_text(encoding="utf-8")
        source[0] = LINK.sub(_moved_link, text) + "\n" + source[0]


def _moved_link(link: re.Match[str]) -> str:
    pages = {path: f"docs/{page}.md" for page, path in ROOT_PAGES.items()}
    return "](" + posixpath.relpath(pages.get(link[1], link[1]), "docs")


def list_public_names(app: Sphinx, page: str, source: list[str]) -> None:
    """Put each name of `songmood.__all__` below the words of `api.md`."""
    if page == "api":
        is_class = {name: isinstance(getattr(songmood, name), type) for name in songmood.__all__}
        shown = [f".. auto{'class' if is_class[name] else 'function'}:: songmood.{name}" for name in songmood.__all__]
        source[0] += "\n".join(["```{eval-rst}", *shown, "```", ""])


def demand_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A public name without a docstring fails the build, which takes warnings for errors."""
    if not any(lines):
        getLogger(__name__).warning("%s has no docstring", name)


def leave_out_attributes(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """The class's docstring lists its attributes: none is listed again."""
    is_code = callable(thing) or isinstance(thing, property | classmethod | staticmethod)
    return True if what == "class" and not is_code else None


def setup(app: Sphinx) -> None:
    """Connect them."""
    app.connect("source-read", bring_root_page)
    app.connect("source-read", list_public_names)
    app.connect("autodoc-process-docstring", demand_docstring)
    app.connect("autodoc-skip-member", leave_out_attributes)
