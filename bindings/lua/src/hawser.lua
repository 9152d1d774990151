-- WebSocket (RFC 6455) client and server on libhawser. Whatever waits lets other tasks run; outside of tasks it runs them
-- meanwhile. The raw layer, hawser.Manager, hawser.EVENT_OPEN ..., is hawser.raw.

local raw = require "hawser.raw"
local tasks = require "hawser.tasks"

local hawser = setmetatable({sleep = tasks.sleep, timeout = tasks.timeout}, {__index = raw})

-- What an application may leave unread before its peer is read no further.
local MOST_MESSAGES, MOST_BYTES = 64, 1048576
local QUIET_ENDS = {[1000] = true, [1001] = true, [1005] = true}  -- RFC 6455 7.4.1: nothing went wrong; 1005: no code
local ENDED = {[raw.ERR_CLOSED] = true, [raw.ERR_STALE] = true}  -- an end, of which the CLOSE may be still to come
local NUMBERS = {text = raw.TEXT, binary = raw.BINARY}
local KINDS = {[raw.TEXT] = "text", [raw.BINARY] = "binary"}

local manager
local owners = {}              -- WebSockets and servers by their ids
local events, taken = {}, 0    -- of the last poll, and how many of them were dispatched
local is_watched = false

local function the_manager()
  manager = manager or raw.Manager()
  return manager
end

local function need_function(f, what)
  if type(f) ~= "function" then error(("a function is needed as %s, not a %s"):format(what, type(f)), 3) end
end

-- Is told of errors that nobody waits for.
function hawser.on_error(_, traceback)
  io.stderr:write("hawser: ", traceback, "\n")
end

local function opcode_of(message, kind)
  local opcode = NUMBERS[kind or "text"]
  if not opcode then error(("a message is \"text\" or \"binary\", not %s"):format(tostring(kind)), 3) end
  if type(message) ~= "string" then error("a message is a string, not a " .. type(message), 3) end
  return opcode
end

local function make_error(code, message)
  return setmetatable({code = code, name = raw.error_name(code), message = message}, raw.Error)
end

-- Calls a method of the manager that says what it wants to be so: that it has ended is no error.
local function act(method, id, ...)
  local is_good, problem = pcall(manager[method], manager, id, ...)
  if not is_good and not ENDED[problem.code] then error(problem, 0) end
end

-- ---- options ----------------------------------------------------------------------------------------------------------

local function set_option(options, name, value)
  if name == "parts" or name == "requests" then error(make_error(raw.ERR_OPTION, "it is for hawser.raw"), 0) end
  if type(value) == "boolean" then value = value and 1 or 0 end
  if type(value) == "number" then return options:set_int(name, value) end
  return options:set_text(name, value)
end

local adders = {}

-- {["X-Ship"] = "..."}, or {{"X-Ship", "..."}, ...}
function adders.headers(options, _, headers)
  for name, value in pairs(headers) do
    if type(value) == "table" then name, value = value[1], value[2] end
    options:add_header(name, value)
  end
end

-- {{host, chain, key}, ...}
function adders.certificates(options, _, certificates)
  for _, one in ipairs(certificates) do options:add_certificate(one[1], one[2], one[3] or "") end
end

local function blame_option(name, value, problem)
  if getmetatable(problem) ~= raw.Error then error(("the option %s: %s"):format(tostring(name), tostring(problem)), 4) end
  error(make_error(problem.code, ("%s = %s: %s"):format(tostring(name), tostring(value), problem.message)), 0)
end

local function make_options(settings)
  local options = raw.Options()
  for name, value in pairs(settings or {}) do
    local is_good, problem = pcall(adders[name] or set_option, options, name, value)
    if not is_good then blame_option(name, value, problem) end
  end
  options:set_int("pongs", 1)           -- what ping waits for
  options:set_int("keep_handshake", 1)  -- what header reads
  return options
end

-- ---- WebSocket --------------------------------------------------------------------------------------------------------

local WebSocket = {__name = "hawser.WebSocket"}
WebSocket.__index = WebSocket

local function new_websocket(id)
  local ws = {id = id, waiting = {}, pings = {}}
  ws.messages_left, ws.first, ws.last, ws.unread = {}, 1, 0, 0  -- a queue of MESSAGE events, and the bytes in it
  setmetatable(ws, WebSocket)
  owners[id] = ws
  return ws
end

local function was_opened(ws) return ws.was_opened or ws.ended end
local function has_ended(ws) return ws.ended end
local function has_news(ws) return ws.first <= ws.last or ws.ended end
local function has_room(ws) return not ws.is_full or ws.ended end

local function resume(ws)
  ws.is_paused = false
  if not ws.ended then act("resume", ws.id) end
end

