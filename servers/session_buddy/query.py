"""What a search asks for, read from text: words, "phrases in quotes", and beginnings of words with a star*.

Phrases have to occur; of the words any may, and each that does counts. Everything else in the text means nothing, so
that nobody has to know FTS5's query language, and nobody can use it.
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
# A letter with more marks than this, which no language writes, is cut: to put marks in order takes the square of their
# number. The limit is that of UAX #15, Stream-Safe Text Format.
_MOST_MARKS = 30
_PART = re.compile(rf"(?s)\w*+\W{{1,{_MOST_MARKS}}}|\w++")
# As FTS5 has them in a folded text: letters and digits; an underscore stands between words.
_WORD = re.compile(r"[^\W_]+")
_LAST_WORD = re.compile(rf"{_WORD.pattern}\Z")
_MOST_TERMS = 50

Expand = Callable[[str], Iterable[str]]


class Term(NamedTuple):
    """text: as it was written. match: it in FTS5's language. required: what lacks it is not found."""

    text: str
    match: str
    required: bool


def terms(text: str, expand: Expand) -> list[Term]:
    """The terms of a search, each once. expand: the known words with a beginning; all are folded."""
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
    """What its last word may be the beginning of; what stands before that, as in `e-ma*`, has to precede it."""
    last = _LAST_WORD.search(word)
    return [word[: last.start()] + each for each in expand(last[0])] if last else []


def match(asked: list[Term]) -> str:
    """The whole search in FTS5's language."""
    required = [f"({term.match})" for term in asked if term.required]
    anything = f"({' OR '.join(f'({term.match})' for term in asked)})"
    return " AND ".join([*required, anything])


def segmented(text: str) -> str:
    """The text with a character that no text has between those that are words by themselves."""
    return _BETWEEN.sub(SEPARATOR, text)


def joined(text: str) -> str:
    """What was segmented, as it was."""
    return _SEPARATED.sub("", text)


def words(text: str) -> set[str]:
    """The words of a segmented text."""
    return set(_WORD.findall(text))


def fold(text: str) -> str:
    """Without case and accents, which FTS5 takes off Latin letters only; word for word the same."""
    bare = _ACCENT.sub("", _normalized("NFD", _ACCENT.sub("", text.casefold())))
    return _normalized("NFC", bare)


def _normalized(form: Literal["NFC", "NFD"], text: str) -> str:
    if text.isascii():
        return text
    return "".join(unicodedata.normalize(form, part) for part in _PART.findall(text))


def _quoted(text: str) -> str:
    """Read by FTS5 as words that follow one another; the text holds no quotes."""
    return '"' + segmented(text).replace("\0", " ") + '"'
