# frozen_string_literal: true

require "hawser/errors"
require "hawser/raw"

# WebSocket (RFC 6455) client and server on libhawser.
#
# connect and serve are for programs with threads or with fibers. Beneath them are Manager, Options and Event, as in
# hawser.h.
module Hawser
  # See hawser.h.
  class Manager
    # For IO.select, and to wait for in a loop of your own: when it is readable call poll(0). Do not close it.
    def to_io
      IO.for_fd(fd, autoclose: false)
    end
  end

  VERSION = version
end

require "hawser/settings"
require "hawser/loop"
require "hawser/websocket"
require "hawser/server"

module Hawser
  private_constant :Loop, :Settings

  module_function

  # Connects, and returns a WebSocket; with a block yields it, closes it at the end of the block and returns what the
  # block does.
  #
  # Keyword arguments are options (docs/reference/options.md): `deflate: "shared"`, `max_message_size: 1000`, `tls_ca_file: ...`;
  # and headers:, a Hash or pairs. ConnectionClosed if it can't be opened, Error if it can't be tried.
  def connect(url, **settings)
    websocket = nil
    WebSocket.connect(url.to_s, settings) { |made| websocket = made }
    block_given? ? yield(websocket) : websocket
  ensure
    websocket&.close if block_given?
  end

  # Listens, and returns a Server. The block is called with each WebSocket, in a thread of its own, or in a fiber if
  # serve was called where there is a Fiber scheduler. When it returns, the connection is closed with 1000; when it
  # raises, with 1011.
  #
  # url: "ws://127.0.0.1:9001/", port 0 takes a free one (Server#url); "wss://..." needs tls_certificate: and tls_key:.
  # Keyword arguments are options, and headers: and certificates:, an Array of [host, chain, key].
  def serve(url, **settings, &handler)
    raise ArgumentError, "a block is needed, to handle connections" unless handler

    Server.listen(url.to_s, settings, handler)
  end
end