local function take(ws)
  local event = ws.messages_left[ws.first]
  ws.messages_left[ws.first] = nil
  ws.first = ws.first + 1
  ws.unread = ws.unread - #event.data
  if ws.is_paused and ws.unread <= MOST_BYTES / 4 and ws.last - ws.first < MOST_MESSAGES / 4 then resume(ws) end
  return event.data, KINDS[event.opcode]
end

-- The next message, and its kind: "text" or "binary". Or nil and an error object: when `timeout` seconds are over
-- (ERR_TIMEOUT), and when none is left and the connection has ended (with close_code).
function WebSocket:receive(timeout)
  if not tasks.wait(self, has_news, timeout and raw.now() + timeout) then
    return nil, make_error(raw.ERR_TIMEOUT, ("nothing came in %g seconds"):format(timeout))
  end
  if self.first > self.last then return nil, self.ended end
  return take(self)
end

local function next_message(ws)
  local message, kind = ws:receive()
  if not message and not QUIET_ENDS[ws.close_code] then error(ws.ended, 0) end
  return message, kind
end

-- for message, kind in ws:messages() do: ends when it is closed with 1000, 1001 or no code, and raises when it ends in any other way.
function WebSocket:messages()
  if tasks.is_plain_51 and tasks.running() then
    error("Lua 5.1 cannot wait in an iterator of a task: call receive in a loop", 2)
  end
  return next_message, self
end

-- Calls a method that sends, and waits while the queue is full. Of an end there is one kind of error: ws.ended.
local function send(ws, method, ...)
  local is_good, problem = pcall(manager[method], manager, ws.id, ...)
  if is_good then return end
  if problem.code == raw.ERR_WOULD_BLOCK then
    ws.is_full = true
    tasks.wait(ws, has_room)
    return send(ws, method, ...)
  end
  if not ENDED[problem.code] then error(problem, 0) end
  tasks.wait(ws, has_ended)
  error(ws.ended, 0)
end

-- kind: "text" (without one), or "binary". Waits while the queue is full ("max_send_queue").
function WebSocket:send(message, kind)
  send(self, "send", opcode_of(message, kind), message)
end

function WebSocket:send_binary(message)
  return self:send(message, "binary")
end

