-- Sends every message back: echo_server.lua [ws://127.0.0.1:9001/]
local hawser = require "hawser"

local function echo(ws)
  local message, kind = ws:receive()
  while message do
    ws:send(message, kind)
    message, kind = ws:receive()
  end
end

local server = hawser.serve(arg[1] or "ws://127.0.0.1:9001/", echo)
print("listening on " .. server.url)
io.stdout:flush()
hawser.loop()
