"""Python's websockets as the client of the example that runs hws_session in a libuv loop. EXAMPLE is its path."""

import asyncio
import os
import re
import subprocess

from websockets.asyncio.client import connect

from program import Program, check, run_tests
from websockets_echo import echo_everything, echo_many_at_once, expect_closed, ping_pong

PLAIN = {"compression": None, "max_size": None, "ping_interval": None, "proxy": None, "open_timeout": 60}


class Example(Program):
    def __init__(self):
        command = [os.environ["EXAMPLE"], "0"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"listening on (127\.0\.0\.1:\d+)\n", line)
        check(match, f"the first line of the example: {line!r}")
        self.url = f"ws://{match.group(1)}/"


async def echo(example):
    async with connect(example.url, **PLAIN) as connection:
        await ping_pong(connection)
        await echo_many_at_once(connection)
        await echo_everything(connection)


async def two_at_a_time(example):
    async with connect(example.url, **PLAIN) as one, connect(example.url, **PLAIN) as other:
        await asyncio.gather(echo_many_at_once(one), echo_many_at_once(other))


async def close_code_comes_back(example):
    for code in (1000, 1001, 3000, 4999):
        connection = await connect(example.url, **PLAIN)
        await connection.close(code, "moor ⚓")
        await expect_closed(connection, code)


async def too_large(example):
    connection = await connect(example.url, **PLAIN)
    await connection.send(b"x" * (16 * 1024 * 1024 + 1))
    await expect_closed(connection, 1009)


def with_example(test):
    def run():
        with Example() as example:
            asyncio.run(test(example))
            check(example.process.poll() is None, "the example has ended")
    return run


run_tests({words: with_example(test) for words, test in {
    "echo": echo,
    "two connections at a time": two_at_a_time,
    "the close code comes back": close_code_comes_back,
    "a message over the limit": too_large,
}.items()})
