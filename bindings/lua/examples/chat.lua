-- A chat with its server and two members, in one program.
local hawser = require "hawser"

local server
server = hawser.serve("ws://127.0.0.1:0/", {subprotocols = "chat", deflate = "shared"}, function(ws)
  local name = ws.path:sub(2)
  local message = ws:receive()
  while message do
    server:broadcast(name .. ": " .. message)
    message = ws:receive()
  end
end)

local function greet(name, greeting)
  local ws = hawser.connect(server.url .. name, {subprotocols = "chat", headers = {["X-Ship"] = "Ever Given"}})
  ws:send(greeting)
  local line
  repeat
    line = assert(ws:receive(5))  -- seconds
  until line == name .. ": " .. greeting
  ws:close()
  return line
end

local ann, bob = hawser.spawn(greet, "ann", "hello"), hawser.spawn(greet, "bob", "ahoy")
print(ann:wait())  -- true    ann: hello
print(bob:wait())  -- true    bob: ahoy
server:close()
