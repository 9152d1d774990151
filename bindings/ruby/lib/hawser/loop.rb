# frozen_string_literal: true

require "io/wait"

module Hawser
  # A manager, and who is told what happens to which id. Its descriptor is waited for by a fiber, where the thread has a
  # scheduler for those, else by a thread that all connections of the process share. It lives as long as something is
  # open.
  #
  # Whoever touches the manager holds the lock. Nothing in here waits for anything else while it does.
  class Loop # :nodoc:
    ENDED = [ERR_CLOSED, ERR_STALE].freeze # the library knows of an end, whose CLOSE may be still to come

    @lock = Mutex.new
    @loops = ObjectSpace::WeakMap.new # of schedulers, and of the process

    class << self
      # Yields the loop of the caller, locked.
      def use
        scheduler = Fiber.current_scheduler
        Kernel.loop do
          loop = @lock.synchronize { find(scheduler || self) || @loops[scheduler || self] = new(scheduler) }
          loop.synchronize { return yield(loop) unless loop.ended? }
        end
      end

      private

      def find(key)
        loop = @loops[key]
        loop if loop&.usable?
      end
    end

    attr_reader :manager

    def initialize(scheduler)
      @scheduler = scheduler
      @manager = Manager.new
      @io = @manager.to_io
      @lock = Mutex.new
      @owners = {} # by id; nil: nobody cares, but it has not ended yet
      @accepted = []
      @running = @ended = false
      @process = Process.pid
    end

    def ended?
      @ended
    end

    # A child of fork has no thread that polls its parent's.
    def usable?
      !@ended && @process == Process.pid
    end

    def synchronize(&block)
      @lock.synchronize(&block)
    end

    # Until the condition holds, with the lock released meanwhile; `changed` is told of what may have changed it.
    def wait(changed, timeout = nil)
      deadline = timeout && now + timeout
      until yield
        left = deadline && deadline - now
        raise TimeoutError, "nothing came in #{timeout} seconds" if left && left <= 0

        changed.wait(@lock, left)
      end
    end

    # From now on the owner hears of the id.
    def own(id, owner)
      @owners[id] = owner
      return if @running

      @running = true
      start { run }
    end

    # That it has ended is no error of whoever wants an end.
    def attempt
      yield
    rescue Error => error
      raise unless ENDED.include?(error.code)
    end

    private

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    def start(&block)
      @scheduler ? @scheduler.fiber(&block) : Thread.new(&block).tap { |thread| thread.name = "hawser" }
    end

    def run
      until @ended
        @io.wait_readable
        synchronize { dispatch(@manager.poll(0)) }
        handle(@accepted.shift) until @accepted.empty?
      end
    ensure
      synchronize { give_up } unless @ended
    end

    def dispatch(events)
      events.each { |event| tell(event) }
      finish if @owners.empty?
    end

    def tell(event)
      id = event.connection
      return accept(id, event.listener) if event.kind == EVENT_OPEN && event.listener != 0

      owner = event.kind == EVENT_CLOSE ? @owners.delete(id) : @owners[id]
      owner&.on_event(event)
    end

    # Its server may have been closed meanwhile.
    def accept(id, listener)
      server = @owners[listener]
      @owners[id] = server&.connection(id)
      return attempt { @manager.close(id, 1001) } unless server

      @accepted << [server, @owners[id]]
    end

    def handle(accepted)
      server, websocket = accepted
      start { server.handle(websocket) }
    rescue ThreadError # there can be no more
      synchronize do
        websocket.begin_close(1013)
        server.forget(websocket)
      end
    end

    def finish
      @ended = true
      @manager.free
    end

    # The thread was killed, or the scheduler ends its fibers: nobody must wait for ever.
    def give_up
      finish
      @owners.keys.each do |id|
        tell(Event.new(EVENT_CLOSE, 0, id, 0, 0, 1006, ERR_ABORTED, 0, 0, "", "nobody polls any more"))
      end
    end
  end
end
