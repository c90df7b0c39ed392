"""A worker is judged by its progress, and shows its numbers without getting in its own way."""

import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from kafka.errors import CorruptRecordError

from aggregates.store import open_store
from projections.exporter import CONTENT_TYPE, Told
from puhui.settings import Settings
from streams import progress
from streams.broker import free_port
from streams.delays import Delays
from streams.exposing import Exposing
from streams.progress import FRESH, SLOW, STALLED, Leaving, Progress
from tests.examples import BANK

LOANS, REGISTRY = TP("loan-events", 1), TP("registry-events", 1)


@dataclass
class FakeCluster:
    """Kafka with given ends."""

    kafka: str = ""
    found: dict[TP, int] = field(default_factory=lambda: {LOANS: 10, REGISTRY: 2})

    def ends(self, *, stable: bool = False) -> dict[TP, int]:
        assert stable
        return dict(self.found)


@dataclass
class FakeEngine:
    """An engine that has taken in some events."""

    taken: dict[TP, int] = field(default_factory=lambda: {LOANS: 4, REGISTRY: 2})
    cluster: FakeCluster = field(default_factory=FakeCluster)
    clocks: dict[TP, int] = field(default_factory=dict)
    known_until: int = 0
    turn: int = 1
    restarts: int = 0
    moved_at: float = 0.0
    closing: bool = False
    hurried: bool = False
    waiting: set[TP] = field(default_factory=set)
    by_record_clock: bool = False
    evaluator: Any = None
    presides: bool = False
    delays: Delays = field(default_factory=Delays)

    @property
    def intake(self) -> Any:
        books = {
            BANK: SimpleNamespace(name=BANK, parked={7: 1, 8: 2}, behind=30),
            "registry:1": SimpleNamespace(name="registry:1", parked={}, behind=0),
        }
        return SimpleNamespace(
            books=books,
            parked=lambda: {BANK: 2},
            seconds={"decide": 2.0},
            by_record_clock=self.by_record_clock,
            hurried=self.hurried,
        )

    def positions(self) -> dict[TP, int]:
        return self.taken

    def later(self) -> set[TP]:
        return self.waiting

    def owns(self, name: str) -> bool:
        return True


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    monkeypatch.setattr(progress, "times_of", lambda bootstrap, positions: dict.fromkeys(positions, 940.0))
    return made


def watched(engine: FakeEngine) -> Progress:
    found = Progress(engine)  # type: ignore[arg-type]  # as far as it is asked
    found.look()
    found.ask()
    found.look()
    return found


def after(found: Progress, clock: Clock, seconds: float) -> None:
    """Time passes, and the event loop runs."""
    clock.now += seconds
    found.look()


def test_who_stands_while_something_waits_is_not_healthy(clock: Clock) -> None:
    found = watched(FakeEngine())
    after(found, clock, STALLED - 1)
    assert not found.why_not_healthy()
    after(found, clock, 2)
    assert "1 partitions have something to read" in found.why_not_healthy()
    assert not found.state().healthy


def test_who_stands_while_something_waits_is_soon_not_ready_and_is_again_when_it_moves(clock: Clock) -> None:
    engine = FakeEngine()
    found = watched(engine)
    after(found, clock, SLOW - 1)
    assert not found.why_not_ready()
    after(found, clock, 2)
    assert "1 partitions have something to read" in found.why_not_ready()
    engine.taken = {**engine.taken, LOANS: 5}
    after(found, clock, 1)
    assert not found.why_not_ready()


def test_who_moves_is_healthy_however_long_it_takes(clock: Clock) -> None:
    engine = FakeEngine()
    found = watched(engine)
    for position in range(5, 10):
        engine.taken = {**engine.taken, LOANS: position}
        after(found, clock, STALLED - 1)
        assert not found.why_not_healthy()


