"""`songmood tag`, from music to tables: what it asks, what it says, what it leaves; killed, sharded, resumed."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from songmood.cli import app
from songmood.errors import SongmoodError, TaggingError
from songmood.evaluation.quantiles import quantile_table
from songmood.tagging.load import load_tagger
from tiny_tagger import write_checkpoint, write_music

NUM_FILES = 7


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = torch.from_numpy(quantile_table(np.random.default_rng(0).normal(0.5, 0.1, (100, 3))))
    return write_checkpoint(tmp_path_factory.mktemp("run") / "checkpoints" / "last.ckpt", quantiles=table)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for number in range(NUM_FILES):
        write_music(folder / f"album {number % 2}" / f"{number}.ogg", 3.0 + number, number)
    (folder / "cover.jpg").touch()
    return folder


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(app, ["tag", *map(str, arguments)], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_it_prints_what_the_tagger_says(music: Path, checkpoint: Path) -> None:
    result = run(music, "--model", checkpoint, "--top", "2")
    told = rows(result.stdout)
    assert [row["path"] for row in told[::2]] == sorted(str(path) for path in music.rglob("*.ogg"))
    tags = load_tagger(checkpoint).tag(told[0]["path"])
    for row, expected in zip(told, tags.top(2), strict=False):
        assert row["tag"] == expected.tag
        assert float(row["score"]) == pytest.approx(expected.score, abs=1e-6)
        assert float(row["percentile"]) == pytest.approx(expected.percentile, abs=0.01)
        assert row["decided"] == str(expected.is_decided).lower()
        assert row["fingerprint"] == tags.fingerprint
    assert "passed over: 1 not audio" in result.stderr
    assert "3 tags, thresholds and percentiles: this model's validation tracks" in result.stderr


def test_lists_of_lines_and_of_zero_bytes_come_on_standard_input(music: Path, checkpoint: Path) -> None:
    paths = sorted(str(path) for path in music.rglob("*.ogg"))[:2]
    for separator in ("\n", "\0"):
        told = rows(run("-", "-m", checkpoint, "--top", "1", stdin=separator.join(paths).encode()).stdout)
        assert [row["path"] for row in told] == paths


def test_lines_of_json_hold_the_timeline_where_it_is_wanted(music: Path, checkpoint: Path) -> None:
    path = next(music.rglob("*.ogg"))
    plain, timed = (
        json.loads(run(path, "-m", checkpoint, "-f", "jsonl", *more).stdout) for more in ((), ("--timeline",))
    )
    assert "timeline" not in plain
    assert len(timed["timeline"]["start"]) == len(timed["timeline"]["scores"])
    assert rows(run(path, "-m", checkpoint, "--timeline").stdout)[0].keys() >= {"start", "end"}


def test_the_newest_run_here_is_the_default_and_it_says_so(
    music: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "outputs" / "2026-01-01" / "checkpoints" / "last.ckpt")
    monkeypatch.chdir(tmp_path)
    result = run(next(music.rglob("*.ogg")))
    assert "model: outputs/2026-01-01 (the newest run here; --model names another)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-f", "parquet"], "--format parquet is written into a folder"),
        (["-f", "csv", "-f", "jsonl"], "several formats are written into a folder"),
        (["--shard", "1/2"], "embeddings and shards are written into a folder"),
        (["--shard", "3/2", "-o", "x"], "--shard 3/2: expected I/N"),
        (["--model", "none.ckpt"], "no checkpoint at none.ckpt"),
        (["--hop", "0"], "hop=0"),
        (["--device", "abacus"], "device=abacus cannot be used here"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_begun(
    music: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SongmoodError, match=says):
        run(music, "--model", checkpoint, *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("asked", [["--min-percentile", "50"], ["--decided"]])
@pytest.mark.parametrize("into_folder", [False, True])
def test_what_a_model_cannot_tell_is_said_before_it_hears_anything(
    music: Path, tmp_path: Path, asked: list[str], into_folder: bool
) -> None:
    unfitted = write_checkpoint(tmp_path / "unfitted.ckpt", thresholds=torch.full((3,), torch.nan))
    with pytest.raises(SongmoodError, match=f"{asked[0]}: .*unfitted.ckpt has no"):
        run(music, "-m", unfitted, *asked, *(["-o", tmp_path / "out"] if into_folder else []))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("asked", [["--timeline"], ["-o", "out", "-f", "audacity"]])
def test_models_with_other_windows_have_no_timeline_and_it_is_said_first(
    music: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    other = write_checkpoint(tmp_path / "other.ckpt", windows={"window": 120})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaggingError, match=r"a timeline of several models .* windows of 2\.05 and 2\.56 s"):
        run(music, "-m", checkpoint, "-m", other, *asked)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_results_goes_on_where_it_was(music: Path, checkpoint: Path, tmp_path: Path) -> None:
    first = run(music / "album 0", "-m", checkpoint, "-o", tmp_path)
    assert "finished already" not in first.stderr
    whole = run(music, "-m", checkpoint, "-o", tmp_path)
    assert "4 of 7 files are finished already" in whole.stderr
    again = run(music, "-m", checkpoint, "-o", tmp_path)
    assert "7 of 7 files are finished already" in again.stderr
    anew = run(music, "-m", checkpoint, "-o", tmp_path, "--no-resume")
    assert "finished already" not in anew.stderr
    assert len(rows((tmp_path / "tags.csv").read_text())) == 3 * NUM_FILES


def test_results_of_an_earlier_run_are_named_where_others_are_written_beside_them(
    music: Path, checkpoint: Path, tmp_path: Path
) -> None:
    one, two = sorted(music.rglob("*.ogg"))[:2]
    run(one, "-m", checkpoint, "-o", tmp_path)
    both = run(one, two, "-m", checkpoint, "-o", tmp_path, "-f", "jsonl")
    assert "not renewed without their --format: tags.csv" in both.stderr


def test_three_shards_give_what_one_process_gives(music: Path, checkpoint: Path, tmp_path: Path) -> None:
    formats = ("-f", "csv", "-f", "parquet", "--timeline")
    run(music, "-m", checkpoint, "-o", tmp_path / "one", *formats)
    for number in (1, 2):
        run(music, "-m", checkpoint, "-o", tmp_path / "three", "--shard", f"{number}/3", "--timeline")
    with pytest.raises(TaggingError, match=r"1 of 3 shards in .* did not come to their end: .* --shard 3/3"):
        run("--merge", tmp_path / "three", *formats)
    run(music, "-m", checkpoint, "-o", tmp_path / "three", "--shard", "3/3", "--timeline")
    run("--merge", tmp_path / "three", *formats)
    for name in ("tags.csv", "tags.parquet", "timeline.csv", "timeline.parquet"):
        assert (tmp_path / "three" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_a_shard_that_no_file_falls_to_ends_well(music: Path, checkpoint: Path, tmp_path: Path) -> None:
    good, bad = next(music.rglob("*.ogg")), tmp_path / "bad.ogg"
    bad.write_bytes(b"OggS")
    for number in (1, 2, 3, 4):  # two files: at least two shards hold none, and the broken one may be alone in its
        result = run(good, bad, "-m", checkpoint, "-o", tmp_path / "out", "--shard", f"{number}/4")
        assert f"shard {number}/4 is finished" in result.stdout
    result = run("--merge", tmp_path / "out", "-f", "csv")
    assert "bad.ogg" in result.stderr


def test_a_union_of_other_music_or_models_is_refused(music: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(TaggingError, match="holds no shards"):
        run("--merge", tmp_path)
    run(music / "album 0", "-m", checkpoint, "-o", tmp_path, "--shard", "1/2")
    run(music, "-m", checkpoint, "-o", tmp_path, "--shard", "2/2")
    with pytest.raises(TaggingError, match="shards 1/2 and 2/2 saw other lists of files, of 4 and 7"):
        run("--merge", tmp_path)
    run(music, "-m", write_checkpoint(tmp_path / "other.ckpt", 5), "-o", tmp_path, "--shard", "1/2")
    with pytest.raises(TaggingError, match="holds shards of 2 runs"):
        run("--merge", tmp_path)


def test_files_that_cannot_be_used_are_remembered_and_listed(music: Path, checkpoint: Path, tmp_path: Path) -> None:
    good = next(music.rglob("*.ogg"))
    bad = tmp_path / "music" / "bad\n.ogg"
    bad.parent.mkdir()
    bad.write_bytes(b"OggS")
    for is_finished, more in ((False, ()), (True, ()), (False, ("--retry",))):
        result = run(good, bad, tmp_path / "none.ogg", "-m", checkpoint, "-o", tmp_path / "out", *more)
        assert ("2 of 2 files are finished already" in result.stderr) == is_finished
        assert result.stderr.count("not tagged: ") == 2
        assert "bad\\n.ogg is cut short" in result.stderr
        assert "none.ogg: there is no such file" in result.stderr
    assert len(rows((tmp_path / "out" / "failures.csv").read_text())) == 1
    for more in ((), ("-o", tmp_path / "none")):
        with pytest.raises(TaggingError, match="none of 1 files could be tagged"):
            run(bad, "-m", checkpoint, *more)


def test_a_table_with_bars_is_for_terminals(music: Path, checkpoint: Path) -> None:
    path = next(music.rglob("*.ogg"))
    told = on_a_terminal([str(path), "--model", str(checkpoint)])
    assert "percentile" in told
    assert "█" in told
    assert "calm" in told


def on_a_terminal(arguments: list[str]) -> str:
    """What a person sees: the standard output is a terminal of 100 columns."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, slave = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    command = [sys.executable, "-m", "songmood", "tag", *arguments]
    process = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment)
    os.close(slave)
    told = b"".join(reads(master))
    assert process.wait() == 0
    return told.decode()


