# Sends every message back: echo_server.rb [ws://127.0.0.1:9001/]

require "hawser"

$stdout.sync = true
server = Hawser.serve(ARGV.fetch(0, "ws://127.0.0.1:9001/")) do |ws|
  ws.each { |message| ws << message }
end
puts "listening on #{server.url}"
server.wait
