# frozen_string_literal: true

module Hawser
  # A WebSocket connection. Its methods may be called from any thread, and from fibers of a scheduler.
  #
  # A message is a String: UTF-8 for text, ASCII-8BIT for binary.
  class WebSocket
    include Enumerable

    # What an application may leave unread before its peer is read no further.
    MOST_MESSAGES = 64
    MOST_BYTES = 1 << 20

    attr_reader :id, :path, :subprotocol, :extensions, :peer_address

    undef_method :dup, :clone # which would hear of nothing

    # The opcode of a message and its bytes.
    def self.coded(message) # :nodoc:
      raise TypeError, "a String is needed, not #{message.class}" unless message.is_a?(String)

      message.encoding == Encoding::BINARY ? [BINARY, message] : [TEXT, message.encode(Encoding::UTF_8)]
    end

    # Yields it before it waits: so there is no moment at which a caller that is interrupted does not know it.
    def self.connect(url, settings, &block) # :nodoc:
      options = Settings.to_options(settings)
      Loop.use { |loop| new(loop, loop.manager.connect(url, options)).await_open(&block) }
    end

    def initialize(loop, id) # :nodoc:
      @loop = loop
      @manager = loop.manager
      @id = id
      @changed = ConditionVariable.new
      @messages = []
      @unread = 0 # bytes in them
      @open = @paused = @closing = false
      @end = nil
      @drains = @own_pings = 0
      @pings = {} # by their data, until they are answered: [true]
    end

    # Sends a String: as a binary message if its encoding is ASCII-8BIT, else as text. Waits while the queue is full
    # ("max_send_queue"). ConnectionClosed if it has ended or is ending.
    def <<(message)
      deliver(*WebSocket.coded(message))
    end

    # Sends text, in whatever encoding it is; one that is ASCII-8BIT must be UTF-8.
    def send_text(text)
      deliver(TEXT, WebSocket.coded(text).last)
    end

    # Sends the bytes of a String.
    def send_binary(bytes)
      deliver(BINARY, bytes)
    end

    # As <<, for a String, which may come from a peer and must name no method. Anything else is for Object#send.
    def send(message, *arguments, **keywords, &block)
      return super unless message.is_a?(String)
      raise ArgumentError, "one message is needed" unless arguments.empty? && keywords.empty? && block.nil?

      self << message
    end

    # The next message, or nil when the connection was closed with 1000, 1001 or without a code. ConnectionClosed when it
    # ended in any other way. Waits for `timeout` seconds at most, then TimeoutError.
    def receive(timeout: nil)
      @loop.synchronize do
        wait(timeout) { @end || !@messages.empty? }
        next take unless @messages.empty?

        raise why unless @end.quiet?
      end
    end

    # Yields each message, until receive is nil.
    def each
      return enum_for unless block_given?

      while (message = receive)
        yield message
      end
      self
    end

    # Sends a ping (up to 125 bytes; by default of its own) and waits for its pong, `timeout` seconds at most, then
    # TimeoutError.
    def ping(data = nil, timeout: nil)
      @loop.synchronize do
        data ||= [@own_pings += 1].pack("Q>")
        begin_ping(data)
        answers = @pings[data.b] ||= []
        wait(timeout) { @end || !answers.empty? }
        raise why if answers.empty?
      end
    end

    # Closes, and waits for the end, "close_timeout" at most. Messages that come meanwhile are dropped. Does nothing if
    # it has ended.
    def close(code = 1000, reason = nil)
      @loop.synchronize do
        begin_close(code, reason)
        await_end
      end
    end

    # Waits for the end, whoever brings it about, `timeout` seconds at most, then TimeoutError.
    def wait_closed(timeout: nil)
      @loop.synchronize { await_end(timeout) }
    end

    # Ends the TCP connection at once, unsent bytes and all.
    def abort
      @loop.synchronize { begin_abort }
    end

    def closed?
      !@end.nil?
    end

    # The peer's close code once the connection has ended; nil before.
    def close_code
      @end&.close_code
    end

    def close_reason
      @end&.reason
    end

    # A header field of the peer's handshake, while the connection lives.
    def header(name)
      @loop.synchronize { @end ? nil : @manager.header(id, name) }
    end

    def inspect
      "#<#{self.class} #{id} #{peer_address} #{@end ? "closed" : "open"}>"
    end

    # ---- what follows is called with the loop's lock held

    def await_open # :nodoc:
      @loop.own(id, self)
      yield self
      wait { @open || @end }
      raise why unless @open

      opened = self
    ensure
      begin_abort unless opened # interrupted
    end

    def await_end(timeout = nil) # :nodoc:
      wait(timeout) { @end }
      nil
    end

    # Whoever has closed reads no more, and waits for the peer's Close.
    def begin_close(code, reason = nil) # :nodoc:
      return if @end || @closing

      @loop.attempt { @manager.close(id, code, reason && WebSocket.coded(reason).last) }
      @closing = true
      resume if @paused
    end

    def on_event(event) # :nodoc:
      case event.kind
      when EVENT_MESSAGE then on_message(event.data)
      when EVENT_OPEN then on_open
      when EVENT_DRAIN then @drains += 1
      when EVENT_PONG then on_pong(event.data)
      when EVENT_CLOSE then @end = ConnectionClosed.new(event)
      end
      @changed.broadcast
    end

    # What was agreed on can be read in the batch of OPEN.
    def on_open # :nodoc:
      @open = true
      @path = @manager.path(id)
      @subprotocol = @manager.subprotocol(id)
      @extensions = @manager.extensions(id)
      @peer_address = @manager.peer_address(id)
    end

    private

    def wait(timeout = nil, &condition)
      @loop.wait(@changed, timeout, &condition)
    end

    # A new one each time: it has a backtrace of its own.
    def why
      @end.dup
    end

    def begin_ping(data)
      @manager.ping(id, data)
    rescue Error => error
      explain(error)
    end

    # Raises the error of a call that needs an open connection: if that has ended, its end, whose CLOSE may be still to come.
    def explain(error)
      await_end if Loop::ENDED.include?(error.code)
      raise @end ? why : error
    end

    # Any thread may send at any time. One that took the lock over and over would keep the polling thread from it.
    def deliver(opcode, message)
      drains = @drains
      @manager.send(id, opcode, message)
      self
    rescue Error => error
      @loop.synchronize do
        explain(error) unless error.code == ERR_WOULD_BLOCK
        wait { @end || @drains != drains }
      end
      retry
    end

    def take
      message = @messages.shift
      @unread -= message.bytesize
      resume if @paused && @unread <= MOST_BYTES / 4 && @messages.size <= MOST_MESSAGES / 4
      message
    end

    def on_message(message)
      return if @closing

      @messages << message
      @unread += message.bytesize
      pause if !@paused && (@unread > MOST_BYTES || @messages.size >= MOST_MESSAGES)
    end

    # It answers all pings before it too (RFC 6455 5.5.3).
    def on_pong(data)
      @pings.shift.last << true while @pings.key?(data)
    end

    def pause
      @paused = true
      @loop.attempt { @manager.pause(id) }
    end

    def resume
      @paused = false
      @loop.attempt { @manager.resume(id) } unless @end
    end

    def begin_abort
      return if @end

      @loop.attempt { @manager.abort(id) }
      @closing = true
    end
  end
end
