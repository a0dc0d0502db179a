"""Texts that somebody could put where an export holds a name, a title or a comment, to make whatever shows them do something.

Each calls ``hit(§)`` or asks ``http://127.0.0.1:9/§``, where § is the number of where it was put, so that what fires says where it came from.
"""

from __future__ import annotations

from math import gcd

MARK = "§"

HTML = (
    "<script>hit(§)</script>", "<img src=x onerror=hit(§)>", '"><img src=x onerror="hit(§)">', "'><svg onload=hit(§)>", "</script><script>hit(§)</script>",
    "<!--<script>hit(§)//-->", "--><script>hit(§)</script><!--", "</title></style></textarea><script>hit(§)</script>", "]]><script>hit(§)</script>",
    '" autofocus onfocus=hit(§) x="', "' onmouseover='hit(§)", "<a href=javascript:hit(§)>go</a>", "<iframe srcdoc='<script>parent.hit(§)</script>'>",
    "<iframe src=data:text/html,<script>hit(§)</script>>", "<object data=http://127.0.0.1:9/§>", "<base href=http://127.0.0.1:9/§/>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/§'>", "<link rel=stylesheet href=http://127.0.0.1:9/§>",
    "<style>@import'http://127.0.0.1:9/§'</style>", "<p style='background:url(http://127.0.0.1:9/§)'>", "<p style='width:expression(hit(§))'>",
    "<form action=http://127.0.0.1:9/§><button autofocus>", "<math><mtext><img src=x onerror=hit(§)>", "<details open ontoggle=hit(§)>",
    "<bdo dir=rtl>§", "&lt;script&gt;hit(§)&lt;/script&gt;", "&#60;img src=x onerror=hit(§)&#62;", "\\u003cimg src=x onerror=hit(§)\\u003e",
    "＜script＞hit(§)＜/script＞", "<scr\x00ipt>hit(§)</scr\x00ipt>", "javascript:hit(§)", "data:text/html,<script>hit(§)</script>", "//127.0.0.1:9/§",
)  # fmt: skip

SCRIPTS = (
    "${hit(§)}", "`;hit(§);`", "';hit(§);//", '";hit(§);//', "\\';hit(§);//", "\u2028hit(§)\u2029", "__proto__", "constructor",
    '{"$ref":"http://127.0.0.1:9/§"}', '"}]};hit(§);({"x":[{"', "*/hit(§)/*",
)  # fmt: skip

MARKDOWN = (
    "[go](javascript:hit(§))", "![](http://127.0.0.1:9/§)", "<http://127.0.0.1:9/§>", "[a]: javascript:hit(§)", "\n\n# <img src=x onerror=hit(§)>\n\n",
    "```\n<script>hit(§)</script>", "| a | b |\n|---|---|\n| <svg onload=hit(§)> |", "$\\href{javascript:hit(§)}{x}$", "**bold** _§_ ~~x~~ `code`",
)  # fmt: skip

VEGA = (
    "datum['x']", "datum.constructor.constructor('hit(§)')()", "a.b[0]['c']\\d", "x\\.y", "field\"'`[]\\", "{{hit(§)}}", "{signal: 'hit(§)'}",
    "signal", "event.view.hit(§)", "href:http://127.0.0.1:9/§", "{title}", "{height}", "format(datum.x, 'hit(§)')", "L" * 5000 + "§",
)  # fmt: skip

TEMPLATES = ("{{ 7*7 }}§", "{{ self.__init__.__globals__ }}", "{% for x in () %}§{% endfor %}", "{# § #}", "{{ '<img src=x onerror=hit(§)>'|safe }}", "%s%n%(x)s§", "{0.__class__}§")  # fmt: skip

FORMULAS = (
    "=HYPERLINK(\"http://127.0.0.1:9/§\")", "+1+cmd|' /c calc'!A0§", "-2+3§", "@SUM(1+1)§", "\t=1+§", "\r=1+§", "\n=1+§", "=cmd|'/c calc'!'A§'",
    "x;=1+§", "x\n=1+§", "x\t@§", " =1+§", "＝1+§", '";=1+§', '",=1+§',
)  # fmt: skip

TERMINAL = (
    "\x1b[31mred§", "\x1b]8;;http://127.0.0.1:9/§\x07link\x1b]8;;\x07", "\x1b]52;c;aGl0§\x07", "\x1b[2J\x1b[H§", "bell\x07§", "ok\x08\x08no§",
    "bad\rgood§", "\x9b31m§", "\x1bP§\x1b\\", "\x7f§", "x\nidp: everything is fine§", "x\r\nERROR forged§",
)  # fmt: skip

UNSEEN = (
    "Pay\u202eslap§", "\u2066x\u2069§", "a\u200bb§", "a\u2060b\u00adc§", "\ufeffx§", "t\U000e0041\U000e0042§", "Z" + "\u0300\u0315\u0489" * 60 + "§",
    "x\x00y§", "\ufffe§", "\u180e§", "ﷺ" * 40 + "§",
)  # fmt: skip

PATHS = (
    "../../etc/x§", "..\\..\\x§", "/etc/passwd§", "C:\\x§", "con", "aux", "nul", "com1", "lpt9", "index", "organisation", ".", "..", "a/b§", "x" * 400 + "§",
    "%2e%2e%2f§", "file:///etc/§", "a\x00.html§", "-rf", "~", "teams",
)  # fmt: skip

SHELL = ("$(hit §)", "`hit §`", "; hit §", "| hit §", "&& hit §", "' ; hit § ; '", '" ; hit § ; "', "--team=§", "!hit§", "x\nhit §", "*?[§]", "%PATH%§")  # fmt: skip

NOTEBOOK = ('"""\nhit(§)\n"""', "'''\nhit(§)\n'''", '"\nhit(§)\nx = "', "\\", '\\"\nhit(§) #', "x\\\nhit(§)", "# %% hit(§)", "%run hit§", "!hit §")  # fmt: skip

ATTACKS: tuple[str, ...] = tuple(dict.fromkeys((*HTML, *SCRIPTS, *MARKDOWN, *VEGA, *TEMPLATES, *FORMULAS, *TERMINAL, *UNSEEN, *PATHS, *SHELL, *NOTEBOOK)))  # fmt: skip

_STEP = next(step for step in range(len(ATTACKS) // 3, len(ATTACKS)) if gcd(step, len(ATTACKS)) == 1)

HALVES = ("x\ud800y", "\udcff", "\udfff\ud800")
"""Halves of characters, which no file of text and no table can hold, but a command line can."""


def attack(number: int, where: int) -> str:
    """The attack of that number, put where ``where`` says; the numbers go round, and every few are of every sort."""
    return ATTACKS[number * _STEP % len(ATTACKS)].replace(MARK, str(where))
