"""Rebuild 重建: the log is replayed, and what it makes is compared with what is stored, or written into a fresh store."""

from projections.rebuilding.findings import Difference
from projections.rebuilding.running import Rebuilt, Report, rebuild, rebuild_book

__all__ = ["Difference", "Rebuilt", "Report", "rebuild", "rebuild_book"]
