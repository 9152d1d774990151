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

    # Unlocking wakes the first who waits. If that one is killed just then, or raised in, Ruby's own forgets the others.
    class Lock < Mutex
      def synchronize
        locked = false
        super do
          locked = true
          yield
        end
      ensure
        unlock if !locked && try_lock
      end
    end

    @lock = Lock.new

    # Yields the loop of the caller, locked. The scheduler keeps its own, this class that of all others.
    def self.use
      scheduler = Fiber.current_scheduler
      keeper = scheduler || self
      Kernel.loop do
        loop = @lock.synchronize do
          found = keeper.instance_variable_get(:@hawser_loop)
          found&.usable? ? found : keeper.instance_variable_set(:@hawser_loop, new(scheduler))
        end
        loop.synchronize { return yield(loop) if loop.usable? }
      end
    end

    attr_reader :manager

    def initialize(scheduler)
      @scheduler = scheduler
      @manager = Manager.new
      @io = @manager.to_io
      @lock = Lock.new
      @owners = {} # by id; nil: nobody cares, but it has not ended yet
      @accepted = []
      @running = @ended = false
      @process = Process.pid
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
        raise Error.new(ERR_STATE, "it belongs to the parent process") if @process != Process.pid

        left = deadline && deadline - now
        raise TimeoutError, "nothing came in #{timeout} seconds" if left && left <= 0

        await(changed, left)
      end
    end

    # From now on the owner hears of the id.
    def own(id, owner)
      start { run } unless @running
      @running = true
      @owners[id] = owner
    rescue StandardError # there can be no more threads
      attempt { @manager.abort(id) }
      raise
    end

    # That it has ended is no error of whoever wants an end.
    def attempt
      yield
    rescue Error => error
      raise unless ENDED.include?(error.code)
    end

    private

    # A fiber that is raised in as it waits is left without the lock by Ruby 3.1.
    def await(changed, timeout)
      changed.wait(@lock, timeout)
    ensure
      @lock.lock unless @lock.owned?
    end

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
      return accept(id, event.listener) if event.kind == EVENT_OPEN && !@owners.key?(id)

      owner = event.kind == EVENT_CLOSE ? @owners.delete(id) : @owners[id]
      owner&.on_event(event)
    end

    # Its server may have been closed meanwhile, or who connected been killed.
    def accept(id, listener)
      server = @owners[listener]
      @owners[id] = server&.connection(id)
      return attempt { @manager.close(id, 1001) } unless server

      @accepted << [server, @owners[id]]
    end

    def handle(accepted)
      server, websocket = accepted
      start { server.handle(websocket) }
    rescue ThreadError, FiberError # there can be no more
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
