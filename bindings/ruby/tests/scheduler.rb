# frozen_string_literal: true

# A small Fiber scheduler (see Fiber::SchedulerInterface): it waits by IO.select.
class Scheduler
  def initialize
    @readers = {} # fibers, by what they wait for
    @writers = {}
    @deadlines = {} # by fiber
    @ready = []
    @blocked = {} # nobody else refers to a fiber that waits
    @lock = Thread::Mutex.new
    @wakeup, @waker = IO.pipe
  end

  # ---- what Ruby calls

  def fiber(&block)
    Fiber.new(blocking: false, &block).tap(&:resume)
  end

  def io_wait(io, events, _timeout)
    @readers[io] = Fiber.current if events & IO::READABLE != 0
    @writers[io] = Fiber.current if events & IO::WRITABLE != 0
    Fiber.yield
    events
  ensure
    @readers.delete(io)
    @writers.delete(io)
  end

  def kernel_sleep(duration = nil)
    block(:sleep, duration)
  end

  def block(_blocker, timeout = nil)
    fiber = Fiber.current
    @deadlines[fiber] = now + timeout if timeout
    @blocked[fiber] = true
    Fiber.yield
  ensure
    @blocked.delete(fiber)
    @deadlines.delete(fiber)
  end

  # From any thread.
  def unblock(_blocker, fiber)
    @lock.synchronize { @ready << fiber }
    @waker.write_nonblock(".")
  end

  def close
    run
  ensure
    [@wakeup, @waker].each(&:close)
  end

  private

  def run
    turn until @readers.empty? && @writers.empty? && @blocked.empty? && @ready.empty?
  end

  def turn
    readable, writable = IO.select([@wakeup, *@readers.keys], @writers.keys, nil, patience)
    @wakeup.read_nonblock(4096) if readable&.delete(@wakeup)
    fibers = @lock.synchronize { @ready.shift(@ready.size) }
    fibers += late + @readers.values_at(*readable) + @writers.values_at(*writable)
    fibers.uniq.each { |fiber| fiber.resume if fiber&.alive? }
  end

  def late
    @deadlines.select { |_, deadline| deadline <= now }.keys
  end

  def patience
    return 0 unless @ready.empty?

    first = @deadlines.values.min
    first && [first - now, 0].max
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
