-- Sends three messages to an echo server and prints what comes back: echo_client.lua [ws://127.0.0.1:9001/]
local hawser = require "hawser"

local ws = hawser.connect(arg[1] or "ws://127.0.0.1:9001/")
for _, text in ipairs {"one", "two", "three"} do
  ws:send(text)
  print((ws:receive()))
end
ws:close()
