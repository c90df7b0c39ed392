"""Text in columns: a full-width character takes two places, as terminals show it."""

import re
from typing import Final
from unicodedata import east_asian_width

_WORDS: Final = re.compile(r"[\x21-\x7e]+|[^\x00-\x7f][，。；：、）」”]*|\s")
"""What stays together at the end of a line: a word, or a character with the punctuation that follows it."""


def width(text: str) -> int:
    """How many places a text takes."""
    return sum(2 if east_asian_width(mark) in "WF" else 1 for mark in text)


def padded(text: str, places: int) -> str:
    """The text with blanks behind it, so that it takes so many places."""
    return text + " " * (places - width(text))


def wrapped(text: str, places: int, indent: str = "") -> list[str]:
    """The text in lines of so many places at most, the later ones indented; a longer word stands alone."""
    lines = [""]
    for word in _WORDS.findall(text):
        if width(lines[-1]) + width(word) > places and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        if word.strip() or lines[-1].strip() or len(lines) == 1:
            lines[-1] += word
    return lines
