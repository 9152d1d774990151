"""The figures as Markdown tables."""

from .figures import LANGUAGE_TARGETS, LANGUAGES, is_floor, is_ours, number, title
from .targets import AS_CLIENT, AS_SERVER, MOST_GROWTH


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(value, most):
    if value is None:
        return "not measured"
    return "met" if value <= most else f"missed by {max(100 * (value / most - 1), 0.1):.{0 if value > 1.01 * most else 1}f} %"


def with_name(name, value):
    return "–" if name is None else f"{number(value)} ({title(name).split(' (')[0]})"


def target_rows(figures, targets):
    for target in targets:
        where = (target.measure, target.case)
        hawser = figures.one(*where, "hawser", target.key)
        yield [target.words, number(figures.floor(*where, target.key)[1]), with_name(*figures.best_peer(*where, target.key)),
               f"**{number(hawser)}**", f"≤ {number(target.most)}", verdict(hawser, target.most)]


def targets(figures):
    return "\n\n".join([
        "### hawser and its targets\n\nEvery peer's figure is in the tables below; here is the best of them.",
        table(["for each echoed message, as a server", "floor", "best peer", "hawser", "target", ""],
              target_rows(figures, AS_SERVER)),
        "The client role is held to the same figures: the load is the server, and the program connects and echoes.",
        table(["for each echoed message, as a client", "floor", "best peer", "hawser", "target", ""],
              target_rows(figures, AS_CLIENT)),
    ])


def by_server(figures, words, columns, most_first=False):
    """columns: (head, measure, case, key, factor). One row for each program that has a figure, sorted by the first of them."""
    sign = -1 if most_first else 1
    cells = {}
    for index, (_, measure, case, key, factor) in enumerate(columns):
        for program, value in figures.of(measure, case, key).items():
            cells.setdefault(program, {})[index] = value * factor
    first = sorted(cells, key=lambda program: (not is_floor(program), not is_ours(program), min(cells[program]),
                                               sign * cells[program][min(cells[program])]))
    rows = [[title(program), *(number(cells[program].get(index)) for index in range(len(columns)))] for program in first]
    return f"### {words}\n\n" + table(["", *(column[0] for column in columns)], rows) if rows else ""


def instructions(figures):
    columns = [("64 B", "ws-64B-1x1"), ("64 B text", "ws-64B-text-1x1"), ("64 B UTF-8", "ws-64B-utf8-1x1"),
               ("64 B, 16×16", "ws-64B-16x16"), ("64 B text, 16×16", "ws-64B-text-16x16"), ("1 KiB", "ws-1KiB-1x1"),
               ("16 KiB", "ws-16KiB-1x1"), ("16 KiB text", "ws-16KiB-text-1x1"), ("16 KiB UTF-8", "ws-16KiB-utf8-1x1"),
               ("1 MiB", "ws-1MiB-1x1"), ("wss 64 B", "wss-64B-64x1"), ("wss 16 KiB", "wss-16KiB-64x1"),
               ("deflate 1 KiB text", "deflate-1KiB-text-64x1"), ("open, close", "open-ws"), ("broadcast", "broadcast-1000")]
    return by_server(figures, "User-space instructions for each message",
                     [(head, "instructions", case, "median", 1) for head, case in columns])


def calls(figures):
    columns = [("64 B, 1 connection", "ws-64B-1x1"), ("64 B, 64 connections", "ws-64B-64x1"), ("64 B, 64×16", "ws-64B-64x16"),
               ("1 MiB", "ws-1MiB-1x1"), ("wss 64 B, 64 connections", "wss-64B-64x1"), ("open, close", "open-ws"),
               ("broadcast", "broadcast-1000")]
    return by_server(figures, "System calls for each message", [(head, "calls", case, "median", 1) for head, case in columns])


TIMED = [("64 B, 1×1", "ws-64B-1x1"), ("64 B, 64×1", "ws-64B-64x1"), ("64 B, 64×16", "ws-64B-64x16"),
         ("64 B text, 1000×1", "ws-64B-text-1000x1"), ("1 KiB text, 64×1", "ws-1KiB-text-64x1"),
         ("16 KiB, 64×1", "ws-16KiB-64x1"), ("16 KiB UTF-8, 64×1", "ws-16KiB-utf8-64x1"), ("1 MiB, 1×1", "ws-1MiB-1x1"),
         ("wss 64 B, 64×1", "wss-64B-64x1"), ("wss 16 KiB, 64×1", "wss-16KiB-64x1"),
         ("deflate 1 KiB text, 64×1", "deflate-1KiB-text-64x1")]


def cpu_ratios(figures):
    return by_server(figures, "CPU time for each message, over the floor's in the same round",
                     [(head, "times", case, "ratio", 1)
                      for head, case in [*TIMED, ("open, close", "open-ws"), ("broadcast", "broadcast-1000")]])


def clients(figures):
    counted = [("64 B", "ws-64B-1x1"), ("64 B text", "ws-64B-text-1x1"), ("64 B, 16×16", "ws-64B-16x16"),
               ("64 B text, 16×16", "ws-64B-text-16x16"), ("1 KiB", "ws-1KiB-1x1"), ("16 KiB", "ws-16KiB-1x1"),
               ("16 KiB text", "ws-16KiB-text-1x1"), ("1 MiB", "ws-1MiB-1x1")]
    rest = [("calls: 64 B, 64×1", "calls", "ws-64B-64x1", "median"), ("64 B, 64×16", "calls", "ws-64B-64x16", "median"),
            ("CPU time: 64 B, 64×1", "times", "ws-64B-64x1", "ratio"), ("64 B, 64×16", "times", "ws-64B-64x16", "ratio"),
            ("1 MiB, 1×1", "times", "ws-1MiB-1x1", "ratio")]
    parts = [by_server(figures, "As a client: user-space instructions for each message",
                       [(head, "instructions", f"client-{case}", "median", 1) for head, case in counted]),
             by_server(figures, "As a client: system calls for each message, and CPU time over the floor's",
                       [(head, measure, f"client-{case}", key, 1) for head, measure, case, key in rest])]
    return "\n\n".join(filter(None, parts))


