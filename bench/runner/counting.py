"""What can be counted: it is nearly the same on any machine, however busy.

Each figure is the difference of two runs of a program, a short and a long one under the same load, divided by the number
of messages by which they differ: what starting, opening and ending cost is in both.
"""

import tempfile

from .cases import counted_units
from .load import run_once
from .servers import Failure

# valgrind counts each byte of a rep movsb or rep stosb as an instruction, so glibc is asked to copy and to fill without.
NO_REP = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=0x3fffffff:glibc.cpu.x86_rep_stosb_threshold=0x3fffffff"}


def count_instructions(place, program, case):
    """In user space, by cachegrind."""
    def count(units):
        with tempfile.NamedTemporaryFile("r", dir=place.scratch) as output:
            under = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={output.name}"]
            run_once(place, program, case, units, under, NO_REP, lockstep=True)
            return instructions_in(output)

    short, long, more = difference(count, case)
    return {"short": short, "long": long, "units": more, "median": (long - short) / more}


def count_calls(place, program, case):
    """System calls of all threads, by strace."""
    def count(units):
        with tempfile.NamedTemporaryFile("r", dir=place.scratch) as output:
            run_once(place, program, case, units, ["strace", "-f", "-c", "-o", output.name], lockstep=True)
            return calls_in(output)

    short, long, more = difference(count, case)
    each = {name: (long.get(name, 0) - short.get(name, 0)) / more for name in sorted(long)}
    return {"calls": {name: number for name, number in each.items() if number >= 0.0005}, "units": more,
            "median": sum(each.values())}


def difference(count, case):
    short, long, more = counted_units(case)
    return count(short), count(long), more


def instructions_in(output):
    for line in output:
        if line.startswith("summary: "):
            return int(line.split()[1])
    raise Failure("cachegrind counted nothing")


def calls_in(output):
    """Lines of strace's table: "% time, seconds, usecs/call, calls, errors (or nothing), name"."""
    calls = {}
    for line in output:
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    if not calls:
        raise Failure("strace counted nothing")
    return calls
