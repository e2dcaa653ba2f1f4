"""The report in headless Chromium: what it asks for, what it shows, what a click does."""

from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from browser import CONTRAST, browser, emulate, errors, needs_browser, refresh, requests
from run_folders import make_run
from songmood.report.build import PAGE, build_report
from songmood.report.rows import ReportRow

pytestmark = needs_browser

TAGS = ("mood---calm", "mood---<b>epic</b>", "mood---happy", "mood---sad")
CHARTS = (
    *("table", "loss", "roc-auc", "pr-auc", "ranking", "roc", "pr"),
    *("calibration", "calibration-all", "thresholds", "truth", "decided"),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("report")
    fitted_for_f1 = make_run(place / "d", "other", 0, skill=0.5, tags=TAGS, earlier=None) / "thresholds.tsv"
    fitted_for_f1.write_text(fitted_for_f1.read_text().replace("elbow", "f1"))
    untrained = make_run(place / "e", "untrained", 0, skill=0.1, tags=TAGS, earlier=None)
    (untrained / "metrics.csv").unlink()
    rows = [
        ReportRow(fitted_for_f1.parent),
        ReportRow(untrained),
        ReportRow(make_run(place / "a", "run1", 0, tags=TAGS)),
        ReportRow(make_run(place / "b", "run3", 0, skill=3.0, tags=TAGS, earlier=None), status="stale", note="old"),
        ReportRow(place / "c", "run5", 0, "failed", "out of memory", place / "c" / "train.log"),
    ]
    build_report(rows, place / "out", resamples=20)
    return (place / "out" / PAGE).as_uri()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


@pytest.fixture
def chrome(started: webdriver.Chrome) -> webdriver.Chrome:
    return refresh(started)


def see(chrome: webdriver.Chrome, chart: str) -> Any:
    """Scroll to a chart, wait until it is drawn, and return its traces."""
    chrome.execute_script("document.getElementById(arguments[0]).scrollIntoView({block: 'center'})", f"chart-{chart}")
    drawn = "const e = document.getElementById(arguments[0]); return Boolean(e.data && e.querySelector('.main-svg'))"
    WebDriverWait(chrome, 20).until(lambda c: c.execute_script(drawn, f"chart-{chart}"))
    return traces(chrome, chart)


def traces(chrome: webdriver.Chrome, chart: str) -> Any:
    return chrome.execute_script(
        "return JSON.parse(JSON.stringify(document.getElementById(arguments[0]).data))", f"chart-{chart}"
    )


def facts(chrome: webdriver.Chrome) -> str:
    return chrome.find_element(By.ID, "tag-title").text + ": " + chrome.find_element(By.ID, "tag-facts").text


def test_every_chart_is_drawn_without_an_error_or_an_outside_request(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    for chart in CHARTS:
        assert see(chrome, chart), chart
    assert errors(chrome) == []
    asked = requests(chrome)
    assert address in asked, "the log works"
    assert {url for url in asked if url != address and not url.startswith(("data:", "about:"))} == set()


def test_the_page_may_not_ask_for_anything_even_if_it_wanted(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    ask = "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), (e) => done(String(e)));"
    chrome.execute_async_script(ask)
    assert any("Content Security Policy" in error for error in errors(chrome))


def test_a_click_on_a_tag_shows_its_curves(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    before = see(chrome, "roc")
    shown = int(chrome.find_element(By.ID, "pick-tag").get_attribute("value"))
    other = (shown + 1) % len(TAGS)
    row = chrome.find_element(By.CSS_SELECTOR, f".result.shown [data-tag='{other}']")
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", row)
    name, average_precision = (cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")[:2])
    row.find_element(By.TAG_NAME, "button").click()
    after = {trace["name"]: trace for trace in see(chrome, "roc") if "name" in trace}
    assert list(after.values()) != before
    assert facts(chrome).startswith(f"{name}: AP\n{average_precision}\n")
    assert (after["chord"]["x"], after["chord"]["y"]) == ([0, 1], [0, 1])
    ((x,), (y,)), line = (after["elbow"][axis] for axis in "xy"), after["validation"]
    assert (x, y) in zip(line["x"], line["y"], strict=True)
    assert (after["distance"]["x"][0], after["distance"]["y"][0]) == (x, y)
    assert next(trace for trace in see(chrome, "pr") if trace.get("name") == "test")["x"][-1] == 1


def test_a_click_on_a_bar_picks_its_tag(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    see(chrome, "ranking")
    picked = traces(chrome, "ranking")[0]["customdata"][-1]
    bar = chrome.find_elements(By.CSS_SELECTOR, "#chart-ranking .bars .point")[-1]
    webdriver.ActionChains(chrome).move_to_element(bar).pause(0.2).click().perform()
    WebDriverWait(chrome, 10).until(lambda c: c.find_element(By.ID, "pick-tag").get_attribute("value") == str(picked))
    for chart in ("ranking", "thresholds"):
        (first, *_) = see(chrome, chart)
        assert [first["customdata"][at] for at in first["selectedpoints"]] == [picked], "it is the one in full colour"


def test_a_click_into_a_curve_picks_nothing(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    see(chrome, "roc")
    shown = chrome.find_element(By.ID, "pick-tag").get_attribute("value")
    plot = chrome.find_element(By.CSS_SELECTOR, "#chart-roc .nsewdrag")
    webdriver.ActionChains(chrome).move_to_element(plot).pause(0.2).click().perform()
    assert chrome.find_element(By.ID, "pick-tag").get_attribute("value") == shown


def test_picking_a_run_changes_its_charts_and_tables(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    select = Select(chrome.find_element(By.ID, "pick-run"))
    for at, option in enumerate(select.options):
        select.select_by_index(at)
        shown = chrome.find_elements(By.CSS_SELECTOR, ".result.shown h3")
        assert [head.text for head in shown] == [option.text]
        first = chrome.find_element(By.CSS_SELECTOR, ".result.shown tr.picked td").text
        assert facts(chrome).split("\n")[1] == first


def test_a_run_without_a_history_has_no_learning_curves_until_another_is_picked(
    chrome: webdriver.Chrome, address: str
) -> None:
    chrome.get(address)
    runs = Select(chrome.find_element(By.ID, "pick-run"))
    see(chrome, "loss")
    runs.select_by_visible_text("untrained, seed 0")
    assert not chrome.find_element(By.ID, "chart-loss").is_displayed()
    runs.select_by_visible_text("#3, seed 0, 3 epochs")
    assert see(chrome, "loss")[1]["y"] == [1.1, 0.55, 0.36667]


def test_only_an_elbow_is_measured_from_the_chord(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    named = {}
    for name in ("#3, seed 0, 3 epochs", "other, seed 0, 3 epochs"):
        Select(chrome.find_element(By.ID, "pick-run")).select_by_visible_text(name)
        named[name] = {trace["name"] for trace in see(chrome, "roc")}, chrome.find_element(By.ID, "roc-caption").text
    (elbow, about_elbow), (f1, about_f1) = named.values()
    assert elbow - f1 == {"elbow", "distance"}
    assert f1 - elbow == {"f1"}
    assert "farthest from its chord" in about_elbow
    assert "by f1, fitted on validation" in about_f1


def test_a_click_on_a_head_sorts_the_table_both_ways(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    table = chrome.find_element(By.CSS_SELECTOR, ".result.shown table.tags")
    head = table.find_elements(By.CSS_SELECTOR, "thead th")[1]
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", table)
    columns = []
    for _ in range(2):
        head.find_element(By.TAG_NAME, "button").click()
        cells = table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(2)")
        columns.append([float(cell.get_attribute("data-value")) for cell in cells])
    assert columns[0] == sorted(columns[0], reverse=True)
    assert columns[1] == columns[0][::-1]
    assert head.get_attribute("aria-sort") == "ascending"


def test_table_1_sorts_by_the_column_under_the_head_and_keeps_empty_cells_last(
    chrome: webdriver.Chrome, address: str
) -> None:
    chrome.get(address)
    table = chrome.find_element(By.CSS_SELECTOR, "table.main")
    table.find_elements(By.CSS_SELECTOR, "thead tr:nth-child(2) th")[1].find_element(By.TAG_NAME, "button").click()
    cells = [cell.get_attribute("data-value") for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(5)")]
    values = [float(cell) for cell in cells if cell is not None]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)
    assert cells[5:] == [None] * (len(cells) - 5)


def test_a_tag_name_with_html_in_it_stays_text(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    see(chrome, "ranking")
    labels = [label.text for label in chrome.find_elements(By.CSS_SELECTOR, "#chart-ranking .ytick text")]
    assert "<b>epic</b>" in labels
    assert "<b>epic</b>" in [option.text for option in Select(chrome.find_element(By.ID, "pick-tag")).options]


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_never_scrolls_sideways(chrome: webdriver.Chrome, address: str, width: int) -> None:
    emulate(chrome, width=width, is_phone=width < 500)
    chrome.get(address)
    for chart in CHARTS:
        see(chrome, chart)
    wide = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth]"
    scrolled, client, inner = chrome.execute_script(wide)
    assert scrolled <= client <= inner == width
    table = "const t = document.querySelector('table.main').parentElement; return [t.scrollWidth, t.clientWidth]"
    inside, outside = chrome.execute_script(table)
    assert inside > outside or width > 700, "on a phone the table scrolls in its own box"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(chrome: webdriver.Chrome, address: str, scheme: str) -> None:
    emulate(chrome, scheme=scheme)
    chrome.get(address)
    for chart in CHARTS:
        see(chrome, chart)
    chrome.execute_script("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    count, ratio, text = chrome.execute_script(CONTRAST)
    assert count > 200
    assert ratio >= 4.5, text


def test_the_charts_follow_when_the_colour_scheme_changes(chrome: webdriver.Chrome, address: str) -> None:
    chrome.get(address)
    light = see(chrome, "roc")
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = chrome.execute_script(ground)
    emulate(chrome, scheme="dark")
    WebDriverWait(chrome, 10).until(lambda c: traces(c, "roc")[1]["line"]["color"] != light[1]["line"]["color"])
    assert chrome.execute_script(ground) != before


def test_without_scripts_every_table_is_there(chrome: webdriver.Chrome, address: str) -> None:
    emulate(chrome, scripts=False)
    chrome.get(address)
    tables = chrome.find_elements(By.CSS_SELECTOR, ".result table.tags")
    assert len(tables) == 5
    assert all(table.is_displayed() for table in tables)
    assert "0.700" in chrome.find_element(By.CSS_SELECTOR, "table.main").text
    assert not any(chart.is_displayed() for chart in chrome.find_elements(By.CSS_SELECTOR, ".chart"))
    assert "need JavaScript" in chrome.find_element(By.TAG_NAME, "main").text
