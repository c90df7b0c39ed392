"""The audit fails on a known vulnerability, and says so where it could not be made."""

from pathlib import Path

import msgspec
import pytest

from tests.audit import Report, Unreachable, first_of, read, verdict

GOOD = {"name": "numpy", "version": "2.4.0", "vulns": []}
BAD = {
    "name": "requests",
    "version": "2.19.0",
    "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"]}],
}
UNFIXED = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "CVE-2099-1", "fix_versions": []}]}
SKIPPED = {"name": "faust-streaming", "skip_reason": "Dependency not found"}


def report(*dependencies: object) -> Report:
    return read(msgspec.json.encode({"dependencies": dependencies, "fixes": []}).decode(), "")


def test_nothing_known_is_good() -> None:
    assert verdict(report(GOOD)) == (0, ["1 packages audited, 0 known vulnerabilities"])


def test_a_known_vulnerability_fails_and_is_named_with_its_remedy() -> None:
    status, lines = verdict(report(GOOD, BAD, UNFIXED))
    assert status == 1
    assert lines == [
        "requests 2.19.0: PYSEC-2018-28, fixed in 2.20.0",
        "jinja2 3.1.0: CVE-2099-1, not fixed yet",
        "3 packages audited, 2 known vulnerabilities",
    ]


def test_what_was_not_audited_is_said() -> None:
    assert verdict(report(GOOD, SKIPPED)) == (
        0, ["1 packages audited, 0 known vulnerabilities", "not audited: faust-streaming"],
    )  # fmt: skip


def test_an_audit_of_nothing_is_no_audit() -> None:
    with pytest.raises(Unreachable, match="Dependency not found"):
        report(SKIPPED)
    with pytest.raises(Unreachable, match="nothing is listed"):
        report()


def test_an_error_is_no_audit() -> None:
    with pytest.raises(Unreachable, match=r"^no route to host$"):
        read("", "Traceback\n  in somewhere\nno route to host\n")


def test_the_first_package_of_a_lock_comes_with_its_hashes(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("one==1 \\\n    --hash=a \\\n    --hash=b\ntwo==2 \\\n    --hash=c\n")
    assert first_of(tmp_path / "lock") == "one==1 \\\n    --hash=a \\\n    --hash=b\n"
