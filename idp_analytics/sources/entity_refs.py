"""What Backstage calls an entity, from any way to write it."""

from __future__ import annotations

from idp_analytics.sources.system import Option

REFS = Option(
    "refs", "text", 'full (usual): component:default/checkout; short: checkout, for the namespace "default".', ("full", "short"), "full"
)  # fmt: skip


def entity_ref(told: str, kind: str, is_short: bool) -> str:
    """``kind:namespace/name`` in lower case; where ``is_short`` the name alone, in the namespace ``default``. ``kind`` is that of a reference
    that names none."""
    head, colon, rest = told.strip().lower().rpartition(":")
    namespace, slash, name = rest.rpartition("/")
    namespace = namespace if slash else "default"
    if is_short:
        return name if namespace == "default" else f"{namespace}/{name}"
    return f"{head if colon else kind}:{namespace}/{name}"
