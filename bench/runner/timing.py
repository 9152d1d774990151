"""What has to be timed: CPU time for each message, throughput and latency.

The servers of a case are all up at the same time and take their turns, in each round in another order, so that what else
the machine does, and how warm it is, meets all of them alike. What is compared is a server's CPU time with that of the
floor in the same round.
"""

import random
import statistics

from .load import run_against_server, run_once, task_of
from .servers import Failure, Server, Unsupported, cpu_seconds, floor_of

LATENCIES = ["p50", "p99", "p999"]


class Runner:
    """Runs the load against one program, for a time that is the same for fast and slow ones."""

    def __init__(self, place, program, case, seconds):
        self.place, self.program, self.case, self.seconds = place, program, case, seconds
        self.server = None  # a client is started for each round
        self.units = self.least()
        self.rounds = []

    def least(self):
        return self.case.depth if self.case.kind != "open" else self.case.connections

    def start(self):
        if self.case.kind != "client":
            self.server = Server(self.place, self.program, task_of(self.case)).__enter__()

    def stop(self):
        if self.server:
            self.server.stop()

    def take_round(self):
        self.rounds.append(self.run())

    def run(self):
        """One round: {"cpu": seconds for each unit, "rate": units a second, and microseconds of latency}."""
        times = []
        began = ended = lambda pid: times.append(cpu_seconds(pid))
        warmup = max(self.units // 10 // self.case.depth, 1) * self.case.depth
        if self.server:
            found = run_against_server(self.place, self.server, self.program, self.case, self.units, warmup,
                                       began=began, ended=ended)
        else:
            found = run_once(self.place, self.program, self.case, self.units, warmup=warmup,
                             began=began, ended=ended)
        count = self.units * {"open": 1}.get(self.case.kind, self.case.connections)
        return {"cpu": (times[1] - times[0]) / count, "rate": count / found["seconds"],
                **{name: found[name] for name in LATENCIES if name in found}, "units": count, "seconds": found["seconds"]}

    def calibrate(self):
        """Finds how many units fill the time. A server with a JIT gets faster meanwhile: so it goes on until it fits."""
        for _ in range(8):
            factor = self.seconds / max(self.run()["seconds"], 1e-6)
            units = max(int(self.units * min(factor, 100)) // self.least(), 1) * self.least()
            if 0.8 < factor < 1.25 or units == self.units:
                break
            self.units = units


def measure_times(place, programs, case, rounds, seconds, complain):
    """{program's name: {"rounds", "ratios", and the medians}}."""
    running = [Runner(place, program, case, seconds) for program in programs]
    steps = [Runner.start, Runner.calibrate, *[Runner.take_round] * rounds]
    order = random.Random(6455)
    try:
        for step in steps:
            order.shuffle(running)
            for runner in list(running):
                try:
                    step(runner)
                except (Unsupported, Failure) as failure:
                    complain(runner.program, failure)
                    running.remove(runner)
                    runner.stop()
    finally:
        for runner in running:
            runner.stop()
    return evaluate({runner.program.name: runner.rounds for runner in running}, floor_of(case))


def evaluate(rounds_of, floor):
    results = {}
    for name, rounds in rounds_of.items():
        result = {"rounds": rounds, "median": statistics.median(one["cpu"] for one in rounds)}
        for figure in ["rate", *LATENCIES]:
            if figure in rounds[0]:
                result[figure] = statistics.median(one[figure] for one in rounds)
        if floor in rounds_of:
            result["ratios"] = [one["cpu"] / bare["cpu"] for one, bare in zip(rounds, rounds_of[floor])]
            result["ratio"] = statistics.median(result["ratios"])
        results[name] = result
    return results
