"""How figures are written for people (9.1); they are computed exactly and rounded once, here.

Rounding is 四舍五入, half away from zero, as readers of reports expect it. A difference or a change that is not
zero but would round to zero is written 不足.
"""

from decimal import Decimal
from fractions import Fraction

Exact = Fraction | Decimal | int

YUAN, WAN, YI = 100, 10**6, 10**10
"""How many fen 分 one 元, one 万元, one 亿元 has."""

_COLOURS = {"P1": "红", "P2": "橙", "P3": "黄", "P4": "蓝"}


def yuan(fen: int) -> str:
    """Fen as 元 with two decimals, exact: 123,456.78元."""
    units, cents = divmod(abs(fen), YUAN)
    return f"{'-' if fen < 0 else ''}{units:,}.{cents:02d}元"


def wan(fen: int) -> str:
    """Fen as 万元 with two decimals: 12.35万元."""
    return f"{rounded(Fraction(fen, WAN))}万元"


def yi(fen: int) -> str:
    """Fen as 亿元 with two decimals: 2.91亿元."""
    return f"{rounded(Fraction(fen, YI))}亿元"


def amount(fen: int) -> str:
    """Fen in the largest unit of which there is at least one: 亿元, 万元 or 元."""
    if abs(fen) >= YI:
        return yi(fen)
    return wan(fen) if abs(fen) >= WAN else yuan(fen)


def points(difference: Exact) -> str:
    """A difference of two rates, as a ratio: −1/50 is 低2.00个百分点, 1/100 is +1.00百分点."""
    if not difference:
        return "持平"
    size = rounded(abs(Fraction(difference)) * 100)
    if size == "0.00":
        return f"{'低' if difference < 0 else '高'}不足0.01个百分点"
    return f"低{size}个百分点" if difference < 0 else f"+{size}百分点"


def change(ratio: Exact) -> str:
    """A change, as a ratio: −7/20 is 下降35.0%, 3/50 is 增长6.0%."""
    if not ratio:
        return "持平"
    word = "下降" if ratio < 0 else "增长"
    size = rounded(abs(Fraction(ratio)) * 100, 1)
    return f"{word}不足0.1%" if size == "0.0" else f"{word}{size}%"


def percent(ratio: Exact, places: int = 2) -> str:
    """A rate or share, as a ratio: 3/10 is 30.00%; for a change take `change`, for a difference `points`."""
    return f"{rounded(Fraction(ratio) * 100, places)}%"


def households(count: int) -> str:
    """Customers 户."""
    return f"{count:,}户"


def loans(count: int) -> str:
    """Loans 借据, counted in 笔."""
    return f"{count:,}笔"


def institutions(count: int) -> str:
    """Institutions, counted in 家."""
    return f"{count:,}家"


def colour(severity: str) -> str:
    """红 P1, 橙 P2, 黄 P3, 蓝 P4; the codes themselves never stand before people."""
    return _COLOURS[severity]


def rounded(value: Exact, places: int = 2) -> str:
    """The number with so many decimals, half away from zero, thousands apart; never −0.00."""
    exact = Fraction(value)
    scaled = abs(exact) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    units, rest = divmod(whole, 10**places)
    sign = "-" if exact < 0 and whole else ""
    return f"{sign}{units:,}.{rest:0{places}d}" if places else f"{sign}{units:,}"
