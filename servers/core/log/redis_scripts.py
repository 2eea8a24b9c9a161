"""The scripts that Redis executes, each in one piece: no other client sees half of an entry, and no check grows stale.

Keys of one log:
  meta       hash: format, service, epoch (`format:epoch`), head and floor (`seq:id` of the newest event and of the last
             that was removed, each absent while there is none), size (bytes of the data that is held)
  entries    stream: id `seq-0`, fields i (the event's id), m (the rest but data, JSON), d (data)
  answers    hash: user NUL request -> StoredAnswer, JSON
  ages       sorted set: the keys of `answers` by time
  positions  hash: source -> Position, JSON
  snapshot   hash: seq, id (of that event), offsets (JSON), state
  floors     hash: the log starts: channel, `global` too -> offset of the last event that was removed
  turn       string that expires: the replica that holds the grant to append; without one, any replica may append
  queue      list: the replicas that wait for the grant
  keeper     string that expires: the replica that holds the lease of retention
  channel:…  stream, one for each channel that holds events: id `offset-0`, field s (the event's seq)

A snapshot only makes way for one that reaches as far. Events are removed only where a snapshot stands for them, from
all of their channels at once. Neither is done for a caller that has read another history than the log now holds.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent / "lua"


def _script(*names: str) -> str:
    """One script of several files, of which the later use the functions of the earlier."""
    return "\n".join((_FOLDER / f"{name}.lua").read_text() for name in names)


ACQUIRE = _script("acquire")
APPEND = _script("read_position", "bridge_position", "append")
NEWER = _script("read_position", "collect", "newer")
READ = _script("read_position", "collect", "read")
RENEW = _script("renew")
LEASE = _script("lease")
SAVE_SNAPSHOT = _script("read_position", "save_snapshot")
TRIM = _script("read_position", "trim")
IMAGE = _script("image")
MIGRATE = _script("migrate")
