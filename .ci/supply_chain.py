"""What the kit is built from: ``check`` its locks, reasons and licences, ``audit`` for known vulnerabilities, ``table``, ``sbom``.

Run by ``make check`` (check, then audit), ``make generated`` (table: DEPENDENCIES.md) and ``make release`` (sbom).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TABLE = "DEPENDENCIES.md"
NOT_ASKED = 75
"""Exit code of ``audit --must`` where no list of vulnerabilities could be reached."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
_ADDRESS = re.compile(r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links)\b|://")
_LICENCES = (
    "MIT",
    "BSD",
    "Apache",
    "ISC",
    "PSF",
    "Python Software Foundation",
    "MPL-2.0",
    "Mozilla Public License 2.0",
    "0BSD",
    "Zlib",
    "CC0",
)
"""Permissive licences, and those that ask for changes to their own files alone (MPL)."""
_MADE = "This file is made by `make generated` from pyproject.toml and from what is installed."


def settings(root: Path = ROOT) -> tuple[dict[str, list[str]], dict[str, str], dict[str, str]]:
    """Of pyproject.toml: requirements by group ("" for what a user installs), the reason for each, licences read by hand."""
    made = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project, own = made["project"], made["tool"]["idp-analytics"]
    groups = {"": project["dependencies"]} | project["optional-dependencies"]
    needed = {
        group: [name for name in map(_name, of) if name != canonicalize_name(project["name"])]
        for group, of in groups.items()
    }
    return needed, {canonicalize_name(k): v for k, v in own["why"].items()}, own["licences-read"]


def problems_of_lock(text: str) -> list[str]:
    """What is wrong with a lock: an entry that is not pinned, or without hashes, or the address of an index."""
    found = [
        f"line {n}: the lock names an address: {line.strip()}"
        for n, line in enumerate(text.splitlines(), 1)
        if _ADDRESS.search(line)
    ]
    for entry in re.split(r"\n(?=\S)", text.strip()):
        pinned = _PIN.match(entry)
        if not pinned:
            found.append(f"not pinned by ==: {entry.splitlines()[0]}")
        elif not _HASH.search(entry):
            found.append(f"without a hash: {pinned['name']}")
    return found


def problems_of_reasons(needed: Mapping[str, list[str]], reasons: Mapping[str, str]) -> list[str]:
    """What is needed without a reason, or has a reason and is not needed."""
    direct = {name for of in needed.values() for name in of}
    return [
        f"no reason for {name}: write one under [tool.idp-analytics.why] in pyproject.toml"
        for name in sorted(direct - set(reasons))
    ] + [f"a reason for {name}, which nothing needs" for name in sorted(set(reasons) - direct)]


