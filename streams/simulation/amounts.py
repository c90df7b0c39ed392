"""Dividing an exact sum into amounts that look like loans."""

from collections.abc import Sequence
from random import Random


def divide(total: int, weights: Sequence[float], unit: int = 10, largest: int = 9_000) -> list[int]:
    """Amounts by weight that add up to `total` exactly, round where that is possible, none above `largest`."""
    count = len(weights)
    if not count:
        if total:
            raise ValueError(f"{total} for nobody")
        return []
    if not count <= total <= count * largest:
        raise ValueError(f"{total} cannot be divided by {count}")
    factor = total / sum(weights)
    smallest = max(1, min(unit, total // count))
    found = [max(smallest, min(largest, int(weight * factor) // unit * unit)) for weight in weights]
    left = total - sum(found)
    while left:
        for n in range(count):
            if left > 0:
                step = min(left, unit if left >= unit else left, largest - found[n])
            else:
                step = -min(-left, unit if -left >= unit else -left, found[n] - 1)
            found[n] += step
            left -= step
            if not left:
                break
    return found


def sizes(rng: Random, count: int, spread: float = 0.7) -> list[float]:
    """Weights of so many loans: many small, few large."""
    return [rng.lognormvariate(0.0, spread) for _ in range(count)]
