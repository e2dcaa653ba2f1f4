"""A search on the tiny corpus: processes that are killed, a study that is killed, and an exact number of trials."""

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from songmood.errors import ConfigError, TrainingError
from songmood.report.study import build_study_page
from songmood.runs.configuration import compose_config, plain
from songmood.runs.sweeps.slots import OUTPUT
from songmood.runs.tuning import search as searching
from songmood.runs.tuning import trial as trials
from songmood.runs.tuning.check import beginning, check_space
from songmood.runs.tuning.search import search
from songmood.runs.tuning.space import Space, overrides_of, read_space
from songmood.runs.tuning.study import FAILURE, VALUES, Plan, open_study
from songmood.runs.tuning.supervisor import Supervisor
from songmood.runs.tuning.winner import noise
from tiny import TINY_NET, TINY_RUN, folder_overrides, write_corpus

SPACE = {
    "optimizer": "choice(adam, sgd)",
    "optimizer.momentum if optimizer=sgd": "interval(0.1, 0.9)",
    "optimizer.lr": "tag(log, interval(1e-4, 1e-1))",
}
WANTED = 5


class Forking(Supervisor):
    """Trials in processes that are forks of this one, where torch is loaded already; some of them are killed."""

    kills: Mapping[int, int] = {}  # trial: how many of its processes die at their first validation
    breaks: tuple[int, ...] = ()  # trials whose loss is lost
    ends_after: int | None = None  # trials whose processes are started before this one's own is killed

    def _start(self, number: int, place: Path) -> int:
        if self.ends_after == number:
            os.kill(os.getpid(), signal.SIGKILL)
        place.mkdir(parents=True, exist_ok=True)
        begun = place / f"begun-{number}"
        begun.write_text(begun.read_text() + "x" if begun.exists() else "x")
        is_killed = len(begun.read_text()) <= self.kills.get(number, 0)
        child = os.fork()
        if not child:
            status = 1
            try:
                with (place / OUTPUT).open("ab") as file:
                    os.dup2(file.fileno(), 1)
                    os.dup2(file.fileno(), 2)
                if is_killed:
                    trials.Reporting.on_validation_end = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
                if number in self.breaks:
                    trials.train_one = lose_the_loss
                trials.carry_out(self._folder, number)
                status = 0
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def lose_the_loss(*_: Any) -> None:
    raise TrainingError("the loss was lost in epoch 1")


@pytest.fixture(scope="module")
def overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    quiet = ("logger=none", "callbacks={progress_bar:null}", "report_epochs=[]")
    return [*folder_overrides(corpus), *TINY_RUN, *TINY_NET, *quiet]


@pytest.fixture(scope="module")
def space_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "small.yaml"
    path.write_text("".join(f"{name}: {sweep}\n" for name, sweep in SPACE.items()))
    return path


