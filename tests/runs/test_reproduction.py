"""A reproduction goes on where it was killed, names what failed, and ends with an undisturbed one's report."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from run_folders import make_run
from songmood.cli import app
from songmood.commands.reproduce import ensemble_rows
from songmood.errors import ConfigError
from songmood.runs.sweeps.job import held
from songmood.runs.sweeps.reproduction import Outcome, asked, plan, reproduce_runs
from tiny import ROOT, TINY_NET, TINY_RUN, folder_overrides, run, write_corpus

PATIENCE = 200  # seconds
ROWS = ("popularity", "run1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def overrides(corpus: Path) -> list[str]:
    return [*folder_overrides(corpus)[1:], *TINY_RUN[:-1], *TINY_NET, "report_epochs=[1]", "logger=csv"]


def reproduce(corpus: Path, out: Path, *options: str) -> list[str]:
    chosen = [option for row in ROWS for option in ("--only", row)]
    command = [sys.executable, "-m", "songmood", "reproduce", "--corpus", "folder", "--out", str(out)]
    return [*command, *(options or chosen), "--", *overrides(corpus)]


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "results"
    done = run(reproduce(corpus, out))
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def end_when(is_there: Callable[[], bool], command: list[str], end: signal.Signals) -> int:
    """Start a command and end that process alone once something is there.

    Returns:
        Its status.
    """
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, preexec_fn=heed_interrupts
    ) as process:
        until(lambda: is_there() or process.poll() is not None)
        process.send_signal(end)
        return process.wait(PATIENCE)


def heed_interrupts() -> None:
    """What is started in the background of a shell ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_and_interrupted_with_its_run_it_ends_with_the_report_of_an_undisturbed_one(
    corpus: Path, undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    folder = out / "runs/folder/run1/seed-0"
    assert end_when((folder / "metrics.csv").exists, reproduce(corpus, out), signal.SIGKILL) == -signal.SIGKILL
    until(lambda: not processes_of(out))
    assert not (folder / "provenance.json").exists(), "the run went on alone"
    goes_on = lambda: "Restored all states" in (folder / "output.log").read_text()  # noqa: E731
    assert end_when(goes_on, reproduce(corpus, out), signal.SIGINT) == 130
    assert not processes_of(out)
    done = run(reproduce(corpus, out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "popularity, seed 0: finished before" in done.stderr
    for name in ("RESULTS.md", "index.html"):
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name


def processes_of(out: Path) -> str:
    """Their numbers."""
    return subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True, check=False).stdout


def test_a_second_one_leaves_the_folder_to_the_first(tmp_path: Path) -> None:
    with held(tmp_path):
        done = CliRunner().invoke(
            app, ["reproduce", "--corpus", "demo", "--only", "popularity", "--out", str(tmp_path)]
        )
    assert str(done.exception) == f"{tmp_path} is being run by another process; wait for it or stop it"
    assert [path.name for path in tmp_path.iterdir()] == ["running.lock"]


def test_what_is_finished_is_not_run_again(corpus: Path, undisturbed: Path) -> None:
    before = (undisturbed / "runs/folder/run1/seed-0/provenance.json").stat().st_mtime_ns
    runs = plan("folder", 1, undisturbed, overrides(corpus), ROWS)
    outcomes = reproduce_runs(runs, is_training=True)
    assert [outcome.status for outcome in outcomes] == ["finished"] * len(ROWS)
    assert (undisturbed / "runs/folder/run1/seed-0/provenance.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("key", "said"), [("config", "configuration"), ("code", "code"), ("cache_fingerprint", "cache")]
)
def test_a_run_of_other_configuration_code_or_cache_is_not_finished(
    corpus: Path, undisturbed: Path, key: str, said: str
) -> None:
    (planned,) = plan("folder", 1, undisturbed, overrides(corpus), ["run1"])
    path = planned.folder / "provenance.json"
    kept = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(kept) | {key: "other"}))
        (outcome,) = reproduce_runs([planned], is_training=False)
        assert outcome == Outcome(planned, "stale", f"made with another {said} than there is now")
    finally:
        path.write_text(kept)
    fingerprint = json.loads(kept)["cache_fingerprint"]
    assert asked(planned).what_changed(planned.folder, fingerprint) == []


def test_a_row_that_fails_is_named_with_its_log_and_does_not_stop_the_others(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    done = run(reproduce(corpus, out, "--only", "run4", "--only", "popularity"))  # the corpus has no features
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    report = (out / "RESULTS.md").read_text()
    assert "no features" in report
    assert "runs/folder/run4/seed-0/output.log" in report
    assert (out / "runs/folder/popularity/seed-0/metrics.json").is_file()


def test_what_never_began_is_not_run_and_has_no_log(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("songmood.commands.reproduce._show_log", lambda: None)  # pytest's handlers stay
    chosen = ["reproduce", "--report-only", "--corpus", "folder", "--only", "run1", "--only", "popularity"]
    begun = tmp_path / "runs/folder/run1/seed-0"
    begun.mkdir(parents=True)
    (begun / "output.log").write_text("Epoch 1\n")
    CliRunner().invoke(app, [*chosen, "--out", str(tmp_path), "--", *overrides(corpus)], catch_exceptions=False)
    notices = [line for line in (tmp_path / "RESULTS.md").read_text().splitlines() if line.startswith("- ")]
    assert notices == [
        "- **failed**: \\#1, seed 0: it has not finished. Log: `runs/folder/run1/seed-0/output.log`",
        "- **note**: Not run: Popularity, seed 0.",
    ]


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(ConfigError, match="--only run9: expected one of popularity, run1"):
        plan("folder", 1, Path("results"), [], ["run9"])


def test_the_table_beyond_has_its_networks_and_as_many_seeds_as_its_ensemble_has_members() -> None:
    runs = plan("jamendo", 2, Path("results"), ["trainer=cpu"], [], "beyond")
    assert Counter(planned.experiment for planned in runs) == {
        "crnn_modern": 6,
        "convs": 2,
        "short_res": 2,
        "fa_resnet": 2,
    }
    assert runs[0].overrides == ("experiment=crnn_modern", "corpus=jamendo", "seed=0", "trainer=cpu")
    for small in plan("demo", 1, Path("results"), [], [], "beyond"):
        assert asked(small).config["corpus"]["_target_"].endswith("DemoCorpus")
    with pytest.raises(ConfigError, match="--only run3: expected one of crnn_modern, convs"):
        plan("jamendo", 1, Path("results"), [], ["run3"], "beyond")


def test_the_ensemble_s_row_is_there_once_all_of_its_members_are(tmp_path: Path) -> None:
    runs = plan("jamendo", 1, tmp_path, [], ["crnn_modern"], "beyond")
    outcomes = [Outcome(member, "finished") for member in runs]
    for member in runs:
        make_run(member.folder, "crnn_modern", member.seed, earlier=None)
    assert ensemble_rows([*outcomes[:5], Outcome(runs[5], "failed")], tmp_path / "together") == []
    (row,) = ensemble_rows(outcomes, tmp_path / "together")
    assert (row.experiment, row.folder, row.status) == ("crnn_modern_ensemble", tmp_path / "together", "finished")
    mean = np.mean([np.load(member.folder / "predictions.npy") for member in runs], axis=0)
    np.testing.assert_allclose(np.load(row.folder / "predictions.npy"), mean, rtol=1e-12)
    (row,) = ensemble_rows([*outcomes[:5], Outcome(runs[5], "stale", "made with another code")], tmp_path / "together")
    assert (row.status, row.note) == ("stale", "1 of its 6 members are stale, the first made with another code")
