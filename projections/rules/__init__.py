"""Rules: each compares an indicator with a target, or with its own past, and says a reading; all are pure."""

from projections.rules.catalogue import RULE_BOOK, RuleInfo
from projections.rules.positions import position_findings, total_findings
from projections.rules.quarters import quarter_findings
from projections.rules.refusals import spike_findings, unauthentic_findings

__all__ = [
    "RULE_BOOK",
    "RuleInfo",
    "position_findings",
    "quarter_findings",
    "spike_findings",
    "total_findings",
    "unauthentic_findings",
]
