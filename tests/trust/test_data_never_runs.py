"""Exports and settings are never code: no call that could run them, no parameter that becomes code, no notebook but the trusted ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics import paths
from idp_analytics.publish import notebook as notebooks
from idp_analytics.publish import parameters

PACKAGE = paths.PACKAGE
SOURCES = sorted(PACKAGE.rglob("*.py"))

# --- calls ------------------------------------------------------------------------------------------------------------

RUNS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv", "pty.spawn", "code.interact", "runpy.run_path",
    "runpy.run_module", "marshal.loads", "marshal.load", "shelve.open", "dill.loads", "joblib.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all",
    "pickle.Unpickler", "subprocess.getoutput", "subprocess.getstatusoutput", "np.load", "pd.read_pickle", "pd.eval", "jinja2.Template", "Template",
}  # fmt: skip
"""Calls that run what they are given, or may."""

METHODS = {
    "read_pickle",
    "from_string",
    "compile_expression",
    "execute_string",
    "exec_driver_sql",
    "raw_connection",
    "load_module",
    "exec_module",
}
"""The same as methods of whatever it is."""

MAY = {
    # Pickles between processes of one run, over a file or socket of their own that no data reaches.
    ("publish/makers.py", "pickle.load"),
    ("publish/makers.py", "pickle.dumps"),
    # Cells of a template that only ask for sections, each statement of which is looked at before (publish/asking.py).
    ("publish/answering.py", "exec"),
    ("publish/answering.py", "eval"),
    ("publish/answering.py", "compile"),
    # A loader that knows plain values only, and no references.
    ("settings/themes.py", "yaml.load"),
}
"""What is looked at and let be: file and call."""


def called(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(function: ast.expr) -> str:
    """What is called; of what is no plain name, the last attribute."""
    names = []
    while isinstance(function, ast.Attribute):
        names.append(function.attr)
        function = function.value
    return ".".join(reversed([*names, function.id if isinstance(function, ast.Name) else ""]))


SUSPECT = re.compile(
    r"(?<![\w.])(?:eval|exec|compile|__import__|Environment|Template|text)\(|pickle|marshal|shelve|dill|joblib|yaml|os\.(?:system|popen|exec|spawn)|shell"
    r"|\.execute|from_string|raw_connection|exec_driver|getoutput|getstatus|np\.load|pd\.eval|runpy|pty|interact|load_module|exec_module|compile_expr|jinja2"
)
"""A file without these words has no such call, and need not be parsed."""


@pytest.fixture(scope="module")
def calls() -> dict[str, list[tuple[str, ast.Call]]]:
    """All calls of every file of the package that may have one of those."""
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in SOURCES}
    return {file: list(called(ast.parse(text))) for file, text in texts.items() if SUSPECT.search(text)}


def problems(file: str, calls: list[tuple[str, ast.Call]]) -> list[str]:
    """What a file calls that it may not."""
    found = []
    for name, call in calls:
        words = {word.arg: word.value for word in call.keywords}
        is_pickle = name.startswith(("pickle.load", "pickle.dump")) or name in ("yaml.load", "_pickle.loads")
        if (name in RUNS or is_pickle) and (file, name) not in MAY:
            found.append(f"{file}:{call.lineno} calls {name}")
        if name.rpartition(".")[2] in METHODS:
            found.append(f"{file}:{call.lineno} calls {name}")
        if isinstance(shell := words.get("shell"), ast.Constant) and shell.value:
            found.append(f"{file}:{call.lineno} uses a shell")
        if name.endswith((".execute", ".executemany")) and call.args and not isinstance(call.args[0], ast.Call):
            found.append(f"{file}:{call.lineno} executes what is no expression of SQLAlchemy")
        if name in ("text", "sqlalchemy.text") and file.startswith("sources/devlake_database"):
            found.append(f"{file}:{call.lineno} writes SQL by hand")
    return found


def test_no_call_runs_what_is_in_the_data(calls: dict[str, list[tuple[str, ast.Call]]]) -> None:
    assert [problem for file, several in calls.items() for problem in problems(file, several)] == []


@pytest.mark.parametrize(
    "source",
    ["eval(x)", "import pickle\npickle.loads(x)", "yaml.load(x, Loader=yaml.Loader)", "import os\nos.system(x)", "subprocess.run(x, shell=True)",
     "connection.execute('SELECT ' + name)", "connection.execute(f'SELECT {name}')", "jinja.from_string(x)", "exec(compile(x, '', 'exec'))",
     "pd.read_pickle(x)", "__import__(x)"],
)  # fmt: skip
def test_each_such_call_is_seen(source: str) -> None:
    assert SUSPECT.search(source)
    assert problems("sources/new.py", list(called(ast.parse(source)))) != []


REVIEWED = {
    ("S102", "publish/answering.py"): "cells of a template, each statement of which only asks for sections",
    ("S307", "publish/answering.py"): "the same",
    ("S506", "settings/themes.py"): "a safe loader, without references",
    ("S701", "schedule/elsewhere.py"): "none of these is HTML",
    ("S704", "report/html.py"): "escaped before",
    ("S704", "publish/page.py"): "our own file; escaped before",
    ("S704", "publish/exporter.py"): "raw HTML is off; what a notebook displays has escaped what came from data",
    ("S704", "publish/index.py"): "our own file",
    ("S704", "publish/assets.py"): "our own files",
    ("S704", "assess/form.py"): "our own files; escaped before",
}
"""Where a rule of ruff's bandit is let be; ruff itself is run with all others (``S``)."""


