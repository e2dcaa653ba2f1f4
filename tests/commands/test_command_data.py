"""`songmood data` as a user meets it: in a process of its own, or through Typer's runner."""

import logging
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from faulty_server import FaultyServer, status
from jamendo_tars import DATASET, documents_of, make_tracks, mels_of, npy, publish, split_of
from songmood.commands.data import app
from songmood.errors import CacheError, ConfigError, DownloadError
from songmood.tracks import write_tracks

TRACKS = make_tracks(12, num_folders=2, duration=2.0)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    publish(folder, TRACKS, mels_of(TRACKS), documents_of(TRACKS))
    return folder


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Data below a folder of the test's, and no proxies."""
    monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    level, handlers = logging.root.level, logging.root.handlers[:]
    yield tmp_path
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


def run(*arguments):
    """What the command printed; a SongmoodError is raised as `songmood` itself would report it."""
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


def build(published, *more):
    shelves = []
    for kind in ("melspecs", "acousticbrainz"):
        shelves += ["--source", str(published / "mirror" / DATASET / kind)]
    return run("build", "--metadata", str(published / "data"), "--workers", "0", *shelves, *more)


def test_fetch_and_build_make_a_cache_that_verifies(published, place):
    with FaultyServer(published) as server:
        urls = ("--metadata", f"{server.url}/data", "--mirror", f"{server.url}/mirror")
        assert run("fetch", *urls)[0] == 0
        assert len(list((place / "jamendo" / "downloads").iterdir())) == 2
        server.seen.clear()
        code, output = run("build", *urls, "--workers", "0")
        assert code == 0
        assert "holds 12 of 12 tracks" in output
        assert server.seen == []
    assert run("verify") == (0, f"{place / 'jamendo.h5'} is what was written\n")


def test_metadata_alone_is_fetched_without_archives(published, place):
    code, _ = run("fetch", "--metadata-only", "--metadata", str(published / "data"))
    assert code == 0
    assert (place / "jamendo/metadata/tags/moodtheme_split.txt").exists()
    assert not (place / "jamendo/downloads").exists()


def test_an_archive_that_cannot_be_had_ends_the_command_by_name(published):
    with FaultyServer(published) as server:
        server.faults[f"/mirror/{DATASET}/melspecs/{DATASET}_melspecs-01.tar"] = status(404)
        with pytest.raises(DownloadError, match=r"1 of 2 archives.*melspecs-01\.tar.*404"):
            run("build", "--metadata", f"{server.url}/data", "--mirror", f"{server.url}/mirror", "--workers", "0")


def test_features_that_the_archives_lack_are_a_warning_with_a_way_on(published):
    code, output = build(published, "--type", "melspecs,acousticbrainz")
    assert code == 0
    assert "highlevel.mood_sad.all.sad" in output
    assert "corpus/features=distribution" in output
    code, output = build(published, "--type", "melspecs,acousticbrainz", "corpus/features=distribution")
    assert code == 0
    assert "warning" not in output


def test_info_shows_splits_tags_sizes_and_what_is_missing(published, place):
    code, output = run("info")
    assert code == 0
    assert "no mel cache at" in output
    assert "songmood data fetch --metadata-only" in output
    run("fetch", "--metadata-only", "--metadata", str(published / "data"))
    code, output = run("info")
    assert "2 archives, the first autotagging_moodtheme_melspecs-00.tar" in output
    build(published)
    code, output = run("info")
    assert code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    splits = split_of(TRACKS)
    for part, tracks in splits.items():
        assert [part, str(len(tracks)), "0.0", str(len(tracks)), "0"] in rows
    for tag in ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy"):
        assert [tag, *(str(sum(tag in track.tags for track in tracks)) for tracks in splits.values())] in rows
    assert any(row[0] == "tracks" and row[1].startswith("12, ") for row in rows if len(row) == 2)
    assert "songmood data build --type acousticbrainz" in output


def test_verify_names_the_damaged_track(published, place):
    build(published)
    path = place / "jamendo.h5"
    data = bytearray(path.read_bytes())
    data[-40_000] ^= 1
    path.write_bytes(data)
    with pytest.raises(CacheError, match=r"damaged in 1 tracks"):
        run("verify")
    path.write_bytes(data[:-1])
    with pytest.raises(CacheError, match="bytes, expected"):
        run("verify")


def test_a_folder_is_built_by_the_same_command(place):
    root = place / "music"
    for stem, mel in mels_of(TRACKS).items():
        path = root / "melspecs" / f"{stem}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(npy(mel))
    for part, tracks in split_of(TRACKS).items():
        write_tracks(root / f"tracks-{part}.tsv", tracks)
    code, output = run("build", "corpus=folder", f"corpus.root={root}", "--workers", "0")
    assert code == 0
    assert "holds 12 of 12 tracks" in output
    code, output = run("info", "corpus=folder", f"corpus.root={root}")
    assert code == 0
    assert "mood/theme---calm" in output
    assert run("verify", "corpus=folder", f"corpus.root={root}")[0] == 0


def test_tags_that_look_like_markup_are_shown_as_they_are(place):
    root = place / "music"
    root.mkdir(parents=True)
    for part, tracks in split_of(TRACKS).items():
        tagged = [replace(track, tags=("mood/theme---[bold]", "mood/theme---:cat:")) for track in tracks]
        write_tracks(root / f"tracks-{part}.tsv", tagged)
    code, output = run("info", "corpus=folder", f"corpus.root={root}")
    assert code == 0
    assert "mood/theme---[bold]" in output
    assert "mood/theme---:cat:" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "corpus.rooot=x"), "rooot"),
        (("build", "--type", "audio"), "--type audio, expected melspecs or acousticbrainz"),
        (("build", "--source", "/nowhere"), "--source /nowhere is no folder"),
        (("build", "--dataset", "raw"), "corpus.dataset=raw, expected"),
        (("build", "corpus.split=7"), "corpus.split=7"),
        (("info", "corpus=folder"), "root is not set: give it on the command line"),
        (("verify", "corpus=demo"), "`songmood data build corpus=demo` makes it"),
        (("fetch", "corpus=demo"), "only corpus=jamendo has anything to fetch"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(arguments, said):
    with pytest.raises((ConfigError, CacheError)) as caught:
        run(*arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
