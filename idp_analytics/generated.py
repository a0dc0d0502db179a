"""Write what is made from declarations: METRICS.md, SOURCES.md, the README's table of systems, data/README.md, the shape
part of expectations/ (``make generated``)."""

from __future__ import annotations

from pathlib import Path

from idp_analytics.checks.shape import write_shape
from idp_analytics.metrics import definitions
from idp_analytics.sources import describe
from idp_analytics.tables import dictionary

DOCUMENTS = {"METRICS.md": definitions.markdown, "SOURCES.md": describe.markdown, "data/README.md": dictionary.markdown}
"""File in the repository → the function whose text it must hold."""


def main(root: Path) -> None:
    """Write all of it below ``root``, the repository."""
    for name, text in DOCUMENTS.items():
        (root / name).write_text(text(), encoding="utf-8")
    readme = root / "README.md"
    readme.write_text(describe.in_readme(readme.read_text(encoding="utf-8")), encoding="utf-8")
    write_shape(root / "expectations")


if __name__ == "__main__":
    main(Path.cwd())
