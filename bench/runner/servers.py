"""The programs that are measured, and how they are started and stopped."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from typing import NamedTuple

UNSUPPORTED = 3  # the exit code of a program that hasn't the task
PATIENCE = 60    # seconds until a program that doesn't begin to listen is given up


class Program(NamedTuple):
    name: str           # of its file, and in results.json
    is_floor: bool
    is_counted: bool    # C, C++ or Rust: cachegrind sees the instructions that always run, without JIT or collector
    environment: dict = {}
    file: str = ""      # if it is called otherwise
    is_for_languages: bool = False  # takes part in the cases of the table of languages alone


HAWSER, FLOOR = "hawser", "floor_epoll"
PROGRAMS = [
    Program(FLOOR, True, True),
    Program("floor_poll", True, True),
    Program("floor_tls", True, True),
    Program("floor_head", True, True),
    Program("floor_broadcast", True, True),
    Program(HAWSER, False, True),
    Program("hawser_poll", False, True, {"HAWSER_BACKEND": "poll"}, HAWSER),
    Program("uwebsockets", False, True),
    Program("beast", False, True),
    Program("libwebsockets", False, True),
    Program("websocketpp", False, True),
    Program("fastwebsockets", False, True),
    Program("tungstenite", False, True),
    Program("gorilla", False, False),
    Program("gws", False, False),
    Program("ws", False, False),
    Program("websockets", False, False),
    Program("picows", False, False),
    Program("java_websocket", False, False, is_for_languages=True),
    Program("java_jdk", False, False, is_for_languages=True),
    Program("hawser_python", False, False, is_for_languages=True),
    Program("hawser_python_raw", False, False, {"HAWSER_API": "raw"}, "hawser_python", True),
    Program("hawser_node", False, False, is_for_languages=True),
    Program("hawser_java", False, False, is_for_languages=True),
    Program("hawser_java_raw", False, False, {"HAWSER_API": "raw"}, "hawser_java", True),
    Program("hawser_go", False, False, is_for_languages=True),
    Program("hawser_go_messages", False, False, {"HAWSER_API": "messages"}, "hawser_go", True),
]


LANGUAGE_CASES = {"ws-64B-1x1", "ws-64B-64x1", "ws-16KiB-1x1", "ws-16KiB-64x1", "client-ws-64B-64x1"}


class Failure(Exception):
    """One measurement went wrong: a reply that differs, a program that ends. The others go on."""


class Unsupported(Exception):
    """The program hasn't the task."""


def floor_of(case):
    """The program that does the same for the case without WebSocket, by name."""
    if case.kind in ("open", "broadcast"):
        return {"open": "floor_head", "broadcast": "floor_broadcast"}[case.kind]
    return "floor_tls" if case.layer == "wss" else FLOOR


def takes_part(program, case):
    if program.is_floor:
        return program.name == floor_of(case) or (program.name == "floor_poll" and floor_of(case) == FLOOR and
                                                  case.kind != "idle" and case.layer == "ws")
    if program.is_for_languages:
        return case.name in LANGUAGE_CASES
    return case.kind != "growth" or (program.file or program.name) == HAWSER


class Place:
    """Where the programs, the certificate and scratch files are."""

    def __init__(self, folders, scratch):
        self.folders, self.scratch = folders, scratch
        self.certificate, self.key = os.path.join(scratch, "cert.pem"), os.path.join(scratch, "key.pem")
        self.last_port = 20000 + os.getpid() % 5000  # below the ports that the kernel gives to clients
        os.makedirs(scratch, exist_ok=True)
        if not os.path.exists(self.key):
            self.make_certificate()
        cores = sorted(os.sched_getaffinity(0))
        # The load has a core of its own, so that it neither takes from the servers nor moves them about.
        self.load_cores, self.server_cores = (cores[:1], cores[1:]) if len(cores) > 1 else (cores, cores)

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", self.key, "-out", self.certificate], check=True, stderr=subprocess.DEVNULL)

    def path_of(self, name):
        """None: it is not there."""
        for folder in self.folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None

    def free_port(self):
        while True:
            self.last_port += 1
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", self.last_port))
                    return self.last_port
                except OSError:
                    pass

    def command(self, program):
        path = self.path_of(program.file or program.name)
        if path is None:
            raise Failure("is not there any more")
        return path

    def version(self, program):
        return subprocess.run([self.command(program), "version"], env={**os.environ, **program.environment}, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    def start(self, program, arguments, under=(), environment={}):
        """A process (in a group of its own), and the file that takes what it says on stderr."""
        words = tempfile.TemporaryFile("w+")
        command = [*under, self.command(program), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, text=True,
                                   env={**os.environ, **program.environment, **environment}, start_new_session=True,
                                   preexec_fn=lambda: os.sched_setaffinity(0, self.server_cores))
        return process, words


class Server:
    """A server that listens, until the end of a `with`. under: valgrind or strace, with their arguments."""

    def __init__(self, place, program, layer, under=(), environment={}):
        self.port = place.free_port()
        self.process, self.words = place.start(
            program, [layer, str(self.port), *([place.certificate, place.key] if layer == "wss" else [])], under, environment)
        self.pid = self.process.pid

    def __enter__(self):
        try:
            line = self.process.stdout.readline()
            if line.strip() != "listening":
                self.fail_to_start(line)
        except BaseException:
            self.stop()
            raise
        return self

    def fail_to_start(self, line):
        try:
            status = self.process.wait(PATIENCE if not line else 0)
        except subprocess.TimeoutExpired:
            status = None
        if status == UNSUPPORTED:
            raise Unsupported
        raise Failure(f"does not listen: {line.strip() or said(self.words) or f'status {status}'}")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        stop(self.process)
        self.process.stdout.close()
        self.words.close()

    def check(self):
        if self.process.poll() is not None:
            raise Failure(f"the server ended with {self.process.returncode}: {said(self.words)}")


def stop(process):
    """SIGTERM to the group, so that it reaches what runs under strace: strace itself waits for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass


def said(words):
    """The last line of what a program wrote to stderr."""
    words.seek(0)
    lines = [line for line in words.read().splitlines() if line.strip()]
    return lines[-1] if lines else ""


def cpu_seconds(pid):
    """User and system time of a process, all its threads: clock_getcpuclockid(3) makes the same number of a pid."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError as error:
        raise Failure("the program has ended") from error


def resident_bytes(pid):
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError as error:
        raise Failure("the program has ended") from error
