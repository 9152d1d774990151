# Sends every message back, on the raw layer: raw_server.rb [ws://127.0.0.1:9001/]

require "hawser"

$stdout.sync = true
manager = Hawser::Manager.new
listener = manager.listen(ARGV.fetch(0, "ws://127.0.0.1:9001/"))
puts "listening on ws://#{manager.local_address(listener)}/"

loop do
  manager.poll(-1).each do |event| # waits; other threads run meanwhile
    case event
    in { kind: Hawser::EVENT_MESSAGE, connection:, opcode:, data: }
      manager.send(connection, opcode, data)
    in { kind: Hawser::EVENT_CLOSE, connection:, code:, text: }
      puts "#{connection} has ended with #{code}: #{text}"
    else
      next # OPEN, and kinds of later versions
    end
  end
end
