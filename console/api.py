"""The figures and alerts as JSON: the arguments of the commands, and their answers."""

import argparse
from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from console.alerting import alerts_at
from console.question import Question, WrongQuestion, given
from projections.alerts import State
from projections.commands import alerts_json, figures_json, is_known, view_asked
from projections.figure import COUNTY
from projections.indicators import INDICATORS, find
from projections.rules.catalogue import RULE_BOOK
from projections.to_come import data_end
from projections.views import Figures

_SAID: Final = {"1": True, "true": True, "yes": True, "": False, "0": False, "false": False, "no": False}


class Answer(NamedTuple):
    """What the command answers, and the instant (µs) up to which data have come where more was asked for."""

    rows: list[dict[str, Any]]
    data_end: int | None


def figures_answer(figures: Figures, asked: argparse.Namespace) -> Answer:
    """What `puhui figures --json` answers."""
    if not is_known(figures, asked.institution):
        raise WrongQuestion("没有登记这个机构；请用其统一社会信用代码，全县为 county。")
    return Answer(figures_json(figures, asked), data_end(figures, view_asked(figures, asked)))


def figures_asked(query: Mapping[str, str]) -> argparse.Namespace:
    """`institution`, `indicator`, `as_of`, `known_at`, `bridge` and `parts` as the command has them."""
    _only(query, "institution", "indicator", "as_of", "known_at", "bridge", "parts")
    view, indicator = Question.read(query), given(query, "indicator")
    try:
        if indicator:
            find(indicator)
    except KeyError:
        raise WrongQuestion(f"没有这个指标；可用：{'、'.join(INDICATORS)}。") from None
    as_of: date | None = view.as_of
    return argparse.Namespace(
        institution=given(query, "institution") or None, indicator=indicator or None, as_of=as_of,
        known_at=view.known_at, bridge=_flag(query, "bridge"), parts=_flag(query, "parts"),
    )  # fmt: skip


def alerts_asked(query: Mapping[str, str]) -> argparse.Namespace:
    """`state`, `rule`, `institution` (and `known_at`) of the alerts wanted."""
    _only(query, "state", "rule", "institution", "known_at")
    state, rule = given(query, "state"), given(query, "rule")
    if state and state not in set(State):
        raise WrongQuestion(f"没有这个状态；可用：{'、'.join(State)}。")
    if rule and rule not in RULE_BOOK:
        raise WrongQuestion(f"没有这个规则；可用：{'、'.join(RULE_BOOK)}。")
    return argparse.Namespace(
        state=state or None, rule=rule or None, subject=given(query, "institution") or None,
        known_at=Question.read(query).known_at,
    )  # fmt: skip


def alerts_answer(figures: Figures, asked: argparse.Namespace) -> Answer:
    """The alerts as they stand, or as they stood at `known_at`."""
    found = alerts_json(alerts_at(figures.store, asked.known_at), asked)
    return Answer(found, data_end(figures, figures.live(COUNTY, asked.known_at)))


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "").strip().lower()
    # A bare `?bridge` is the command's `--bridge`.
    if text == "" and name in query:
        return True
    if text not in _SAID:
        raise WrongQuestion(f"参数 {name} 只能是 1 或 0。")
    return _SAID[text]


def _only(query: Mapping[str, str], *names: str) -> None:
    if not set(query) <= set(names):
        raise WrongQuestion(f"参数只能是：{'、'.join(names)}。")
