# frozen_string_literal: true

# connect and serve where there is a Fiber scheduler.

require_relative "support"
require_relative "scheduler"
require "minitest/mock"

class FibersTest < Minitest::Test
  include Support

  # What the block returns, in a fiber of a thread with a scheduler. The thread ends when all its fibers have.
  def scheduled(scheduler = Scheduler.new, &block)
    result = nil
    thread = Thread.new do
      Fiber.set_scheduler(scheduler)
      Fiber.schedule { result = block.call }
    end
    flunk "the fibers do not end: #{thread.backtrace}" unless thread.join(30)
    result
  end

  def test_two_connections_at_a_time_in_one_thread
    threads, fibers, log = [], [], []
    scheduled do
      server = Hawser.serve(URL) do |ws|
        threads << Thread.current
        fibers << Fiber.current
        ws.each do |message|
          log << [ws.path, message]
          ws << message
        end
      end
      clients = %w[a b].map { |path| Hawser.connect(server.url + path) }
      %w[one two].each { |text| clients.each { |ws| assert_equal text, (ws << text).receive } }
      clients.each(&:close)
      server.close
      threads << Thread.current
    end
    assert_equal [%w[/a one], %w[/b one], %w[/a two], %w[/b two]], log
    assert_equal [1, 2], [threads.uniq.size, fibers.uniq.size]
  end

  # Each waits for the other: neither could go on if one held up the thread.
  def test_handlers_wait_for_each_other
    got = scheduled do
      first, second = Queue.new, Queue.new
      server = Hawser.serve(URL) do |ws|
        mine, others = ws.path == "/a" ? [first, second] : [second, first]
        others << ws.receive
        ws << mine.pop
      end
      clients = %w[a b].map { |path| Hawser.connect(server.url + path) }
      clients.zip(%w[one two]) { |ws, text| ws << text }
      clients.map(&:receive).tap { server.close }
    end
    assert_equal %w[two one], got
  end

  def test_other_fibers_run_while_one_waits
    log = []
    scheduled do
      server = Hawser.serve(URL, &:wait_closed)
      ws = Hawser.connect(server.url)
      Fiber.schedule do
        ws.receive
        log << :ended
      end
      Fiber.schedule do
        assert_raises(Hawser::TimeoutError) { ws.wait_closed(timeout: 0.01) }
        ws.ping
        log << :waited
        server.close
      end
    end
    assert_equal %i[waited ended], log
  end

  def test_a_full_queue_lets_others_run
    received = []
    scheduled do
      server = Hawser.serve(URL) { |ws| ws.each { |message| received << message.bytesize } }
      Hawser.connect(server.url, max_send_queue: 1 << 20) { |ws| 100.times { ws << "\0".b * (1 << 18) } }
      server.close
    end
    assert_equal [1 << 18] * 100, received
  end

  def test_a_handler_that_fails_does_not_end_the_others
    code = nil
    _, errors = capture_io do
      scheduled do
        server = Hawser.serve(URL) { |ws| ws.path == "/bad" ? raise(NotImplementedError, "mine") : ws.each { |message| ws << message } }
        good = Hawser.connect(server.url)
        bad = Hawser.connect("#{server.url}bad")
        code = assert_raises(Hawser::ConnectionClosed) { bad.receive }.close_code
        assert_equal "on", (good << "on").receive
        server.close
      end
    end
    assert_equal 1011, code
    assert_match(/mine/, errors)
  end

  # A connection of a scheduler's thread may be used from elsewhere, and the other way round.
  def test_between_threads_with_and_without_fibers
    outside = Hawser.serve(URL) { |ws| ws.each { |message| ws << message } }
    urls, sockets, finish = Queue.new, Queue.new, Queue.new
    thread = Thread.new do
      scheduled do
        server = Hawser.serve(URL) { |ws| ws.each { |message| ws << message.upcase } }
        urls << server.url
        sockets << Hawser.connect(outside.url)
        finish.pop
        server.close
      end
    end
    assert_equal "HERE", Hawser.connect(urls.pop) { |ws| (ws << "here").receive }
    sockets.pop.tap { |ws| assert_equal "there", (ws << "there").receive }.close
    finish << true
    thread.join
  ensure
    outside&.close
  end

  def test_a_fiber_that_blocks_is_served_by_the_thread_of_the_process
    got = nil
    Thread.new do
      Fiber.set_scheduler(Scheduler.new)
      server = Hawser.serve(URL) { |ws| ws.each { |message| ws << message } }
      got = Hawser.connect(server.url) { |ws| (ws << "blocking").receive }
      server.close
    end.join
    assert_equal "blocking", got
  end

  def test_what_can_not_be_started_may_be_tried_again
    scheduler = Scheduler.new
    got = scheduled(scheduler) do
      scheduler.stub(:fiber, proc { raise FiberError, "no more" }) { assert_raises(FiberError) { Hawser.serve(URL) {} } }
      server = Hawser.serve(URL) { |ws| ws.each { |message| ws << message } }
      Hawser.connect(server.url) { |ws| (ws << "again").receive }.tap { server.close }
    end
    assert_equal "again", got
  end

  def test_nothing_is_left
    once = proc { scheduled { Hawser.serve(URL) { |ws| ws.receive }.tap { |server| Hawser.connect(server.url).close }.close } }
    once.call
    before = descriptors
    5.times { once.call }
    assert_operator descriptors, :<=, before
  end
end
