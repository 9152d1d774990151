"""One run of the load generator against one program, in whichever role."""

import json
import os
import socket
import subprocess
import time

from .servers import PATIENCE, UNSUPPORTED, Failure, Server, Unsupported, said, stop

LONGEST = 300      # seconds that one phase of a load may take
WARMUP_TIME = 500  # milliseconds, of a client that is timed: it is a new process in each round, and may have a JIT


def nothing():
    pass


def task_of(case):
    return "broadcast" if case.kind == "broadcast" else case.layer


def wire_layer(program, case):
    """What the load speaks: a floor has no WebSocket."""
    if not program.is_floor:
        return case.layer
    return "tls" if case.layer == "wss" else "raw"


def arguments_of(program, case, units, warmup, lockstep):
    """units: of an echo, messages for each connection; of a broadcast, messages; of an opening, connections."""
    layer = ["--layer", wire_layer(program, case)]
    if case.kind == "open":
        return [*layer, "--count", units, "--parallel", case.connections]
    arguments = [*layer, "--size", case.size, "--connections", case.connections, "--messages", units]
    if case.kind == "broadcast":
        return arguments
    opcode = {"binary": [], "text": ["--text"], "utf8": ["--utf8"]}[case.opcode]
    warmup_time = ["--warmup-time", WARMUP_TIME] if case.kind == "client" and not lockstep else []
    return [*arguments, *opcode, "--depth", case.depth, "--warmup", warmup, *warmup_time,
            *(["--lockstep"] if lockstep else [])]


def run_load(place, kind, port, arguments, began=nothing, ended=nothing, listening=None, check=nothing):
    """Calls the first three at their time, while the load waits, and check now and then; returns what the load found out."""
    ours, its = socket.socketpair()
    with ours:
        with its:
            command = [place.path_of("bench_load"), kind, str(port), *map(str, arguments), "--signal", str(its.fileno())]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       pass_fds=[its.fileno()],
                                       preexec_fn=lambda: os.sched_setaffinity(0, place.load_cores))
        try:
            if listening and process.stdout.readline().strip() == "listening":
                listening()
            for event in (began, ended):
                if not wait_for_byte(ours, check):
                    break  # it has failed, and says why
                event()
                ours.sendall(b".")
            out, words = process.communicate()
        except BaseException:
            process.kill()
            process.communicate()
            raise
    if process.returncode != 0:
        raise Failure(words.strip().removeprefix("bench_load: ") or f"the load ended with {process.returncode}")
    return json.loads(out.splitlines()[-1]) if out.strip() else {}


def wait_for_byte(signals, check):
    signals.settimeout(0.2)
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        try:
            return signals.recv(1)
        except TimeoutError:
            check()
    raise Failure(f"the load has no end after {LONGEST} s")


def run_against_server(place, server, program, case, units, warmup=0, lockstep=False, began=nothing, ended=nothing):
    """The load against a server that is up. began and ended are given its pid."""
    kind = "echo" if case.kind == "growth" else case.kind
    found = run_load(place, kind, server.port, arguments_of(program, case, units, warmup, lockstep),
                     lambda: began(server.pid), lambda: ended(server.pid))
    server.check()
    return found


def no_pid(pid):
    pass


def run_once(place, program, case, units, under=(), environment={}, warmup=0, lockstep=False, began=no_pid, ended=no_pid):
    """A fresh process of the program in its role, under valgrind or strace if so said, for one run of the load."""
    if case.kind == "client":
        return run_client(place, program, case, units, under, environment, warmup, lockstep, began, ended)
    with Server(place, program, task_of(case), under, environment) as server:
        return run_against_server(place, server, program, case, units, warmup, lockstep, began, ended)


class Client:
    """The program as the client of a load that listens."""

    def __init__(self, place, program, case, port, under, environment):
        arguments = ["client", str(port), str(case.connections), case.layer]
        self.process, self.words = place.start(program, arguments, under, environment)
        self.pid = self.process.pid

    def check(self):
        status = self.process.poll()
        if status == UNSUPPORTED:
            raise Unsupported
        if status:
            raise Failure(f"the client ended with {status}: {said(self.words)}")

    def wait(self):
        self.process.wait(PATIENCE)
        self.check()

    def stop(self):
        stop(self.process)
        self.process.stdout.close()
        self.words.close()


def run_client(place, program, case, units, under, environment, warmup, lockstep, began, ended):
    port, client = place.free_port(), None
    arguments = arguments_of(program, case, units, warmup, lockstep)
    if case.layer == "wss":
        arguments += ["--cert", place.certificate, "--key", place.key]

    def listening():
        nonlocal client
        client = Client(place, program, case, port, under, environment)

    try:
        found = run_load(place, "serve", port, arguments, lambda: began(client.pid), lambda: ended(client.pid), listening,
                         lambda: client and client.check())
        client.wait()
        return found
    finally:
        if client:
            client.stop()