def check() -> int:
    """Locks, reasons, the table's state and licences; prints what is wrong; 1 if anything is."""
    needed, reasons, read = settings()
    wrong = problems_of_lock((ROOT / "requirements.lock").read_text("utf-8")) + problems_of_reasons(needed, reasons)
    table = (ROOT / TABLE).read_text("utf-8")
    wrong += [
        f"{TABLE} does not say why {name} is needed: run make generated"
        for name, why in reasons.items()
        if why not in table
    ]
    licences = subprocess.run(
        [_tool("pip-licenses"), "--partial-match", "--allow-only", ";".join(_LICENCES), "--ignore-packages", "idp-analytics", *read],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if licences.returncode:
        wrong.append(licences.stderr.strip() or licences.stdout.strip())
    print(
        "\n".join(wrong)
        or f"Dependencies: {len(reasons)} asked for, each with its reason; all locked by hash, all licences permissive."
    )
    return bool(wrong)


def audit(*options: str, must: bool = False, lock: Path = ROOT / "requirements.lock") -> int:
    """Ask for known vulnerabilities of what is locked: 1 if there are any. Where nobody answers, says so (75 if ``must``)."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "audit.json"
        asked = subprocess.run(
            [_tool("pip-audit"), "-r", str(lock), "--disable-pip", "--require-hashes", "--timeout", "10",
             "--progress-spinner", "off", "-f", "json", "-o", str(report), *options],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        why = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        packages = json.loads(report.read_text("utf-8"))["dependencies"] if report.exists() else []
    known = [each for each in packages if "skip_reason" not in each]
    found = [
        f"{each['name']} {each['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}"
        for each in known
        for v in each["vulns"]
    ]
    print(
        "\n".join(found) or f"Vulnerabilities: none known in {len(known)} packages."
        if known
        else f"Vulnerabilities: NOT CHECKED, nobody answered ({why[:200]})."
    )
    if known and len(known) < len(packages):
        print(
            f"Vulnerabilities: {len(packages) - len(known)} packages NOT CHECKED: {', '.join(each['name'] for each in packages if 'skip_reason' in each)}."
        )
    unknown = not known or len(known) < len(packages)
    return 1 if found else NOT_ASKED if must and unknown else 0


def table() -> str:
    """DEPENDENCIES.md: what is asked for, with its licence, what it brings along and why it is worth that."""
    needed, reasons, read = settings()
    lines = [
        "# Dependencies",
        "",
        _MADE,
        "A package brings along what it needs itself; MB as installed on Linux, shared packages counted for each that needs them.",
        "",
    ]
    titles = {
        "": "What a user installs",
        "sql": "With `[sql]`: reading DevLake's database",
        "dask": "With `[dask]`: reports made by a Dask cluster",
        "dev": "With `[dev]`: building and testing",
    }
    for group, names in needed.items():
        lines += [
            f"## {titles.get(group, group)}",
            "",
            "| package | licence | brings along | MB | why |",
            "|---|---|---|---|---|",
        ]
        for name in sorted(names):
            along = _closure([name])
            size = sum(_size(one) for one in along) / 1e6
            lines.append(
                f"| {name} | {_licence(name, read)} | {len(along) - 1} | {size:,.1f} | {reasons.get(name, '')} |"
            )
        everything = _closure(names)
        lines += [
            "",
            f"All of these together: {len(everything)} packages, {sum(_size(one) for one in everything) / 1e6:,.0f} MB.",
            "",
        ]
    return "\n".join(lines)


def sbom(path: Path) -> int:
    """A bill of materials (CycloneDX) of what a user installs: packages, versions, licences, what needs what."""
    needed, _, _ = settings()
    wanted = _closure(needed[""] + needed["sql"])
    made = subprocess.run(
        [_tool("cyclonedx-py"), "environment", sys.executable, "--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    if made.returncode:
        print(made.stderr.strip())
        return 1
    bill = json.loads(made.stdout)
    bill["components"] = [each for each in bill["components"] if canonicalize_name(each["name"]) in wanted]
    kept = {each["bom-ref"] for each in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    bill["dependencies"] = [
        each | ({"dependsOn": [one for one in each["dependsOn"] if one in kept]} if "dependsOn" in each else {})
        for each in bill["dependencies"] if each["ref"] in kept
    ]  # fmt: skip
    for each in bill["components"]:
        # Where a package was taken from is of this machine and no matter of what it is.
        each["externalReferences"] = [
            ref for ref in each.get("externalReferences", ()) if ref["type"] != "distribution"
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8")
    print(f"{path}: {len(bill['components'])} packages.")
    return 0


def _closure(names: list[str]) -> set[str]:
    """The packages with all they need here, directly or not; those that are not installed left out."""
    environment: dict[str, Any] = dict(default_environment())
    todo, seen = [(canonicalize_name(name), frozenset[str]()) for name in names], set[tuple[str, frozenset[str]]]()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen or _installed(name) is None:
            continue
        seen.add((name, extras))
        for needs in map(Requirement, _distribution(name).requires or ()):
            here = needs.marker is None or any(
                needs.marker.evaluate(environment | {"extra": extra}) for extra in (extras or {""})
            )
            todo += [(canonicalize_name(needs.name), frozenset(needs.extras))] if here else []
    return {name for name, _ in seen}


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return next((each for each in distributions() if canonicalize_name(each.name) == name), None)


def _distribution(name: str) -> Distribution:
    found = _installed(name)
    assert found is not None
    return found


def _size(name: str) -> int:
    return sum(
        Path(str(file.locate())).stat().st_size
        for file in _distribution(name).files or ()
        if Path(str(file.locate())).is_file()
    )


def _licence(name: str, read: Mapping[str, str]) -> str:
    found = _installed(name)
    if found is None or name in read:
        return read.get(name, "not installed here")
    said = (
        found.metadata.get("License-Expression")
        or ", ".join(_classified(found))
        or (found.metadata.get("License") or "").splitlines()[0]
    )
    return str(said)


def _classified(found: Distribution) -> Iterator[str]:
    for each in found.metadata.get_all("Classifier", []):
        if each.startswith("License ::"):
            yield each.rsplit(" :: ", 1)[-1]


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def main(arguments: list[str]) -> int:
    """The command: check | audit [--must] [options of pip-audit] | table | sbom <file>."""
    match arguments:
        case ["check"]:
            return check()
        case ["audit", "--must", *options]:
            return audit(*options, must=True)
        case ["audit", *options]:
            return audit(*options)
        case ["table"]:
            (ROOT / TABLE).write_text(table(), "utf-8")
            return 0
        case ["sbom", path]:
            return sbom(Path(path))
    print(main.__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
