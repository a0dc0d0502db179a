"""What a page is made of, as a browser reads it: elements with the names of their attributes, links, scripts, and its policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

OUTSIDE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
"""How a link begins that leads out of the published folder."""


ROOM = {"idp-wordy", "idp-phrase", "idp-short"}
"""What a cell has because of the length of its text: room, words that may be broken, or none; beside that only ``<wbr>`` is there because of a text's length."""


@dataclass
class Page(HTMLParser):
    """A page, read; without the places where lines of a long text may end."""

    html: str
    elements: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    scripts: list[tuple[Mapping[str, str | None], str]] = field(default_factory=list)
    metas: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    __hash__ = object.__hash__

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "wbr" and not given:
            return
        if tag in ("td", "th") and given.get("class") in ROOM:
            del given["class"]
        self.elements.append((tag, tuple(sorted(given))))
        self.links += [
            value or ""
            for name, value in attrs
            if name in ("href", "src", "action", "formaction", "data", "srcset", "xlink:href")
        ]
        if tag == "script":
            self.scripts.append((given, ""))
        if tag == "meta":
            self.metas[str(given.get("http-equiv") or given.get("name"))] = given.get("content") or ""

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            given, code = self.scripts[-1]
            self.scripts[-1] = given, code + data
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def policy(self) -> dict[str, list[str]]:
        """The content security policy by directive."""
        directives = self.metas["Content-Security-Policy"].split(";")
        return {words[0]: words[1:] for one in directives if (words := one.split())}

    def problems(self) -> list[str]:
        """What no page of ours may have, whatever stands in the data."""
        found = [
            f"{tag} {name}"
            for tag, names in self.elements
            for name in names
            if name.startswith("on") or (name in ("srcdoc", "formaction", "http-equiv") and tag != "meta")
        ]
        found += [
            tag
            for tag, _ in self.elements
            if tag
            in (
                "iframe",
                "object",
                "embed",
                "base",
                "applet",
                "frame",
                "math",
                "marquee",
                "bdo",
                "foreignobject",
                "animate",
            )
        ]
        found += [link[:60] for link in self.links if OUTSIDE.match(link) and not link.startswith("data:image/")]
        found += [f"<!--{comment[:40]}" for comment in self.comments]
        allowed = self.policy().get("script-src", [])
        for given, code in self.scripts:
            if given.get("type") != "application/json" and "src" not in given:
                digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
                found += (
                    [] if f"'sha256-{digest}'" in allowed else [f"a script that the policy does not name: {code[:60]}"]
                )
        return found


def strictness(policy: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with a policy."""
    wanted: dict[str, Any] = {"default-src": ["'none'"], "base-uri": ["'none'"], "form-action": ["'none'"]}
    found = [f"{name}: {policy.get(name)}" for name, value in wanted.items() if policy.get(name) != value]
    loose = ("'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "data:", "blob:", "https:", "http:")
    found += [f"script-src {word}" for word in policy.get("script-src", ["absent"]) if word in (*loose, "absent")]
    found += [
        f"{name}: {policy[name]}"
        for name in policy
        if name in ("connect-src", "frame-src", "object-src", "worker-src", "font-src", "media-src")
    ]
    found += [f"img-src {word}" for word in policy.get("img-src", []) if word not in ("data:", "blob:")]
    return found
