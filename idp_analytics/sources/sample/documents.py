"""What is written for people to read and change: ``settings.toml`` and the folder's README."""

from __future__ import annotations

from idp_analytics.sources.sample import write as files
from idp_analytics.sources.sample.build import Company
