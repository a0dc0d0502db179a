"""The self-assessment in a real browser with nothing but its file: answered, interrupted, resumed, saved, read again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from axe_rules import violations
from click.testing import CliRunner

from idp_analytics.assess.form import page
from idp_analytics.cli import cli
from idp_analytics.settings.maturity_model import parse, shipped

pytestmark = pytest.mark.browser

ITEMS = shipped().items
FIRST, SECOND, THIRD, LATER = (ITEMS[i].id for i in (0, 1, 2, 14))
RULE = shipped().contradictions[0]
"""Answers that hardly go together: the lowest of each is one."""
WAVE, TEAM = "2026-Q3", "payments"
TAB, SPACE, DOWN, ENTER = ("Tab", 9), (" ", 32), ("ArrowDown", 40), ("Enter", 13)


@pytest.fixture
def tab(chromium: Callable[[], Any], tmp_path: Path) -> Any:
    """A tab with the network off that writes its downloads into ``tmp_path / "saved"``, with the form of a team open."""
    (tmp_path / "form.html").write_text(page(shipped(), WAVE, TEAM), encoding="utf-8")
    found = chromium()
    found.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    (tmp_path / "saved").mkdir()
    found.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    found.show(tmp_path / "form.html")
    found.js("localStorage.clear(), void 0")
    again(found, tmp_path)
    found.console.clear()
    found.requests.clear()
    return found


def again(tab: Any, tmp_path: Path) -> None:
    """Close the form and open it anew."""
    tab.call("Page.navigate", url="about:blank")
    tab.show(tmp_path / "form.html")


def press(tab: Any, key: tuple[str, int], shift: bool = False) -> None:
    name, code = key
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r" if name == "Enter" else name} if name in ("Enter", " ") and kind == "keyDown" else {}
        tab.call(
            "Input.dispatchKeyEvent", type=kind, key=name, code="Space" if name == " " else name,
            windowsVirtualKeyCode=code, modifiers=8 if shift else 0, **text,
        )  # fmt: skip


def choose(tab: Any, name: str, value: str) -> None:
    tab.js(f'document.querySelector(\'input[name="{name}"][value="{value}"]\').click()')


def chosen(tab: Any, name: str) -> str:
    return str(tab.js(f"document.querySelector('input[name=\"{name}\"]:checked').value"))


def write(tab: Any, field: str, text: str) -> None:
    tab.js(f"document.getElementById('{field}').focus()")
    tab.call("Input.insertText", text=text)


def answer_all(tab: Any, level: str = "2") -> None:
    choose(tab, "role", "user")
    for item in ITEMS:
        choose(tab, item.id, level)


def saved(tab: Any, tmp_path: Path, button: str) -> dict[str, Any]:
    """Press a button and give what is in the file that it saves."""
    tab.js(f"document.getElementById('{button}').click()")
    end = time.monotonic() + 10
    while not (files := sorted((tmp_path / "saved").glob("*.json"))):
        assert time.monotonic() < end, f"nothing saved by {button}"
        time.sleep(0.05)
    found: dict[str, Any] = json.loads(files[-1].read_text(encoding="utf-8"))
    return found


def load(tab: Any, path: Path) -> None:
    root = tab.call("DOM.getDocument")["root"]["nodeId"]
    node = tab.call("DOM.querySelector", nodeId=root, selector="#load")["nodeId"]
    tab.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


def progress(tab: Any) -> str:
    return str(tab.js("document.getElementById('progress-label').textContent"))


def silent(tab: Any) -> None:
    tab.settle(0.2)
    assert tab.console == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_answered_and_saved_it_says_what_was_answered(tab: Any, tmp_path: Path) -> None:
    answer_all(tab)
    choose(tab, SECOND, "unknown")
    choose(tab, THIRD, "not_applicable")
    assert progress(tab) == f"{len(ITEMS) - 1} of {len(ITEMS)} answered"  # not applicable, and nothing said why
    write(tab, f"{THIRD}-reason", "we <b>build</b> it")
    assert progress(tab) == f"{len(ITEMS)} of {len(ITEMS)} answered"
    choose(tab, f"{FIRST}-sure", "3")
    held = saved(tab, tmp_path, "save")
    by_item = {one["item"]: one for one in held["answers"]}
    assert {name: held[name] for name in ("form", "form_version", "model_version", "state", "team", "wave", "role")} == {
        "form": "idp-self-assessment", "form_version": 1, "model_version": shipped().version, "state": "final",
        "team": TEAM, "wave": WAVE, "role": "user",
    }  # fmt: skip
    assert list(by_item) == [item.id for item in ITEMS]
    assert by_item[FIRST] == {"item": FIRST, "answer": "2", "reason": None, "confidence": 3}
    assert by_item[SECOND] == {"item": SECOND, "answer": "unknown", "reason": None, "confidence": None}
    assert by_item[THIRD]["reason"] == "we <b>build</b> it"
    assert held["submitted_at"].endswith("Z")
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "settings.toml").write_text('[organisation]\nid = "acme"\nname = "Acme"\n', encoding="utf-8")
    file = next((tmp_path / "saved").glob("*.json"))
    brought = CliRunner().invoke(cli, ["assess", "import", "--data", str(tmp_path / "acme"), str(file)])
    assert f"1 respondent(s), {len(ITEMS)} answers" in brought.output
    rows = pl.read_csv(tmp_path / "acme" / "assessments.csv", infer_schema=False)
    assert rows.select("item_id", "answer").rows() == [(one["item"], one["answer"]) for one in held["answers"]]
    assert set(rows["assessment_id"]) == {f"self_assessment:{held['assessment_id']}"}
    assert tab.js("localStorage.length") == 0  # the next person at this machine does not see it
    silent(tab)


def test_interrupted_it_goes_on_where_it_stopped(tab: Any, tmp_path: Path) -> None:
    choose(tab, "role", "leader")
    choose(tab, FIRST, "3")
    choose(tab, f"{FIRST}-sure", "1")
    choose(tab, SECOND, "not_applicable")
    again(tab, tmp_path)
    assert tab.js("document.getElementById('progress-bar').value") == 1
    assert chosen(tab, FIRST) == "3"
    assert chosen(tab, f"{FIRST}-sure") == "1"
    assert chosen(tab, "role") == "leader"
    assert "are back" in tab.js("document.getElementById('kept').textContent")
    silent(tab)


def test_a_draft_file_stands_in_where_the_browser_keeps_nothing(tab: Any, tmp_path: Path) -> None:
    choose(tab, "role", "user")
    choose(tab, LATER, "4")
    draft = saved(tab, tmp_path, "draft")
    assert (draft["state"], "submitted_at" in draft) == ("draft", False)
    path = next((tmp_path / "saved").glob("*draft*.json")).rename(tmp_path / "draft.json")
    block = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    blocked = tab.call("Page.addScriptToEvaluateOnNewDocument", source=block)["identifier"]
    tab.js("localStorage.clear()")
    again(tab, tmp_path)
    assert "keeps nothing" in tab.js("document.getElementById('kept').textContent")
    load(tab, path)
    tab.until("document.getElementById('progress-bar').value === 1")
    assert chosen(tab, LATER) == "4"
    later = saved(tab, tmp_path, "draft")
    assert later["assessment_id"] == draft["assessment_id"]  # still the same respondent's form
    tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=blocked)
    silent(tab)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("{", "no JSON"),
        ('{"form": "other"}', "none that this form has saved"),
        ('{"form": "idp-self-assessment", "form_version": 9, "model_version": "1.0.0"}', "form 9"),
        ('{"form": "idp-self-assessment", "form_version": 1, "model_version": "%s", "wave": "2026-Q3", "team": "<img>"}', "team <img>"),
        ('{"form": "idp-self-assessment", "form_version": 1, "model_version": "%s", "wave": "2025-Q1"}', "round 2025-Q1"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_belong_here_changes_nothing(tab: Any, tmp_path: Path, change: str, told: str) -> None:
    choose(tab, FIRST, "1")
    (tmp_path / "odd.json").write_text(change.replace("%s", shipped().version), encoding="utf-8")
    load(tab, tmp_path / "odd.json")
    tab.until(f"document.getElementById('kept').textContent.includes({json.dumps(told)})")
    assert progress(tab).startswith("1 of ")
    silent(tab)


def test_what_is_open_is_said_and_can_be_saved_all_the_same(tab: Any, tmp_path: Path) -> None:
    choose(tab, FIRST, "2")
    tab.js("document.getElementById('save').click()")
    assert tab.js("document.activeElement.id") == "confirm"
    open_now = tab.js("[...document.querySelectorAll('#open-list a')].map(a => a.getAttribute('href'))")
    assert len(open_now) == len(ITEMS)  # all but one, and the role
    tab.js(f"document.querySelector('#open-list a[href=\"#{LATER}\"]').click()")
    assert tab.js("document.activeElement.name") == LATER
    held = saved(tab, tmp_path, "anyway")
    assert [one["item"] for one in held["answers"]] == [FIRST]
    assert held["role"] is None


def test_contradictions_are_asked_about_and_not_forbidden(tab: Any, tmp_path: Path) -> None:
    for item, low in zip(RULE.items, RULE.low, strict=True):
        choose(tab, item, str(low))
    for item in RULE.items:
        assert RULE.says[1:] in tab.js(f"document.getElementById('{item}-odd').innerText")
        assert tab.js(f"document.getElementById('{item}').getAttribute('aria-describedby')") == f"{item}-odd"
    assert tab.js("document.getElementById('odd-list').innerText").strip()[1:-1] == RULE.says[1:].rstrip(".")
    choose(tab, RULE.items[0], "unknown")
    assert tab.js("document.getElementById('odd-items').hidden")
    silent(tab)


def test_with_nothing_but_the_keyboard(tab: Any, tmp_path: Path) -> None:
    """Tab goes from question to question, arrows choose within one, Enter presses a button."""
    reached: list[str] = []
    tab.js("document.querySelector('input[name=role]').focus()")
    press(tab, SPACE)
    for _ in range(6 * len(ITEMS)):
        press(tab, TAB)
        name, kind, outline = tab.js(
            "(e => [e.name || e.id, e.type, getComputedStyle(e.closest('.option') ?? e).outlineStyle])(document.activeElement)"
        )
        reached.append(name)
        if name == "save":
            break
        if kind == "radio" and not name.endswith("-sure"):
            assert outline == "solid"  # where one is can be seen
            press(tab, SPACE)
            press(tab, DOWN)
            assert tab.js(f"document.querySelector('input[name=\"{name}\"]:checked').value") == "2"
    assert [name for name in reached if name in {item.id for item in ITEMS}] == [item.id for item in ITEMS]
    assert {f"{item.id}-sure" for item in ITEMS} <= set(reached)
    assert progress(tab) == f"{len(ITEMS)} of {len(ITEMS)} answered"
    press(tab, ENTER)
    end = time.monotonic() + 10
    while not list((tmp_path / "saved").glob("*.json")):
        assert time.monotonic() < end
        time.sleep(0.05)
    silent(tab)


def nodes(tab: Any) -> list[dict[str, Any]]:
    tab.call("Accessibility.enable")
    return [one for one in tab.call("Accessibility.getFullAXTree")["nodes"] if not one.get("ignored")]


def test_a_screen_reader_is_told_every_question_as_one_group(tab: Any) -> None:
    choose(tab, FIRST, "2")
    told = nodes(tab)
    by_id = {one["nodeId"]: one for one in told}

    def role(one: dict[str, Any]) -> str:
        return str(one.get("role", {}).get("value"))

    def name(one: dict[str, Any]) -> str:
        return str(one.get("name", {}).get("value", ""))

    groups = {name(one): one for one in told if role(one) == "group"}
    for number, item in enumerate(ITEMS, 1):
        assert f"{number} {item.question}" in {label.removesuffix(" under pressure") for label in groups}, item.id
    radios = [one for one in told if role(one) == "radio"]
    assert len(radios) == 3 + 6 * len(ITEMS) + 3  # role; six answers of each; how sure, once something is answered
    assert all(name(one).strip() for one in radios)

    def under(one: dict[str, Any]) -> list[str]:
        found = []
        while one.get("parentId") in by_id:
            one = by_id[one["parentId"]]
            found.append(f"{role(one)}: {name(one)}")
        return found

    first = next(one for one in radios if name(one).casefold() == ITEMS[0].answers[1].casefold())
    assert f"group: 1 {ITEMS[0].question}" in under(first)
    assert {"region: Investment", "main: "} <= set(under(first))
    headings = [name(one) for one in told if role(one) == "heading"]
    assert headings[1:] == ["About you", *(aspect.title for aspect in shipped().aspects), "Save your answers"]
    bar = next(one for one in told if role(one) == "progressbar" or role(one) == "progressIndicator")
    assert name(bar) == f"1 of {len(ITEMS)} answered"
    assert all(name(one) for one in told if role(one) in ("button", "textbox", "link"))
    assert any(role(one) == "status" for one in told)
    assert tab.js("document.getElementById('told').textContent") == f"1 of {len(ITEMS)} answered"
    assert tab.js("new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size") == tab.js(
        "document.querySelectorAll('[id]').length"
    )


CONTRAST = """(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = (c) => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length && c[3] !== 0) return c; } return [255, 255, 255]; };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([e.tagName, e.textContent.slice(0, 40), (a + 0.05) / (b + 0.05)]);
  }
  return poor;
})()"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_it_can_be_read_on_any_screen(tab: Any, tmp_path: Path, width: int, dark: bool) -> None:
    tab.show(tmp_path / "form.html", width=width, dark=dark)
    for item, low in zip(RULE.items, RULE.low, strict=True):
        choose(tab, item, str(low))
    choose(tab, THIRD, "not_applicable")
    tab.js("document.getElementById('save').click()")
    assert tab.js("document.documentElement.scrollWidth") <= width
    assert tab.js(CONTRAST) == []
    small = tab.js("[...document.querySelectorAll('.option, .small, button, .button')].filter(e => e.checkVisibility())"
                   ".filter(e => e.getBoundingClientRect().height < 43.5).map(e => e.innerText)")  # fmt: skip
    assert small == []  # a thumb finds them
    silent(tab)
    if width == 390:  # the others are the same page with more and with less room
        assert violations(tab) == []


