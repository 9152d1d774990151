-- The module hawser, against itself.

local hawser = require "hawser"
local check = require "check"
local test, equal, fails = check.test, check.equal, check.fails

local URL = "ws://127.0.0.1:0/"
local is_plain_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local function echo(ws)
  local message, kind = ws:receive()
  while message do
    ws:send(message, kind)
    message, kind = ws:receive()
  end
end

local function nothing(ws) ws:wait_closed() end

-- Calls body(ws, server) with a client of a server with this handler, and closes both.
local function with(handler, body, options)
  local server = hawser.serve(URL, options, handler)
  local ws = hawser.connect(server.url, options)
  body(ws, server)
  ws:close()
  server:close()
end

-- What is told to hawser.on_error while body runs.
local function told_by(body)
  local told, before = {}, hawser.on_error
  hawser.on_error = function(problem, traceback) told[#told + 1] = {problem, traceback} end
  body()
  hawser.loop()
  hawser.on_error = before
  return told
end

local function until_true(condition)
  while not condition() do hawser.step(1) end
end

local function count(set)
  local number = 0
  for _ in pairs(set) do number = number + 1 end
  return number
end

-- ---- messages

test("messages come back as what they are", function()
  with(echo, function(ws)
    for _, case in ipairs {{"", "text"}, {"text ⚓\0", "text"}, {"", "binary"}, {"\0\255", "binary"},
                           {("\0"):rep(1048576), "binary"}} do
      ws:send(case[1], case[2])
      local message, kind = ws:receive()
      equal(message, case[1])
      equal(kind, case[2])
    end
    ws:send_binary("\254")
    check.list({ws:receive()}, {"\254", "binary"})
  end)
end)

test("what is no message is refused", function()
  with(echo, function(ws)
    for _, message in ipairs {5, {}, false} do check.contains(fails(ws.send, ws, message), "a message is a string") end
    check.contains(fails(ws.send, ws), "not a nil")
    check.contains(fails(ws.send, ws, "x", "pong"), "not pong")
    equal(fails(ws.send, ws, "\255").code, hawser.ERR_UTF8)
    equal(fails(ws.close, ws, 999).code, hawser.ERR_CLOSE_CODE)
    ws:send("still there")
    equal(ws:receive(), "still there")
  end)
end)

test("what was agreed on", function()
  local seen
  local options = {subprotocols = "b, a", deflate = "shared", headers = {["X-Berth"] = "7"}}
  local server = hawser.serve(URL, options, function(ws)
    seen = {ws.path, ws.subprotocol, ws:header("x-ship"), ws.extensions}
  end)
  local ws = hawser.connect(server.url .. "harbour?x=1",
                            {subprotocols = "a, b", deflate = "shared", headers = {{"X-Ship", "Ever Given"}},
                             tls_verify = true})
  equal(ws:header("x-berth"), "7")
  equal(ws.subprotocol, "b")
  equal(ws.peer_address, server.address)
  ws:wait_closed()
  equal(ws.close_code, 1000)  -- the handler had returned
  check.list(seen, {"/harbour?x=1", "b", "Ever Given", ws.extensions})
  check.contains(ws.extensions, "permessage-deflate")
  server:close()
end)

test("many at a time", function()
  local server = hawser.serve(URL, echo)
  local tasks = {}
  for number = 1, 100 do
    tasks[number] = hawser.spawn(function()
      local ws = hawser.connect(server.url)
      for index = 1, 20 do
        ws:send(number .. " " .. index)
        equal(ws:receive(), number .. " " .. index)
      end
      ws:close()
      return number
    end)
  end
  for number = 1, 100 do check.list({select(2, tasks[number]:wait())}, {number}) end
  server:close()
  equal(count(server.connections), 0)
end)

test("broadcast", function()
  local server = hawser.serve(URL, nothing)
  local clients = {hawser.connect(server.url), hawser.connect(server.url), hawser.connect(server.url)}
  until_true(function() return count(server.connections) == 3 end)
  equal(server:broadcast("to all"), 3)
  for _, ws in ipairs(clients) do equal(ws:receive(), "to all") end
  equal(server:broadcast("\255", "binary", (next(server.connections))), 2)
  check.contains(fails(server.broadcast, server, nil), "a message is a string")
  server:close()
  for _, ws in ipairs(clients) do ws:wait_closed() end
end)

test("ping waits for its pong", function()
  with(nothing, function(ws)
    ws:ping()
    ws:ping("a")
    local tasks = {hawser.spawn(ws.ping, ws, "same"), hawser.spawn(ws.ping, ws, "same"), hawser.spawn(ws.ping, ws)}
    for _, task in ipairs(tasks) do equal(task:wait(), true) end
    equal(fails(ws.ping, ws, ("x"):rep(126)).code, hawser.ERR_TOO_LARGE)
  end)
end)

-- ---- ends

test("the peer says why", function()
  with(function(ws) ws:close(4001, "Grüße") end, function(ws)
    local message, problem = ws:receive()
    equal(message, nil)
    check.list({problem.close_code, problem.reason, problem.name}, {4001, "Grüße", "HWS_ERR_CLOSED"})
    equal(problem.clean, true)
    equal(getmetatable(problem), hawser.Error)
    equal(ws.close_code, 4001)
    equal(fails(ws.send, ws, "too late"), problem)
    equal(fails(ws.ping, ws), problem)
    ws:abort()
    ws:close()
  end)
end)

test("a send between the end and the news of it waits for these", function()
  with(echo, function(ws)
    local closing = hawser.spawn(ws.close, ws, 4002)
    hawser.step(0)
    equal(ws.close_code, nil)
    equal(fails(ws.send, ws, "too late").close_code, 4002)
    equal(closing:wait(), true)
  end)
end)

test("a handler that fails closes with 1011, and is heard of", function()
  local told = told_by(function()
    with(function() error("mine") end, function(ws) equal(select(2, ws:receive()).close_code, 1011) end)
    with(function() error() end, function(ws) equal(select(2, ws:receive()).close_code, 1011) end)
  end)
  equal(#told, 2)
  check.contains(told[1][1], "mine")
  check.contains(told[1][2], "stack traceback")
end)

test("an error that cannot be shown is an error like others", function()
  local problem = setmetatable({}, {__tostring = function() error({}) end})
  local told = told_by(function()
    with(function() error(problem) end, function(ws) equal(select(2, ws:receive()).close_code, 1011) end)
  end)
  equal(told[1][1], problem)
  check.contains(told[1][2], "stack traceback")
end)

test("a handler that hears of its connection's end is no failure", function()
  local told = told_by(function()
    with(function(ws)
      while true do
        ws:send("x")
        hawser.sleep(0.001)
      end
    end, function(ws) ws:receive() end)
  end)
  equal(#told, 0)
end)

test("messages ends quietly or raises", function()
  local server = hawser.serve(URL, function(ws)
    ws:send("last")
    ws:close(tonumber(ws.path:match("%d+")))
  end)
  for code, is_quiet in pairs {[1000] = true, [1001] = true, [0] = true, [1002] = false, [3000] = false} do
    local ws, seen = hawser.connect(server.url .. code), {}
    local is_good, problem = pcall(function()
      for message, kind in ws:messages() do seen[#seen + 1] = message .. kind end
    end)
    check.list(seen, {"lasttext"})
    equal(is_good, is_quiet)
    if not is_good then equal(problem.close_code, code) end
  end
  server:close()
end)

test("messages in a task", function()
  with(echo, function(ws)
    local task = hawser.spawn(function()
      ws:send("one")
      for message in ws:messages() do return message end
    end)
    local is_good, result = task:wait()
    equal(is_good, not is_plain_51)
    if is_plain_51 then check.contains(result, "call receive") else equal(result, "one") end
  end)
end)

test("who can't connect is told why", function()
  local problem = fails(hawser.connect, "ws://127.0.0.1:1/")
  check.list({problem.name, problem.close_code}, {"HWS_ERR_CONNECT", 1006})
  equal(problem.clean, false)
  equal(fails(hawser.connect, "http://127.0.0.1/").code, hawser.ERR_URL)
  local server = hawser.serve(URL, echo)
  problem = fails(hawser.connect, server.url, {origin = "http://elsewhere.example"})
  check.list({problem.name, problem.status}, {"HWS_ERR_HTTP", 403})
  equal(fails(hawser.serve, "ws://" .. server.address .. "/", echo).code, hawser.ERR_LISTEN)
  check.contains(fails(hawser.serve, URL), "a function is needed")
  server:close()
end)

test("a server that closes says 1001", function()
  local server = hawser.serve(URL, nothing)
  local ws = hawser.connect(server.url)
  server:close()
  equal(next(server.connections), nil)
  equal(select(2, ws:receive()).close_code, 1001)
  equal(fails(hawser.connect, server.url).code, hawser.ERR_CONNECT)
  server:close()
end)

test("whose handshake ends after its server is closed", function()
  local server = hawser.serve(URL, nothing)
  local client = hawser.Manager()
  local id = client:connect(server.url)
  client:poll(0)
  hawser.step(0)  -- it is accepted, and has said nothing yet
  server:close()
  local seen = {}
  while #seen < 2 do
    hawser.step(0.001)
    for _, event in ipairs(client:poll(1)) do
      seen[#seen + 1] = event.kind
      if event.kind == hawser.EVENT_OPEN then client:send(id, hawser.TEXT, "is somebody there?") end
      if event.kind == hawser.EVENT_CLOSE then equal(event.code, 1001) end
    end
  end
  check.list(seen, {hawser.EVENT_OPEN, hawser.EVENT_CLOSE})
end)

test("options are named in what is wrong with them", function()
  for name, value in pairs {no_such = 1, parts = true, requests = 1, max_message_size = 0, subprotocols = "not a token,"} do
    local problem = fails(hawser.connect, "ws://127.0.0.1:1/", {[name] = value})
    equal(getmetatable(problem), hawser.Error)
    check.contains(problem, name)
  end
  check.contains(fails(hawser.connect, "ws://127.0.0.1:1/", {origin = {}}), "origin")
  check.contains(fails(hawser.connect, "ws://127.0.0.1:1/", {max_message_size = 1.5}), "max_message_size")
  check.contains(fails(hawser.connect, "ws://127.0.0.1:1/", {headers = {["a b"] = "x"}}), "headers")
  equal(fails(hawser.serve, "wss://127.0.0.1:0/", {certificates = {{"", "no.pem", "no.pem"}}}, echo).code, hawser.ERR_TLS)
end)

-- ---- waiting

test("receive waits no longer than it is told to", function()
  with(echo, function(ws)
    local function timed_out(timeout)
      local message, problem = ws:receive(timeout)
      equal(message, nil)
      equal(problem.code, hawser.ERR_TIMEOUT)
      equal(problem.close_code, nil)
    end
    timed_out(0)
    timed_out(0.02)
    local task = hawser.spawn(function()
      timed_out(0)
      timed_out(0.02)
      ws:send("later")
      return ws:receive(60)
    end)
    check.list({select(2, task:wait())}, {"later", "text"})
  end)
end)

test("receive(0) sees what is there", function()
  with(function(ws) ws:send("early") end, function(ws)
    ws:wait_closed()
    equal(ws:receive(0), "early")
  end)
end)

test("send waits while the queue is full, and nothing is lost", function()
  local may_read, seen = false, 0
  local server = hawser.serve(URL, {max_message_size = 1048576}, function(ws)
    while not may_read do hawser.sleep(0.001) end
    while ws:receive() do seen = seen + 1 end
  end)
  local ws = hawser.connect(server.url, {max_send_queue = 1048576})
  local sent = 0
  local writers = {}
  for number = 1, 3 do
    writers[number] = hawser.spawn(function()
      for _ = 1, 100 do
        ws:send_binary(("x"):rep(262144))
        sent = sent + 1
      end
    end)
  end
  until_true(function() return ws.is_full end)
  assert(sent < 300, "it did not wait")
  may_read = true
  for _, writer in ipairs(writers) do equal(writer:wait(), true) end
  ws:close()
  until_true(function() return seen == 300 end)
  server:close()
end)

-- A handler that says a lot.
local function talk(count, message)
  return function(ws)
    for _ = 1, count do ws:send(message) end
    ws:wait_closed()
  end
end

local function fill(ws)
  until_true(function() return ws.is_paused end)
  for _ = 1, 200 do hawser.step(0) end
  return ws.last
end

test("what is not taken is not read", function()
  for _, case in ipairs {{1000, "x"}, {40, ("x"):rep(300000)}} do
    with(talk(case[1], case[2]), function(ws)
      assert(fill(ws) < case[1], "all of them were read")
      for _ = 1, case[1] do equal(ws:receive(), case[2]) end
    end, {max_events = 16, max_batch_bytes = 300000})
  end
end)

test("who closes takes no more, and hears the peer's Close behind it", function()
  with(talk(1000, "x"), function(ws)
    local taken = fill(ws)
    ws:close(3001)
    equal(ws.close_code, 3001)
    equal(ws.last, taken)
  end, {max_events = 16, close_timeout = 20000})
end)

test("tasks return, fail, and let others run", function()
  check.list({select(2, hawser.spawn(function(...) return "a", ... end, "b", "c"):wait())}, {"a", "b", "c"})
  equal(select("#", hawser.spawn(function() return nil, nil end):wait()), 3)
  local told = told_by(function()
    local is_good, problem = hawser.spawn(function() error({"an object"}) end):wait()
    equal(is_good, false)
    equal(problem[1], "an object")
    hawser.spawn(error, "nobody waits")
    hawser.loop()
  end)
  equal(#told, 1)
  check.contains(told[1][1], "nobody waits")
  check.contains(fails(hawser.spawn, 5), "a function is needed")
  check.contains(select(2, hawser.spawn(hawser.loop):wait()), "a task cannot")
  local turns = {}
  for _, name in ipairs {"a", "b"} do
    hawser.spawn(function()
      for _ = 1, 2 do
        turns[#turns + 1] = name
        coroutine.yield()
      end
    end)
  end
  hawser.loop()
  check.list(turns, {"a", "b", "a", "b"})
end)

test("a task that only yields lets events in", function()
  with(echo, function(ws)
    local has_come = false
    hawser.spawn(function()
      while not has_come do coroutine.yield() end
    end)
    ws:send("x")
    equal(ws:receive(), "x")
    has_come = true
  end)
end)

if coroutine.isyieldable then
  test("where Lua cannot yield a task waits, too", function()
    with(echo, function(ws)
      local task = hawser.spawn(string.gsub, "ab", ".", function(letter)
        ws:send(letter .. letter)
        return (ws:receive())
      end)
      check.list({select(2, task:wait())}, {"aabb", 2})
    end)
  end)
end

test("sleepers wake in their order", function()
  local woken = {}
  for _, seconds in ipairs {0.3, 0.1, 0.2} do
    hawser.spawn(function()
      hawser.sleep(seconds)
      woken[#woken + 1] = seconds
    end)
  end
  hawser.loop()
  check.list(woken, {0.1, 0.2, 0.3})
  equal(hawser.timeout(), nil)
end)

test("a loop that was held up wakes sleepers in their order", function()
  local woken = {}
  for index = 1, 20 do
    hawser.spawn(function()
      hawser.sleep(0.001 * index)
      woken[#woken + 1] = index
    end)
  end
  hawser.step(0)
  local late = hawser.now() + 0.05
  while hawser.now() < late do end
  hawser.loop()
  for index = 1, 20 do equal(woken[index], index) end
end)

test("a coroutine of one's own waits in a task, too", function()
  with(echo, function(ws)
    local task = hawser.spawn(function()
      return coroutine.wrap(function()
        ws:send("inside")
        return (ws:receive())
      end)()
    end)
    check.list({select(2, task:wait())}, {"inside"})
  end)
end)

if not is_plain_51 then
  test("pcall in a task", function()
    with(function(ws) ws:close(4000) end, function(ws)
      local task = hawser.spawn(function()
        return pcall(function()
          for _ in ws:messages() do end
        end)
      end)
      local _, is_good, problem = task:wait()
      equal(is_good, false)
      equal(problem.close_code, 4000)
    end)
  end)
end

if _VERSION == "Lua 5.4" then
  test("leaving its block closes it", function()
    local codes = {}
    local server = hawser.serve(URL, function(ws)
      ws:wait_closed()
      codes[#codes + 1] = ws.close_code
    end)
    local visit = load [[
      local hawser, url, fails = ...
      local ws <close> = hawser.connect(url)
      if fails then error("of another kind") end
      ws:ping()]]
    visit(hawser, server.url)
    equal(hawser.spawn(visit, hawser, server.url):wait(), true)
    equal(pcall(visit, hawser, server.url, true), false)
    equal((hawser.spawn(visit, hawser, server.url, true):wait()), false)
    until_true(function() return #codes == 4 end)
    check.list(codes, {1000, 1000, 1011, 1011})
    server:close()
  end)
end

if coroutine.close then
  test("a task whose coroutine is closed has failed", function()
    local waiting = {}
    local function wait_and(f, ...)
      waiting[#waiting + 1] = coroutine.running()
      f(...)
    end
    local told = told_by(function()
      with(function(ws) wait_and(ws.receive, ws) end, function(ws)
        local sleeper = hawser.spawn(wait_and, hawser.sleep, 0.01)
        until_true(function() return #waiting == 2 end)
        for _, thread in ipairs(waiting) do assert(coroutine.close(thread)) end
        ws:send("it is woken by this")
        equal(select(2, ws:receive()).close_code, 1011)
        equal((sleeper:wait()), false)
        equal(hawser.timeout(), nil)
      end)
    end)
    equal(#told, 1)
  end)
end

test("the loop ends when nothing is left", function()
  local server = hawser.serve(URL, nothing)
  local ws = hawser.connect(server.url)
  hawser.spawn(server.close, server)
  hawser.loop()
  equal(ws.close_code, 1001)
  hawser.loop()
end)
