"""A published page printed by Chromium."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from idp_analytics.publish import paper
from idp_analytics.publish.attachment import attachment, opened
from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.browser


def sheets(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.mark.skipif(
    not (os.environ.get(paper.VARIABLE) or any(map(shutil.which, paper.PROGRAMS))), reason="no Chromium on this machine"
)
def test_a_page_is_a_few_sheets_or_all_of_it_with_its_charts(published: RunResult) -> None:
    html = attachment(opened(published.folder / "teams" / "payments.html"))
    brief, whole = paper.printed(html), paper.printed(html, whole=True)
    assert 2 <= sheets(brief) <= 5
    assert 20 < sheets(whole) < 80  # 66: everything that is said, each definition once
    (size,) = set(re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+ [\d.]+)\]", brief))
    assert [round(float(side)) for side in size.split()] == [595, 842]
    undrawn = paper.printed(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL), whole=True)
    assert len(whole) > 1.1 * len(undrawn)
