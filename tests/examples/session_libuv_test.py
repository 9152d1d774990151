"""The server that brings its own I/O, libuv's."""

import unittest

from example import ExampleTest
from support import TEXT


class SessionLibuv(ExampleTest):
    def test_clients_that_do_not_wait_for_their_echo(self):
        """It is written in pieces. Those for a client that has gone must not raise SIGPIPE, which libuv leaves to the program."""
        server, port = self.start_server("session_libuv", 0)
        for _ in range(50):
            client, _ = self.open_client(port)
            client.send_frame(TEXT, b"x" * 70000)
            client.close()
        client, _ = self.open_client(port)
        client.send_frame(TEXT, b"ahoy")
        self.assertEqual(client.receive(), (TEXT, b"ahoy"))
        self.assertIsNone(server.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
