"""The programs of README.md, taken from it: C, compiled with pkg-config against the installed library, and Python. Their port is 9001."""

import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import unittest

README = pathlib.Path(__file__).resolve().parents[3] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = ("127.0.0.1", 9001)
PATIENCE = 60  # seconds after which a program is stuck


def blocks(language):
    return [text for kind, text in BLOCK.findall(README.read_text(encoding="utf-8")) if kind == language]


def listens():
    with socket.socket() as peer:
        return peer.connect_ex(ADDRESS) == 0


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def compile(self, text):
        """The command of a program in C."""
        (self.folder / "program.c").write_text(text, encoding="utf-8")
        program = self.folder / f"program{len(list(self.folder.iterdir()))}"
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hawser"], check=True, capture_output=True, text=True).stdout
        subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o", program, self.folder / "program.c",
                        *shlex.split(flags)], check=True)
        return [program]

    def serve(self, command):
        """A server that runs until the test ends."""
        self.assertFalse(listens(), "the port is taken")
        server = subprocess.Popen(command)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        until = time.monotonic() + PATIENCE
        while not listens():
            self.assertIsNone(server.poll(), "the server has ended")
            self.assertLess(time.monotonic(), until, "the server does not listen")
            time.sleep(0.02)

    def test_programs(self):
        server, *clients = map(self.compile, blocks("c"))
        self.assertTrue(clients)
        for text in blocks("python"):
            clients.append([sys.executable, "-c", text])
        self.assertGreater(len(clients), 1)
        self.serve(server)
        for client in clients:
            run = subprocess.run(client, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "one\ntwo\nthree\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
