-- An echo server in the loop of luasocket, which watches a socket of its own beside: select_server.lua [ws://127.0.0.1:9001/]
local hawser = require "hawser"
local socket = require "socket"

local server = hawser.serve(arg[1] or "ws://127.0.0.1:9001/", function(ws)
  repeat
    local message, kind = ws:receive()
    if message then ws:send(message, kind) end
  until not message
end)
local doorbell = assert(socket.bind("127.0.0.1", 0))  -- answers with the number of connections
local events = {getfd = hawser.fd}                    -- what socket.select takes for a socket

print("doorbell at " .. select(2, doorbell:getsockname()))
print("listening on " .. server.url)
io.stdout:flush()
while true do
  local readable = socket.select({events, doorbell}, nil, hawser.timeout())
  if readable[doorbell] then
    local visitor, count = doorbell:accept(), 0
    for _ in pairs(server.connections) do count = count + 1 end
    visitor:send(count .. "\n")
    visitor:close()
  end
  hawser.step(0)
end
