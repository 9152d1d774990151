"""What is measured: all cases, on one page."""

import fnmatch
from typing import NamedTuple

KIB, MIB = 1024, 1024 * 1024

INSTRUCTIONS, CALLS, TIMES, IDLE = "instructions", "calls", "times", "idle"
MEASURES = [INSTRUCTIONS, CALLS, TIMES, IDLE]


class Case(NamedTuple):
    kind: str         # "echo"; "client": the same with the roles changed; "open"; "broadcast"; "idle"; "growth"
    layer: str        # "ws", "wss", or "deflate": ws with permessage-deflate, each message by itself
    size: int         # bytes of a message
    opcode: str       # "text" is ASCII, "utf8" is text of two to four bytes a character for the most part
    connections: int  # of an opening: those in progress at one time
    depth: int        # messages under way on each connection
    measures: str     # i: user-space instructions, s: system calls, t: CPU time, throughput and latency; m: memory
    is_quick: bool    # part of --quick too

    @property
    def name(self):
        if self.kind in ("open", "idle"):
            return f"{self.kind}-{self.layer}"
        if self.kind in ("broadcast", "growth"):
            return f"{self.kind}-{self.connections}"
        text = "" if self.opcode == "binary" else f"-{self.opcode}"
        prefix = "client-" if self.kind == "client" else ""
        return f"{prefix}{self.layer}-{size_text(self.size, '')}{text}-{self.connections}x{self.depth}"

    @property
    def measured(self):
        return [measure for letter, measure in zip("istm", MEASURES) if letter in self.measures]

    @property
    def unit(self):
        return {"open": "connection", "broadcast": "delivery", "idle": "connection"}.get(self.kind, "message")


QUICK = True
CASES = [Case(*row, *[False] * (8 - len(row))) for row in [
    # kind       layer      size      opcode    connections depth  measures
    ("echo",      "ws",      64,       "binary", 1,          1,     "ist", QUICK),
    ("echo",      "ws",      64,       "text",   1,          1,     "i"),
    ("echo",      "ws",      64,       "utf8",   1,          1,     "i"),
    ("echo",      "ws",      64,       "binary", 16,         16,    "i"),
    ("echo",      "ws",      64,       "text",   16,         16,    "i"),
    ("echo",      "ws",      KIB,      "binary", 1,          1,     "i"),
    ("echo",      "ws",      16 * KIB, "binary", 1,          1,     "it"),
    ("echo",      "ws",      16 * KIB, "text",   1,          1,     "i"),
    ("echo",      "ws",      16 * KIB, "utf8",   1,          1,     "i"),
    ("echo",      "ws",      MIB,      "binary", 1,          1,     "ist", QUICK),
    ("echo",      "ws",      64,       "binary", 64,         1,     "st"),
    ("echo",      "ws",      64,       "binary", 64,         16,    "st",  QUICK),
    ("echo",      "ws",      64,       "text",   1000,       1,     "t"),
    ("echo",      "ws",      KIB,      "text",   64,         1,     "t",   QUICK),
    ("echo",      "ws",      16 * KIB, "binary", 64,         1,     "t"),
    ("echo",      "ws",      16 * KIB, "utf8",   64,         1,     "t",   QUICK),
    ("echo",      "wss",     64,       "binary", 64,         1,     "ist", QUICK),
    ("echo",      "wss",     16 * KIB, "binary", 64,         1,     "it"),
    ("echo",      "deflate", KIB,      "text",   64,         1,     "it",  QUICK),

    ("client",    "ws",      64,       "binary", 1,          1,     "i",   QUICK),
    ("client",    "ws",      64,       "text",   1,          1,     "i"),
    ("client",    "ws",      64,       "binary", 16,         16,    "i"),
    ("client",    "ws",      64,       "text",   16,         16,    "i"),
    ("client",    "ws",      KIB,      "binary", 1,          1,     "i"),
    ("client",    "ws",      16 * KIB, "binary", 1,          1,     "i"),
    ("client",    "ws",      16 * KIB, "text",   1,          1,     "i"),
    ("client",    "ws",      MIB,      "binary", 1,          1,     "it"),
    ("client",    "ws",      64,       "binary", 64,         1,     "st",  QUICK),
    ("client",    "ws",      64,       "binary", 64,         16,    "st"),

    ("open",      "ws",      0,        "binary", 16,         1,     "ist", QUICK),
    ("broadcast", "ws",      64,       "binary", 1000,       1,     "ist", QUICK),

    # The difference between what a server holds for the first tenth (of wss, fifth) of the connections and for all.
    ("idle",      "ws",      0,        "binary", 10000,      1,     "m"),
    ("idle",      "wss",     0,        "binary", 1000,       1,     "m",   QUICK),
    ("idle",      "deflate", 0,        "binary", 10000,      1,     "m"),

    # Every connection is active. hawser and the floors alone.
    ("growth",    "ws",      64,       "binary", 100,        1,     "ist"),
    ("growth",    "ws",      64,       "binary", 1000,       1,     "ist"),
    ("growth",    "ws",      64,       "binary", 10000,      1,     "ist"),
]]

# Messages of all connections together by which a long counted run exceeds a short one, and half of which the short one has.
GROWTH_MESSAGES = 80000  # 8 on each of 10,000 connections
OPENINGS = 1000
BROADCASTS = 10


def counted_units(case):
    """(how often the short run's load does its thing, how often the long one's, by how many units they differ).

    For echoes the first two are messages for each connection, for a broadcast messages of its only sender.
    """
    if case.kind == "open":
        return OPENINGS // 2, OPENINGS // 2 + OPENINGS, OPENINGS
    if case.kind == "broadcast":
        return BROADCASTS // 2, BROADCASTS // 2 + BROADCASTS, BROADCASTS * case.connections
    total = GROWTH_MESSAGES if case.kind == "growth" else 4096 if case.size <= KIB else 1024 if case.size < MIB else 64
    more = max(total // case.connections // case.depth, 1) * case.depth
    half = max(more // 2 // case.depth, 1) * case.depth
    return half, half + more, more * case.connections


def size_text(size, space=" "):
    if size >= MIB:
        return f"{size // MIB}{space}MiB"
    return f"{size // KIB}{space}KiB" if size >= KIB else f"{size}{space}B"


def select(patterns, quick):
    """The (measure, case) pairs that the patterns name: names of measures, kinds and cases, with * and ?; all if none."""
    pairs = [(measure, case) for measure in MEASURES for case in CASES if measure in case.measured
             and (case.is_quick or not quick)]
    for pattern in patterns:
        if not any(matches(pattern, *pair) for pair in pairs):
            raise SystemExit(f"run: {pattern} is no measure ({', '.join(MEASURES)}), kind or case: see --list")
    measures = [pattern for pattern in patterns if pattern in MEASURES]
    names = [pattern for pattern in patterns if pattern not in MEASURES]
    return [(measure, case) for measure, case in pairs if (not measures or measure in measures)
            and (not names or any(matches(name, measure, case) for name in names))]


def matches(pattern, measure, case):
    return pattern in (measure, case.kind) or fnmatch.fnmatchcase(case.name, pattern)
