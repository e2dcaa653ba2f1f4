"""Every configuration that is shipped is found on disk, composed, and run for one batch."""

import json
from inspect import Parameter, signature
from pathlib import Path

import hydra
import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from songmood.config import build, config_dir
from songmood.runs.configuration import compose_config, plain
from tiny import TINY_NET, train_here, train_on, write_corpus

CONF = config_dir()
GROUPS = sorted({path.parent.relative_to(CONF).as_posix() for path in CONF.glob("*/*.yaml")} - {"hydra", "space"})
OPTIONS = {group: sorted(path.stem for path in (CONF / group).glob("*.yaml")) for group in GROUPS}
EVERY_OPTION = [(group, option) for group in GROUPS for option in OPTIONS[group]]
ONE_BATCH = ("trainer.max_epochs=1", "trainer.limit_train_batches=1", "report_epochs=[]")
SMALL = {  # nets of other sizes than the CRNN's
    "vggish": ("data.window=1366", "data.batch_size=2"),
    "convs": ("model.channels=2",),
    "short_res": ("model.channels=2", "data.window=130"),
    "fa_resnet": ("model.channels=2",),
}
NEEDS_FEATURES = ("crnn_fusion", "crnn_attn_fusion")
IN_OTHER_TESTS = {  # what needs hardware, processes, downloads or a file, or runs as a part of an experiment
    "trainer": {"gpu", "ddp"},
    "corpus": {"jamendo", "demo"},
    "model": {"probe"},
    "loss": {"distil"},
    "augment": {"mixup_cpjku", "mixup_sail"},
    "scheduler": {"phases_sail"},
}
WINDOWS = sorted(
    {path.stem for path in (CONF / "data" / "windows").glob("*.yaml")} - {"crop", "side_by_side"}
)  # data=crops


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


def test_the_groups_are_those_that_the_readme_names() -> None:
    readme = (CONF.parent / "README.md").read_text(encoding="utf-8")
    for group in ("corpus", "data", "model", "threshold", "trainer", "speed", "logger", "experiment"):
        assert f"| `{group}` |" in readme
        assert group in GROUPS


@pytest.mark.parametrize(("group", "option"), EVERY_OPTION)
def test_every_option_composes(group: str, option: str) -> None:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("train", [f"{group}={option}"])
    assert OmegaConf.select(config, group) is not None or group in ("experiment", "debug")


def test_evaluate_composes() -> None:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        assert "windows" in hydra.compose("evaluate", ["checkpoint=a.ckpt"])


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, option)
        for group, option in EVERY_OPTION
        if group != "experiment"
        and option not in IN_OTHER_TESTS.get(group, ())
        and option not in NEEDS_FEATURES
        and option != "folder"
    ],
)
def test_every_option_runs_for_one_batch(group: str, option: str, corpus: Path, tmp_path: Path) -> None:
    overrides = [f"{group}={option}", *ONE_BATCH]
    net = SMALL.get(option, TINY_NET)
    if group == "trainer":
        overrides += ["trainer.accelerator=cpu"]
    train_here(corpus, tmp_path, *overrides, net=net)
    assert (tmp_path / "metrics.json").is_file()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The demo corpus in small, which has features."""
    root = tmp_path_factory.mktemp("demo")
    return ("corpus=demo", f"corpus.root={root}", "corpus.num_tracks=20", "corpus.num_artists=10", "corpus.workers=0")


@pytest.mark.parametrize("option", ["corpus=demo", *(f"model={name}" for name in NEEDS_FEATURES)])
def test_every_option_that_needs_the_demo_runs_for_one_batch(
    option: str, demo: tuple[str, ...], tmp_path: Path
) -> None:
    train_on(demo, tmp_path, option, *ONE_BATCH, *TINY_NET)
    assert (tmp_path / "metrics.json").is_file()


@pytest.mark.parametrize("experiment", OPTIONS["experiment"])
def test_every_experiment_runs_for_one_batch(experiment: str, demo: tuple[str, ...], tmp_path: Path) -> None:
    sizes = SMALL.get(experiment, TINY_NET)
    train_on(demo, tmp_path, f"experiment={experiment}", *ONE_BATCH, *sizes)
    assert (tmp_path / "metrics.json").is_file()


@pytest.mark.parametrize("experiment", OPTIONS["experiment"])
def test_parts_of_an_experiment_can_be_switched_off(experiment: str) -> None:
    groups = ("augment", "scheduler", "averaging")
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("train", [f"experiment={experiment}", *(f"{group}=none" for group in groups)])
    assert [config[group] for group in groups] == [{}, {}, {}]


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("split", ["sampling", "test_sampling"])
def test_every_way_to_draw_windows_runs_for_one_batch(
    windows: str, split: str, demo: tuple[str, ...], tmp_path: Path
) -> None:
    train_on(demo, tmp_path, f"data/windows@data.{split}={windows}", *ONE_BATCH, *TINY_NET)
    assert (tmp_path / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("group", "option"), [pair for pair in EVERY_OPTION if pair[0] in ("model", "corpus", "threshold")]
)
def test_python_gets_without_a_configuration_what_the_configurations_say(group: str, option: str) -> None:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        node = OmegaConf.to_container(hydra.compose("train", [f"{group}={option}"])[group])
    said = {key: value for key, value in node.items() if not isinstance(value, dict) and "${" not in str(value)}
    varied = {"attention", "fusion"} if option.startswith("crnn_") else set()
    for key, parameter in signature(get_object(node["_target_"])).parameters.items():
        if key in said.keys() - varied and parameter.default is not Parameter.empty:
            assert json.loads(json.dumps(parameter.default)) == said[key], key  # tuples as lists


def test_speed_is_the_same_without_a_configuration() -> None:
    from songmood.training.speed import Speed

    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        assert Speed(**hydra.compose("train").speed) == Speed()


@pytest.mark.parametrize("option", OPTIONS["model"])
def test_every_model_takes_a_batch_of_the_papers_windows(option: str) -> None:
    import torch

    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        node = OmegaConf.to_container(hydra.compose("train", [f"model={option}"]).model, resolve=True)
    net = build(node, num_tags=56, num_features=3).eval()
    features = torch.randn(1, 3) if net.uses_features else None
    with torch.inference_mode():
        assert net(torch.randn(1, 1, 96, 1366), features).shape == (1, 56)


def test_the_search_for_the_wandb_server_names_keys_that_there_are() -> None:
    search = OmegaConf.to_container(OmegaConf.load(CONF / "wandb_sweep.yaml"))
    drawn = [f"{key}={node.get('values', [node.get('min')])[0]}" for key, node in search["parameters"].items()]
    fixed = [each for each in search["command"] if not each.startswith("${")]
    composed = plain(compose_config("train", [*fixed, *drawn]), resolve=False)
    assert composed["optimizer"]["lr"] == 2e-4
    assert search["metric"] == {"name": "validation/pr_auc_macro", "goal": "maximize"}
