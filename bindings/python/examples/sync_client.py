"""Sends three messages to an echo server and prints what comes back: sync_client.py [ws://127.0.0.1:9001/]"""

import sys

import hawser.sync

with hawser.sync.connect(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/") as ws:
    for text in ("one", "two", "three"):
        ws.send(text)
        print(ws.recv(timeout=5))             # seconds; TimeoutError
