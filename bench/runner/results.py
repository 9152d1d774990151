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
    """What was measured so far. Each figure is written to the file as it comes: a run that is cut short is not lost."""

    def __init__(self, path, keep):
        """keep: figures of earlier runs on this machine stay, until they are measured anew."""
        self.path = path
        self.data = {"machine": machine(), "versions": {}, "figures": {}, "failures": []}
        if keep and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                before = json.load(file)
            if before["machine"] == self.data["machine"]:
                self.data.update({"versions": before["versions"], "figures": before["figures"]})

    def add(self, measure, case, name, figure):
        """figures[measure][case][program] is a dict with a "median" for each unit, and what it was made of."""
        figure["date"] = datetime.date.today().isoformat()
        self.data["figures"].setdefault(measure, {}).setdefault(case.name, {})[name] = figure

    def fail(self, measure, case, name, words):
        self.data["failures"].append({"measure": measure, "case": case.name, "program": name, "words": words})

    def write(self):
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1)
        os.replace(self.path + ".new", self.path)
