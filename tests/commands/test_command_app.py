"""`songmood app`, as far as it says no; that it serves the page is seen where the package is installed."""

import socket
import sys

import pytest

from songmood.commands.app import app
from songmood.errors import TaggingError


def test_a_port_that_something_else_has_is_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(TaggingError, match=rf"^port {port} cannot be used \(.+\): name another with --port$"):
            app(model=["none.ckpt"], port=port, browser=False)


def test_what_is_not_installed_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "songmood.tagging.app.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(TaggingError, match=r"pip install 'songmood\[app\]'"):
        app(port=0, browser=False)