-- Sends a ping (up to 125 bytes; without `data` some of its own) and waits for its pong.
function WebSocket:ping(data)
  self.own_pings = (self.own_pings or 0) + 1
  data = data or ("%08d"):format(self.own_pings)
  send(self, "ping", data)
  local ping = {data = data}
  self.pings[#self.pings + 1] = ping
  tasks.wait(self, function(ws) return ping.is_answered or ws.ended end)
  if not ping.is_answered then error(self.ended, 0) end
end

local function begin_close(ws, code, reason)
  if ws.ended or ws.is_closing then return end
  act("close", ws.id, code, reason)
  ws.is_closing = true
  if ws.is_paused then resume(ws) end
end

-- Closes (1000 without a code), and waits for the end, "close_timeout" at most. Messages that come meanwhile are dropped.
-- Does nothing if it has ended.
function WebSocket:close(code, reason)
  begin_close(self, code or 1000, reason)
  tasks.wait(self, has_ended)
end

-- Waits for the end, whoever brings it about.
function WebSocket:wait_closed()
  tasks.wait(self, has_ended)
end

-- Ends the TCP connection at once, unsent bytes and all.
function WebSocket:abort()
  if not self.ended then act("abort", self.id) end
end

-- A header field of the peer's handshake.
function WebSocket:header(name)
  return manager:header(self.id, name)
end

-- Lua 5.4: local ws <close> = ...
function WebSocket:__close(problem)
  if problem == nil then self:close() else begin_close(self, 1011) end
end

-- What was agreed on can be read in the batch of OPEN.
function WebSocket:on_open()
  self.was_opened = true
  for _, what in ipairs {"path", "subprotocol", "extensions", "peer_address"} do
    self[what] = manager[what](manager, self.id)
  end
end

function WebSocket:on_message(event)
  if self.is_closing then return end
  self.last = self.last + 1
  self.messages_left[self.last] = event
  self.unread = self.unread + #event.data
  if self.is_paused or self.unread <= MOST_BYTES and self.last - self.first < MOST_MESSAGES - 1 then return end
  self.is_paused = true
  act("pause", self.id)
end

function WebSocket:on_drain() self.is_full = false end

-- It answers all pings before it too (RFC 6455 5.5.3).
function WebSocket:on_pong(event)
  local count = 1
  while self.pings[count] and self.pings[count].data ~= event.data do count = count + 1 end
  if not self.pings[count] then return end
  for _ = 1, count do table.remove(self.pings, 1).is_answered = true end
end

function WebSocket:on_close(event)
  local ended = make_error(event.error ~= 0 and event.error or raw.ERR_CLOSED, event.text)
  ended.close_code, ended.reason = event.code, event.data
  ended.clean = event.flags % (2 * raw.CLEAN) >= raw.CLEAN
  if event.error == raw.ERR_HTTP then ended.status = event.system end
  self.ended, self.close_code, self.close_reason = ended, event.code, event.data
  if self.server then self.server.connections[self] = nil end
end

-- A client, open. Raises why it could not be. options: those of docs/reference/options.md, `headers` and `certificates`.
function hawser.connect(url, options)
  local ws = new_websocket(the_manager():connect(url, make_options(options)))
  tasks.wait(ws, was_opened)
  if not ws.was_opened then error(ws.ended, 0) end
  return ws
end

-- ---- Server -----------------------------------------------------------------------------------------------------------

local Server = {__name = "hawser.Server"}
Server.__index = Server

-- Listens at a URL, and calls handler(ws) with each connection, in a task of its own. When that returns the connection is
-- closed with 1000, when it raises with 1011, and hawser.on_error is told. connections: those that are open, as keys.
function hawser.serve(url, options, handler)
  if not handler then options, handler = nil, options end
  need_function(handler, "handler")
  local server = setmetatable({connections = {}, waiting = {}, handler = handler}, Server)
  server.id = the_manager():listen(url, make_options(options))
  owners[server.id] = server
  server.address = manager:local_address(server.id)
  server.url = url:match("^(.-)://") .. "://" .. server.address .. "/"
  return server
end

-- Sends a message to all connections but one, framed once; returns how many took it.
function Server:broadcast(message, kind, except)
  local opcode = opcode_of(message, kind)
  return manager:broadcast(self.id, except and except.id or 0, opcode, message)
end

-- Stops listening, closes all connections (with 1001), and waits for their ends.
function Server:close(code, reason)
  act("abort", self.id)
  tasks.wait(self, has_ended)
  local connections = {}
  for ws in pairs(self.connections) do connections[#connections + 1] = ws end
  for _, ws in ipairs(connections) do begin_close(ws, code or 1001, reason) end
  for _, ws in ipairs(connections) do ws:wait_closed() end
end

function Server:__close() self:close() end

function Server:on_close() self.ended = true end

function Server:on_connection(id)
  local ws = new_websocket(id)
  ws.server = self
  ws:on_open()
  self.connections[ws] = true
  tasks.start(function(_, is_good, traceback, problem)
    begin_close(ws, is_good and 1000 or 1011)
    local has_heard_its_end = ws.ended and problem == ws.ended
    if not is_good and not has_heard_its_end then hawser.on_error(problem, traceback) end
  end, self.handler, ws)
end

-- ---- the loop ---------------------------------------------------------------------------------------------------------

local HANDLERS = {[raw.EVENT_OPEN] = "on_open", [raw.EVENT_MESSAGE] = "on_message", [raw.EVENT_DRAIN] = "on_drain",
                  [raw.EVENT_PONG] = "on_pong", [raw.EVENT_CLOSE] = "on_close"}

local function dispatch(event)
  local handler = HANDLERS[event.kind]
  if event.kind == raw.EVENT_OPEN and event.listener ~= 0 then
    local server = owners[event.listener]
    if server then server:on_connection(event.connection) else act("close", event.connection, 1001) end
    return
  end
  local owner = owners[event.connection]
  if not owner or not handler then return end  -- it came after its server had ended
  if event.kind == raw.EVENT_CLOSE then owners[event.connection] = nil end
  owner[handler](owner, event)
  tasks.notify(owner)
end

function tasks.poll(seconds)
  local milliseconds = seconds and math.ceil(math.min(seconds * 1000, 2147483647)) or -1
  if taken == #events then events, taken = the_manager():poll(milliseconds), 0 end
  while taken < #events do  -- one is taken before an error, or a finalizer that waits, can come between
    taken = taken + 1
    dispatch(events[taken])
  end
end

-- Calls f(...) in a task. task:wait() waits for its end, and returns what pcall would. hawser.on_error is told of an error
-- that nobody waits for.
function hawser.spawn(f, ...)
  need_function(f, "task")
  return tasks.start(function(task, is_good, traceback, problem)
    if not is_good and not task.is_awaited then hawser.on_error(problem, traceback) end
  end, f, ...)
end

-- One turn of the loop: waits for events, `timeout` seconds at most, and runs the tasks that are ready.
function hawser.step(timeout)
  tasks.step(timeout)
  if is_watched then manager:flush() end
end

-- Runs until no task, no server and no connection is left.
function hawser.loop()
  if tasks.running() then error("a task cannot wait for the end of all tasks", 2) end
  while tasks.alive > 0 or next(owners) ~= nil do tasks.step() end
end

-- A descriptor for an outer loop: when it is readable, and when hawser.timeout() is over, call hawser.step(0).
function hawser.fd()
  is_watched = true
  return the_manager():fd()
end

return hawser
