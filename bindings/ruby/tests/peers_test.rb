# frozen_string_literal: true

# Against Python's websockets and Node's ws, each as client and as server. HAWSER_PEERS is where they are.

peers = ENV.fetch("HAWSER_PEERS", "")
PYTHON = "#{peers}/python/bin/python"
NODE = Dir.exist?("#{peers}/node/node_modules/ws") && "#{peers}/node"
unless File.executable?(PYTHON) || NODE
  puts "skipped: bindings/ruby/peers: neither Python's websockets nor Node's ws is here"
  exit 77
end

require_relative "support"

class PeersTest < Minitest::Test
  MESSAGES = ["text ⚓", "", "\x00\xFF".b, (0..255).to_a.pack("C*") * 4096].freeze

  PYTHON_SERVER = <<~PROGRAM
    import asyncio, websockets.asyncio.server as ws
    async def echo(connection):
        async for message in connection:
            await connection.send(message)
    async def main():
        async with ws.serve(echo, "127.0.0.1", 0, max_size=None) as server:
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
    asyncio.run(main())
  PROGRAM

  PYTHON_CLIENT = <<~PROGRAM
    import asyncio, sys, websockets.asyncio.client as ws
    async def main():
        async with ws.connect(sys.argv[1], max_size=None, proxy=None) as connection:
            for message in ("text ⚓", "", b"\\0\\xff", bytes(range(256)) * 4096):
                await connection.send(message)
                assert await connection.recv() == message
        print(connection.close_code)
    asyncio.run(main())
  PROGRAM

  NODE_SERVER = <<~PROGRAM
    const server = new (require('ws').WebSocketServer)({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
    server.on('connection', (ws) => ws.on('message', (data, binary) => ws.send(data, { binary })));
    server.on('listening', () => console.log(server.address().port));
  PROGRAM

  NODE_CLIENT = <<~PROGRAM
    const ws = new (require('ws'))(process.argv[1]);
    const messages = ['text ⚓', '', Buffer.from([0, 255]), Buffer.alloc(1 << 20, 7)];
    let next = 0;
    const say = () => (next < messages.length ? ws.send(messages[next]) : ws.close(1000));
    ws.on('open', say);
    ws.on('message', (data, binary) => {
      const sent = messages[next++];
      if (binary !== Buffer.isBuffer(sent) || !data.equals(Buffer.from(sent))) process.exit(1);
      say();
    });
    ws.on('close', (code) => console.log(code));
  PROGRAM

  def python(program)
    skip "the package websockets is not here" unless File.executable?(PYTHON)
    [PYTHON, "-c", program]
  end

  def node(program)
    skip "the package ws is not here" unless NODE
    ["node", "-e", program, { chdir: NODE }]
  end

  # LD_PRELOAD and the like are for what is built with sanitizers.
  def spawn_peer(command, *arguments)
    options = command.last.is_a?(Hash) ? command.pop : {}
    IO.popen({ "LD_PRELOAD" => nil }, [*command, *arguments], **options) { |output| return yield output }
  end

  def as_client_of(command)
    spawn_peer(command) do |output|
      Hawser.connect("ws://127.0.0.1:#{output.gets.chomp}/", deflate: "shared") do |ws|
        assert_match(/permessage-deflate/, ws.extensions)
        MESSAGES.each do |message|
          ws << message
          got = ws.receive
          assert_equal [message.encoding, message.b], [got.encoding, got.b]
        end
        ws.close
        assert_equal 1000, ws.close_code
      end
    ensure
      Process.kill(:TERM, output.pid)
    end
  end

  def as_server_of(command)
    codes = Queue.new
    server = Hawser.serve(URL, deflate: "dedicated") do |ws|
      ws.each { |message| ws << message }
      codes << ws.close_code
    end
    assert_equal "1000\n", spawn_peer(command, server.url, &:read)
    assert_equal 1000, codes.pop
  ensure
    server&.close
  end

  def test_as_a_client_of_websockets
    as_client_of(python(PYTHON_SERVER))
  end

  def test_as_a_server_of_websockets
    as_server_of(python(PYTHON_CLIENT))
  end

  def test_as_a_client_of_ws
    as_client_of(node(NODE_SERVER))
  end

  def test_as_a_server_of_ws
    as_server_of(node(NODE_CLIENT))
  end
end
