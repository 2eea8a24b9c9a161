"""Ranked full text search: an SQLite FTS5 table in memory, filled from the log.

A search indexes the texts that were added since, unless `catch_up` has done so before. Both may run on another thread
than `add`, since a search of many words in many texts would block the event loop.
"""

import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import msgspec

from bodhisattva.servers.core.errors import LimitExceeded, Unavailable
from bodhisattva.servers.session_buddy import query
from bodhisattva.servers.session_buddy.snippets import Snippets

# bm25 weighs by column.
RANKING = {"method": "BM25", "weights": {"title": 2, "content": 1, "tags": 1}}
_RANKED = """
    SELECT rowid, -bm25(knowledge, 2, 1, 1) AS score
    FROM knowledge WHERE knowledge MATCH ? ORDER BY score DESC, rowid
"""
_INDEXED = "INSERT INTO knowledge (rowid, title, content, tags) VALUES (?, ?, ?, ?)"
_COUNTED = "SELECT count(*) FROM knowledge WHERE knowledge MATCH ?"
_HAS = "SELECT 1 FROM knowledge WHERE knowledge MATCH ? AND rowid = ?"
_MOST_COMPLETIONS = 50
_BATCH = 100_000  # characters
LONGEST = 5.0
"""The longest time that a search may take, in seconds."""
_STEPS = 50  # instructions of SQLite's virtual machine between two checks of that time


class Hit(msgspec.Struct, frozen=True):
    """score: higher is better. matched: the terms that the text has. snippet: the text around a match in brackets."""

    knowledge_id: str
    score: float
    matched: list[str]
    snippet: str


class Row(NamedTuple):
    """tags: one per line."""

    knowledge_id: str
    title: str
    content: str
    tags: str


class Index:
    """The full text index of all captured knowledge."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._indexed = 0
        self._lock = Lock()

    @cached_property
    def _snippets(self) -> Snippets:
        return Snippets()

    @cached_property
    def _database(self) -> sqlite3.Connection:
        database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, database.close)
        database.execute(
            f"CREATE VIRTUAL TABLE knowledge USING fts5(title, content, tags, content = '', {query.TOKENIZER})"
        )
        database.execute("CREATE TABLE words (word TEXT PRIMARY KEY) WITHOUT ROWID")
        return database

    def add(self, knowledge_id: str, title: str, content: str, tags: list[str]) -> None:
        self._add(Row(knowledge_id, title, content, "\n".join(tags)))

    def _add(self, row: Row) -> None:
        self._places[row.knowledge_id] = len(self._rows)
        self._rows.append(row)

    def content(self, knowledge_id: str) -> str:
        return self._rows[self._places[knowledge_id]].content

    @property
    def behind(self) -> bool:
        """Whether some added texts are not indexed yet."""
        return self._indexed < len(self._rows)

    def catch_up(self) -> None:
        """Index some of these texts."""
        with self._lock:
            self._index()

    def _index(self) -> None:
        left = _BATCH
        while self.behind and left > 0:
            row = self._rows[self._indexed]
            left -= sum(map(len, row))
            searched = [query.segmented(query.fold(text)) for text in row[1:]]
            self._database.execute(_INDEXED, (self._indexed + 1, *searched))
            new = [(word,) for word in query.words(" ".join(searched))]
            self._database.executemany("INSERT OR IGNORE INTO words VALUES (?)", new)
            self._indexed += 1

    def search(
        self, text: str, limit: int, offset: int = 0, wanted: Callable[[str], bool] = lambda knowledge_id: True
    ) -> tuple[list[Hit], int]:
        """A page of the best hits whose id is `wanted`, and the number of all hits (see `query`).

        LimitExceeded if the search takes longer than `LONGEST`, Unavailable if not all texts are indexed by then.
        """
        until = time.monotonic() + LONGEST
        with self._lock:
            while self.behind:
                if time.monotonic() > until:
                    raise Unavailable("The index is being made; try again.", retry_after=1.0)
                self._index()
            with self._limited(until):
                return self._found(text, limit, offset, wanted)

    def _found(self, text: str, limit: int, offset: int, wanted: Callable[[str], bool]) -> tuple[list[Hit], int]:
        terms = query.terms(text, self._words_with)
        if not terms:
            return [], 0
        match = query.match(terms)
        ranked = [row for row in self._ranked(terms, match) if wanted(self._rows[row[0] - 1].knowledge_id)]
        return [self._hit(terms, *row) for row in ranked[offset : offset + limit]], len(ranked)

    def _ranked(self, terms: list[query.Term], match: str) -> Iterator[tuple[int, float]]:
        """Rank the matches. A count of each term comes first: bm25 counts them too, and cannot be interrupted."""
        for term in terms:
            self._database.execute(_COUNTED, (term.match,)).fetchone()
        yield from self._database.execute(_RANKED, (match,))

    @contextmanager
    def _limited(self, until: float) -> Iterator[None]:
        self._database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise LimitExceeded(
                "The search takes too long; use fewer or rarer words.", field="query", limit=LONGEST
            ) from None
        finally:
            self._database.set_progress_handler(None, 0)

    def _hit(self, terms: list[query.Term], row: int, score: float) -> Hit:
        found = [term for term in terms if self._database.execute(_HAS, (term.match, row)).fetchone()]
        text = self._rows[row - 1]
        snippet = self._snippets.of(text.content, " OR ".join(f"({term.match})" for term in found))
        return Hit(text.knowledge_id, score, [term.text for term in found], snippet)

    def _words_with(self, prefix: str) -> list[str]:
        """The first known words with a prefix. The FTS5 table cannot find them, since it holds stems."""
        statement = "SELECT word FROM words WHERE word >= ? AND word < ? || char(1114111) ORDER BY word LIMIT ?"
        return [word for (word,) in self._database.execute(statement, (prefix, prefix, _MOST_COMPLETIONS))]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Index":
        return self.unpack(self._rows)

    def pack(self) -> list[Any]:
        """The rows, for a snapshot of the state."""
        return [tuple(row) for row in self._rows]

    @classmethod
    def unpack(cls, rows: list[Any]) -> "Index":
        index = cls()
        for row in rows:
            index._add(Row(*row))
        return index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and self._rows == other._rows
