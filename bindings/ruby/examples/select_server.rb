# Sends every message back, in a loop of its own around IO.select: select_server.rb [ws://127.0.0.1:9001/]

require "hawser"

$stdout.sync = true
manager = Hawser::Manager.new
listener = manager.listen(ARGV.fetch(0, "ws://127.0.0.1:9001/"))
puts "listening on ws://#{manager.local_address(listener)}/"

loop do
  readable, = IO.select([manager], nil, nil, 60) # and whatever else the program waits for
  next unless readable

  manager.poll(0).each do |event|
    manager.send(event.connection, event.opcode, event.data) if event.kind == Hawser::EVENT_MESSAGE
  end
end
