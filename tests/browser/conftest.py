"""Pages are looked at in a real browser."""

from headless_browser import chromium

__all__ = ["chromium"]
