"""The two examples against each other, and the client against servers that do not echo. EXAMPLES is their folder."""

import os
import subprocess
import unittest

from support import PATIENCE, TEXT, CLOSE, FakeServer, ToolTest, close_payload

EXAMPLES = os.environ.get("EXAMPLES", ".")


class Examples(ToolTest):
    def run_client(self, url):
        command = [os.path.join(EXAMPLES, "echo_client"), url]
        return subprocess.run(command, capture_output=True, timeout=PATIENCE)

    def test_against_each_other(self):
        command = [os.path.join(EXAMPLES, "echo_server"), "ws://127.0.0.1:0/"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end_server, server)
        line = server.stdout.readline().decode()
        self.assertRegex(line, r"\Alistening on 127\.0\.0\.1:[0-9]+\n\Z")
        result = self.run_client("ws://" + line.split()[-1] + "/")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"one\ntwo\nthree\n", b""))

    @staticmethod
    def end_server(server):
        server.kill()
        server.communicate(timeout=PATIENCE)

    def test_client_notices_what_is_no_echo(self):
        def wrong(peer):
            for text in (b"one", b"zwei", b"three"):
                peer.send_frame(TEXT, text)
            while peer.receive()[0] != CLOSE:
                pass
            peer.send_frame(CLOSE, close_payload(1000))

        server = FakeServer(wrong)
        self.assertEqual(self.run_client(server.url).returncode, 1)
        server.join()

    def test_client_notices_an_early_end(self):
        server = FakeServer(lambda peer: peer.receive())
        result = self.run_client(server.url)
        server.join()
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr)

    def test_wrong_url(self):
        self.assertEqual(self.run_client("http://127.0.0.1/").returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
