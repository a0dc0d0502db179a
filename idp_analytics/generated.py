"""Write what is made from declarations (``make generated``): METRICS.md, SOURCES.md, data/README.md, the README's table of systems, VOICE.md's of
studies, the shape part of expectations/."""

from __future__ import annotations

from pathlib import Path

from idp_analytics.checks.shape import write_shape
from idp_analytics.metrics import STUDIES, definitions, ways_back
from idp_analytics.metrics.studies.people import in_voice
from idp_analytics.sources import describe
from idp_analytics.tables import dictionary

DOCUMENTS = {
    "METRICS.md": lambda: definitions.markdown() + ways_back.markdown(),
    "SOURCES.md": describe.markdown,
    "data/README.md": dictionary.markdown,
}
"""File in the repository → the function whose text it must hold."""


def main(root: Path) -> None:
    """Write all of it below ``root``, the repository."""
    for name, text in DOCUMENTS.items():
        (root / name).write_text(text(), encoding="utf-8")
    for path, made in (
        (root / "README.md", describe.in_readme),
        (root / "VOICE.md", lambda text: in_voice(text, STUDIES)),
    ):
        path.write_text(made(path.read_text(encoding="utf-8")), encoding="utf-8")
    write_shape(root / "expectations")


if __name__ == "__main__":
    main(Path.cwd())
