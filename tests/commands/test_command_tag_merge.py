"""`songmood tag --merge` and `--undo`: what goes with them, what is refused, and what shards did not keep."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from songmood.cli import app
from songmood.errors import TaggingError
from tiny_tagger import write_checkpoint, write_music


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["tag", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two finished shards, and the music that they shared."""
    folder = tmp_path_factory.mktemp("shards")
    for number in range(4):
        write_music(folder / "music" / f"{number}.ogg", 3.0, number)
    checkpoint = write_checkpoint(folder / "last.ckpt")
    for shard in ("1/2", "2/2"):
        run(folder / "music", "-m", checkpoint, "-o", folder / "out", "--shard", shard, "--workers", 0)
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["music", "-m", "nope"], "PATH, --model with --merge: would have no effect"),
        (["--shard", "1/2"], "--shard with --merge: would have no effect"),
        (["--no-resume"], "--resume/--no-resume with --merge: would have no effect"),
        (["--undo", "journal.jsonl"], "--merge with --undo: would have no effect"),
    ],
)
def test_what_would_have_no_effect_is_refused(shards: Path, arguments: list[str], says: str) -> None:
    with pytest.raises(TaggingError, match=f"^{says}"):
        run("--merge", shards / "out", *arguments)
    assert not list((shards / "out").glob("tags.*"))


def test_the_results_of_shards_go_where_they_are_asked_for(shards: Path, tmp_path: Path) -> None:
    assert f"wrote {tmp_path / 'there' / 'tags.csv'}" in run("--merge", shards / "out", "-o", tmp_path / "there")
    assert not (shards / "out" / "tags.csv").exists()


def test_moods_are_written_when_the_shards_are_put_together(shards: Path, tmp_path: Path) -> None:
    moods = pytest.importorskip("songmood.tagging.fields.moods")
    pytest.importorskip("mutagen", reason="Mutagen is not installed: pip install 'songmood[write]'")
    paths = sorted((shards / "music").iterdir())
    ask = ("--merge", shards / "out", "-o", tmp_path, "--write", "--top", "1")
    assert "4 files would change; nothing is written without --yes" in run(*ask)
    assert "changed 4 of 4 files" in run(*ask, "--yes")
    assert all(len(moods.read_moods(path)) == 1 for path in paths)
    (journal,) = (tmp_path / "writes").iterdir()
    assert run("--undo", journal) == "4 restored\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-f", "audacity"], "have no timeline: run them again with --timeline and another -o"),
        (["--timeline"], "have no timeline: run them again with --timeline and another -o"),
        (["--embeddings", "npy"], "have no embeddings: run them again with --embeddings npy and another -o"),
    ],
)
def test_what_the_shards_did_not_keep_is_said_before_anything_is_written(
    shards: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    with pytest.raises(TaggingError, match=says):
        run("--merge", shards / "out", "-o", tmp_path / "there", "-f", "csv", *arguments)
    assert not (tmp_path / "there").exists()
