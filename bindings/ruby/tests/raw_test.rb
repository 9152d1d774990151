# frozen_string_literal: true

# The raw layer: what the scenarios of bindings/conformance do not see.

require_relative "support"

class PayloadsTest < Minitest::Test
  include Support

  def test_every_byte_arrives
    every = (0..255).to_a.pack("C*")
    arrived = Pair.new.deliver(Hawser::BINARY, every)
    assert_equal [every, Encoding::BINARY], [arrived, arrived.encoding]
  end

  def test_sixteen_mebibytes_arrive
    large = (0..255).to_a.pack("C*") * 65_536
    assert_equal large.hash, Pair.new.deliver(Hawser::BINARY, large).hash
  end

  def test_text_is_utf8_with_nul_and_beyond_the_bmp
    text = "a\0b Grüße ⚓ 😀"
    arrived = Pair.new.deliver(Hawser::TEXT, text)
    assert_equal [text, Encoding::UTF_8, true], [arrived, arrived.encoding, arrived.valid_encoding?]
  end

  def test_parts_are_bytes
    pair = Pair.new(parts: 1)
    anchor = "⚓".b
    pair.manager.send_part(pair.client, Hawser::TEXT, anchor[0, 1], false)
    pair.manager.send_part(pair.client, Hawser::TEXT, anchor[1, 2], true)
    parts = pair.events(Hawser::EVENT_MESSAGE, 2).map(&:data)
    assert_equal [anchor, [Encoding::BINARY]], [parts.join, parts.map(&:encoding).uniq]
  end

  def test_bytes_go_as_they_are
    pair = Pair.new
    assert_equal "\xE4".b, pair.deliver(Hawser::BINARY, "ä".encode("ISO-8859-1"))
    assert_code(Hawser::ERR_UTF8) { pair.deliver(Hawser::TEXT, "ä".encode("ISO-8859-1")) }
  end

  def test_what_is_no_string_is_refused
    pair = Pair.new
    [nil, 5, :text, ["text"], Object.new].each do |payload|
      assert_raises(TypeError) { pair.manager.send(pair.client, Hawser::BINARY, payload) }
    end
  end

  def test_a_string_is_not_kept
    pair = Pair.new
    payload = +"before"
    pair.manager.send(pair.client, Hawser::BINARY, payload)
    payload.replace("after, and longer" * 100)
    assert_equal "before", pair.events(Hawser::EVENT_MESSAGE).first.data
  end
end

class EventsTest < Minitest::Test
  def test_they_are_frozen_and_have_names
    pair = Pair.new
    pair.manager.set_tag(pair.server, 1 << 60)
    pair.manager.close(pair.client, 4001, "Grüße")
    event = pair.events(Hawser::EVENT_CLOSE, 2).find { |each| each.connection == pair.server }
    assert_predicate event, :frozen?
    case event
    in { kind: Hawser::EVENT_CLOSE, code: 4001, tag:, data:, text:, error: 0 }
      assert_equal [1 << 60, "Grüße", Encoding::UTF_8, Encoding::UTF_8], [tag, data, data.encoding, text.encoding]
    end
  end

  def test_they_outlive_their_batch_and_their_manager
    pair = Pair.new
    data = Array.new(50) do |number|
      pair.manager.send(pair.client, Hawser::BINARY, number.chr * 1000)
      pair.events(Hawser::EVENT_MESSAGE).first.data
    end
    pair.manager.free
    GC.start
    assert_equal Array.new(50) { |number| number.chr * 1000 }, data
  end

  def test_ids_are_keys
    pair = Pair.new
    seen = { pair.client => :client, pair.server => :server }
    pair.manager.send(pair.client, Hawser::TEXT, "")
    assert_equal :server, seen[pair.events(Hawser::EVENT_MESSAGE).first.connection]
  end
end

