"""Sends every message back, with a thread for each connection: sync_server.py [ws://127.0.0.1:9001/]"""

import sys

import hawser.sync


def echo(ws):
    for message in ws:
        ws.send(message)


with hawser.sync.serve(echo, sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/") as server:
    print("listening on", server.url, flush=True)
    server.serve_forever()
