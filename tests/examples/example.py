"""What the tests of the examples share: the examples as processes. EXAMPLES is their folder."""

import os
import re
import signal
import subprocess
import threading

from support import PATIENCE, ToolTest

EXAMPLES = os.environ.get("EXAMPLES", ".")


class ExampleTest(ToolTest):
    def start(self, name, *arguments, **environment):
        """An example that runs; the test fails rather than waits for it for ever."""
        command = [os.path.join(EXAMPLES, name), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, **environment})
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        self.addCleanup(self.end, process)
        return process

    def start_server(self, name, *arguments):
        """(process, port)"""
        process = self.start(name, *arguments)
        line = process.stdout.readline().decode()
        match = re.match(r"listening on (\w+://)?127\.0\.0\.1:([0-9]+)\b", line)
        self.assertTrue(match, line)
        return process, int(match.group(2))

    def finish(self, process):
        """Waits for its end: (status, rest of stdout, rest of stderr)."""
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out.decode(), err.decode()

    def stop_well(self, process, number=signal.SIGTERM):
        """Ends it by the signal; stderr when that went well."""
        status, _, err = self.stop(process, number)
        self.assertEqual(status, 0, err)
        return err

    def resident(self, process):
        """Bytes of memory, at most so far."""
        with open(f"/proc/{process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s*([0-9]+) kB", status.read()).group(1)) * 1024
