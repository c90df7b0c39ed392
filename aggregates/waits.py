"""What the events of a book wait for, in memory as long as they wait: one that waits alone takes no set of its own."""

from collections.abc import Set


class Waits(dict[str, int | set[int]]):
    """The hashes of the events that wait, by what they wait for; where it is more than one, a set of them."""

    def add(self, wait: str, event: int) -> None:
        """An event waits for this."""
        found = self.get(wait)
        if found is None:
            self[wait] = event
        elif isinstance(found, set):
            found.add(event)
        elif found != event:
            self[wait] = {found, event}

    def drop(self, wait: str, event: int) -> None:
        """An event waits for this no longer."""
        found = self.get(wait)
        if isinstance(found, set):
            found.discard(event)
        if found == event or found == set():
            del self[wait]

    def events(self, wait: str) -> Set[int]:
        """The events that wait for this."""
        found = self.get(wait)
        if isinstance(found, set):
            return found
        return frozenset() if found is None else frozenset((found,))