def test_no_rule_of_bandit_is_let_be_anywhere_else() -> None:
    found = {
        (rule, path.relative_to(PACKAGE).as_posix())
        for path in SOURCES
        for line in re.findall(r"# noqa: ([^\n]*)", path.read_text(encoding="utf-8"))
        for rule in re.findall(r"\bS\d{3}\b", line)
    }
    assert found == REVIEWED.keys(), "Look at it, then name it in REVIEWED with why it may be."
    config = (paths.PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'select = \[.*"S".*\]', config)
    ignored = set(re.findall(r'"(S\d+)"', re.search(r"\nignore = \[.*\]", config)[0]))  # type: ignore[index]
    assert ignored == {"S101", "S603", "S607"}  # assert; a subprocess without a shell; git by its name


# --- templates --------------------------------------------------------------------------------------------------------


def test_every_template_lies_in_the_package_and_escapes(calls: dict[str, list[tuple[str, ast.Call]]]) -> None:
    """Environments are made in four places, of folders of the package, and all of those that make HTML escape."""
    made = {
        file: {word.arg: ast.unparse(word.value) for word in call.keywords}.get("autoescape")
        for file, several in calls.items()
        for name, call in several
        if name in ("Environment", "jinja2.Environment")
    }
    assert made == {
        "report/html.py": "True",
        "publish/page.py": "True",
        "assess/form.py": "True",
        "schedule/elsewhere.py": "False",
    }


# --- parameters -------------------------------------------------------------------------------------------------------

NASTY = (
    '"', "'", '"""', "'''", "\\", "\\'", "\n", "\r\n", "x\n__import__('os').system('false')", "'); import os; ('", '" + open("/etc/passwd").read() + "',
    "{team}", "%s", "# x", "\x00", "\u2028", "\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}x", "!ls", "%run x", "?x", "$(ls)", "`ls`", "é" * 300, "\\u0022", "\\x22", "\\N{DIGIT ONE}",
)  # fmt: skip


def template() -> nbformat.NotebookNode:
    declared = {
        "team": {"type": "str"},
        "number": {"type": "int"},
        "share": {"type": "float"},
        "is_whole": {"type": "bool"},
    }
    cell = nbformat.v4.new_code_cell(
        'team = ""\nnumber = 0\nshare = 0.0\nis_whole = False', metadata={"tags": ["parameters"]}
    )
    return nbformat.v4.new_notebook(cells=[cell], metadata={"idp": {"parameters": declared}})


def set_by(notebook: nbformat.NotebookNode) -> dict[str, object]:
    """What the injected cell sets, which must be nothing but names and constants."""
    (cell,) = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata["tags"]]
    found = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign), ast.unparse(statement)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        found[target.id] = ast.literal_eval(statement.value)
    return found


def given_to(values: dict[str, object]) -> dict[str, object]:
    source = template()
    return set_by(notebooks.parameterized(source, parameters.validate(source, values)))


@pytest.mark.parametrize("text", NASTY)
def test_a_parameter_is_a_value_and_never_code(text: str) -> None:
    assert given_to({"team": text}) == {"team": text}


@given(st.text(max_size=40), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_every_value_comes_out_as_it_went_in(team: str, number: int, share: float, is_whole: bool) -> None:
    values = {"team": team, "number": number, "share": share, "is_whole": is_whole}
    assert given_to(values) == values


# --- notebooks --------------------------------------------------------------------------------------------------------


def test_the_kits_own_notebooks_are_run_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook in the data folder, or where the command is given, is nobody's template."""
    kept = paths.resource("notebooks")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "team.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert paths.resource("notebooks") == kept
    assert kept.is_absolute()
    assert not kept.is_relative_to(tmp_path)
