"""A client in an asyncio loop, on the raw layer: asyncio_client.py [ws://127.0.0.1:9001/]"""

import asyncio
import sys

from hawser import Manager, raw

TICKS = 5


class Client:
    """Says "tick 1" to "tick 5" to an echo server, one each time that a timer rings, and prints what comes back."""

    def __init__(self, url):
        self.manager = Manager()
        self.id = self.manager.connect(url)
        self.echoes = 0
        loop = asyncio.get_running_loop()
        self.opened = loop.create_future()
        self.closed = loop.create_future()
        loop.add_reader(self.manager.fd(), self.attend)

    def attend(self):
        """The descriptor is readable."""
        for event in self.manager.poll(0):
            if event.kind == raw.EVENT_OPEN:
                self.opened.set_result(None)
            elif event.kind == raw.EVENT_MESSAGE:
                print(event.data)
                self.echoes += 1
                if self.echoes == TICKS:
                    self.manager.close(self.id, 1000)
            elif event.kind == raw.EVENT_CLOSE:
                asyncio.get_running_loop().remove_reader(self.manager.fd())
                self.closed.set_result(bool(event.flags & raw.CLEAN))

    async def tick(self):
        await self.opened
        for i in range(1, TICKS + 1):
            await asyncio.sleep(0.1)
            self.manager.send(self.id, raw.TEXT, f"tick {i}")


async def main(url):
    client = Client(url)
    ticking = asyncio.create_task(client.tick())
    clean = await client.closed
    ticking.cancel()
    return 0 if clean and client.echoes == TICKS else 1


sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/")))
