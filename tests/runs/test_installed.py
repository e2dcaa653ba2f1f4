"""An installed package, which has no clone beside it, trains, sweeps and scores by the `songmood` command."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from tiny import ROOT, TINY_NET, TINY_RUN, folder_overrides, run, write_corpus
from tiny_tagger import write_checkpoint

SMALL = ("trainer.max_epochs=1", "report_epochs=[]", "logger=none", "callbacks={progress_bar:null}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel would be unpacked, as pyproject.toml says what is in it."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    site = tmp_path_factory.mktemp("site")
    for package in wheel["packages"]:
        shutil.copytree(ROOT / package, site / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    for source, place in wheel["force-include"].items():
        shutil.copytree(ROOT / source, site / place)
    return site


def songmood(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, started where there is no clone."""
    return run(command(folder, *arguments), PYTHONPATH=str(site))


def command(folder: Path, *arguments: str) -> list[str]:
    code = f"import os; os.chdir({str(folder)!r}); from songmood.cli import main; main()"
    return [sys.executable, "-c", code, *arguments]


def test_it_sweeps_and_scores_what_it_trained(site: Path, tmp_path: Path) -> None:
    corpus = folder_overrides(write_corpus(tmp_path / "corpus"))
    where = ["hydra.sweep.dir=sweep"]
    done = songmood(site, tmp_path, "train", "-m", "seed=1,2", *corpus, *TINY_RUN[:-1], *TINY_NET, *SMALL, *where)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("\t") for line in (tmp_path / "sweep" / "sweep.tsv").read_text().splitlines()][1:]
    assert [row[0] for row in rows] == ["seed=1", "seed=2"]
    scored = ["-m", "checkpoint='sweep/seed=1/checkpoints/last.ckpt'", "split=validation,test", "hydra.sweep.dir=again"]
    done = songmood(site, tmp_path, "evaluate", *scored, *corpus, "trainer=cpu", "threads=1")
    assert done.returncode == 0, done.stdout + done.stderr
    again = [line.split("\t") for line in (tmp_path / "again" / "sweep.tsv").read_text().splitlines()][1:]
    by_split = {row[2]: row for row in again}
    assert by_split.keys() == {"validation", "test"}
    assert by_split["test"][3:7] == rows[0][3:7]


def test_hydra_answers_its_own_options(site: Path, tmp_path: Path) -> None:
    done = songmood(site, tmp_path, "train", "--cfg", "job", "--package", "optimizer", "optimizer.lr=0.5")
    assert done.returncode == 0, done.stderr
    assert "lr: 0.5" in done.stdout
    assert "== Configuration groups ==" in songmood(site, tmp_path, "train", "--help").stdout
    assert not list(tmp_path.iterdir())


def test_it_serves_the_page_until_it_is_interrupted(site: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "outputs" / "run" / "checkpoints" / "last.ckpt")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"PYTHONPATH": str(site), "TMPDIR": str(temporary)}
    arguments = command(tmp_path, "app", "--no-browser", "--port", "0")
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as served:
        assert served.stdout
        address = re.search(rb"http://127\.0\.0\.1:\d+", served.stdout.readline())
        assert address
        page = httpx.get(address[0].decode(), timeout=60)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for name in re.findall(r'(?:src|href)="(\w+\.\w+)"', page.text):
            assert httpx.get(f"{address[0].decode()}/{name}").status_code == 200, name
        assert list(temporary.iterdir())
        served.send_signal(signal.SIGINT)
        _, said = served.communicate(timeout=60)
    assert served.returncode == 0
    assert said.decode().splitlines() == ["model: outputs/run (the newest run here; --model names another)"]
    assert not list(temporary.iterdir())