class ArgumentsTest < Minitest::Test
  include Support

  def setup
    @manager = Hawser::Manager.new
  end

  def test_a_nul_in_a_text_is_refused
    assert_raises(ArgumentError) { @manager.connect("ws://127.0.0.1/\0") }
    assert_raises(ArgumentError) { Hawser::Options.new.set_text("origin", "a\0b") }
    assert_raises(ArgumentError) { @manager.connect("ws://127.0.0.1/".encode("UTF-16LE")) }
  end

  def test_a_text_is_a_string_or_nil
    [5, :url, ["ws://127.0.0.1/"]].each { |url| assert_raises(TypeError) { @manager.connect(url) } }
    assert_code(Hawser::ERR_ARGUMENT) { @manager.connect(nil) }
  end

  def test_a_part_of_a_longer_string_is_a_text_of_its_own
    assert_code(Hawser::ERR_URL) { @manager.connect(("http://" + "x" * 100 + "ws://127.0.0.1/")[0, 107]) }
  end

  def test_numbers_out_of_range_are_refused
    [1 << 31, 1 << 40, 1 << 80, -1 << 40].each { |timeout| assert_raises(RangeError) { @manager.poll(timeout) } }
    assert_raises(RangeError) { @manager.send(1 << 70, Hawser::TEXT, "") }
    [nil, "0", 1.5].each { |timeout| assert_raises(TypeError) { @manager.poll(timeout) } }
  end

  def test_a_flag_is_no_number
    [0, 1, "true"].each { |final| assert_raises(TypeError) { @manager.send_part(1, Hawser::TEXT, "x", final) } }
  end

  def test_too_few_and_too_many
    [-> { @manager.poll }, -> { @manager.send(1, 1) }, -> { @manager.send(1, 1, "x", 1) }, -> { Hawser::Manager.new(nil, nil) },
     -> { Hawser::Options.new(1) }, -> { @manager.free(1) }].each { |call| assert_raises(ArgumentError, &call) }
  end

  def test_an_object_of_another_class_is_refused
    [5, "options", @manager, Object.new, $stdin].each do |options|
      assert_raises(TypeError) { @manager.connect("ws://127.0.0.1/", options) }
      assert_raises(TypeError) { Hawser::Manager.new(options) }
      assert_raises(TypeError) { @manager.respond(1, 200, options, "body") }
    end
  end

  def test_an_object_that_was_never_made_is_refused
    forgetful = Class.new(Hawser::Manager) { def initialize; end }
    [Hawser::Manager.allocate, forgetful.new, @manager.dup, @manager.clone].each do |manager|
      assert_code(Hawser::ERR_ARGUMENT) { manager.poll(0) }
      assert_code(Hawser::ERR_ARGUMENT) { manager.free }
    end
    [Hawser::Options.allocate, Hawser::Options.new.dup].each do |options|
      assert_code(Hawser::ERR_ARGUMENT) { options.set_int("parts", 1) }
      assert_code(Hawser::ERR_ARGUMENT) { Hawser::Manager.new(options) }
    end
  end

  def test_an_object_is_made_once
    [@manager, Hawser::Options.new].each { |made| assert_raises(RuntimeError) { made.__send__(:initialize) } }
    assert_empty @manager.poll(0)
  end

  def test_an_error_has_code_name_and_words
    error = assert_raises(Hawser::Error) { @manager.connect("http://127.0.0.1/") }
    assert_equal [Hawser::ERR_URL, "HWS_ERR_URL"], [error.code, error.name]
    assert_match(/ws:/, error.message)
    assert_kind_of StandardError, error
  end

  # Errors are raised by longjmp, past all that a call might have left to free.
  def test_calls_that_fail_leave_nothing
    payload = "x" * (1 << 20)
    before = resident
    2000.times do
      assert_raises(Hawser::Error) { @manager.send(1, Hawser::TEXT, payload) }
      assert_raises(TypeError) { @manager.send_part(1, Hawser::TEXT, payload, 1) }
      assert_raises(TypeError) { @manager.connect(payload, 1) }
    end
    assert_operator resident - before, :<, 600 << 20
  end

  private

  def resident
    File.read("/proc/self/statm").split[1].to_i * 4096
  end
