-- The example with the loop of luasocket.

local is_here, socket = pcall(require, "socket")
if not is_here then
  print("skipped: luasocket is not here")
  os.exit(77)
end
local hawser = require "hawser"
local check = require "check"

local example = arg[0]:gsub("[^/]*$", "") .. "../examples/select_server.lua"
local server = io.popen(("echo $$; exec '%s' '%s' ws://127.0.0.1:0/"):format(arg[-1], example))
local process = server:read("*l")
local port = server:read("*l"):match("^doorbell at (%d+)$")
local url = server:read("*l"):match("^listening on (.*)$")

local function ring()
  local visitor = assert(socket.connect("127.0.0.1", tonumber(port)))
  local count = visitor:receive("*l")
  visitor:close()
  return count
end

check.test("WebSockets and another socket are served by one loop", function()
  check.equal(ring(), "0")
  local clients = {}
  for number = 1, 3 do clients[number] = hawser.connect(url) end
  check.equal(ring(), "3")
  for round = 1, 10 do
    for number, ws in ipairs(clients) do
      ws:send(number .. " " .. round)
      check.equal(ws:receive(), number .. " " .. round)
    end
  end
  for _, ws in ipairs(clients) do ws:close() end
  check.equal(ring(), "0")
end)

os.execute("kill " .. process)
server:close()
