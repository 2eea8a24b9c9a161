"""Snippets: the part of a text around the matches of a search.

The time that FTS5's `snippet` takes grows with the square of the matches in a text. So the text is split into short
pieces, and the piece that matches best is shown.
"""

import re
import sqlite3
import weakref
from itertools import pairwise

from bodhisattva.servers.session_buddy import query

_LENGTH = 24  # words of a snippet
_HALF = 128  # words of half a piece; pieces overlap by a half, so that a phrase is whole in one of them
_HALVES = re.compile(rf"(?s)[\W_]*+(?:[^\W_]++[\W_]*+){{1,{_HALF}}}")
_MORE = "…"
_BEST = """
    SELECT rowid, snippet(pieces, 0, '[', ']', ?, ?) FROM pieces WHERE pieces MATCH ? ORDER BY rank, rowid LIMIT 1
"""


class Snippets:
    """An FTS5 table for the pieces of one text at a time."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.execute("CREATE TABLE texts (text TEXT)")
        self._database.execute(f"CREATE VIRTUAL TABLE pieces USING fts5(text, content = 'texts', {query.TOKENIZER})")

    def of(self, text: str, match: str) -> str:
        """The text around the best match; its beginning if nothing matches. match: in FTS5's language."""
        pieces = _pieces(query.segmented(text))
        self._fill(pieces)
        best = self._database.execute(_BEST, (_MORE, _LENGTH, match)).fetchone()
        number, found = best or (1, _beginning(pieces[0]))
        before = _MORE if number > 1 and not found.startswith(_MORE) else ""
        after = _MORE if number < len(pieces) and not found.endswith(_MORE) else ""
        return f"{before}{found}{after}".replace(query.SEPARATOR, "")

    def _fill(self, pieces: list[str]) -> None:
        self._database.execute("INSERT INTO pieces (pieces) VALUES ('delete-all')")
        self._database.execute("DELETE FROM texts")
        rows = list(enumerate(pieces, start=1))
        self._database.executemany("INSERT INTO texts (rowid, text) VALUES (?, ?)", rows)
        folded = [(number, query.fold(piece)) for number, piece in rows]
        self._database.executemany("INSERT INTO pieces (rowid, text) VALUES (?, ?)", folded)


def _pieces(text: str) -> list[str]:
    halves = _HALVES.findall(text) or [text]
    return [first + second for first, second in pairwise(halves)] or halves


def _beginning(piece: str) -> str:
    """The beginning of a piece, as FTS5 shows a column without a match."""
    words = re.match(rf"(?s)[\W_]*+(?:[^\W_]++[\W_]*+){{0,{_LENGTH}}}", piece)
    shown = words[0] if words else ""
    return shown if shown == piece else f"{shown.rstrip()}{_MORE}"
