# frozen_string_literal: true

module Hawser
  # A listener, with a handler for each connection that it accepts. Its methods may be called from any thread, also by
  # handlers.
  class Server
    # address: "127.0.0.1:9001"; url: "ws://127.0.0.1:9001/". Both with the real port.
    attr_reader :id, :address, :url

    undef_method :dup, :clone # which would hear of nothing

    def self.listen(url, settings, handler) # :nodoc:
      options = Settings.to_options(settings)
      Loop.use { |loop| new(loop, url, options, handler) }
    end

    def initialize(loop, url, options, handler) # :nodoc:
      @loop = loop
      @manager = loop.manager
      @handler = handler
      @changed = ConditionVariable.new
      @connections = {} # by id
      @closed = false
      @id = @manager.listen(url, options)
      @address = @manager.local_address(id)
      @url = "#{url[/\A\w+/]}://#{address}/"
      loop.own(id, self)
    end

    # Those whose handlers run, an Array.
    def connections
      @loop.synchronize { @connections.values }
    end

    # Sends a message to all connections but one, framed once; returns how many took it. Text or binary, as WebSocket#<<.
    # Those whose queue is full are closed with 1013, or skipped (option slow_reader).
    def broadcast(message, except: nil)
      @loop.synchronize { @manager.broadcast(id, except ? except.id : 0, *WebSocket.coded(message)) }
    end

    # Stops listening, closes all connections, and waits for their ends, but not for handlers.
    def close(code = 1001, reason = nil)
      @loop.synchronize do
        @loop.attempt { @manager.abort(id) } unless @closed
        await_closed
        open = @connections.values
        open.each { |websocket| websocket.begin_close(code, reason) }
        open.each(&:await_end)
      end
      nil
    end

    def closed?
      @closed
    end

    # Waits until it is closed, or interrupted, which closes it.
    def wait
      @loop.synchronize { await_closed }
    ensure
      close
    end

    # ---- called by the loop

    # With its lock held.
    def connection(websocket_id) # :nodoc:
      WebSocket.new(@loop, websocket_id).tap do |websocket|
        websocket.on_open
        @connections[websocket_id] = websocket
      end
    end

    # With its lock held.
    def forget(websocket) # :nodoc:
      @connections.delete(websocket.id)
    end

    # With its lock held.
    def on_event(event) # :nodoc:
      return unless event.kind == EVENT_CLOSE

      @closed = true
      @changed.broadcast
    end

    # In a thread or fiber for the connection. A handler that fails closes it with 1011 (RFC 6455 7.4.1); that it has
    # ended is no failure. Whatever is raised, but to end the program, must not end the loop, whose fiber started this one.
    def handle(websocket) # :nodoc:
      code = 1011
      @handler.call(websocket)
      code = 1000
    rescue SystemExit, SignalException
      raise
    rescue Exception => error
      report(error) unless error.is_a?(ConnectionClosed) && websocket.closed?
    ensure
      finish(websocket, code)
    end

    private

    def finish(websocket, code)
      websocket.close(code)
    ensure
      @loop.synchronize { forget(websocket) }
    end

    def await_closed
      @loop.wait(@changed) { @closed }
    end

    # A thread or a scheduler that heard of it would go down with it.
    def report(error)
      $stderr.puts "hawser: a handler failed: #{error.full_message(highlight: false)}"
    end
  end
end