end

class LifeTest < Minitest::Test
  include Support

  def test_a_freed_manager_answers_with_an_error
    pair = Pair.new
    2.times { pair.manager.free }
    [-> { pair.manager.poll(0) }, -> { pair.manager.send(pair.client, Hawser::TEXT, "") }, -> { pair.manager.wake },
     -> { pair.manager.to_io }].each { |call| assert_code(Hawser::ERR_ARGUMENT, &call) }
    assert_nil pair.manager.path(pair.client)
  end

  def test_no_descriptor_is_left
    Pair.new.manager.free
    before = descriptors
    20.times { Pair.new.manager.free }
    assert_operator descriptors, :<=, before
    200.times { Pair.new }
    assert_operator descriptors, :<, before + 100
  end

  def test_descriptors_of_managers_that_are_left_behind_are_had_again
    skip "the sanitizers need descriptors of their own to look at memory" if SANITIZED
    program = "Process.setrlimit(:NOFILE, 64); 100.times { Hawser::Manager.new }; kept = []
               begin; loop { kept << Hawser::Manager.new }; rescue Hawser::Error => error; print error.name; end"
    assert_equal "HWS_ERR_NO_MEMORY", Open3.capture2e(*ruby(program)).first
  end

  def test_options_may_go_at_once
    manager = Hawser::Manager.new(Hawser::Options.new.tap { |options| options.set_int("max_message_size", 10) })
    GC.start
    assert_empty manager.poll(0)
  end

  def test_everything_may_be_moved
    pairs = Array.new(5) { Pair.new }
    pairs.each { |pair| pair.manager.send(pair.client, Hawser::TEXT, "before") }
    events = pairs.flat_map { |pair| pair.events(Hawser::EVENT_MESSAGE) }
    GC.verify_compaction_references(double_heap: true, toward: :empty)
    assert_equal ["before"] * 5, events.map(&:data)
    assert_equal ["after"] * 5, pairs.map { |pair| pair.deliver(Hawser::TEXT, "after") }
    assert_code(Hawser::ERR_URL) { pairs.first.manager.connect("http://") }
  end

  def test_a_collector_that_is_always_at_it
    pair = Pair.new
    GC.stress = true
    pair.manager.send(pair.client, Hawser::TEXT, "stress")
    pair.manager.send(pair.client, Hawser::BINARY, "\0")
    arrived = pair.events(Hawser::EVENT_MESSAGE, 2).map(&:data)
    assert_raises(Hawser::Error) { Hawser::Options.new.set_int("no_such_option", 1) }
    GC.stress = false
    assert_equal %W[stress \0], arrived
  ensure
    GC.stress = false
  end

  def test_a_finalizer_may_free_and_poll
    [:free, :poll].each do |call|
      pair = Pair.new
      20.times { |number| pair.manager.send(pair.client, Hawser::BINARY, number.chr) }
      LifeTest.leave_garbage(pair.manager, call)
      GC.stress = true
      events = pair.manager.poll(-1)
      GC.stress = false
      assert_equal Array.new(events.size, &:chr), events.map(&:data)
    end
  ensure
    GC.stress = false
  end

  def self.leave_garbage(manager, call)
    arguments = call == :poll ? [0] : []
    10.times { ObjectSpace.define_finalizer(Object.new, proc { manager.__send__(call, *arguments) }) }
  end
end