def reads(descriptor: int) -> Iterator[bytes]:
    try:
        while data := os.read(descriptor, 4096):
            yield data
    except OSError:  # how Linux says that the other side is gone
        return


def test_moods_are_written_after_a_dry_run_and_every_byte_is_taken_back(
    music: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moods = pytest.importorskip("songmood.tagging.fields.moods")
    pytest.importorskip("mutagen", reason="Mutagen is not installed: pip install 'songmood[write]'")
    monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path / "data"))
    shutil.copytree(music, tmp_path / "music")
    paths = sorted((tmp_path / "music").rglob("*.ogg"))
    write_music(tmp_path / "music" / "a.wav", 3.0)
    before = {path: path.read_bytes() for path in paths}
    ask = (tmp_path / "music", "-m", checkpoint, "--write", "--top", "1")
    shown = run(*ask)
    assert "7 files would change; nothing is written without --yes" in shown.stdout
    assert f"{paths[0]}: nothing -> " in shown.stdout
    assert "not written: " in shown.stderr  # the WAV
    assert {path: path.read_bytes() for path in paths} == before
    written = run(*ask, "--yes")
    tags = load_tagger(checkpoint).tag(paths[0])
    assert moods.read_moods(paths[0]) == [tags.top(1)[0].tag]
    (journal,) = (tmp_path / "data" / "writes").iterdir()
    assert f"changed 7 of 7 files; to take it back: songmood tag --undo {journal}" in written.stdout
    assert "0 files would change" in run(*ask).stdout
    assert run("--undo", journal).stdout == "7 restored\n"
    assert {path: path.read_bytes() for path in paths} == before
    assert run("--undo", journal).stdout == "7 as it was\n"


def test_writing_needs_to_be_meant(music: Path, checkpoint: Path) -> None:
    with pytest.raises(TaggingError, match="--yes says that --write may change files"):
        run(music, "-m", checkpoint, "--yes")
    with pytest.raises(TaggingError, match="put the shards together first"):
        run(music, "-m", checkpoint, "--write", "--shard", "1/2", "-o", "x")


def test_killed_twice_it_leaves_the_very_parquet_of_an_undisturbed_run(
    music: Path, checkpoint: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "songmood",
        "tag",
        str(music),
        "-m",
        str(checkpoint),
        "-f",
        "parquet",
        "--workers",
        "0",
    ]
    for already in (1, 4):
        process = subprocess.Popen([*command, "-o", str(tmp_path / "killed")], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while num_finished(tmp_path / "killed") < already and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
    for name in ("killed", "whole"):
        subprocess.run([*command, "-o", str(tmp_path / name)], check=True, capture_output=True)
    tables = [(tmp_path / name / "tags.parquet").read_bytes() for name in ("killed", "whole")]
    assert tables[0] == tables[1]


def num_finished(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.glob(".songmood/*.jsonl"))
