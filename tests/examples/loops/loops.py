"""A client of examples/loops against `hawser serve` and Python's websockets. LOOP is the command that starts it, empty where
LIBRARY is not here."""

import asyncio
import os
import shlex
import socket
import subprocess
import sys

from websockets.asyncio.server import serve

from program import PATIENCE, Serve, check, check_equal, run_tests

LIBRARY, COMMAND = os.environ["LIBRARY"], shlex.split(os.environ["LOOP"])
TICKS = [f"tick {i}" for i in range(1, 6)]


def run(url):
    """The client's exit status, the lines that it printed, and what it complained of."""
    done = subprocess.run([*COMMAND, url], capture_output=True, timeout=PATIENCE, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr


def run_against(handler, **settings):
    """The same, against a server of websockets."""
    async def serve_once():
        async with serve(handler, "127.0.0.1", 0, compression=None, **settings) as server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(run, f"ws://127.0.0.1:{port}/")

    return asyncio.run(serve_once())


def hawser_echoes():
    with Serve("--echo") as server:
        check_equal(run(server.url), (0, TICKS, ""), "status, output, complaints")
        server.stop()


def the_timer_runs_beside():
    """The first echo leaves when the last tick has come: nothing but the loop's own timer can have made the client send them."""
    async def answer_late(ws):
        said = [await ws.recv() for _ in TICKS]
        await (await ws.ping())
        for text in said:
            await ws.send(text)
        await ws.wait_closed()
        closed.append(ws.close_code)

    closed = []
    check_equal(run_against(answer_late), (0, TICKS, ""), "status, output, complaints")
    check_equal(closed, [1000], "close code")


def the_timer_rings_before_the_handshake_is_done():
    async def hesitate(*_):
        await asyncio.sleep(0.35)

    async def echo(ws):
        async for text in ws:
            await ws.send(text)

    check_equal(run_against(echo, process_request=hesitate), (0, TICKS, ""), "status, output, complaints")


def the_server_has_enough():
    async def close(ws):
        await ws.send(await ws.recv())
        await ws.close(1011)

    status, said, _ = run_against(close)
    check_equal((status, said), (1, TICKS[:1]), "status, output")


def nobody_is_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        status, said, _ = run(f"ws://127.0.0.1:{taken.getsockname()[1]}/")
    check_equal((status, said), (1, []), "status, output")


if not COMMAND:
    print(f"skipped: examples/loops: {LIBRARY} is not here (scripts/test --all installs it)")
    sys.exit(1 if LIBRARY in os.environ.get("HAWSER_REQUIRED_PEERS", "").split() else 77)
run_tests({
    "hawser serve echoes": hawser_echoes,
    "the loop's timer runs beside": the_timer_runs_beside,
    "the timer rings before the handshake is done": the_timer_rings_before_the_handshake_is_done,
    "the server has enough": the_server_has_enough,
    "nobody is there": nobody_is_there,
})
