"""The servers of examples/migrating, each on another library: they do the same. SERVER is the command that starts one, empty where
LIBRARY is not here."""

import asyncio
import contextlib
import os
import random
import shlex
import socket
import subprocess
import sys

from websockets.asyncio.client import connect

from program import PATIENCE, bytes_of, check, check_equal, run_tests, text_of
from websockets_echo import expect_closed

LIBRARY, COMMAND = os.environ["LIBRARY"], shlex.split(os.environ["SERVER"])
WHENCE = "bench/servers/install uwebsockets brings it" if LIBRARY == "uwebsockets" else "scripts/test --all installs it"


def free_port():
    """Not one of those that the system gives to clients: those might be taken before the server listens."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Server:
    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen([*COMMAND, str(self.port)])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    async def connect(self):
        """As soon as it listens."""
        for _ in range(PATIENCE * 20):
            check(self.process.poll() is None, "the server has ended")
            try:
                return await connect(f"ws://127.0.0.1:{self.port}/", max_size=None, ping_interval=None, compression=None, proxy=None)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
        check(False, "the server does not listen")


async def expect(connection, message):
    """The message; ticks may come before it."""
    while (received := await asyncio.wait_for(connection.recv(), PATIENCE)) == "tick":
        pass
    check(received == message, f"{len(received)} bytes came back for {len(message)}")


async def echoes(server):
    connection = await server.connect()
    for size in (0, 1, 125, 126, 65_535, 65_536, 1 << 20):
        for message in (text_of(size).decode(), bytes_of(size)):
            await connection.send(message)
            await expect(connection, message)
    await connection.send(["in ", "three ", "fragments"])
    await expect(connection, "in three fragments")
    many = [f"{i} ⚓" * (i % 97) for i in range(1000)]
    for message in many:
        await connection.send(message)
    for message in many:
        await expect(connection, message)
    await asyncio.wait_for(await connection.ping(), PATIENCE)
    await connection.close(1000)
    await expect_closed(connection, 1000)


async def ticks(server):
    """They go on after one of the connections has ended, and to those that said nothing."""
    connections = [await server.connect() for _ in range(3)]
    for connection in connections:
        check_equal(await asyncio.wait_for(connection.recv(), PATIENCE), "tick", "the first message")
    await connections[0].close()
    connections[1].transport.abort()
    for _ in range(2):
        check_equal(await asyncio.wait_for(connections[2].recv(), PATIENCE), "tick", "a later message")


def with_server(test):
    def run():
        with Server() as server:
            asyncio.run(test(server))
    return run


if not COMMAND:
    print(f"skipped: examples/migrating: {LIBRARY} is not here ({WHENCE})")
    sys.exit(1 if LIBRARY in os.environ.get("HAWSER_REQUIRED_PEERS", "").split() else 77)
run_tests({"echoes": with_server(echoes), "ticks": with_server(ticks)})
