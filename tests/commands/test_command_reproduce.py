"""`songmood reproduce` on the data set itself, in small: fetched from a real server where it is not here yet."""

import logging

import pytest
from typer.testing import CliRunner

from faulty_server import FaultyServer
from jamendo_tars import make_tracks, mels_of, publish
from songmood.cli import app
from songmood.corpora.jamendo import catalogue
from tiny import TINY_NET, TINY_RUN

TRACKS = make_tracks(12, num_folders=2)


def run(*arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


@pytest.fixture
def logging_as_it_was():
    level, handlers = logging.root.level, logging.root.handlers[:]
    yield
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


@pytest.mark.usefixtures("logging_as_it_was")
def test_missing_data_is_fetched_and_fusion_takes_the_features_that_there_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path / "data"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    published = tmp_path / "published"
    publish(published, TRACKS, mels_of(TRACKS))
    assert run("data", "fetch", "--metadata-only", "--metadata", str(published / "data"))[0] == 0
    net = [*TINY_RUN[:-1], *TINY_NET, "trainer.max_epochs=1", "report_epochs=[]", "logger=csv"]
    chosen = ["--only", "run1", "--only", "run4", "--out", str(tmp_path / "results")]
    with FaultyServer(published) as server:
        monkeypatch.setattr(catalogue, "MIRRORS", (f"{server.url}/mirror",))
        code, output = run("reproduce", *chosen, "--", *net)
        assert code == 0, output
        fetched = {path.rpartition("/")[2] for path, _ in server.seen}
        assert len(fetched) == 4  # two archives of each kind
        assert "holds 12 of 12 tracks" in output
        server.seen.clear()
        assert run("reproduce", *chosen, "--", *net)[0] == 0
        assert server.seen == []
    provenance = (tmp_path / "results/runs/jamendo/run4/seed-0/provenance.json").read_text()
    assert '"name": "distribution"' in provenance
