-- The raw layer: what the scenarios of bindings/conformance do not see.

local globals = {}
for name in pairs(_G) do globals[name] = true end

local raw = require "hawser.raw"
local check = require "check"
local test, equal, fails = check.test, check.equal, check.fails
local unpack = table.unpack or unpack

local function events_of(manager, kind, count)
  local found = {}
  while #found < (count or 1) do
    for _, event in ipairs(manager:poll(-1)) do
      if event.kind == kind then found[#found + 1] = event end
    end
  end
  return found
end

-- A manager with both ends of a connection.
local function pair(settings)
  local options = raw.Options()
  for name, value in pairs(settings or {}) do options:set_int(name, value) end
  local manager = raw.Manager(options)
  local listener = manager:listen("ws://127.0.0.1:0/")
  local client = manager:connect("ws://" .. manager:local_address(listener) .. "/")
  local opened = events_of(manager, raw.EVENT_OPEN, 2)
  local server = opened[1].connection == client and opened[2].connection or opened[1].connection
  return manager, client, server
end

local function delivered(opcode, payload)
  local manager, client = pair()
  manager:send(client, opcode, payload)
  local data = events_of(manager, raw.EVENT_MESSAGE)[1].data
  manager:free()
  return data
end

local function every_byte()
  local bytes = {}
  for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
  return table.concat(bytes)
end

-- Calls `action` when what it returns is collected.
local function with_finalizer(action)
  if not newproxy then return setmetatable({}, {__gc = action}) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = action
  return proxy
end

local function first_line(path)
  local file = assert(io.open(path))
  local line = file:read("*l")
  file:close()
  return line
end

local function descriptors()
  local process, list = first_line("/proc/self/stat"):match("^%d+"), os.tmpname()
  os.execute("ls /proc/" .. process .. "/fd | wc -l >" .. list)
  local count = tonumber(first_line(list))
  os.remove(list)
  return count
end

test("every byte arrives", function() equal(delivered(raw.BINARY, every_byte()), every_byte()) end)
test("16 MiB arrive", function() equal(delivered(raw.BINARY, every_byte():rep(65536)), every_byte():rep(65536)) end)
test("text with NUL arrives", function() equal(delivered(raw.TEXT, "a\0b Grüße ⚓"), "a\0b Grüße ⚓") end)
test("nothing arrives as nothing", function() equal(delivered(raw.BINARY, ""), "") end)

test("events outlive their batch and their manager", function()
  local manager, client = pair()
  local events = {}
  for number = 1, 50 do
    manager:send(client, raw.BINARY, string.char(number):rep(1000))
    events[number] = events_of(manager, raw.EVENT_MESSAGE)[1]
  end
  manager:free()
  collectgarbage()
  for number = 1, 50 do equal(events[number].data, string.char(number):rep(1000)) end
end)

test("integers are integers, and ids are keys", function()
  local manager, client, server = pair()
  local seen = {[client] = "client", [server] = "server"}
  manager:send(client, raw.TEXT, "")
  local event = events_of(manager, raw.EVENT_MESSAGE)[1]
  equal(seen[event.connection], "server")
  if math.type then
    for _, value in ipairs {client, raw.ERR_URL, raw.TEXT, event.kind, event.flags, manager:queued(client),
                            raw.option_count(), raw.option_max(0)} do
      equal(math.type(value), "integer")
    end
  end
end)

test("tags keep all bits of an integer", function()
  local manager, client, server = pair()
  for _, tag in ipairs {2 ^ 53 - 1, -(2 ^ 53 - 1), math.mininteger or 0, math.maxinteger or 0} do
    manager:set_tag(server, tag)
    manager:send(client, raw.TEXT, "")
    equal(events_of(manager, raw.EVENT_MESSAGE)[1].tag, tag)
  end
end)

test("wrong arguments are refused", function()
  local manager, client = pair()
  local options = raw.Options()
  for _, call in ipairs {
    {manager.poll}, {manager.poll, manager}, {manager.poll, nil, 0}, {manager.poll, io.stdout, 0}, {manager.poll, {}, 0},
    {manager.poll, options, 0}, {manager.poll, manager, "0"}, {manager.poll, manager, true}, {manager.poll, manager, 0, 0},
    {manager.send, manager, client, raw.TEXT}, {manager.send, manager, client, raw.TEXT, nil, n = 5},
    {manager.send, manager, client, raw.TEXT, 5}, {manager.send, manager, client, raw.TEXT, {}},
    {manager.send, manager, "id", raw.TEXT, "x"}, {manager.send, manager, client, "text", "x"},
    {manager.ping, manager, nil, "x"}, {manager.broadcast, manager, 1, {}, raw.TEXT, "x"},
    {manager.respond, manager, 1, 200, "options", "x"}, {manager.connect, manager, {}}, {manager.connect, manager, 5},
    {manager.connect, manager, "ws://127.0.0.1/", manager}, {options.set_int, options, "parts", "1"},
    {options.set_int, options, 1, 1}, {options.set_int, manager, "parts", 1}, {raw.Manager, io.stdout}, {raw.Manager, 5},
    {raw.Options, 1}, {raw.error_name}, {raw.error_name, "x"}, {raw.option_name, {}}} do
    for _ = 1, 20 do equal(type(fails(unpack(call, 1, call.n or #call))), "string") end
  end
end)

test("numbers that are no integers or out of range are refused", function()
  local manager, client = pair()
  for _, timeout in ipairs {0.5, 0 / 0, 1 / 0, -1 / 0, 2 ^ 31, 2 ^ 63, 2 ^ 80, -2 ^ 31 - 1} do
    equal(type(fails(manager.poll, manager, timeout)), "string")
  end
  equal(type(fails(manager.send, manager, client + 0.5, raw.TEXT, "")), "string")
  if not math.type then equal(type(fails(manager.set_tag, manager, client, 2 ^ 53)), "string") end
  equal(#manager:poll(0.0), 0)
end)

test("a text with NUL is refused, nil is NULL", function()
  local manager = raw.Manager()
  check.contains(fails(manager.connect, manager, "ws://127.0.0.1/\0"), "zeros")
  check.contains(fails(raw.Options().set_text, raw.Options(), "origin", "a\0b"), "zeros")
  equal(fails(manager.connect, manager, nil).code, raw.ERR_ARGUMENT)
end)

test("an error has code, name and words", function()
  local manager = raw.Manager()
  local problem = fails(manager.connect, manager, "http://127.0.0.1/")
  equal(problem.code, raw.ERR_URL)
  equal(problem.name, "HWS_ERR_URL")
  check.contains(problem.message, "ws://")
  equal(tostring(problem), problem.name .. ": " .. problem.message)
  equal(getmetatable(problem), raw.Error)
  equal(tostring(setmetatable({}, raw.Error)), "?: ?")
end)

test("parts, with a boolean for the last", function()
  local manager, client = pair()
  manager:send_part(client, raw.TEXT, "a", false)
  manager:send_part(client, raw.TEXT, "b", true)
  equal(events_of(manager, raw.EVENT_MESSAGE)[1].data, "ab")
end)

test("a freed manager answers with an error", function()
  local manager, client = pair()
  manager:free()
  manager:free()
  equal(fails(manager.poll, manager, 0).code, raw.ERR_ARGUMENT)
  equal(fails(manager.send, manager, client, raw.TEXT, "").code, raw.ERR_ARGUMENT)
  equal(fails(manager.wake, manager).code, raw.ERR_ARGUMENT)
  equal(manager:path(client), nil)
end)

test("what was collected answers with an error", function()
  local manager = raw.Manager()
  local code
  debug.getmetatable(manager).__gc(manager)  -- as when the finalizer of another object comes later, and knows it still
  equal(fails(manager.poll, manager, 0).code, raw.ERR_ARGUMENT)
  equal(fails(raw.Manager().connect, manager, "ws://127.0.0.1/").code, raw.ERR_ARGUMENT)
end)

local function resident()  -- KiB
  for line in io.lines("/proc/self/status") do
    local size = line:match("^VmRSS:%s*(%d+)")
    if size then return tonumber(size) end
  end
end

if not os.getenv("ASAN_OPTIONS") then  -- which keeps what is freed for a while
  test("no memory is left", function()
    local manager, client = pair({keep_handshake = 1})
    local long = manager:connect("ws://" .. manager:peer_address(client) .. "/" .. ("x"):rep(8000))
    repeat manager:poll(-1) until manager:path(long)
    local function read_and_fail(count)
      for _ = 1, count do
        manager:path(long)
        pcall(manager.connect, manager, "http://")
      end
      collectgarbage()
    end
    read_and_fail(1000)
    local before = resident()
    read_and_fail(10000)
    assert(resident() - before < 20000, resident() - before)
  end)
end

test("no descriptor is left", function()
  pair():free()
  collectgarbage()
  collectgarbage()
  local before = descriptors()
  for _ = 1, 20 do pair():free() end
  for _ = 1, 20 do pair() end
  collectgarbage()
  collectgarbage()
  equal(descriptors(), before)
end)

if _VERSION == "Lua 5.4" then
  test("leaving its block frees it", function()
    local manager = load [[
      local raw = require "hawser.raw"
      local kept
      do
        local manager <close> = raw.Manager()
        kept = manager
      end
      pcall(function()
        local manager <close> = raw.Manager()
        error("of another kind")
      end)
      return kept]]()
    equal(fails(manager.poll, manager, 0).code, raw.ERR_ARGUMENT)
  end)
end

-- What `action` does in a finalizer that runs while poll makes its tables.
local function poll_with_finalizer(action)
  local manager, client = pair()
  local is_polling, outcome = false, nil
  local function finalizer()
    if is_polling and not outcome then outcome = {pcall(action, manager, client)} end
  end
  for round = 1, 1000 do
    with_finalizer(finalizer)
    collectgarbage("restart")  -- it begins now, however long it would have paused
    local count = 1 + round * 7 % 100  -- so that the collector does not keep step
    for number = 1, count do manager:send(client, raw.BINARY, string.char(number)) end
    local left = count
    while left > 0 do
      is_polling = true
      local events = manager:poll(-1)
      is_polling = false
      for _, event in ipairs(events) do
        if event.opcode == raw.BINARY then left = left - 1 end
        if event.opcode == raw.BINARY then equal(event.data, string.char(count - left)) end
      end
    end
    if outcome then return outcome, manager end
  end
  error("no finalizer ran in time")
end

test("a finalizer may not poll or free what is being copied, and may send", function()
  for _, action in ipairs {function(manager) manager:poll(0) end, function(manager) manager:free() end} do
    local outcome, manager = poll_with_finalizer(action)
    equal(outcome[2].code, raw.ERR_BUSY)
    equal(#manager:poll(0), 0)
    manager:free()
    equal(fails(manager.poll, manager, 0).code, raw.ERR_ARGUMENT)
  end
  equal(poll_with_finalizer(function(manager, client) manager:send(client, raw.TEXT, "") end)[1], true)
end)

test("Ctrl-C ends a wait", function()
  local script = "io.stdout:setvbuf('line') print('waits') require 'hawser.raw'.Manager():poll(-1)"
  local program = io.popen(("echo $$; exec '%s' -e \"%s\" 2>&1"):format(arg[-1], script))
  local process = program:read("*l")
  equal(program:read("*l"), "waits")
  repeat until first_line("/proc/" .. process .. "/stat"):match("%) (%a)") == "S"
  os.execute("sleep 0.05; kill -INT " .. process)
  check.contains(program:read("*a"), "interrupted!")
  program:close()
end)

test("options may go at once", function()
  local manager = raw.Manager(raw.Options())
  collectgarbage()
  equal(#manager:poll(0), 0)
end)

test("objects are closed to meddling", function()
  local manager = raw.Manager()
  equal(getmetatable(manager), "hawser.Manager")
  equal(type(fails(function() manager.poll = nil end)), "string")
  equal(manager.no_such_method, nil)
  equal(manager == io.stdout, false)
end)

-- Every function that a program gets at, without `debug` or with it.
local function functions_of(value, seen, found)
  if type(value) == "function" then found[#found + 1] = value end
  if type(value) ~= "table" or seen[value] then return found end
  seen[value] = true
  for _, part in pairs(value) do functions_of(part, seen, found) end
  return functions_of(debug.getmetatable(value), seen, found)
end

test("no function reads in a userdata that is not its own", function()
  local manager, found, seen = raw.Manager(), {}, {}
  for _, value in ipairs {raw, debug.getmetatable(manager), debug.getmetatable(raw.Options())} do functions_of(value, seen, found) end
  for _, call in ipairs(found) do
    for _, foreign in ipairs {io.stdout, {}, coroutine.create(function() end), "x"} do
      pcall(call, foreign)
      pcall(call, foreign, foreign)
      pcall(call, manager, foreign)
      pcall(call, foreign, "x", foreign)
    end
    pcall(call)
  end
  equal(fails(manager.poll, manager, 0).code, raw.ERR_ARGUMENT)  -- its __gc was among them
end)

test("nothing global is left behind", function()
  for name in pairs(_G) do
    if not globals[name] then error(name) end
  end
  equal(debug.getregistry().SWIG, nil)  -- where modules that SWIG makes would find each other's classes
end)

test("readers", function()
  local manager, client, server = pair({keep_handshake = 1})
  equal(manager:path(server), "/")
  equal(manager:header(server, "upgrade"), "websocket")
  equal(manager:header(server, "upgrade", 1), nil)
  equal(manager:status(client), "101 Switching Protocols")
  equal(raw.error_name(raw.ERR_UTF8), "HWS_ERR_UTF8")
  equal(raw.option_name(-1), nil)
end)