def test_what_has_the_focus_is_never_under_the_bar(tab: Any, tmp_path: Path) -> None:
    tab.show(tmp_path / "form.html", width=390, height=700)
    tab.js(f"document.querySelector('#{ITEMS[-3].id} input').focus()")
    for _ in range(40):
        press(tab, TAB, shift=True)
        top, bar = tab.js("[(e => e.getBoundingClientRect().top)(document.activeElement.closest('.option') ?? document.activeElement),"
                          "document.getElementById('progress').getBoundingClientRect().bottom]")  # fmt: skip
        if tab.js(
            "document.activeElement === document.body || document.activeElement.closest('header, .progress') !== null"
        ):
            break
        assert top >= bar - 1 or bar < 0


def test_a_script_that_came_in_with_a_name_does_not_run(chromium: Callable[[], Any], tmp_path: Path) -> None:
    hostile = "</script><script>document.title = 'run'</script>'\"<img src=x onerror=\"document.title='run'\">"
    (tmp_path / "form.html").write_text(page(shipped(), WAVE, None, [hostile, "b"]), encoding="utf-8")
    (tmp_path / "team.html").write_text(page(shipped(), hostile, hostile), encoding="utf-8")
    tab = chromium()
    for name in ("form.html", "team.html"):
        tab.show(tmp_path / name)
        assert tab.js("document.title").startswith("Self-assessment")
        silent(tab)
    assert hostile in tab.js("document.querySelector('.kicker').textContent")


