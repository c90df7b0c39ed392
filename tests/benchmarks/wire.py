"""One institution's events as bytes: structured CloudEvents with the instant at which each is published."""

from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000
FIRST_DAY: Final = date(2023, 1, 1)
"""Business day 0 of the generated history."""
LATE: Final = 0.01
REPEATED: Final = 0.005
_EPOCH_DAY: Final = FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()
_BEIJING_MS: Final = 8 * 3_600_000
_NIGHT_MS: Final = (2 * 3_600_000, 6 * 3_600_000)
"""Reports of a day leave in the night after it (T+1), between these times of day."""
_DIVISIONS: Final = ("141024", "141024", "141024", "141002", "141023", "141082")

_ISO: Final = [date.fromordinal(FIRST_DAY.toordinal() + n).isoformat() for n in range(-400, 6 * 366)]


def iso(day: int) -> str:
    """The date of a business day, counted from `FIRST_DAY`."""
    return _ISO[day + 400]


def midnight(day: int) -> int:
    """The beginning of a business day at +08:00, in milliseconds of Unix time."""
    return (_EPOCH_DAY + day) * DAY_MS - _BEIJING_MS


class Published(NamedTuple):
    """One record: when it is published (ms), which institution's it is, and its bytes."""

    at: int
    institution: int
    value: bytes


class Teller:
    """Writes one institution's events; nothing with a business date behind the last day is told."""

    def __init__(
        self, number: int, code: str, days: int, environment: str, *, seed: int = 0, loans: int = 0
    ) -> None:
        self.number, self.code, self.days = number, code, days
        self.random = Random(f"teller {number} {seed}")
        self.told: list[Published] = []
        self._loans = loans
        self._head = (
            f'","specversion":"1.0","source":"urn:puhui:inst:{code}","partitionkey":"{code}",'
            f'"environment":"{environment}","id":"'
        )
        self._division = [f'","institution_id":"{code}","division_code":"{d}",' for d in _DIVISIONS]

    def loan_no(self) -> str:
        """The next number of a 借据."""
        self._loans += 1
        return f"JJ{self.number:02d}{self._loans:08d}"

    def tell(self, day: int, kind: str, data: str, *, late: bool = True, at: int | None = None) -> bool:
        """Publish one event of a business day; False where that day lies behind the end."""
        if day >= self.days:
            return False
        rnd = self.random.random
        if at is None:
            delay = 1 + (self.random.randint(1, 20) if late and rnd() < LATE else 0)
            at = midnight(day + delay) + _NIGHT_MS[0] + int(rnd() * (_NIGHT_MS[1] - _NIGHT_MS[0]))
        bits = self.random.getrandbits(74)
        identity = (
            f"{at >> 16:08x}-{at & 0xFFFF:04x}-7{bits & 0xFFF:03x}-"
            f"{0x8000 | bits >> 12 & 0x3FFF:04x}-{bits >> 26:012x}"
        )
        second = bits % 28_800
        clock = f"{9 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        text = (
            f'{{"type":"cn.puhui.{kind}.v1{self._head}{identity}","time":"{iso(day)}T{clock}+08:00",'
            f'"data":{{"business_date":"{iso(day)}{self._division[bits % 6]}{data}}}}}'
        )
        published = Published(at, self.number, text.encode())
        self.told.append(published)
        if rnd() < REPEATED:
            self.told.append(published._replace(at=at + self.random.choice((1_000, 60_000, 2 * DAY_MS))))
        return True


def pairs(fields: Mapping[str, object]) -> str:
    """Fields as the inside of a JSON object; texts need no escape here."""
    return ",".join(
        f'"{name}":"{value}"' if isinstance(value, str) else f'"{name}":{str(value).lower()}'
        for name, value in fields.items()
    )
