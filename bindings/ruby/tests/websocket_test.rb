# frozen_string_literal: true

# connect and serve, with threads.

require_relative "support"
require "digest"
require "pathname"
require "socket"

class WebSocketTest < Minitest::Test
  include Support

  ECHO = proc { |ws| ws.each { |message| ws << message } }
  NOTHING = proc { |ws| ws.wait_closed }

  # Yields a server with this handler, and a client of it.
  def pair(handler = ECHO, **settings)
    server = Hawser.serve(URL, &handler)
    Hawser.connect(server.url, **settings) { |ws| yield ws, server }
  ensure
    server&.close
  end

  # What receive of a client raises whose server does this.
  def ended(&handler)
    pair(handler) { |ws| assert_raises(Hawser::ConnectionClosed) { ws.receive } }
  end
end

class EchoTest < WebSocketTest
  def test_messages_come_back_as_what_they_are
    pair do |ws|
      ["", "text ⚓\0", "".b, "\x00\xFF".b, "\0".b * (1 << 20)].each do |message|
        ws << message
        got = ws.receive
        assert_equal [message, message.encoding], [got, got.encoding]
      end
    end
  end

  def test_ways_to_send
    pair do |ws|
      ws << "one" << "two".b
      ws.send_text("Grüße".encode("UTF-16LE"))
      ws.send_text("Grüße".b)
      ws.send_binary("Grüße")
      ws.send("close")
      got = ws.first(6)
      assert_equal ["one", "two", "Grüße", "Grüße", "Grüße".b, "close"], got
      assert_equal [true, false, true, true, false, true], got.map { |message| message.encoding == Encoding::UTF_8 }
    end
  end

  def test_what_is_no_string_is_refused_and_send_of_a_symbol_is_rubys
    pair do |ws|
      [nil, 5, [1, 2]].each { |message| assert_raises(TypeError) { ws << message } }
      assert_raises(ArgumentError) { ws.send("close", 1000) }
      assert_code(Hawser::ERR_UTF8) { ws.send_text("\xFF") }
      refute ws.send(:closed?)
      assert_raises(TypeError) { ws.send(nil) }
    end
  end

  def test_it_is_enumerable
    handler = proc { |ws| 5.times { |number| ws << number.to_s } }
    pair(handler) { |ws| assert_equal %w[0 1 2 3 4], ws.to_a }
    pair(handler) { |ws| assert_equal %w[00 11], ws.lazy.map { |text| text * 2 }.first(2) }
    pair(handler) { |ws| assert_equal "0", ws.each.next }
  end

  def test_what_was_agreed_on
    seen = nil
    server = Hawser.serve(URL, subprotocols: "b, a", deflate: :shared, headers: { "X-Berth": "7" }) do |ws|
      seen = [ws.path, ws.subprotocol, ws.header("x-ship"), ws.extensions]
      ws << "seen"
      ws.wait_closed
    end
    Hawser.connect("#{server.url}harbour?x=1", subprotocols: "a, b", deflate: "shared", headers: [["X-Ship", "Ever Given"]]) do |ws|
      assert_equal ["7", "b", server.address], [ws.header("x-berth"), ws.subprotocol, ws.peer_address]
      ws.receive
      assert_equal ["/harbour?x=1", "b", "Ever Given", ws.extensions], seen
      assert_match(/permessage-deflate/, ws.extensions)
    end
  ensure
    server&.close
  end

  def test_many_threads
    server = Hawser.serve(URL, &ECHO)
    right = Array.new(20) do |number|
      Thread.new do
        Hawser.connect(server.url) { |ws| (0...20).count { |index| (ws << "#{number} #{index}").receive == "#{number} #{index}" } }
      end
    end
    assert_equal [20] * 20, right.map(&:value)
  ensure
    server&.close
  end

  def test_broadcast
    server = Hawser.serve(URL, &NOTHING)
    clients = Array.new(3) { Hawser.connect(server.url) }
    clients.each(&:ping) # the server has all of them
    assert_equal 3, server.broadcast("to all".encode("UTF-16LE"))
    assert_raises(TypeError) { server.broadcast(nil) }
    assert_equal ["to all"] * 3, clients.map(&:receive)
    assert_equal 2, server.broadcast("to others".b, except: server.connections.first)
    server.close
    assert_equal [1001] * 3, clients.each(&:wait_closed).map(&:close_code)
    Timeout.timeout(20) { Thread.pass until server.connections.empty? }
  ensure
    server&.close
  end

  def test_pings_have_answers_of_their_own
    pair(NOTHING) do |ws|
      threads = Array.new(20) { Thread.new { ws.ping(timeout: 20) } }
      threads << Thread.new { ws.ping("\xFF\0", timeout: 20) }
      threads.each(&:join)
      assert_code(Hawser::ERR_TOO_LARGE) { ws.ping("x" * 126) }
    end
  end

  # RFC 6455 5.5.3: a peer may answer the last of many alone.
  def test_a_pong_answers_the_pings_before_it
    listener = TCPServer.new("127.0.0.1", 0)
    connecting = Thread.new { Hawser.connect("ws://127.0.0.1:#{listener.addr[1]}/") }
    peer = listener.accept
    key = peer.gets("\r\n\r\n")[/Sec-WebSocket-Key: (\S+)/, 1]
    accept = Digest::SHA1.base64digest("#{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    peer.write("HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: #{accept}\r\n\r\n")
    ws = connecting.value
    pings = Array.new(2) { |number| Thread.new { ws.ping(number.to_s, timeout: 10) }.tap { peer.read(7) } } # a masked byte
    peer.write("\x8A\x011")
    pings.each(&:join)
  ensure
    ws&.abort
    [listener, peer].each { |socket| socket&.close }
  end

  def test_a_block_returns_what_it_does
    assert_equal(:it, pair { |_ws| :it })
  end
end

class EndsTest < WebSocketTest
  def test_the_peer_says_why
    closed = ended { |ws| ws.close(4001, "Grüße".encode("UTF-16LE")) }
    assert_equal [4001, "Grüße", true, "HWS_ERR_CLOSED"], [closed.close_code, closed.reason, closed.clean?, closed.name]
  end

  def test_messages_end_with_nil_or_an_exception
    server = Hawser.serve(URL) do |ws|
      ws << "last"
      ws.close(ws.path[1..].to_i)
    end
    { 1000 => true, 1001 => true, 0 => true, 1002 => false, 3000 => false }.each do |code, quiet|
      Hawser.connect("#{server.url}#{code}") do |ws|
        assert_equal "last", ws.receive
        next assert_nil ws.receive if quiet

        assert_equal code, assert_raises(Hawser::ConnectionClosed) { ws.each { flunk } }.close_code
      end
    end
  ensure
    server&.close
  end

  def test_a_handler_that_fails_closes_with_1011_and_is_heard_of
    closed = nil
    _, errors = capture_io { closed = ended { raise KeyError, "mine" } }
    assert_equal 1011, closed.close_code
    assert_match(/mine \(KeyError\)/, errors)
  end

  def test_a_handler_whose_connection_ends_does_not_fail
    _, errors = capture_io { pair { |ws| ws.close(4000) } }
    assert_empty errors
  end

  # The end of another connection is no quiet end of this one.
  def test_a_handler_that_fails_elsewhere_fails
    upstream = Hawser.serve(URL, &ECHO)
    closed = nil
    _, errors = capture_io do
      closed = ended { Hawser.connect(upstream.url, origin: "http://elsewhere.example") }
    end
    assert_equal 1011, closed.close_code
    assert_match(/HWS_ERR_HTTP/, errors)
  ensure
    upstream&.close
  end

  def test_calls_after_the_end
    pair do |ws|
      ws.close
      ws.close
      ws.abort
      assert_equal [1000, "", true], [ws.close_code, ws.close_reason, ws.closed?]
      assert_nil ws.receive
      assert_nil ws.header("x")
      assert_raises(NoMethodError) { ws.dup }
      [-> { ws << "late" }, -> { ws.ping }].each { |call| assert_raises(Hawser::ConnectionClosed, &call) }
    end
  end

  def test_a_send_while_it_ends_tells_the_end
    server = Hawser.serve(URL) { |ws| ws.close(4001, "enough") }
    20.times do
      ws = Hawser.connect(server.url)
      closed = assert_raises(Hawser::ConnectionClosed) { loop { (ws << "more") && Thread.pass } }
      assert_equal [4001, "enough"], [closed.close_code, closed.reason]
    end
  ensure
    server&.close
  end

  def test_an_end_has_a_backtrace_of_its_own
    pair(proc { |ws| ws.close(4001) }) do |ws|
      ends = Array.new(2) { assert_raises(Hawser::ConnectionClosed) { ws.receive } }
      refute_same(*ends)
      assert_equal(*ends.map(&:message))
    end
  end

  def test_a_refusal_tells_its_status
    server = Hawser.serve(URL, &ECHO)
    closed = assert_raises(Hawser::ConnectionClosed) { Hawser.connect(server.url, origin: "http://elsewhere.example") }
    assert_equal [403, "HWS_ERR_HTTP", 1006], [closed.status, closed.name, closed.close_code]
  ensure
    server&.close
  end

  def test_what_can_not_be_tried
    [-> { Hawser.connect("http://127.0.0.1/") }, -> { Hawser.connect(nil) }, -> { Hawser.serve("ws://192.0.2.1:1/", &ECHO) },
     -> { Hawser.connect("ws://127.0.0.1/", no_such_option: 1) }].each { |call| assert_raises(Hawser::Error, &call) }
    assert_raises(ArgumentError) { Hawser.serve(URL) }
  end

  def test_options_that_are_not_of_this_layer_or_of_no_use
    [{ requests: true }, { parts: 1 }, { "parts" => 1 }, { max_message_size: 0 }, { slow_reader: "sometimes" }].each do |settings|
      error = assert_raises(Hawser::Error) { Hawser.serve(URL, **settings, &ECHO) }
      assert_match(/#{settings.keys.first}/, error.message)
    end
    assert_match(/tls_key/, assert_raises(TypeError) { Hawser.connect("wss://127.0.0.1/", tls_key: nil) }.message)
    error = assert_raises(Hawser::Error) { Hawser.connect("wss://127.0.0.1/", tls_ca_file: Pathname("/no.such")) }
    assert_match(/no\.such/, error.message)
  end

  def test_options_do_what_they_say
    server = Hawser.serve(URL, max_message_size: 1000, &ECHO)
    Hawser.connect(server.url) do |ws|
      ws << "x" * 1001
      assert_equal 1009, assert_raises(Hawser::ConnectionClosed) { ws.receive }.close_code
    end
  ensure
    server&.close
  end

  def test_over_tls
    certificates = ENV.fetch("HAWSER_CERTIFICATES") { skip "HAWSER_CERTIFICATES is not set" }
    chain, key, authority = %w[server.pem server.key root.pem].map { |name| Pathname(certificates) / name }
    server = Hawser.serve("wss://127.0.0.1:0/", certificates: [["", chain, key]], &ECHO)
    Hawser.connect(server.url, tls_ca_file: authority) { |ws| assert_equal "safe", (ws << "safe").receive }
    assert_raises(Hawser::ConnectionClosed) { Hawser.connect(server.url) }
  ensure
    server&.close
  end

  def test_abort
    pair do |ws|
      2.times { ws.abort }
      ws.wait_closed
      assert_equal 1006, ws.close_code
    end
  end

  def test_a_server_is_closed_by_many_and_by_its_handlers
    server = nil
    server = Hawser.serve(URL) { |ws| ws.each { server.close } }
    clients = Array.new(3) { Hawser.connect(server.url) }
    clients.each { |client| client << "close" }
    Array.new(2) { Thread.new { server.close } }.each(&:join)
    server.wait
    assert_equal [1001] * 3, clients.each(&:wait_closed).map(&:close_code)
    assert_raises(Hawser::ConnectionClosed) { Hawser.connect(server.url) }
    assert_raises(Hawser::Error) { server.broadcast("late") }
  end

  # It is refused, and its messages disturb nobody.
  def test_a_handshake_that_outlives_its_server
    pair do |ws|
      server = Hawser.serve(URL, &ECHO)
      TCPSocket.open(*server.address.split(":")) do |peer|
        peer.write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        Hawser.connect(server.url, &:ping) # the one before it has been accepted
        server.close
        peer.write("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85\0\0\0\0hello")
        20.times { |number| assert_equal number.to_s, (ws << number.to_s).receive }
        answer = +"".b
        Timeout.timeout(20) { answer << peer.readpartial(4096) until answer.end_with?("\x88\x02\x03\xE9".b) } # 1001
      end
    end
  end
end

class WaitingTest < WebSocketTest
  def test_waits_have_an_end
    pair(NOTHING) do |ws|
      [-> { ws.receive(timeout: 0.01) }, -> { ws.wait_closed(timeout: 0.01) }, -> { ws.receive(timeout: 0) }].each do |call|
        assert_equal Hawser::ERR_TIMEOUT, assert_raises(Hawser::TimeoutError, &call).code
      end
      assert_raises(Timeout::Error) { Timeout.timeout(0.01) { ws.receive } }
      ws.ping(timeout: 10)
    end
  end

  def test_another_thread_ends_a_wait
    pair(NOTHING) do |ws|
      waiting = Thread.new { ws.receive }
      Thread.pass until waiting.stop?
      ws.close
      assert_nil waiting.value
    end
  end

  def test_a_thread_that_waits_can_be_killed
    pair do |ws|
      waiting = Thread.new { ws.receive }
      Thread.pass until waiting.stop?
      waiting.kill.join
      assert_equal "on", (ws << "on").receive
    end
  end

  # The sender waits, and what was not read yet is bounded; then all of it arrives.
  def test_who_does_not_read_is_not_read_from
    count = 200
    begun = Queue.new
    ended = Queue.new
    received = []
    server = Hawser.serve(URL) do |ws|
      begun.pop
      ws.each { |message| received << message.bytesize }
      ended << true
    end
    Hawser.connect(server.url, max_send_queue: 1 << 20) do |ws|
      sending = Thread.new { count.times { ws << "\0".b * (1 << 18) } }
      Thread.pass until sending.stop?
      assert_predicate sending, :alive?
      begun << true
      sending.join
    end
    server.close
    ended.pop # the block reads on after the end
    assert_equal [1 << 18] * count, received
  end

  # The peer's Close waits behind the messages; those are dropped.
  def test_who_closes_without_reading_hears_the_peers_close
    handler = proc { |ws| 2000.times { |number| ws << number.to_s } && ws.wait_closed }
    pair(handler) do |ws|
      Timeout.timeout(20) { Thread.pass until ws.instance_variable_get(:@paused) }
      ws.close
      assert_equal 1000, ws.close_code
      assert_includes 64...2000, ws.to_a.size
    end
  end

  def test_when_all_is_closed_nothing_is_left
    settle
    before = descriptors
    5.times { pair { |ws| (ws << "x").receive } }
    settle
    assert_operator descriptors, :<=, before
  end

  def test_all_share_a_thread
    10.times { pair { |ws| ws.ping } }
    pair do |ws|
      GC.start
      pair { |other| assert_same(*[ws, other].map { |each| each.instance_variable_get(:@loop) }) }
    end
  end

  # Waits until the threads of all connections have ended.
  def settle
    Thread.list.each { |thread| thread.join if thread.name == "hawser" }
  end

  def test_a_connect_that_is_interrupted_leaves_nothing
    listener = TCPServer.new("127.0.0.1", 0)
    connecting = Thread.new { Hawser.connect("ws://127.0.0.1:#{listener.addr[1]}/") }
    peer = listener.accept
    connecting.kill.join
    Timeout.timeout(20) { peer.read }
  rescue Errno::ECONNRESET
    pass
  ensure
    listener&.close
    peer&.close
  end

  # It may be open already when it hears that it is to end.
  def test_a_connect_that_is_interrupted_as_it_opens_leaves_nothing
    listener = TCPServer.new("127.0.0.1", 0)
    pair do |ws|
      connecting = Thread.new { Hawser.connect("ws://127.0.0.1:#{listener.addr[1]}/") }
      peer = listener.accept
      peer.gets("\r\n\r\n")
      the_loop = ws.instance_variable_get(:@loop)
      the_loop.synchronize do
        connecting.kill
        the_loop.instance_variable_get(:@owners).values.last.on_event(Hawser::Event.new(Hawser::EVENT_OPEN))
      end
      assert_empty Timeout.timeout(20) { peer.read }
    ensure
      peer&.close
    end
  ensure
    listener&.close
  end

  def test_a_connect_that_is_killed_as_it_opens_leaves_nothing
    connecting, ends = Queue.new, Queue.new
    server = Hawser.serve(URL) do |ws|
      connecting.pop.kill
      ends << ws.wait_closed(timeout: 20)
    end
    30.times do
      connecting << Thread.new { Hawser.connect(server.url, &:wait_closed) }
      assert_nil Timeout.timeout(10) { ends.pop }
    end
  ensure
    server&.close
  end

  # Ruby has taken it from the list of those who wait for the lock as it wakes it.
  def test_a_thread_that_is_killed_as_it_gets_the_lock_holds_up_nobody
    pair(NOTHING) do |ws|
      20.times do # until nothing else happens meanwhile
        waiting = nil
        ws.instance_variable_get(:@loop).synchronize do
          waiting = Array.new(2) { Thread.new { ws.header("x") }.tap { |thread| Thread.pass until thread.stop? } }
        end
        waiting.first.kill
        waiting.each { |thread| assert thread.join(10) }
      end
    end
  end

  def test_nobody_waits_for_ever_when_the_polling_thread_is_killed
    pair(NOTHING) do |ws|
      waiting = Thread.new { assert_raises(Hawser::ConnectionClosed) { ws.receive } }
      Thread.pass until waiting.stop? && (polling = polling_thread)
      polling.kill
      assert_equal Hawser::ERR_ABORTED, waiting.value.code
    end
    pair { |ws| assert_equal "anew", (ws << "anew").receive }
  end

  # nil while it is at work.
  def polling_thread
    Thread.list.find { |thread| thread.name == "hawser" && thread.backtrace&.grep(/wait_readable/)&.any? }
  end

  def test_a_child_of_fork_has_a_thread_of_its_own
    skip "the sanitizer's allocator may be locked by another thread at a fork" if SANITIZED
    pair do |ws|
      child = fork do
        Timeout.timeout(20) do
          assert_code(Hawser::ERR_STATE) { ws.close }
          exit!(pair { |own| (own << "child").receive } == "child")
        end
      end
      assert_predicate Process.wait2(child).last, :success?
      assert_equal "parent", (ws << "parent").receive
    end
  end

  def test_ctrl_c_closes_a_server_that_is_waited_for
    program = "server = Hawser.serve('ws://127.0.0.1:0/', &:wait_closed); $stdout.sync = true; " \
              "Thread.new { Thread.pass until Thread.main.stop?; puts server.url }; server.wait"
    Open3.popen3(*ruby(program)) do |_, output, errors, process|
      Hawser.connect(output.gets.chomp) do |ws|
        ws.ping
        Process.kill(:INT, process.pid)
        ws.wait_closed
        assert_equal 1001, ws.close_code
      end
      assert_match(/Interrupt/, errors.read)
    end
  end

  def test_a_handler_may_end_the_program
    program = "s = Hawser.serve('ws://127.0.0.1:0/') { exit 3 }; Hawser.connect(s.url); sleep 20"
    assert_equal 3, Open3.capture2e(*ruby(program)).last.exitstatus
  end

  def test_a_program_may_end_with_all_of_it_open
    program = "s = Hawser.serve('ws://127.0.0.1:0/') { |ws| ws.receive }; Hawser.connect(s.url) << 'x'; Hawser.connect(s.url)"
    output, status = Open3.capture2e(*ruby(program))
    assert_equal ["", true], [output, status.success?]
  end
end