@pytest.fixture(scope="module")
def folder(overrides: list[str], space_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was killed with all its trials, and then brought to its end."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(searching, "Supervisor", Forking)
        patched.setattr(Forking, "kills", {1: 1, 2: 2})
        patched.setattr(Forking, "breaks", (3,))
        child = os.fork()
        if not child:
            Forking.ends_after = 4
            try:
                search(overrides, space_file, WANTED, "validation/pr_auc_macro", jobs=1, folder=folder)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        search(overrides, space_file, WANTED, "validation/pr_auc_macro", jobs=1, folder=folder)
    return folder


def test_a_study_that_was_killed_ends_with_the_trials_that_were_asked_for(folder: Path) -> None:
    study, _ = open_study(folder)
    assert [trial.number for trial in study.trials] == list(range(WANTED))
    assert all(trial.state.is_finished() for trial in study.trials)
    assert len(list((folder / "trials").iterdir())) == WANTED


def test_a_killed_trial_goes_on_and_one_that_is_killed_again_has_failed(folder: Path) -> None:
    first, once, twice = open_study(folder)[0].trials[:3]
    assert (folder / "trials/0001/begun-1").read_text() == "xx"
    assert once.state != TrialState.FAIL
    assert once.intermediate_values
    assert (twice.state, twice.user_attrs[FAILURE]) == (TrialState.FAIL, "killed twice by signal 9")
    assert (folder / "trials/0000/begun-0").read_text() == "x"
    assert first.state == TrialState.COMPLETE


def test_settings_under_which_the_loss_is_lost_count_as_pruned(folder: Path) -> None:
    lost = open_study(folder)[0].trials[3]
    assert (lost.state, lost.user_attrs[FAILURE]) == (TrialState.PRUNED, "the loss was lost in epoch 1")


def test_the_first_trial_is_the_configuration_so_that_the_best_is_no_worse(folder: Path, overrides: list[str]) -> None:
    study, _ = open_study(folder)
    config = compose_config("train", overrides)
    assert study.trials[0].params == {"optimizer": "adam", "optimizer.lr": config.optimizer.lr}
    assert study.best_value >= study.trials[0].value


def test_only_the_best_trial_is_scored_on_the_test_split(folder: Path) -> None:
    study, plan = open_study(folder)
    for trial in study.trials:
        for path in (folder / "trials" / f"{trial.number:04d}").glob("seed-*/metrics.json"):
            assert ('"test"' in path.read_text()) == (trial.number == study.best_trial.number)
    assert plan.seeds == (3,)


def test_the_value_of_a_trial_is_what_its_run_scores_on_validation(folder: Path) -> None:
    from songmood.runs.api import FinishedRun

    best = open_study(folder)[0].best_trial
    run = FinishedRun(folder / "trials" / f"{best.number:04d}" / "seed-3")
    assert best.value == pytest.approx(run.metrics["validation"]["pr_auc_macro"], abs=0)
    assert best.user_attrs[VALUES] == [best.value]
    assert best.intermediate_values[2] == pytest.approx(best.value, abs=1e-6)


def test_the_best_is_an_experiment_that_composes_to_the_run_it_was(folder: Path) -> None:
    study, plan = open_study(folder)
    path = f"hydra.searchpath=[file://{folder}]"
    found = compose_config("train", [path, "experiment=best"])
    wanted = compose_config("train", [*plan.overrides, *overrides_of(study.best_params)])
    assert plain(found, resolve=False) == plain(wanted, resolve=False)


def test_the_page_shows_every_trial_and_needs_nothing_beside_it(folder: Path) -> None:
    text = build_study_page(folder).read_text()
    assert text.count("<tr><td") == WANTED
    assert "killed twice by signal 9" in text
    assert "History" in text
    assert "Parameters of whole trials" in text
    assert "src=" not in text.split("</script>", 1)[0].rsplit("<script", 1)[0]


def test_a_study_of_another_plan_is_not_gone_on_with(folder: Path) -> None:
    _, plan = open_study(folder)
    with pytest.raises(ConfigError, match="holds a study with other pruner; choose another --folder"):
        open_study(folder, replace(plan, pruner="hyperband"))


def test_a_trial_is_pruned_at_the_end_of_a_validation(overrides: list[str], tmp_path: Path) -> None:
    plan = Plan(tuple(overrides), SPACE, "validation/pr_auc_macro", (3,), "median", 2)
    study, _ = open_study(tmp_path, plan)
    distributions = {"optimizer.lr": optuna.distributions.FloatDistribution(1e-4, 1e-1)}
    for _ in range(5):  # whose every validation was perfect
        study.add_trial(
            optuna.create_trial(
                value=1.0,
                params={"optimizer.lr": 1e-3},
                distributions=distributions,
                intermediate_values={1: 1.0, 2: 1.0},
            )
        )
    study.enqueue_trial({"optimizer.lr": 1e-3})
    study.ask(distributions)
    trials.carry_out(tmp_path, 5)
    pruned = open_study(tmp_path)[0].trials[5]
    assert pruned.state == TrialState.PRUNED
    assert list(pruned.intermediate_values) == [1]


def test_the_mean_of_several_seeds_is_a_trials_value_and_their_spread_the_noise(
    overrides: list[str], tmp_path: Path
) -> None:
    plan = Plan(tuple(overrides), SPACE, "validation/roc_auc_macro", (3, 4), "none", 2)
    study, _ = open_study(tmp_path, plan)
    Space.of(SPACE).suggest(study.ask())
    Supervisor(study, Space.of(SPACE), tmp_path, 1).run([{}])  # a process as users have it
    assert "crnn-base: results" in (tmp_path / "trials/0000/output.log").read_text()
    one, other = study.trials[0].user_attrs[VALUES]
    assert one != other
    assert study.trials[0].value == pytest.approx((one + other) / 2)
    assert noise(study) == pytest.approx(abs(one - other) / 2**0.5)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({"optimizer.learning_rate": "interval(1e-4, 1e-1)"}, "no key 'optimizer.learning_rate'"),
        ({"loss": "choice(bce, fokal)"}, "space: loss, fokal: no loss 'fokal'"),
        (
            {"optimizer.lr": "interval(-1.0, 1.0)"},
            "space: optimizer.lr, -1.0: optimizer.lr=-1.0: expected a number above 0",
        ),
        ({"model.head_dropout": "interval(0.0, 1.5)"}, "space: model.head_dropout, 1.5: "),
        ({"optimizer.lr": "0.1"}, r"optimizer.lr: 0.1: expected interval\(...\), range\(...\) or choice\(...\)"),
        ({"loss.gamma if loss=focal": "interval(1, 2)"}, "no choice above is loss=focal; expected KEY if KEY=CHOICE"),
    ],
)
def test_what_a_space_cannot_mean_is_one_line_before_the_first_trial(
    lines: dict[str, str], said: str, overrides: list[str]
) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        check_space(Space.of(lines), overrides)
    assert "\n" not in str(raised.value)


