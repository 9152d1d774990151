"""results.json: the machine, the versions, and what was measured, raw and as medians."""

import datetime
import json
import os
import platform


def machine():
    return {"cpu": cpu_model(), "cores": len(os.sched_getaffinity(0)), "kernel": f"{platform.system()} {platform.release()}",
            "architecture": platform.machine(), "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", "")}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


class Results:
    """What was measured. write() adds it to the file after each case: a run that is cut short is not lost, and a second one
    beside it loses nothing."""

    def __init__(self, path, keep):
        """keep: what earlier runs on this machine found out stays, until it is measured anew."""
        self.path, self.keep = path, keep
        self.versions, self.news = {}, []
        self.failed = 0

    def add(self, measure, case, name, figure):
        """figures[measure][case][program] is a dict with a "median" for each unit, and what it was made of."""
        self.news.append((measure, case.name, name, {**figure, "date": datetime.date.today().isoformat()}, None))

    def fail(self, measure, case, name, words):
        self.news.append((measure, case.name, name, None, words))
        self.failed += 1

    def lack(self, measure, case, name):
        """The program hasn't the task (any more)."""
        self.news.append((measure, case.name, name, None, None))

    def write(self):
        data = self.read()
        data["versions"].update(self.versions)
        for measure, case, name, figure, words in self.news:
            where = {"measure": measure, "case": case, "program": name}
            programs = data["figures"].setdefault(measure, {}).setdefault(case, {})
            programs.pop(name, None)
            data["failures"] = [one for one in data["failures"] if not where.items() <= one.items()]
            if figure:
                programs[name] = figure
            if words:
                data["failures"].append({**where, "words": words})
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
        os.replace(self.path + ".new", self.path)
        self.keep, self.news = True, []

    def read(self):
        if self.keep and os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                before = json.load(file)
            if before["machine"] == machine():
                return before
        return {"machine": machine(), "versions": {}, "figures": {}, "failures": []}
