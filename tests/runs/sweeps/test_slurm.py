"""A sweep on Slurm: jobs that are preempted, killed, and found again by a second head."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from one_node_slurm import slurm
from songmood.errors import ConfigError, RunFolderError
from songmood.runs.sweeps import slurm as launcher
from songmood.runs.sweeps.slurm_job import SlurmJob
from tiny import TINY_NET, command, folder_overrides, train_here, write_corpus

PATIENCE = 200  # seconds
EPOCHS = 40
LONG = (f"trainer.max_epochs={EPOCHS}", "data.batch_size=2", "report_epochs=[]", "callbacks={progress_bar:null}")
PLAIN = ("data.window=96", "trainer=cpu", "threads=1", "pictures=false", "logger=none")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with slurm(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def until(is_so, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.05)


def epochs(folder: Path) -> int:
    history = folder / "metrics.csv"
    return len(history.read_text().splitlines()) - 1 if history.is_file() else 0


@pytest.mark.timeout(600)
def test_a_preempted_job_goes_on_to_the_same_bits_and_another_head_finds_it(
    cluster: None, corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep" / "seed=1"
    jobs = [*folder_overrides(corpus), *PLAIN, *LONG, *TINY_NET, "seed=choice(1)"]
    queue = ["hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", f"hydra.sweep.dir={folder.parent}"]
    with (tmp_path / "head.log").open("wb") as log:
        head = subprocess.Popen(command("train.py", "-m", *jobs, *queue), stdout=log, stderr=log)
    until(lambda: (folder.parent / "slurm.tsv").is_file() or head.poll() is not None, "submitting")
    head.kill()
    head.wait()
    ((found, slurm_id),) = launcher._queued(folder.parent).items()
    assert found == folder
    until(lambda: epochs(folder) >= 3, "the job")
    subprocess.run(["scontrol", "requeue", slurm_id], check=True)
    assert epochs(folder) < EPOCHS
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(launcher, "SECONDS", 0.5)
        launcher._wait({folder: slurm_id})
    assert "going on from" in (folder / "train.log").read_text()
    undisturbed = train_here(corpus, tmp_path / "undisturbed", *PLAIN, *LONG, "seed=1")
    assert np.array_equal(np.load(folder / "predictions.npy"), undisturbed.predictions)
    assert (folder / "metrics.csv").read_text() == (undisturbed.folder / "metrics.csv").read_text()


@pytest.mark.timeout(600)
def test_two_processes_that_srun_starts_are_one_run(cluster: None, corpus: Path, tmp_path: Path) -> None:
    small = [
        *folder_overrides(corpus),
        *PLAIN,
        *TINY_NET,
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "data.batch_size=2",
    ]
    train = command("train.py", *small, "trainer.max_epochs=1", f"hydra.run.dir={tmp_path}")
    done = subprocess.run(
        ["srun", "--nodes=1", "--ntasks-per-node=2", *train],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert "MEMBER: 2/2" in done.stdout + done.stderr
    assert len(np.load(tmp_path / "predictions.npy")) == 8


def test_slurms_queue_is_asked_for_the_jobs_that_were_submitted(cluster: None, tmp_path: Path) -> None:
    sent = subprocess.run(
        ["sbatch", "--parsable", "--hold", "--array=0-1", f"--output={tmp_path}/log", "--wrap=true"],
        capture_output=True,
        text=True,
        check=True,
    )
    number = sent.stdout.strip()
    (tmp_path / "slurm.tsv").write_text(f"{number}_0\t/a\n{number}_1\t/b\n999999_0\t/c\n")
    assert launcher._queued(tmp_path) == {Path("/a"): f"{number}_0", Path("/b"): f"{number}_1"}
    subprocess.run(["scancel", number], check=True)
    until(lambda: not launcher._queued(tmp_path), "cancelling")


def test_where_there_is_no_slurm_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "slurm.tsv").write_text("1_0\t/a\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"squeue: .*; is this a node of a Slurm cluster\?"):
        launcher._queued(tmp_path)


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("pass", 0, None),
        ("raise SystemExit(130)", 130, None),  # asked to end, as by Slurm's SIGTERM
        ("raise SystemExit(3)", 3, "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", -signal.SIGABRT, "killed by SIGABRT"),
    ],
)
def test_a_slurm_job_ends_as_its_command_does_and_says_why(code: str, status: int, said: str, tmp_path: Path) -> None:
    job = SlurmJob([sys.executable, "-c", code], tmp_path / "failed.txt")
    if status:
        with pytest.raises(SystemExit) as ended:
            job()
        assert ended.value.code == status
    else:
        job()
    assert (tmp_path / "failed.txt").exists() == (said is not None)
    if said:
        assert said in (tmp_path / "failed.txt").read_text()


def test_a_job_that_is_out_of_time_for_good_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("submitit.core.utils")

    def no_more(*_: object) -> None:
        raise errors.UncompletedJobError("Job not requeued because: timed-out too many times.")

    job = SlurmJob(["sh", "-c", "kill -USR2 $PPID; exec sleep 600"], tmp_path / "failed.txt")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    before = signal.signal(signal.SIGUSR2, no_more)
    try:
        with pytest.raises(errors.UncompletedJobError):
            job()
    finally:
        signal.signal(signal.SIGUSR2, before)
    said = "Job not requeued because: timed-out too many times (hydra.launcher.max_num_timeout), in the Slurm job 7\n"
    assert (tmp_path / "failed.txt").read_text() == said


def test_a_job_that_would_be_out_of_time_as_it_starts_is_not_submitted(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(ConfigError, match="signal_delay_s=120 is all of timeout_min=2: at least an epoch must fit in"):
        launcher._submit(tmp_path, [], {"timeout_min": 2, "signal_delay_s": 120})


def test_a_job_that_is_out_of_time_is_the_same_job_again(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    job = SlurmJob(["true"], tmp_path / "failed.txt")
    assert job.checkpoint().function == job


def test_what_is_no_sweep_cannot_go_on(tmp_path: Path) -> None:
    from songmood.commands.sweep import resume

    with pytest.raises(RunFolderError, match="is no sweep: expected a folder with multirun"):
        resume(tmp_path)


def test_a_sweep_goes_on_with_the_command_that_it_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from songmood.commands.sweep import resume
    from songmood.runs import entry

    said = {"task": ["model=crnn,crnn_attn", "seed=0"], "hydra": ["hydra/launcher=slurm", "hydra.mode=MULTIRUN"]}
    (tmp_path / "multirun.yaml").write_text(json.dumps({"hydra": {"job": {"config_name": "train"}, "overrides": said}}))
    started: list[object] = []
    monkeypatch.setattr(entry, "run", lambda *arguments: started.extend(arguments))
    resume(tmp_path)
    place = f"hydra.sweep.dir='{tmp_path}'"
    assert started == ["train", ["-m", "model=crnn,crnn_attn", "seed=0", "hydra/launcher=slurm", place]]
