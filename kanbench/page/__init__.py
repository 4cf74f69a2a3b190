"""The interactive page of a study: one HTML file with records, curves and trained networks, usable offline."""

from kanbench.page.source import CannotReport, Source, find_source
from kanbench.page.write import PageOptions, write_page

__all__ = ["CannotReport", "PageOptions", "Source", "find_source", "write_page"]
