"""`songmood thresholds`: from scores to decisions, by thresholds fitted on another set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from songmood.commands.scores.truth import AnyScaleOption, TagsOption
from songmood.errors import SubmissionError

if TYPE_CHECKING:
    from songmood.evaluation.curves import Floats
    from songmood.evaluation.thresholds import ThresholdRule


# The rules of the configuration group `threshold`, and the organisers' own.
RuleName = Literal["elbow", "f1", "shrunken_f1", "youden", "prior", "micro_f1", "fixed", "organisers_f1"]


def thresholds(
    fit_scores: Annotated[Path, typer.Option(help="Scores to fit on, .npy: the validation set's.")],
    fit_truth: Annotated[Path, typer.Option(help="Their true tags: a .npy matrix or a split's TSV.")],
    apply: Annotated[Path, typer.Option(help="Scores to decide, .npy: the test set's.")],
    rule: Annotated[RuleName, typer.Option(help="How a threshold is chosen.")] = "elbow",
    out_decisions: Annotated[Path | None, typer.Option(help="Write the decisions here, a bool .npy.")] = None,
    out_thresholds: Annotated[Path | None, typer.Option(help="Write the thresholds here, a TSV.")] = None,
    tags: TagsOption = None,
    value: Annotated[
        float | None, typer.Option(min=0, max=1, help="The threshold of --rule fixed.", show_default="0.5")
    ] = None,
    frequencies: Annotated[
        Path | None,
        typer.Option(help="For --rule prior: the training set's truth, .npy or TSV; else the one fitted on."),
    ] = None,
    fitted_on: Annotated[
        str | None, typer.Option(help="What to call the fitting set, such as validation; else its file's name.")
    ] = None,
    oracle: Annotated[
        bool, typer.Option("--oracle", help="Allow fitting on the very set that is decided, and label it as such.")
    ] = False,
    any_scale: AnyScaleOption = False,
) -> None:
    """Fit one threshold a tag on one set and decide another with them."""
    from songmood.commands.scores.truth import read_any_scores, read_scores_for, read_truth
    from songmood.evaluation.submission import write_matrix
    from songmood.evaluation.thresholds import decide, is_oracle, write_thresholds

    _refuse_what_no_rule_reads(rule, value, frequencies)
    truth = read_truth(fit_truth, tags, [fit_scores], same_tags=[apply])
    fitting = read_scores_for(fit_scores, truth, any_scale=any_scale)
    applied = read_any_scores(apply, any_scale=any_scale)
    _refuse_other_tags(apply, applied, fit_scores, fitting)
    has_seen_it = fit_scores.samefile(apply) or is_oracle(fitting, applied)
    label = _label(fitted_on or fit_scores.name, has_seen_it, oracle)
    shares = read_truth(frequencies, tags, [], same_tags=[fit_scores]).targets.mean(axis=0) if frequencies else None
    fitted = make_rule(rule, 0.5 if value is None else value, shares).fit(fitting, truth.targets)
    decisions = decide(applied, fitted)
    positives = truth.targets.sum(axis=0)
    if out_thresholds:
        negatives = len(fitting) - positives
        write_thresholds(out_thresholds, truth.tags, fitted, positives, negatives, rule, label)
    if out_decisions:
        write_matrix(out_decisions, decisions)
    never = [tag for tag, threshold in zip(truth.tags, fitted.tolist(), strict=True) if threshold == float("inf")]
    share = f"{decisions.sum():,} decisions, {decisions.mean():.1%} of all"
    typer.echo(f"{rule} thresholds, fitted on {label}: {share}")
    if never:
        typer.echo(f"{len(never)} tags are never decided: {', '.join(never)}")


def make_rule(name: RuleName, value: float = 0.5, shares: Floats | None = None) -> ThresholdRule:
    """The rule of that name; `value` is for `fixed`, `shares` (L,) are for `prior`."""
    from songmood.evaluation.rules import F1, Elbow, Fixed, MicroF1, OrganisersF1, Prior, Youden
    from songmood.evaluation.shrinkage import ShrunkenF1

    prior = Prior(None if shares is None else tuple(shares.tolist()))
    rules: list[ThresholdRule] = [Elbow(), F1(), ShrunkenF1(), Youden(), prior, MicroF1(), Fixed(value), OrganisersF1()]
    return next(rule for rule in rules if rule.name == name)


def _refuse_what_no_rule_reads(rule: RuleName, value: float | None, frequencies: Path | None) -> None:
    for option, given, reader in (("--value", value, "fixed"), ("--frequencies", frequencies, "prior")):
        if given is not None and rule != reader:
            raise SubmissionError(
                f"{option} {given}: --rule {rule} does not read it; take --rule {reader} or leave it out"
            )


def _label(name: str, is_oracle: bool, is_allowed: bool) -> str:
    """What the fitting set is called in every output."""
    if is_oracle and not is_allowed:
        raise SubmissionError(
            "the thresholds would be fitted on the set that they decide, which flatters every F1; "
            "give --fit-scores and --fit-truth of the validation set, or --oracle to have it labelled so"
        )
    return f"{name} (oracle)" if is_allowed else name


def _refuse_other_tags(path: Path, applied: Floats, fit_path: Path, fitting: Floats) -> None:
    if applied.shape[1] == fitting.shape[1]:
        return
    found = f"{path} has {applied.shape[1]} columns, {fit_path} {fitting.shape[1]}"
    remedy = f"{path} looks transposed" if applied.shape[0] == fitting.shape[1] else "expected the same tags"
    raise SubmissionError(f"{found}: {remedy}; save it as (tracks, tags)")