def test_who_has_nothing_to_do_is_healthy(clock: Clock) -> None:
    found = watched(FakeEngine(taken={LOANS: 10, REGISTRY: 2}))
    after(found, clock, 100 * STALLED)
    assert not found.why_not_healthy()
    assert found.state().healthy


def test_work_that_comes_after_a_long_quiet_time_is_given_its_time(clock: Clock) -> None:
    engine = FakeEngine(taken={LOANS: 10, REGISTRY: 2})
    found = watched(engine)
    after(found, clock, 10 * STALLED)
    engine.cluster.found[LOANS] = 20
    found.ask()
    after(found, clock, STALLED - 1)
    assert not found.why_not_healthy()
    after(found, clock, 2)
    assert found.why_not_healthy()


def test_an_event_loop_that_hangs_is_not_healthy_and_soon_not_ready(clock: Clock) -> None:
    found = watched(FakeEngine(taken={LOANS: 10, REGISTRY: 2}))
    assert not found.why_not_ready()
    clock.now += FRESH + 1
    assert found.why_not_ready()
    assert not found.why_not_healthy()
    clock.now += STALLED
    assert "event loop" in found.why_not_healthy()


def test_ready_is_assigned_recovered_and_reading(clock: Clock) -> None:
    engine = FakeEngine()
    found = watched(engine)
    assert found.state().ready
    for change, word in (
        ({"taken": {}}, "no partitions"),
        ({"waiting": {LOANS}}, "registry"),
        ({"closing": True}, "stops"),
    ):
        other = FakeEngine(**change)
        assert word in watched(other).why_not_ready()


def test_each_turn_with_partitions_is_one_assignment(clock: Clock) -> None:
    engine = FakeEngine(taken={})
    found = watched(engine)
    assert found.state().assignments == 0
    for turn in (2, 2, 3):
        engine.turn, engine.taken = turn, {LOANS: 4, REGISTRY: 2}
        found.look()
    assert found.state().assignments == 2


def test_the_oldest_waiting_event_is_told_by_its_timestamp(clock: Clock) -> None:
    engine = FakeEngine()
    found = watched(engine)
    assert found.state().oldest == {("loan-events", 1): 60.0, ("registry-events", 1): 0.0}
    engine.taken = {LOANS: 10, REGISTRY: 2}
    found.look()
    assert found.state().oldest[("loan-events", 1)] == 0.0


def test_where_records_carry_the_clock_age_is_measured_by_it(clock: Clock) -> None:
    found = watched(FakeEngine(by_record_clock=True, clocks={LOANS: 950_000_000}))
    assert found.state().oldest[("loan-events", 1)] == 10.0


def test_what_waits_and_what_a_restart_would_repeat_is_told(clock: Clock) -> None:
    state = watched(FakeEngine(restarts=1)).state()
    assert (state.parked, state.behind, state.restarts) == ({BANK: 2}, 30, 1)
    assert state.ends == {("loan-events", 1): 10, ("registry-events", 1): 2}
    assert state.stages == {"decide": 2.0, "judge": 0.0}


def test_who_judges_says_up_to_when_and_who_sends_what_has_left(clock: Clock) -> None:
    engine = FakeEngine(presides=True, evaluator=SimpleNamespace(seconds=1.5, judged_at=990.0))
    leaving = Leaving(lambda: {"alerts": 3}, lambda: 1, lambda: {"one:9093": Told(2, 0, 0)})
    found = Progress(engine, leaving)  # type: ignore[arg-type]  # as far as it is asked
    found.look()
    state = found.state()
    assert (state.presides, state.judged_at, state.stages["judge"]) == (True, 990.0, 1.5)
    assert (state.sent, state.send_failures, state.told["one:9093"].notices) == ({"alerts": 3}, 1, 2)
    assert state.outbox == {"alerts": 0, "rejected-events": 0}


# over HTTP


