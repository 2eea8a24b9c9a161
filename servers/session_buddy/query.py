"""Translates a search into FTS5's query language: words, "phrases in quotes", and prefixes with a star*.

Phrases are required. Of the words any may match, and each match raises the score. All other characters are ignored, so
that no user needs FTS5's language and none can use it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

# Scripts that write no blanks between words: Thai, Lao, Khmer, Burmese, kana, Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
SEPARATOR = "\ufdd0"
TOKENIZER = f"tokenize = \"porter unicode61 remove_diacritics 2 separators '{SEPARATOR}'\""
_BETWEEN = re.compile(rf"(?<=[{_UNSPACED}])(?=\w|[{_UNSPACED}])|(?<=\w)(?=[{_UNSPACED}])")
_SEPARATED = re.compile(rf"(?<=[{_UNSPACED}]){SEPARATOR}(?=\w|[{_UNSPACED}])|(?<=\w){SEPARATOR}(?=[{_UNSPACED}])")
_TERM = re.compile(r'"([^"]*)"|([^\s"*\0]+)(\*?)')
_ACCENT = re.compile(r"[\u0300-\u036f]")
# A letter with more combining marks than this, which no language writes, is cut: to normalise marks takes quadratic
# time. The limit is that of UAX #15, Stream-Safe Text Format.
_MOST_MARKS = 30
_PART = re.compile(rf"(?s)\w*+\W{{1,{_MOST_MARKS}}}|\w++")
# A word as FTS5 has it in a folded text: letters and digits. An underscore separates words.
_WORD = re.compile(r"[^\W_]+")
_LAST_WORD = re.compile(rf"{_WORD.pattern}\Z")
_MOST_TERMS = 50

Expand = Callable[[str], Iterable[str]]


class Term(NamedTuple):
    """text: as the user wrote it. match: in FTS5's language. required: only texts that have it are found."""

    text: str
    match: str
    required: bool


def terms(text: str, expand: Expand) -> list[Term]:
    """The terms of a search, each once. expand: returns the known words with a prefix, folded."""
    found: dict[str, Term] = {}
    for written_phrase, written, star in _TERM.findall(text):
        phrase, word = fold(written_phrase), fold(written)
        if not _WORD.search(phrase or word):
            continue
        if phrase:
            term = Term(f'"{written_phrase.strip()}"', _quoted(phrase), required=True)
        elif star:
            known = [_quoted(each) for each in _completed(word, expand)]
            term = Term(f"{written}*", " OR ".join(known) or _quoted(word), required=False)
        else:
            term = Term(written, _quoted(word), required=False)
        found.setdefault(term.match, term)
    return list(found.values())[:_MOST_TERMS]


def _completed(word: str, expand: Expand) -> list[str]:
    """The completions of the last word; earlier words, as in `e-ma*`, have to precede it."""
    last = _LAST_WORD.search(word)
    return [word[: last.start()] + each for each in expand(last[0])] if last else []


def match(terms: list[Term]) -> str:
    """The whole search in FTS5's language."""
    required = [f"({term.match})" for term in terms if term.required]
    anything = f"({' OR '.join(f'({term.match})' for term in terms)})"
    return " AND ".join([*required, anything])


def segmented(text: str) -> str:
    """The text with a separator between the characters that are words by themselves."""
    return _BETWEEN.sub(SEPARATOR, text)


def joined(text: str) -> str:
    """The original of a segmented text."""
    return _SEPARATED.sub("", text)


def words(text: str) -> set[str]:
    """The words of a segmented text."""
    return set(_WORD.findall(text))


def fold(text: str) -> str:
    """The text without case and accents, with the same words. FTS5 removes accents from Latin letters only."""
    bare = _ACCENT.sub("", _normalized("NFD", _ACCENT.sub("", text.casefold())))
    return _normalized("NFC", bare)


def _normalized(form: Literal["NFC", "NFD"], text: str) -> str:
    if text.isascii():
        return text
    return "".join(unicodedata.normalize(form, part) for part in _PART.findall(text))


def _quoted(text: str) -> str:
    """A phrase in FTS5's language; the text has no quotes."""
    return '"' + segmented(text).replace("\0", " ") + '"'
