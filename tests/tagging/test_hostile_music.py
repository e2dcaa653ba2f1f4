"""Files and places that mean harm or are harmed: each a line, none a traceback, nothing lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from small_disk import on_a_small_disk
from tiny_tagger import write_checkpoint, write_music

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("run") / "last.ckpt")


def tag(*arguments: object, wrap: list[str] | None = None) -> subprocess.CompletedProcess:
    command = [*(wrap or []), sys.executable, "-m", "songmood", "tag", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=280)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def hostile(folder: Path) -> list[bytes]:
    """Fills a folder; the names of what cannot be tagged."""
    for number, suffix in enumerate((".ogg", ".mp3", ".flac", ".wav")):
        whole = write_music(folder / f"good{suffix}", 3.0, number).read_bytes()
        (folder / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
    write_music(folder / "x.flac", 3.0).rename(folder / "flac-called.ogg")
    (folder / "picture.mp3").write_bytes(PNG)
    (folder / "empty.opus").touch()
    (folder / "zeros.wav").write_bytes(bytes(10_000))
    os.mkfifo(folder / "pipe.ogg")
    (folder / "folder.ogg").mkdir()
    (folder / "circle").symlink_to(folder)
    (folder / "nowhere.ogg").symlink_to("missing.ogg")
    for name in (b"new\nline.ogg", "🎻.ogg".encode(), b"\xff\xfe.ogg", b"-o.ogg", b"\x1b[2J.ogg"):
        os.link(folder / "good.ogg", os.fsencode(folder) + b"/" + name)
    return [b"cut.ogg", b"cut.wav", b"cut.mp3", b"cut.flac", b"picture.mp3", b"empty.opus", b"zeros.wav"]


def test_a_folder_full_of_traps_is_tagged_all_the_same(tmp_path: Path, checkpoint: Path) -> None:
    bad = hostile(tmp_path / "music")
    done = tag(tmp_path / "music", "-m", checkpoint, "-o", tmp_path / "out", "-f", "csv", "-f", "jsonl", "-f", "m3u8")
    assert done.returncode == 0, done.stderr.decode()
    said = [line for line in done.stderr.splitlines() if line.startswith(b"not tagged: ")]
    assert len(said) == len(bad)
    for name in bad:
        assert any(name in line for line in said), name
    assert sum(b"cut short" in line or b"damaged" in line for line in said) == 4
    assert all(b"\x1b" not in line for line in done.stderr.splitlines())
    assert b"passed over: 2 not regular files" in done.stderr
    lines = (tmp_path / "out" / "tags.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4 + 1 + 5  # the good ones, the renamed one, the other names of one of them


def test_a_place_that_cannot_be_written_is_a_line(tmp_path: Path, checkpoint: Path) -> None:
    music = write_music(tmp_path / "a.ogg", 3.0)
    for place in ("/proc/results", tmp_path / "a.ogg"):
        done = tag(music, "-m", checkpoint, "-o", place)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(b"TaggingError: ")
        assert b"choose another folder" in done.stderr


def test_a_full_disk_is_a_line_and_what_is_finished_stays(tmp_path: Path, checkpoint: Path) -> None:
    for number in range(6):
        write_music(tmp_path / "music" / f"{number}.ogg", 60.0, number)
    out = tmp_path / "out"
    out.mkdir()
    wrap = on_a_small_disk(out, "48k")
    # The disk is gone with the command that sees it: so is what it wrote, and the test looks at it from within.
    script = f'"$@"; code=$?; wc -l < "$(ls {out}/.songmood/*.jsonl)"; exit $code'
    arguments = (tmp_path / "music", "-m", checkpoint, "-o", out, "--timeline", "--hop", "0.1")
    done = tag(*arguments, wrap=[*wrap, "sh", "-c", script, "sh"])
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert b"cannot be written (No space left on device): make room and start the same command again" in last
    assert int(done.stdout.split()[-1]) >= 1
