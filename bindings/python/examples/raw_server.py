"""Sends every message back, on the raw layer: raw_server.py [ws://127.0.0.1:9001/]"""

import sys

from hawser import Manager, raw

manager = Manager()
listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/")
print(f"listening on ws://{manager.local_address(listener)}/", flush=True)
while True:
    for event in manager.poll(-1):            # a list of events, which is yours
        if event.kind == raw.EVENT_MESSAGE:
            manager.send(event.connection, event.opcode, event.data)
