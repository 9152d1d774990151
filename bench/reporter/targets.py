"""What hawser is to reach: all checks on, Release build without -march=native, through the C API."""

from typing import NamedTuple


class Target(NamedTuple):
    words: str
    measure: str
    case: str
    most: float
    key: str = "median"


TARGETS = [
    Target("instructions, 64 B binary, 1 connection", "instructions", "ws-64B-1x1", 560),
    Target("instructions, 64 B text, 1 connection", "instructions", "ws-64B-text-1x1", 620),
    Target("instructions, 64 B binary, 16 connections, 16 deep", "instructions", "ws-64B-16x16", 220),
    Target("instructions, 64 B text, 16 connections, 16 deep", "instructions", "ws-64B-text-16x16", 270),
    Target("instructions, 1 KiB binary", "instructions", "ws-1KiB-1x1", 680),
    Target("instructions, 16 KiB binary", "instructions", "ws-16KiB-1x1", 2500),
    Target("instructions, 16 KiB ASCII text", "instructions", "ws-16KiB-text-1x1", 4300),
    Target("instructions, 1 MiB binary", "instructions", "ws-1MiB-1x1", 250000),
    Target("system calls, 64 connections, depth 1", "calls", "ws-64B-64x1", 2.06),
    Target("system calls, 64 connections, depth 16", "calls", "ws-64B-64x16", 0.17),
    Target("CPU time, 64 B, 64 connections, depth 1, over the floor's", "times", "ws-64B-64x1", 1.05, "ratio"),
    Target("CPU time, 64 B, 64 connections, depth 16, over the floor's", "times", "ws-64B-64x16", 1.05, "ratio"),
    Target("CPU time, 1 MiB, over the floor's", "times", "ws-1MiB-1x1", 1.5, "ratio"),
]
SERVER_TARGETS = [
    Target("CPU time to connect, upgrade and close, over an exchange of one head", "times", "open-ws", 1.3, "ratio"),
    Target("bytes of an idle connection, ws", "idle", "idle-ws", 200),
    Target("bytes of an idle connection, wss", "idle", "idle-wss", 18000),
    Target("bytes of an idle connection, deflate without context takeover", "idle", "idle-deflate", 200),
    Target("CPU time of a delivery, 64 B to 1,000, over a bare send() loop", "times", "broadcast-1000", 1.05, "ratio"),
]
AS_SERVER = TARGETS + SERVER_TARGETS
# The client role is held to the same figures.
AS_CLIENT = [target._replace(case="client-" + target.case) for target in TARGETS]
MOST_GROWTH = 0.15  # from 100 to 10,000 connections
