"""Starts the hawser program for the Python peers, and the few things that every script needs."""

import os
import re
import select
import subprocess
import sys
import threading
import time
import traceback

from layers import DEFLATE_MODE, SCHEME, connect_layers, serve_layers

PATIENCE = 120  # until a test that waits for something gives up, in seconds
SIZES = [0, 1, 125, 126, 65_535, 65_536, 16 * 1024 * 1024]


def check(condition, words):
    if not condition:
        raise AssertionError(words)


def check_equal(actual, expected, words):
    check(actual == expected, f"{words}: {actual!r}, expected {expected!r}")


def bytes_of(size):
    """Bytes that do not repeat within a frame."""
    period = bytes((i * i * 7 + i * 13 + (i >> 8) * 31) & 0xFF for i in range(65_521))
    return (period * (size // len(period) + 1))[:size]


def text_of(size):
    """Exactly `size` bytes of UTF-8 with characters of one to four bytes."""
    characters = "aé€😀".encode()
    data = characters * (size // len(characters))
    return data + b"x" * (size - len(data))


def payloads():
    """(payload, is it binary) for every size."""
    for size in SIZES:
        yield text_of(size), False
        yield bytes_of(size), True


def fragment_count(size):
    """How many fragments a message is cut into: 65,537 for the large ones; the small ones have empty fragments."""
    return min(size + 2, 65_537) + (1 if size == 0 else 0)


def fragments_of(data, count):
    for i in range(count):
        yield data[i * len(data) // count:(i + 1) * len(data) // count]


class Program:
    """The program as a child. It is killed at the end of the `with`, if it still runs then."""

    def __init__(self, *arguments, stderr=None):
        self.process = subprocess.Popen([os.environ["HAWSER"], *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def expect_status(self, expected, words):
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"waited in vain for hawser to end ({words})") from None
        check_equal(status, expected, f"exit status of hawser ({words})")


def drain(stream):
    while stream.read(65_536):
        pass


class Serve(Program):
    """`hawser serve` on a free port, with the layers of this run; `stop` asks it to end and expects status 0."""

    def __init__(self, *arguments, deflate=DEFLATE_MODE):
        self.start(f"{SCHEME}://127.0.0.1:0/", *serve_layers(deflate), *arguments)

    def start(self, url, *arguments, **streams):
        super().__init__("serve", url, *arguments, **streams)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline().decode() if ready else ""
        match = re.fullmatch(rf"listening on ({re.escape(url.removesuffix('0/'))}(\d+)/)\n", line)
        check(match, f"the first line of hawser serve: {line!r}")
        self.url, self.port = match.group(1), int(match.group(2))
        threading.Thread(target=drain, args=[self.process.stdout], daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.expect_status(0, "SIGTERM")


class Connect(Program):
    """`hawser connect`, with the layers of this run; its standard input stays open."""

    def __init__(self, url, *arguments, deflate=DEFLATE_MODE):
        super().__init__("connect", url, *connect_layers(deflate), *arguments)
        threading.Thread(target=drain, args=[self.process.stdout], daemon=True).start()


def run_tests(tests):
    """Runs named functions one after another; the first failure ends the process with 1."""
    for name, test in tests.items():
        if os.environ.get("HAWSER_ONLY", "") not in name:
            continue
        begin = time.monotonic()
        try:
            test()
        except Exception:
            traceback.print_exc()
            print(f"FAILED {name}", flush=True)
            sys.exit(1)
        print(f"ok {name} ({(time.monotonic() - begin) * 1000:.0f} ms)", flush=True)
