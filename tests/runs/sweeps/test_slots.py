"""A machine is shared out evenly: no GPU twice unless asked for, every core once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.errors import ConfigError
from songmood.runs.sweeps.slots import share_out, slots_for, visible_gpus


@given(gpus=st.integers(0, 9), cores=st.integers(1, 64), per_job=st.integers(1, 4))
def test_no_gpu_is_in_two_slots_and_no_core_is_counted_twice(gpus: int, cores: int, per_job: int) -> None:
    if 0 < gpus < per_job:
        return
    slots = share_out([str(number) for number in range(gpus)], cores, per_job)
    given_out = [gpu for slot in slots for gpu in slot.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    assert len(given_out) == len(set(given_out)) == gpus // per_job * per_job
    threads = int(slots[0]["OMP_NUM_THREADS"])
    assert threads == 1 or threads * per_job * len(slots) <= cores


def test_pairs_of_gpus_go_to_jobs_of_two_processes() -> None:
    assert share_out(["0", "1", "2", "3", "4"], cores=16, per_job=2) == [
        {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "0,1"},
        {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "2,3"},
    ]


def test_jobs_share_a_gpu_where_more_are_wanted_at_once() -> None:
    slots = share_out(["5"], cores=6, at_once=3)
    assert slots == [{"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "5"}] * 3


def test_a_cpu_gets_a_job_for_every_two_cores_or_as_many_as_are_wanted() -> None:
    assert share_out([], cores=8) == [{"OMP_NUM_THREADS": "2"}] * 4
    assert share_out([], cores=1) == [{"OMP_NUM_THREADS": "1"}]
    assert share_out([], cores=8, at_once=3) == [{"OMP_NUM_THREADS": "2"}] * 3


def test_a_job_that_wants_more_gpus_than_there_are_says_so() -> None:
    with pytest.raises(ConfigError, match=r"trainer.devices=4: only 2 GPUs are visible here \(3,7\)"):
        share_out(["3", "7"], cores=8, per_job=4)


def test_the_gpus_of_this_process_are_those_it_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-ab,")
    assert visible_gpus() == ["2", "GPU-ab"]
    wanted = [slots_for({"accelerator": "auto", "devices": devices}) for devices in (1, "auto", [0, 1], -1)]
    assert [[slot["CUDA_VISIBLE_DEVICES"] for slot in slots] for slots in wanted] == [
        ["2", "GPU-ab"],
        ["2", "GPU-ab"],
        ["2,GPU-ab"],
        ["2,GPU-ab"],
    ]
    assert "CUDA_VISIBLE_DEVICES" not in slots_for({"accelerator": "cpu", "devices": 2})[0]
