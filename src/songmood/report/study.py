"""A study of `songmood tune` as one page that needs nothing beside it."""

import math
from pathlib import Path
from statistics import stdev
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna import visualization
from optuna.trial import FrozenTrial, TrialState
from plotly.offline import get_plotlyjs

from songmood.evaluation.files import write_atomically
from songmood.report.page import number, rendered
from songmood.runs.tuning.study import FAILURE, VALUES, Plan, open_study
from songmood.runs.tuning.winner import EXPERIMENT, best_of, noise, score_winner

PAGE = "index.html"
ENOUGH = 4  # whole trials from which on importances say something


def build_study_page(folder: Path) -> Path:
    """Write `index.html` into a study's folder: its history, its parameters, every trial and the best one."""
    study, plan = open_study(folder)
    text = rendered(
        "study.html",
        {},
        name=folder.name,
        plan=plan,
        cards=_cards(study, plan),
        noise=noise(study),
        close=_close(study, plan),
        trials=[_row(trial) for trial in study.trials],
        tests=score_winner(folder, study, plan),
        experiment=(folder / EXPERIMENT).read_text(encoding="utf-8"),
        figures={title: _div(figure) for title, figure in _figures(study, plan).items()},
        plotlyjs=get_plotlyjs(),
    )
    write_atomically(folder / PAGE, text.encode())
    return folder / PAGE


def _cards(study: optuna.Study, plan: Plan) -> list[tuple[str, str, str]]:
    """Name, value and note of each."""
    best, first = best_of(study), study.trials[0]
    counts = {state: len(study.get_trials(states=[state])) for state in TrialState}
    ended = f"{counts[TrialState.PRUNED]} pruned, {counts[TrialState.FAIL]} failed"
    deviation = noise(study)
    is_default = "fixed_params" in first.system_attrs
    return [
        ("Trials", str(sum(counts.values())), ended),
        ("Best", number(best.value), f"trial {best.number}, {plan.metric}"),
        ("As configured", number(first.value if is_default else None), "trial 0" if is_default else "not in the space"),
        (
            "SD over seeds",
            number(deviation),
            f"{len(plan.seeds)} runs a trial" if deviation else "one run a trial",
        ),
    ]


def _close(study: optuna.Study, plan: Plan) -> int | None:
    """How many other trials lie within two standard errors of their difference to the best; None where unknown."""
    deviation = noise(study)
    if deviation is None:
        return None
    reach = 2 * deviation * math.sqrt(2 / len(plan.seeds))
    values = [trial.value or 0.0 for trial in study.get_trials(states=[TrialState.COMPLETE])]
    return sum(study.best_value - value <= reach for value in values) - 1


def _row(trial: FrozenTrial) -> dict[str, Any]:
    values = trial.user_attrs.get(VALUES, [])
    state = {TrialState.COMPLETE: "whole", TrialState.PRUNED: "pruned"}.get(trial.state, trial.state.name.lower())
    return {
        "number": trial.number,
        "value": trial.value,
        "sd": stdev(values) if len(values) > 1 else None,
        "state": f"{state} at epoch {trial.last_step}" if state == "pruned" and trial.last_step else state,
        "note": trial.user_attrs.get(FAILURE, ""),
        "params": ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items()),
    }


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _figures(study: optuna.Study, plan: Plan) -> dict[str, go.Figure]:
    whole = len(study.get_trials(states=[TrialState.COMPLETE]))
    figures = {
        "History": visualization.plot_optimization_history(study, target_name=plan.metric),
        "Epoch by epoch": visualization.plot_intermediate_values(study),
        "Parameters of whole trials": visualization.plot_parallel_coordinate(study, target_name=plan.metric),
    }
    if whole >= ENOUGH and len({trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])}) > 1:
        figures["Importance"] = visualization.plot_param_importances(study, target_name=plan.metric)
    return figures


def _div(figure: go.Figure) -> str:
    figure.update_layout(title=None, template="plotly_white", margin={"t": 40})
    div: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return div
