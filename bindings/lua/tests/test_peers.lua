-- Against the package websockets of Python, in both roles.

local hawser = require "hawser"
local check = require "check"
local test, equal = check.test, check.equal

local python = (os.getenv("HAWSER_PEERS") or "build/peers") .. "/python/bin/python"
local peer = python .. " '" .. arg[0]:gsub("[^/]*$", "") .. "peer.py' "

local probe = io.popen(python .. " -c 'import websockets; print(1)' 2>/dev/null")
local is_here = probe:read("*l") == "1"
probe:close()
if not is_here then
  print("skipped: the package websockets is not here")
  os.exit(77)
end

for _, deflate in ipairs {"off", "shared"} do
  test("our client, deflate " .. deflate, function()
    local server = io.popen(peer .. "server")
    local ws = hawser.connect("ws://127.0.0.1:" .. server:read("*l") .. "/", {deflate = deflate})
    for _, message in ipairs {"text ⚓", ("x"):rep(100000)} do
      ws:send(message)
      check.list({ws:receive()}, {message, "text"})
    end
    ws:send_binary("\0\255")
    check.list({ws:receive()}, {"\0\255", "binary"})
    equal(ws.extensions ~= nil, deflate ~= "off")
    ws:ping()
    ws:close(3000, "Ende")
    equal(ws.close_code, 3000)
    equal(server:read("*l"), "3000 Ende")
    server:close()
  end)

  test("our server, deflate " .. deflate, function()
    local codes = {}
    local server = hawser.serve("ws://127.0.0.1:0/", {deflate = deflate}, function(ws)
      local message, kind = ws:receive()
      while message do
        ws:send(message, kind)
        message, kind = ws:receive()
      end
      codes[1], codes[2] = ws.close_code, ws.close_reason
    end)
    local client = io.popen(peer .. "client " .. server.url)
    while #codes == 0 do hawser.step(1) end
    check.list(codes, {3000, "Ende"})
    hawser.step(0)
    check.list({client:read("*l"), client:read("*l"), client:read("*l"), client:read("*l")}, {"True", "True", "True", "3000"})
    client:close()
    server:close()
  end)
end
