"""What is meant by paths: folders, globs and lists; foreign, special and circular entries are counted."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from songmood.errors import TaggingError
from songmood.tagging.batch.discover import discover, listed, passed_over


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_means_its_audio_at_any_depth_in_the_order_of_names(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.ogg", "b/1.FLAC", "a.mp3", "c.opus", "b/cover.jpg", "notes", "b/._1.flac", "ä/ö.m4a")
    found = discover([str(tmp_path)])
    assert found.paths == [str(tmp_path / name) for name in ("a.mp3", "b/1.FLAC", "b/2.ogg", "c.opus", "ä/ö.m4a")]
    assert found.passed_over == {"foreign": 3}
    assert passed_over(found) == "passed over: 3 not audio"
    assert not found.unusable


def test_files_globs_and_folders_make_one_list_without_doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a/1.ogg", "a/2.wav", "b/3.ogg", "[x].ogg")
    monkeypatch.chdir(tmp_path)
    assert discover(["b/3.ogg", "a", "*/*.ogg", "[x].ogg"]).paths == ["b/3.ogg", "a/1.ogg", "a/2.wav", "[x].ogg"]
    assert discover(["**/*.wav"]).paths == ["a/2.wav"]


def test_what_is_named_and_cannot_be_used_is_named_back(tmp_path: Path) -> None:
    touch(tmp_path, "a.ogg", "b.jpg")
    os.mkfifo(tmp_path / "pipe.ogg")
    names = [str(tmp_path / name) for name in ("a.ogg", "b.jpg", "pipe.ogg", "none.ogg", "*.aac")]
    found = discover(names)
    assert found.paths == names[:1]
    assert [*found.unusable] == names[1:]
    assert "is no audio file" in found.unusable[names[1]]
    assert found.unusable[names[2]] == "is no regular file"
    assert found.unusable[names[3]] == "there is no such file"


def test_where_nothing_is_found_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(TaggingError, match=r"no audio file was found; expected \.wav"):
        discover([str(tmp_path)])
    with pytest.raises(TaggingError, match=r"no audio file was found: no\\nsuch: there is no such file; expected"):
        discover(["no\nsuch"])


def test_pipes_sockets_and_folders_that_are_called_ogg_do_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "folder.ogg/1.ogg")
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    os.mkfifo("pipe.ogg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp3")
        found = discover(["."])
    assert found.paths == ["./folder.ogg/1.ogg"]
    assert found.passed_over == {"special": 2}


def test_ten_thousand_links_in_a_circle_are_walked_once(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    for number in range(9_000):
        (tmp_path / "music" / f"back-{number}").symlink_to(tmp_path, target_is_directory=True)
    for number in range(1_000):
        (tmp_path / "music" / f"{number}.ogg").symlink_to(f"{(number + 1) % 1_000}.ogg")
    touch(tmp_path, "music/real.ogg")
    found = discover([str(tmp_path)])
    assert found.paths == [str(tmp_path / "music" / "real.ogg")]
    assert found.passed_over == {"special": 1_000}


def test_a_linked_folder_is_entered(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/1.ogg", "here/2.ogg")
    (tmp_path / "here" / "more").symlink_to(tmp_path / "elsewhere")
    assert discover([str(tmp_path / "here")]).paths == [
        str(tmp_path / "here" / "2.ogg"), str(tmp_path / "here" / "more" / "1.ogg"),
    ]  # fmt: skip


def test_folders_deeper_than_the_stack_are_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deep = Path("d")
    for _ in range(1_200):
        deep.mkdir()
        deep /= "d"
    try:
        (deep.parent / "1.ogg").touch()
        assert discover(["d"]).paths == [str(deep.parent / "1.ogg")]
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # which `shutil.rmtree`, and so pytest, cannot


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.ogg", "closed/b.ogg")
    (tmp_path / "closed").chmod(0)
    found = discover([str(tmp_path)])
    assert found.paths == [str(tmp_path / "a.ogg")]
    assert "cannot be read" in next(iter(found.unusable.values()))


def test_any_name_is_found(tmp_path: Path) -> None:
    names = [b"new\nline.ogg", b"\xff\xfe.ogg", "🎻.ogg".encode(), b"-rf.ogg", b" .ogg", b"a\tb\x1b[31m.ogg"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    found = discover([str(tmp_path)])
    assert {os.fsencode(path).rsplit(b"/", 1)[1] for path in found.paths} == set(names)


def test_lists_end_their_paths_with_newlines_or_zero_bytes() -> None:
    assert listed(b"a.ogg\nb c.ogg\r\n\n") == ["a.ogg", "b c.ogg"]
    assert listed(b"a\nb.ogg\0c.ogg\0") == ["a\nb.ogg", "c.ogg"]
    assert listed(b"") == []
