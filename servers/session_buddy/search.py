"""Ranked full text search: an SQLite FTS5 table in memory, filled from the log."""

import sqlite3
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bodhisattva.servers.session_buddy import query

# bm25 weighs by column, the unindexed id included.
RANKING = {"method": "BM25", "weights": {"title": 2, "content": 1, "tags": 1}}
_RANKED = """
    SELECT rowid, knowledge_id, -bm25(knowledge, 0, 2, 1, 1) AS score
    FROM knowledge WHERE knowledge MATCH ? ORDER BY score DESC, rowid
"""
_SEARCHED = "INSERT INTO knowledge (rowid, knowledge_id, title, content, tags) VALUES (?, ?, ?, ?, ?)"
_SNIPPET = "SELECT snippet(knowledge, 2, '[', ']', '…', 24) FROM knowledge WHERE knowledge MATCH ? AND rowid = ?"
_HAS = "SELECT 1 FROM knowledge WHERE knowledge MATCH ? AND rowid = ?"
_MOST_FORMS = 50


class Hit(msgspec.Struct, frozen=True):
    """score: the higher, the better the match. matched: the terms that it has. snippet: around a match in brackets."""

    knowledge_id: str
    score: float
    matched: list[str]
    snippet: str


class Index:
    """The words of all captured knowledge."""

    def __init__(self) -> None:
        # The state may be made on one thread and used on another, never by both at once.
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        self._database.execute("CREATE TABLE texts (knowledge_id PRIMARY KEY, title TEXT, content TEXT, tags TEXT)")
        # What is searched is folded; what is shown is as it was written, and has the same words at the same places.
        self._database.execute(
            "CREATE VIRTUAL TABLE knowledge USING fts5(knowledge_id UNINDEXED, title, content, tags, content = 'texts',"
            f"tokenize = \"porter unicode61 remove_diacritics 2 separators '{query.SEPARATOR}'\")"
        )
        self._database.execute("CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, knowledge_id: str, title: str, content: str, tags: list[str]) -> None:
        self._insert([(knowledge_id, title, content, "\n".join(tags))])

    def _insert(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        for knowledge_id, *texts in rows:
            shown = [query.segmented(text) for text in texts]
            searched = [query.segmented(query.fold(text)) for text in texts]
            row = self._database.execute("INSERT INTO texts VALUES (?, ?, ?, ?)", (knowledge_id, *shown)).lastrowid
            self._database.execute(_SEARCHED, (row, knowledge_id, *searched))
            new = [(word,) for word in query.words(" ".join(searched))]
            self._database.executemany("INSERT OR IGNORE INTO words VALUES (?)", new)

    def content(self, knowledge_id: str) -> str:
        asked = "SELECT content FROM texts WHERE knowledge_id = ?"
        return query.joined(self._database.execute(asked, (knowledge_id,)).fetchone()[0])

    def search(
        self, text: str, limit: int, offset: int = 0, wanted: Callable[[str], bool] = lambda knowledge_id: True
    ) -> tuple[list[Hit], int]:
        """A page of the best hits among those `wanted`, by id, and how many there are in all (see `query`)."""
        asked = query.terms(text, self._forms)
        if not asked:
            return [], 0
        match = query.match(asked)
        ranked = [row for row in self._database.execute(_RANKED, (match,)) if wanted(row[1])]
        return [self._hit(asked, match, *row) for row in ranked[offset : offset + limit]], len(ranked)

    def _hit(self, asked: list[query.Term], match: str, row: int, knowledge_id: str, score: float) -> Hit:
        matched = [term.text for term in asked if self._database.execute(_HAS, (term.match, row)).fetchone()]
        snippet = self._database.execute(_SNIPPET, (match, row)).fetchone()[0]
        return Hit(knowledge_id, score, matched, snippet.replace(query.SEPARATOR, ""))

    def _forms(self, beginning: str) -> list[str]:
        """The first known words with a beginning: the index holds stems, in which it would not be found."""
        asked = "SELECT word FROM words WHERE word >= ? AND word < ? || char(1114111) ORDER BY word LIMIT ?"
        return [word for (word,) in self._database.execute(asked, (beginning, beginning, _MOST_FORMS))]

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
        index._insert(rows)
        return index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self._rows() == other._rows()

    def _rows(self) -> list[Any]:
        rows = self._database.execute("SELECT * FROM texts ORDER BY rowid")
        return [(knowledge_id, *map(query.joined, texts)) for knowledge_id, *texts in rows]