def test_without_a_team_it_is_asked_for(chromium: Callable[[], Any], tmp_path: Path) -> None:
    (tmp_path / "form.html").write_text(page(shipped(), None, None, ["checkout", "payments"]), encoding="utf-8")
    (tmp_path / "saved").mkdir()
    tab = chromium()
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    tab.show(tmp_path / "form.html")
    answer_all(tab)
    assert tab.js("document.querySelectorAll('#open-list li').length") == 1
    write(tab, "team", " checkout ")
    held = saved(tab, tmp_path, "save")
    assert held["team"] == "checkout"
    assert held["wave"] == tab.js("(d => `${d.getFullYear()}-Q${Math.ceil((d.getMonth() + 1) / 3)}`)(new Date())")


def test_printed_every_question_is_there(tab: Any) -> None:
    choose(tab, FIRST, "2")
    assert len(tab.pdf()) > 30_000


def test_a_form_of_a_model_of_ones_own_all_the_way_with_the_keyboard(chromium: Callable[[], Any], tmp_path: Path, repository: Path) -> None:  # fmt: skip
    """Answered with keys, interrupted, taken up again, saved, and brought into a data folder that has the same model: the example of MATURITY.md."""
    text = (repository / "MATURITY.md").read_text(encoding="utf-8").partition('```toml\nid = "acme-readiness"')[2]
    model_file = 'id = "acme-readiness"' + text.partition("```")[0]
    problems: list[str] = []
    own = parse(model_file, problems)
    assert problems == []
    (tmp_path / "form.html").write_text(page(own, WAVE, TEAM), encoding="utf-8")
    (tmp_path / "saved").mkdir()
    tab = chromium()
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
    tab.show(tmp_path / "form.html")
    tab.js("localStorage.clear(), void 0")
    again(tab, tmp_path)
    tab.js("document.querySelector('input[name=role]').focus()")
    press(tab, SPACE)

    def answer(item: str) -> None:
        for _ in range(4):  # how sure one is stands between two questions
            press(tab, TAB)
            if tab.js("document.activeElement.name") == item:
                break
        press(tab, SPACE)
        press(tab, DOWN)

    first, second, third = (item.id for item in own.items)
    answer(first)
    again(tab, tmp_path)
    assert progress(tab) == "1 of 3 answered"
    assert chosen(tab, first) == "2"
    tab.js(f"document.querySelector('input[name=\"{first}\"]:checked').focus()")
    answer(second)
    answer(third)
    assert progress(tab) == "3 of 3 answered"
    told = nodes(tab)
    groups = [str(one["name"]["value"]) for one in told if one.get("role", {}).get("value") == "group"]
    assert [f"{number} {item.question}" for number, item in enumerate(own.items, 1)] == [
        name.removesuffix(" under pressure") for name in groups if name[:1].isdigit()
    ]
    held = saved(tab, tmp_path, "save")
    assert held["model_version"] == own.edition == "acme-readiness@1.0"
    assert [(one["item"], one["answer"]) for one in held["answers"]] == [(first, "2"), (second, "2"), (third, "2")]
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "settings.toml").write_text('[organisation]\nid = "acme"\nname = "Acme"\n', encoding="utf-8")
    (tmp_path / "acme" / "maturity_model.toml").write_text(model_file, encoding="utf-8")
    file = next((tmp_path / "saved").glob("*.json"))
    brought = CliRunner().invoke(cli, ["assess", "import", "--data", str(tmp_path / "acme"), str(file)])
    assert "1 respondent(s), 3 answers" in brought.output
    silent(tab)
