"""What can be counted: it is nearly the same on any machine, however busy.

Each figure is the difference of two runs of a program, a short and a long one under the same load, divided by the number
of messages by which they differ: what starting, opening and ending cost is in both.
"""

import os
import re

from .cases import counted_units
from .load import run_once
from .servers import Failure

# valgrind counts each byte of a rep movsb as an instruction, so glibc is asked to copy without.
NO_REP_MOVSB = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=0x3fffffff"}


def count_instructions(place, program, case):
    """In user space, by cachegrind."""
    output = os.path.join(place.scratch, "cachegrind.out")
    under = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={output}"]

    def count(units):
        run_once(place, program, case, units, under, NO_REP_MOVSB, lockstep=True)
        with open(output, encoding="utf-8") as file:
            return int(re.search(r"^summary: (\d+)", file.read(), re.MULTILINE).group(1))

    short, long, more = difference(count, case)
    return {"short": short, "long": long, "units": more, "median": (long - short) / more}


def count_calls(place, program, case):
    """System calls of all threads, by strace."""
    output = os.path.join(place.scratch, "strace.out")

    def count(units):
        run_once(place, program, case, units, ["strace", "-f", "-c", "-o", output], lockstep=True)
        return calls_in(output)

    short, long, more = difference(count, case)
    each = {name: (long.get(name, 0) - short.get(name, 0)) / more for name in sorted(long)}
    return {"calls": {name: number for name, number in each.items() if number >= 0.0005}, "units": more,
            "median": sum(each.values())}


def difference(count, case):
    short, long, more = counted_units(case)
    return count(short), count(long), more


def calls_in(path):
    """Lines of strace's table: "% time, seconds, usecs/call, calls, errors (or nothing), name"."""
    calls = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    if not calls:
        raise Failure("strace counted nothing")
    return calls
