"""Reads the store for the pages: one thread, read-only, opened when it is first needed and again after a failure."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, TypeVar

from aggregates.store import Store, StoreFailed, open_store
from projections.views import Figures

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)


class Reader:
    """Answers questions about a store while a worker writes into it; each answer follows the store first."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._figures: Figures | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="figures")

    async def ask(self, question: Callable[[Figures], T]) -> T:
        """The answer; StoreFailed where the store cannot be read now."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Figures], T]) -> T:
        try:
            if self._figures is None:
                self._figures = _opened(self._url)
            else:
                self._figures.follow()
            return question(self._figures)
        except StoreFailed as error:
            _LOG.warning("the store cannot be read: %s", error)
            self._forget()
            raise

    def _forget(self) -> None:
        figures, self._figures = self._figures, None
        if figures is not None:
            with suppress(StoreFailed):
                figures.store.close()

    async def close(self) -> None:
        """Close the store and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._forget)
        self._thread.shutdown()


def _opened(url: str) -> Figures:
    store: Store = open_store(url, read_only=True)
    try:
        return Figures(store)
    except BaseException:
        store.close()
        raise