def get(port: int, path: str) -> tuple[int, str, str]:
    """The status, the type and the body of one answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def answered(port: int) -> bool:
    try:
        return get(port, "/")[0] == 200
    except OSError:
        return False


def eventually(condition: Any, limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def exposing(tmp_path: Path, port: int) -> Exposing:
    store = f"sqlite:{tmp_path / 'puhui.db'}"
    settings = Settings.read({"PUHUI_STORE": store, "PUHUI_METRICS_PORT": str(port)})
    return Exposing(settings, FakeEngine())  # type: ignore[arg-type]  # as far as it is asked


def test_figures_and_judgements_are_shown_on_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "times_of", lambda bootstrap, positions: {})
    open_store(f"sqlite:{tmp_path / 'puhui.db'}").close()
    port = free_port()
    it = exposing(tmp_path, port)
    it.start()
    try:
        eventually(lambda: answered(port))
        assert get(port, "/-/ready")[0] == 503
        it.progress.look()
        assert get(port, "/-/ready") == (200, "text/plain; charset=utf-8", "ready\n")
        assert get(port, "/-/healthy")[0] == 200
        assert get(port, "/nothing")[0] == 404
        eventually(lambda: "puhui_figures_updated_timestamp_seconds" in get(port, "/metrics")[2])
        status, kind, body = get(port, "/metrics")
        assert (status, kind) == (200, CONTENT_TYPE)
        assert 'puhui_partition_tracked_offset{partition="1",topic="loan-events"} 4.0' in body
        assert 'puhui_alerts{rule="NprSwing",state="confirmed"} 0.0' in body
        assert "puhui_store_bytes" in body
        assert 'puhui_outbox_messages{topic="alerts"} 0.0' in body
    finally:
        it.stop()


@pytest.mark.parametrize(
    ("quiet_for", "backlog", "rests"), [(0.0, False, 9), (0.0, True, 29), (60.0, False, 0)]
)
def test_figures_rest_while_events_come_in_and_longer_in_a_backlog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_for: float, backlog: bool, rests: int
) -> None:
    it = exposing(tmp_path, 0)
    it._engine.moved_at = time.monotonic() - quiet_for
    monkeypatch.setattr(it._engine, "hurried", backlog, raising=False)
    waited: list[float] = []
    monkeypatch.setattr(it._stop, "wait", waited.append)
    began = time.thread_time()
    while time.thread_time() - began < 0.02:
        pass
    it._rest(began)
    assert bool(waited) is bool(rests)
    assert all(rests * 0.02 <= pause < rests * 0.1 for pause in waited)


def test_a_store_that_is_away_is_counted_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    it = exposing(tmp_path / "missing", port)
    it.start()
    try:
        eventually(lambda: answered(port))
        eventually(lambda: "puhui_figures_failures_total 1.0" in get(port, "/metrics")[2])
        assert "figures are not brought up to date" in caplog.text
    finally:
        it.stop()


def test_a_port_that_is_taken_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    first, second = exposing(tmp_path, port), exposing(tmp_path, port)
    first.start()
    try:
        eventually(lambda: answered(port))
        second.start()
        eventually(lambda: "PUHUI_METRICS_PORT" in caplog.text)
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("error", [CorruptRecordError, UnicodeDecodeError("utf-8", b"", 0, 1, "")])
def test_what_this_client_cannot_unpack_hides_no_ends(
    monkeypatch: pytest.MonkeyPatch, error: Exception | type[Exception]
) -> None:
    class Helpless:
        """A consumer that is delivered what nobody can unpack."""

        def __init__(self, **options: Any) -> None: ...
        def assign(self, partitions: Any) -> None: ...
        def seek(self, partition: Any, offset: int) -> None: ...
        def close(self) -> None: ...
        def poll(self, **options: Any) -> Any:
            raise error

    monkeypatch.setattr(progress, "KafkaConsumer", Helpless)
    assert progress.times_of("127.0.0.1:9", {LOANS: 5}) == {}
