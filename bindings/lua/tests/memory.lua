-- Each function prepares, and returns what is called with little memory, and what with enough of it afterwards. See memory.c.

local raw = require "hawser.raw"

local calls = {}

local function pair()
  local manager = raw.Manager()
  local listener = manager:listen("ws://127.0.0.1:0/")
  local client = manager:connect("ws://" .. manager:local_address(listener) .. "/")
  local opened = 0
  while opened < 2 do opened = opened + #manager:poll(-1) end
  return manager, client
end

-- No event is lost: the next poll has them.
function calls.poll()
  local manager, client = pair()
  for number = 1, 20 do manager:send(client, raw.BINARY, string.char(number):rep(1000)) end
  local all = {}
  for number = 1, 20 do all[number] = false end  -- room for them
  local count = 0
  local function take()
    local events = manager:poll(-1)
    for i = 1, #events do
      count = count + 1
      all[count] = events[i]
    end
  end
  return take, function()
    while count < 20 do take() end
    for number = 1, 20 do assert(all[number].data == string.char(number):rep(1000)) end
    assert(#manager:poll(0) == 0)
  end
end

-- ... unless it is freed.
function calls.free()
  local manager, client = pair()
  manager:send(client, raw.TEXT, "x")
  return function() manager:poll(-1) end, function()
    manager:free()
    local is_good, problem = pcall(manager.poll, manager, 0)
    assert(not is_good and problem.code == raw.ERR_ARGUMENT)
  end
end

function calls.manager()
  local Manager = raw.Manager
  return function() Manager() end, function() assert(#Manager():poll(0) == 0) end
end

function calls.options()
  local Options = raw.Options
  return function() Options() end, function() Options():set_int("parts", 1) end
end

function calls.reader()
  local manager, client = pair()
  return function() manager:local_address(client) end, function()
    assert(manager:local_address(client):find("^127%.0%.0%.1:%d+$"))
  end
end

function calls.error()
  local manager = raw.Manager()
  local function fail()
    local is_good, problem = pcall(manager.connect, manager, "http://x")
    assert(not is_good)
    if type(problem) == "string" then error(problem, 0) end
    assert(problem.code == raw.ERR_URL)
  end
  return fail, fail
end

return calls
