"""The pages of the documentation that are made from tables: `python -m tests.pages` writes them anew."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from projections.indicators import INDICATORS
from projections.metrics import MEASURES, METRICS, PERIODS, Metric
from puhui.settings import SETTINGS

_DOCS: Final = Path(__file__).parents[1] / "docs"
_SETTINGS: Final = """\
# Settings

Settings are environment variables. A wrong one stops the start with exit status 2, its name, and what is
allowed; one that is not in this table, with the name that is nearest to it. Those with `…_FILE` may stand in a
file: the variable with that ending names it. This page is made from `puhui/settings.py`: change it there.

| variable | meaning | default | allowed |
|---|---|---|---|
"""
_METRICS: Final = f"""\
# Metrics

Every worker shows them on `http://PUHUI_HTTP_HOST:PUHUI_METRICS_PORT/metrics`, by default on loopback only, elsewhere to whoever
shows `PUHUI_HTTP_TOKEN`, and says on
`/-/healthy` whether its positions move (or there is nothing to do) and on `/-/ready` whether it is assigned, recovered
and reading: 200 or 503, with the reason in the body. This page is made from `projections/metrics.py`: change it there.

- **Units.** Prometheus knows floats only. Money, kept as whole fen 分, is shown in yuan 元: exact to the fen up to 90
  trillion yuan. Ratios are ratios (0.3 is 30 %); a difference of ratios is one too (0.01 is 1 百分点).
- **No value, no sample.** A figure that is not provided, or whose base is not known, has no sample; it is never 0.
- **Labels.** `institution` is the 统一社会信用代码, or `county`; `name` is its name as it is known now. `period` is a closed
  quarter, such as `2024Q3`. No customer and no loan is ever a label.
- **Live and official.** A live figure is as of the institution's latest complete business day. Official figures 正式数 are
  those of the last {PERIODS} closed quarters, as pinned at their closing or as restated by an approval. Prometheus keeps
  time by its own clock, so a past quarter is a label, not a past sample: draw them with an instant query.
- **Several workers.** Each one shows the institutions whose partitions it owns, and one of them the county: add over
  `instance`. An institution that moves to another worker is away for as long as the figures are made anew.
- **Freshness.** Figures are made beside the scrapes, at most every two seconds, and under load at most a tenth of the
  time is spent on them: `puhui_figures_updated_timestamp_seconds` says how old they are. What is asked of the page or the
  API holds every event that is committed: `puhui_event_delay_seconds` says how long that takes, and the objective goes by
  it (where records carry the clock, in `demo` and `test`, from the fetch on).
"""


def settings_page() -> str:
    """The page `docs/settings.md`."""
    lines = []
    for s in SETTINGS:
        file = " or `…_FILE`" if s.secret else ""
        lines.append(f"| `{s.name}`{file} | {s.meaning} | {s.shown} | {s.allowed.rstrip(',')} |\n")
    return _SETTINGS + "".join(lines)


def metrics_page() -> str:
    """The page `docs/metrics.md`."""
    return "\n".join([_METRICS, *_measures(), *_others()]).rstrip() + "\n"


def _measures() -> Iterator[str]:
    yield "## Business figures"
    yield ""
    yield "All are gauges with the labels `institution` and `name`; those of closed quarters have `period` too."
    yield ""
    yield "| live | closed quarters | what | indicator | unit | further labels |"
    yield "|---|---|---|---|---|---|"
    for measure in MEASURES:
        live, unit = measure.live, measure.live.unit or "1"
        official = f"`{measure.official.name}`" if measure.closed else "–"
        indicator = f"{measure.number} {INDICATORS[measure.number].title}"
        labels = _labels(measure.labels)
        yield f"| `{live.name}` | {official} | {measure.title} | {indicator} | {unit} | {labels} |"
    yield ""


def _others() -> Iterator[str]:
    shown = {name for m in MEASURES for name in (m.live.name, m.official.name)}
    groups = {
        "About the figures": ("live", "official"),
        "Counts": ("counts",),
        "The worker": ("worker",),
        "The process": ("process",),
    }
    for title, names in groups.items():
        yield f"## {title}"
        yield ""
        yield from _table(m for m in METRICS.values() if m.group in names and m.name not in shown)
        yield ""


def _table(metrics: Iterable[Metric]) -> Iterator[str]:
    yield "| metric | kind | what | unit | labels |"
    yield "|---|---|---|---|---|"
    for m in metrics:
        yield f"| `{m.name}` | {m.kind} | {m.help} | {m.unit or '1'} | {_labels(m.labels)} |"


def _labels(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels) or "–"


if __name__ == "__main__":
    (_DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (_DOCS / "metrics.md").write_text(metrics_page(), encoding="utf-8")
