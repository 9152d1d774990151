-- Lua 5.4: a server that counts down, and a client that prints what it says.
local hawser = require "hawser"

local server <close> = hawser.serve("ws://127.0.0.1:0/", function(ws)
  for number = 3, 1, -1 do
    ws:send(tostring(number))
    hawser.sleep(0.01)
  end
  ws:close(1000, "lift-off")
end)

local ws <close> = hawser.connect(server.url)
for message, kind in ws:messages() do
  print(message, kind)
end
print(ws.close_code, ws.close_reason)