LANGUAGE_CASES = [("64 B, 1 connection", "ws-64B-1x1"), ("64 B, 64 connections", "ws-64B-64x1"),
                  ("16 KiB, 1 connection", "ws-16KiB-1x1"), ("16 KiB, 64 connections", "ws-16KiB-64x1"),
                  ("64 B, 64 connections, as a client", "client-ws-64B-64x1")]


def language_rows(figures):
    for language, programs in LANGUAGES.items():
        for program, words in programs:
            cells = [(figures.of_languages(case, program), figures.of_languages(case, program, "ratio")) for _, case in LANGUAGE_CASES]
            if any(value for value, _ in cells):
                yield [f"{language}: {words}", *("–" if value is None else f"{value * 1e6:.1f} ({ratio:.2f})"
                                                 for value, ratio in cells)]


def language_target_rows(figures):
    titles = {program: words for programs in LANGUAGES.values() for program, words in programs}
    for ours, peer, most in LANGUAGE_TARGETS:
        cells = []
        for _, case in LANGUAGE_CASES:
            mine, theirs = figures.of_languages(case, ours, "ratio"), figures.of_languages(case, peer, "ratio")
            added = "–" if not mine or not theirs or theirs <= 1.05 else f"{max(mine - 1, 0) / (theirs - 1):.2f}"
            cells.append("–" if not mine or not theirs else f"{mine / theirs:.2f} ({added})")
        language = next(language for language, programs in LANGUAGES.items() if ours in dict(programs))
        yield [f"{language}: {titles[ours]}, of {titles[peer].split(',')[0]}'s", f"≤ {most:.2f}", *cells]


def languages(figures):
    rows = list(language_rows(figures))
    if not rows:
        return ""
    heads = [head for head, _ in LANGUAGE_CASES]
    return "\n\n".join([
        "### The bindings\n\nCPU time of the program for each echoed message in microseconds, the kernel's part included, and in brackets over the "
        "floor's in the same round: what a bare epoll echo in C takes.", table(["", *heads], rows),
        "What hawser takes of the CPU time of its peer, beside the aim; in brackets what it adds to the floor, of what its peer adds. The "
        "kernel's part is the same for both, and the floor alone is more than a quarter of the slowest:",
        table(["", "aim", *heads], list(language_target_rows(figures)))])


def throughput(figures):
    return by_server(figures, "Thousands of messages a second",
                     [(head, "times", case, "rate", 1e-3) for head, case in TIMED], most_first=True)


def latency(figures):
    names = [("p50", "p50"), ("p99", "p99"), ("p99.9", "p999")]
    columns = [(f"{head}: {words}", "times", case, key, 1) for head, case in TIMED[1:4] for words, key in names]
    return by_server(figures, "Latency in microseconds, from a burst's write to each reply", columns)


def idle(figures):
    columns = [("ws", "idle-ws"), ("wss", "idle-wss"), ("deflate", "idle-deflate")]
    return by_server(figures, "Bytes of an idle connection", [(head, "idle", case, "median", 1) for head, case in columns])


def growth(figures):
    rows = []
    for words, measure, key, factor in (("instructions", "instructions", "median", 1), ("system calls", "calls", "median", 1),
                                        ("CPU time, µs", "times", "median", 1e6),
                                        ("CPU time over the floor's", "times", "ratio", 1)):
        counts = [figures.of(measure, f"growth-{count}", key) for count in (100, 1000, 10000)]
        for program in sorted(counts[0], key=is_floor):
            values = [found.get(program) for found in counts]
            more = values[2] / values[0] - 1 if values[2] else None
            rows.append([f"{words}: {title(program)}", *(number(value and value * factor) for value in values),
                         "–" if more is None else f"{100 * more:+.0f} %",
                         "" if program != "hawser" or more is None else "met" if more <= MOST_GROWTH else "missed"])
    return "### From 100 to 10,000 connections\n\n" + table(
        ["for each message, all connections active", "100", "1,000", "10,000", "growth",
         f"at most {100 * MOST_GROWTH:.0f} %"], rows) if rows else ""


def machine(figures):
    facts = figures.data["machine"]
    versions = ", ".join(words for name, words in figures.data["versions"].items()
                         if not is_floor(name) and name != "hawser_poll")
    dates = sorted({one["date"] for measure in figures.data["figures"].values() for case in measure.values()
                    for one in case.values()})
    when = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else "never"
    return (f"Measured {when} on {facts['cpu']}, {facts['cores']} cores, {facts['memory'] / 2**30:.0f} GiB, "
            f"{facts['system']}, {facts['kernel']}.\n\n{versions}.")


def failures(figures):
    return "\n".join(["Not measured, because it failed:", "", *(
        f"- {title(one['program'])}, {one['measure']} of {one['case']}: {one['words']}"
        for one in figures.data["failures"])]) if figures.data["failures"] else ""
