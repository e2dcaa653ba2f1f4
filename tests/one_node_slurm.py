"""A Slurm of one node, this machine: no systemd, no database; the daemons are this process's to end."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch")
CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={run}/munge/munge.socket,cred_expire=5
StateSaveLocation={run}/state
SlurmdSpoolDir={run}/spool
SlurmctldPidFile={run}/slurmctld.pid
SlurmdPidFile={run}/slurmd.pid
SlurmctldPort={controller_port}
SlurmdPort={node_port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MinJobAge=60
KillWait=5
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm(run: Path) -> Iterator[None]:
    """Slurm's commands work while the block runs."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        pytest.skip(f"needs a Slurm to start: {', '.join(missing) or 'root'}; apt-get install slurm-wlm munge")
    for name in ("munge", "state", "spool"):
        (run / name).mkdir()
    for name in (".", "munge"):
        (run / name).chmod(0o755)
    key = run / "munge" / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    host, ports = socket.gethostname().partition(".")[0], _free_ports(2)
    conf = run / "slurm.conf"
    conf.write_text(CONF.format(run=run, host=host, controller_port=ports[0], node_port=ports[1]))
    munged = ["munged", "-F", "--force", f"--key-file={key}", f"--socket={run}/munge/munge.socket"]
    munged += [f"--{name}-file={run}/munge/munged.{name}" for name in ("pid", "log", "seed")]
    daemons: list[subprocess.Popen[bytes]] = []
    with pytest.MonkeyPatch.context() as patched, (run / "daemons.log").open("wb") as log:
        patched.setenv("SLURM_CONF", str(conf))
        try:
            for command in (munged, ["slurmctld", "-D"], ["slurmd", "-D"]):
                daemons.append(subprocess.Popen(command, stdout=log, stderr=log))
                time.sleep(0.5)
            _until_idle()
            yield
        finally:
            _cancel_all()
            for daemon in reversed(daemons):
                daemon.terminate()
            for daemon in daemons:
                with suppress(subprocess.TimeoutExpired):
                    daemon.wait(20)
                daemon.kill()


def _until_idle() -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False, timeout=30)
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    pytest.skip(f"this machine's Slurm did not become ready: {told.stdout} {told.stderr}")


def _cancel_all() -> None:
    """A failing test may leave jobs, which would outlive the daemons."""
    subprocess.run(["scancel", "--me"], check=False, timeout=30)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        left = subprocess.run(["squeue", "--me", "-h"], capture_output=True, check=False, timeout=30)
        if not left.stdout:
            return
        time.sleep(0.2)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
