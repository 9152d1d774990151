-- An echo server on the raw layer: raw_echo_server.lua [ws://127.0.0.1:9001/]
local raw = require "hawser.raw"

local manager = raw.Manager()
local listener = manager:listen(arg[1] or "ws://127.0.0.1:9001/")
print("listening on ws://" .. manager:local_address(listener) .. "/")
io.stdout:flush()
while true do
  for _, event in ipairs(manager:poll(-1)) do
    if event.kind == raw.EVENT_MESSAGE then
      manager:send(event.connection, event.opcode, event.data)
    end
  end
end
