# Sends three messages to an echo server and prints what comes back: echo_client.rb [ws://127.0.0.1:9001/]

require "hawser"

Hawser.connect(ARGV.fetch(0, "ws://127.0.0.1:9001/")) do |ws|
  %w[one two three].each do |text|
    ws << text
    puts ws.receive
  end
end