class ThreadsTest < Minitest::Test
  include Support

  def test_others_run_while_one_waits
    manager = Hawser::Manager.new
    ran = false
    thread = Thread.new do
      ran = true
      manager.wake
    end
    assert_empty manager.poll(-1)
    assert ran
    thread.join
  end

  def test_it_is_not_freed_nor_polled_while_another_waits
    manager, thread = waiting
    assert_code(Hawser::ERR_BUSY) { manager.free }
    assert_code(Hawser::ERR_BUSY) { manager.poll(0) }
    manager.wake
    assert_empty thread.value
    manager.free
  end

  def test_a_thread_that_waits_can_be_killed
    manager, thread = waiting
    thread.kill.join
    assert_empty manager.poll(0)
    manager.free
  end

  def test_a_wait_can_time_out
    manager = Hawser::Manager.new
    assert_raises(Timeout::Error) { Timeout.timeout(0.01) { manager.poll(-1) } }
    manager.free
  end

  # A thread that is told so while events come keeps them.
  def test_no_event_is_lost_to_an_interrupt_that_may_wait
    pair = Pair.new
    got = []
    thread = Thread.handle_interrupt(RuntimeError => :on_blocking) { Thread.new { keep(got, pair.manager) } }
    Thread.pass until busy?(pair.manager)
    sent = Array.new(500, &:to_s)
    sent.each do |text|
      pair.manager.send(pair.client, Hawser::TEXT, text)
      thread.raise("now")
    end
    Thread.pass until got.size == sent.size
    thread.kill.join
    assert_equal sent, got
  end

  def test_sends_of_many_threads_arrive_in_the_order_of_each
    pair = Pair.new
    threads = Array.new(4) do |number|
      Thread.new { 200.times { |index| pair.manager.send(pair.client, Hawser::TEXT, "#{number} #{index}") } }
    end
    got = pair.events(Hawser::EVENT_MESSAGE, 800).map { |event| event.data.split.map(&:to_i) }
    threads.each(&:join)
    assert_equal [(0...200).to_a] * 4, Array.new(4) { |number| got.select { |by, _| by == number }.map(&:last) }
  end

  def test_a_signal_ends_a_wait
    read, write = IO.pipe
    handler = trap(:USR1) { write.write("trapped") }
    manager = Hawser::Manager.new
    sender = Thread.new do
      Thread.pass until busy?(manager)
      Process.kill(:USR1, Process.pid)
    end
    assert_empty manager.poll(-1)
    assert_equal "trapped", read.readpartial(100)
    sender.join
  ensure
    trap(:USR1, handler)
  end

  def test_ctrl_c_ends_a_wait
    program = "manager = Hawser::Manager.new; $stdout.sync = true; puts 'waits'; manager.poll(-1)"
    Open3.popen3(*ruby(program)) do |_, output, errors, process|
      output.gets
      Process.kill(:INT, process.pid)
      assert_match(/Interrupt/, errors.read)
    end
  end

  def test_the_end_of_the_program_ends_a_wait
    output, status = Open3.capture2e(*ruby("manager = Hawser::Manager.new; Thread.new { manager.poll(-1) }; Thread.pass"))
    assert_equal ["", true], [output, status.success?]
  end

  # After fork the child may only free.
  def test_a_child_of_fork_frees
    pair = Pair.new
    child = fork do
      pair.manager.free
      exit!(Pair.new.deliver(Hawser::TEXT, "child") == "child")
    end
    assert_predicate Process.wait2(child).last, :success?
    assert_equal "parent", pair.deliver(Hawser::TEXT, "parent")
  end

  private

  def keep(got, manager)
    loop { got.concat(manager.poll(-1).map(&:data)) }
  rescue RuntimeError
    retry
  end

  # A manager, and a thread that is inside its poll.
  def waiting
    manager = Hawser::Manager.new
    thread = Thread.new { manager.poll(-1) }
    thread.report_on_exception = false
    Thread.pass until busy?(manager)
    [manager, thread]
  end

  def busy?(manager)
    manager.flush
    false
  rescue Hawser::Error => error
    error.code == Hawser::ERR_BUSY
  end
end
