"""What an idle connection costs: bytes that the server's process holds. The kernel's buffers are not among them."""

import time

from .load import run_load, wire_layer
from .servers import Server, resident_bytes

PAUSE, PATIENCE = 0.5, 20  # seconds


def measure_idle(place, program, case):
    """The difference between some connections and all, in one process."""
    first = case.connections // (5 if case.layer == "wss" else 10)
    with Server(place, program, case.layer) as server:
        few, all_of_them = hold(place, server, program, case, [first, case.connections - first])
        server.check()
    return {"few": few, "all": all_of_them, "connections": case.connections - first,
            "median": (all_of_them - few) / (case.connections - first)}


def hold(place, server, program, case, counts):
    """Opens one lot of connections after the other, and keeps all. The resident bytes after each lot."""
    sizes = []

    def opened():
        sizes.append(settled_size(server.pid))
        if counts[1:]:
            sizes.extend(hold(place, server, program, case, counts[1:]))

    run_load(place, "idle", server.port, ["--layer", wire_layer(program, case), "--connections", counts[0]], opened)
    return sizes


def settled_size(pid):
    """Resident bytes once they no longer change: the server may still be accepting, or collecting garbage."""
    deadline, before = time.monotonic() + PATIENCE, None
    while True:
        size = resident_bytes(pid)
        if size == before or time.monotonic() > deadline:
            return size
        before = size
        time.sleep(PAUSE)
