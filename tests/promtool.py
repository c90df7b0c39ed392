"""Scenes for Prometheus's rules: what the workers show minute by minute, and which alert fires when."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Scene:
    """Series as promtool writes them (`1x10 0x5`: eleven times 1, then six times 0), one value each `step`."""

    series: Mapping[str, str]
    step: str = "1m"
    _asked: list[dict[str, Any]] = field(default_factory=list)

    def fires(self, alert: str, at: str, times: int = 1, **labels: str) -> "Scene":
        """So many alerts of this name, with these labels, fire at this time."""
        samples = [{"labels": f'{{alertname="{alert}"}}', "value": times}] if times else []
        wanted = {"alertname": alert, "alertstate": "firing"} | labels
        matchers = ", ".join(f'{name}="{value}"' for name, value in wanted.items())
        expr = f"count by (alertname) (ALERTS{{{matchers}}})"
        return self.says(expr, at, samples)

    def silent(self, alert: str, at: str, **labels: str) -> "Scene":
        """No alert of this name, with these labels, fires at this time."""
        return self.fires(alert, at, 0, **labels)

    def says(self, expr: str, at: str, samples: list[dict[str, Any]]) -> "Scene":
        """An expression has these samples at this time."""
        self._asked.append({"expr": expr, "eval_time": at, "exp_samples": samples})
        return self

    def play(self, promtool: Path, rules: Path, folder: Path) -> None:
        """Play it; an assertion says what was otherwise."""
        lines = [{"series": name, "values": values} for name, values in self.series.items()]
        test = {"interval": self.step, "input_series": lines, "promql_expr_test": self._asked}
        file = folder / "scene.yaml"
        names = [str(path) for path in sorted(rules.glob("*.yaml"))]
        file.write_text(json.dumps({"rule_files": names, "evaluation_interval": self.step, "tests": [test]}))
        played = subprocess.run(
            [promtool, "test", "rules", file], capture_output=True, text=True, check=False
        )
        assert played.returncode == 0, played.stdout + played.stderr