def test_a_space_says_what_hydra_says() -> None:
    lines = {
        "a": "tag(log, interval(1e-4, 1e-1))",
        "b": "int(interval(2, 9))",
        "c": "range(1, 10, 3)",
        "d": "choice(none, [mixup,gain])",
        "e if d=none": "true, false",
    }
    a, b, c, d, e = (parameter.distribution for parameter in Space.of(lines).parameters)
    assert (a.low, a.high, a.log) == (1e-4, 1e-1, True)
    assert (b.low, b.high, b.step, b.log) == (2, 9, 1, False)
    assert (c.low, c.high, c.step) == (1, 7, 3)  # 1, 4, 7: without its end
    assert (d.choices, e.choices) == (("none", "[mixup,gain]"), ("True", "False"))


def test_a_condition_holds_in_the_trials_that_chose_so() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        Space.of(SPACE).suggest(trial)
        has_momentum = "optimizer.momentum if optimizer=sgd" in trial.params
        assert has_momentum == (trial.params["optimizer"] == "sgd")
        assert (
            any(override.startswith("optimizer.momentum=") for override in overrides_of(trial.params)) == has_momentum
        )


def test_a_configuration_outside_the_space_is_no_trial(overrides: list[str]) -> None:
    assert beginning(Space.of({"optimizer.lr": "interval(0.5, 1.0)"}), overrides) is None


def test_the_space_that_is_shipped_takes_the_demo_as_it_stands() -> None:
    space = Space.of(read_space(Path("recipe")))
    assert beginning(space, ["experiment=demo"]) == {
        "optimizer": "adam",
        "optimizer.lr": 0.002,
        "scheduler": "none",
        "data.batch_size": "16",
        "model.block_dropout": 0.1,
        "model.head_dropout": 0.3,
        "loss": "bce",
        "augment": "none",
    }
