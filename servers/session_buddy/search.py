"""Ranked full text search: an SQLite FTS5 table in memory, filled from the log."""

import re
import sqlite3
import weakref
from typing import Any

import msgspec

# The title counts twice (bm25 weighs by column, the unindexed id included).
_SEARCH = """
    SELECT knowledge_id, snippet(knowledge, 2, '[', ']', '…', 24), -bm25(knowledge, 0, 2, 1, 1) AS score
    FROM knowledge WHERE knowledge MATCH ? ORDER BY score DESC, rowid LIMIT ?
"""


class Hit(msgspec.Struct, frozen=True):
    """score: the higher, the better the match. snippet: the content around the match, which stands in brackets."""

    knowledge_id: str
    snippet: str
    score: float


class Index:
    """The words of all captured knowledge."""

    def __init__(self) -> None:
        # The state may be made on one thread and used on another, never by both at once.
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.execute(
            "CREATE VIRTUAL TABLE knowledge USING fts5"
            "(knowledge_id UNINDEXED, title, content, tags, tokenize = 'porter unicode61 remove_diacritics 2')"
        )

    def add(self, knowledge_id: str, title: str, content: str, tags: list[str]) -> None:
        row = (knowledge_id, title, content, "\n".join(tags))
        self._database.execute("INSERT INTO knowledge VALUES (?, ?, ?, ?)", row)

    def content(self, knowledge_id: str) -> str:
        query = "SELECT content FROM knowledge WHERE knowledge_id = ?"
        return str(self._database.execute(query, (knowledge_id,)).fetchone()[0])

    def search(self, text: str, limit: int) -> tuple[list[Hit], int]:
        """The best hits for any of the text's words, and how many there are in all."""
        query = _any_word(text)
        if not query:
            return [], 0
        hits = [Hit(*row) for row in self._database.execute(_SEARCH, (query, limit))]
        count = "SELECT count(*) FROM knowledge WHERE knowledge MATCH ?"
        return hits, self._database.execute(count, (query,)).fetchone()[0]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Index":
        copy = Index()
        self._database.backup(copy._database)
        return copy

    def pack(self) -> list[Any]:
        """For a snapshot of the state."""
        return self._rows()

    @classmethod
    def unpack(cls, rows: list[Any]) -> "Index":
        index = cls()
        index._database.executemany("INSERT INTO knowledge VALUES (?, ?, ?, ?)", rows)
        return index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self._rows() == other._rows()

    def _rows(self) -> list[Any]:
        return self._database.execute("SELECT * FROM knowledge ORDER BY rowid").fetchall()


def _any_word(text: str) -> str:
    """Each word quoted, so that nothing in the text is read as FTS5's query language."""
    return " OR ".join(f'"{word}"' for word in dict.fromkeys(re.findall(r"\w+", text)))
