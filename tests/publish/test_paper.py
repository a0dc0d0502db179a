"""PDFs of pages: who prints them, what is printed, and what is said where it cannot be. Chromium itself prints in tests/browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from company_building import at_once, write_notebooks

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.publish import paper
from idp_analytics.publish.run import publish

PAGE = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<title>T</title>\n</head><body><details class="idp-chapter" id="a">x</details></body></html>'

PRINTS = """#!/bin/sh
for one in "$@"; do
  case "$one" in
    --print-to-pdf=*) out="${one#*=}" ;;
    file://*) page="${one#file://}" ;;
  esac
done
{ printf '%%PDF-1.4\\n'; echo "$@"; env; cat "$page"; } > "$out"
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for Chromium: it prints what it was asked and given."""
    path = tmp_path / "prints"
    path.write_text(PRINTS)
    path.chmod(0o755)
    monkeypatch.setenv(paper.VARIABLE, str(path))
    monkeypatch.setenv("GITHUB_TOKEN", "a secret")
    return path


def test_the_program_is_the_one_named_or_the_first_that_is_there(program: Path) -> None:
    (program.parent / "google-chrome").symlink_to(program)
    (program.parent / "chromium").write_text("no program")
    assert paper.browser({"PATH": str(program.parent)}) == str(program.parent / "google-chrome")
    assert paper.browser({"PATH": str(program.parent), paper.VARIABLE: str(program)}) == str(program)
    with pytest.raises(ReportError, match=r"IDP_CHROMIUM says '/no/where', which is no program\. Install one"):
        paper.browser({"PATH": str(program.parent), paper.VARIABLE: "/no/where"})


def test_without_one_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "APPLICATIONS", ())
    with pytest.raises(
        ReportError, match=r"none of chromium, .* is there\. Install one, or name its program in IDP_CHROMIUM"
    ):
        paper.browser({"PATH": "/no/where"})


@pytest.mark.usefixtures("program")
def test_a_page_is_printed_as_it_opens_or_whole_with_no_network_and_no_secret() -> None:
    brief = paper.printed(PAGE).decode()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in brief
    assert "GITHUB_TOKEN" not in brief
    assert "@page { size: A4;" in brief
    assert '<details class="idp-chapter" id="a">' in brief
    whole = paper.printed(PAGE, whole=True, paper="letter").decode()
    assert "@page { size: letter;" in whole
    assert '<details class="idp-chapter" open id="a">' in whole


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "#!/bin/sh\necho one >&2; echo two >&2; exit 3\n",
            r"printed nothing and ended with 3 \(two\)\. Name another in IDP_CHROMIUM",
        ),
        ("#!/bin/sh\nexec sleep 30\n", r"printed nothing within 0\.2 s and was stopped"),
        ("#!/no/interpreter\n", r"cannot be started: No such file or directory"),
    ],
    ids=["fails", "hangs", "is none"],
)
def test_a_program_that_prints_nothing_is_named(
    program: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    program.write_text(code)
    monkeypatch.setattr(paper, "SECONDS", 0.2 if "sleep" in code else 20.0)
    with pytest.raises(ReportError, match=says):
        paper.printed(PAGE)


def test_the_command_prints_a_pdf_per_page(organisation: Organisation, program: Path, tmp_path: Path) -> None:
    result = publish(organisation, tmp_path / "r", notebooks=write_notebooks(tmp_path / "n"), engine=at_once())
    pages = [str(result.folder / "organisation.html"), str(result.folder / "teams" / "payments.html")]
    told = CliRunner().invoke(cli, ["attach", *pages, "--pdf", "brief", "--to", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    made = [Path(line) for line in told.stdout.splitlines()]
    assert [path.name for path in made] == ["acme-2026-06-organisation.pdf", "acme-2026-06-payments.pdf"]
    assert all(path.read_bytes().startswith(b"%PDF-") for path in made)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in made)
    program.chmod(0o644)
    told = CliRunner().invoke(cli, ["attach", *pages, "--pdf", "whole", "--to", str(tmp_path / "none")])
    assert told.exit_code == 2
    assert "which is no program" in told.stderr
    assert not (tmp_path / "none").exists()
