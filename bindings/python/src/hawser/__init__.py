"""WebSocket (RFC 6455) client and server on libhawser.

`connect` and `serve` are for asyncio; hawser.sync has the same for threads. Beneath them is hawser.raw: Manager, Options and
events, as in hawser.h.
"""

from . import raw, sync
from .aio import Server, WebSocket, connect, serve
from .errors import ConnectionClosed, HawserError
from .raw import Event, Manager, Options, version

__all__ = ["ConnectionClosed", "Event", "HawserError", "Manager", "Options", "Server", "WebSocket", "connect", "raw", "serve", "sync",
           "version"]
__version__ = version()
