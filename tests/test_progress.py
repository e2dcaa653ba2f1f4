import io
import logging
import re
import threading
from types import SimpleNamespace

import pytest

from songmood import progress as module
from songmood.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def text(self) -> str:
        return re.sub(r"\x1b\[[?\d;]*\w", "", self.getvalue())


@pytest.fixture
def terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=screen))  # pytest puts its own back into the real one
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    return screen


def shown(meter) -> None:
    """Waits for the bar, which another thread brings."""
    while not meter.bar.live.is_started:
        threading.Event().wait(0.001)


def test_a_terminal_gets_a_bar_with_what_is_done_and_left(terminal):
    with progress("writing", 4, "tracks") as meter:
        meter.advance(2)
        shown(meter)
        meter.advance(1)
    assert "writing" in terminal.text()
    assert "3/4 tracks" in terminal.text()
    assert "left" in terminal.text()


def test_an_unknown_total_shows_the_count_alone(terminal):
    with progress("reading", None, "files") as meter:
        shown(meter)
        meter.advance(7)
    assert "7/? files" in terminal.text()
    assert "left" not in terminal.text()


def test_what_is_quick_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 60.0)
    with progress("writing", 4, "tracks") as meter:
        meter.advance(4)
    assert terminal.getvalue() == ""


def test_without_a_terminal_the_log_gets_two_lines(caplog):
    with caplog.at_level(logging.INFO), progress("writing", 4000, "tracks") as meter:
        meter.advance(1500)
        meter.advance(1)
    first, last = [record.getMessage() for record in caplog.records]
    assert first == "writing: 4,000 tracks"
    assert last.startswith("writing: 1,501 tracks in 0.0 s (")


def test_no_thread_outlives_the_block(terminal):
    before = set(threading.enumerate())

    def fail() -> None:
        with progress("writing", 4, "tracks") as meter:
            shown(meter)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)  # rich tells its own to end and does not wait
        assert not thread.is_alive()


def test_threads_may_share_a_meter():
    with progress("counting", None, "steps") as meter:
        threads = [threading.Thread(target=lambda: [meter.advance() for _ in range(1000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert meter.done == 4000
