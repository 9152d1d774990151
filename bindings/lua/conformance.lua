-- The driver of bindings/conformance in Lua, on the raw layer.

local raw = require "hawser.raw"
local support = require "hawser_support"

local SHOWN = 64
local EVENTS = {[raw.EVENT_OPEN] = "OPEN", [raw.EVENT_MESSAGE] = "MESSAGE", [raw.EVENT_DRAIN] = "DRAIN",
                [raw.EVENT_CLOSE] = "CLOSE", [raw.EVENT_REQUEST] = "REQUEST", [raw.EVENT_PONG] = "PONG"}
local KINDS = {text = raw.TEXT, binary = raw.BINARY}
local READERS = {path = true, status = true, subprotocol = true, extensions = true, header = true}

local file, role, url = arg[1], arg[2], arg[3]
local manager, options
local ids, names, connections = {}, {}, 0  -- by name, and by id
local batch, taken = {}, 0
local later

local function say(...)
  io.write(table.concat({...}, " "), "\n")
  io.flush()
end

-- ---- words

local function id_of(word)
  return ids[word] or tonumber(word)
end

local function give_name(name, id)
  ids[name], names[id] = id, name
end

local function name_of(id)
  if not names[id] then
    connections = connections + 1
    give_name("c" .. connections, id)
  end
  return names[id]
end

local function kind_of(word)
  return KINDS[word] or tonumber(word)
end

local function payload_of(word)
  local count, rest = word:match("^(%d+)%*(.*)$")
  if count then return payload_of(rest):rep(tonumber(count)) end
  if word == "-" then return "" end
  if word:sub(1, 4) ~= "hex:" then return word end
  return (word:sub(5):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function has(event, flag)
  return event.flags % (2 * flag) >= flag
end

-- ---- options

local function handle()
  options = options or raw.Options()
  return options
end

local function take_options()
  local given = options
  options = nil
  return given
end

local function set_option(name, value)
  if value:find("^-?%d+$") then return handle():set_int(name, tonumber(value)) end
  return handle():set_text(name, value)
end

-- ---- what is printed

local function outcome(command, call)
  local ok, value = pcall(call)
  if not ok then
    if getmetatable(value) ~= raw.Error then error(value, 0) end
    return ("%s: %s %d"):format(command, value.name, value.code)
  end
  if type(value) == "number" then value = ("%d"):format(value) end
  return command .. ": " .. (value or (READERS[command] and "none" or "ok"))
end

local function shown(event)
  local data = event.data
  local is_text = event.kind == raw.EVENT_CLOSE or event.opcode == raw.TEXT and has(event, raw.FIRST) and has(event, raw.FINAL)
  if data == "" then return "-" end
  if #data > SHOWN then return ("crc32:%08x"):format(support.crc32(data)) end
  if is_text and not data:find("[%z\1-\31]") then return data end
  return "hex:" .. data:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
end

local function line_of(event)
  local words = {name_of(event.connection), EVENTS[event.kind]}
  local function add(word, condition)
    if condition ~= false then words[#words + 1] = word end
  end
  if event.kind == raw.EVENT_OPEN then
    add("l", event.listener ~= 0)
  elseif event.kind == raw.EVENT_REQUEST then
    add("l")
    add(has(event, raw.UPGRADE) and "upgrade" or "http")
  elseif event.kind == raw.EVENT_MESSAGE then
    add(event.opcode == raw.TEXT and "text" or "binary")
    add("first", has(event, raw.FIRST))
    add("final", has(event, raw.FINAL))
  elseif event.kind == raw.EVENT_CLOSE then
    add(("%d %s %d"):format(event.code, raw.error_name(event.error), event.system))
    add("by-peer", has(event, raw.BY_PEER))
    add("clean", has(event, raw.CLEAN))
    add(shown(event))
  end
  if event.kind == raw.EVENT_MESSAGE or event.kind == raw.EVENT_PONG then add(#event.data .. " " .. shown(event)) end
  add(("tag %d"):format(event.tag), event.tag ~= 0)
  return table.concat(words, " ")
end

-- ---- events

-- Lua has no threads: what another one would say after 50 ms is said between two polls.
local function poll(timeout)
  if later and not later.line then
    local events = manager:poll(50)
    if #events > 0 then return events end
    later.line = outcome(later.command, later.call)
  end
  return manager:poll(timeout)
end

local function take()
  while taken == #batch do batch, taken = poll(-1), 0 end
  taken = taken + 1
  return batch[taken]
end

local function take_and_print()
  local event = take()
  say(line_of(event))
  return event
end

-- ---- commands: those that print by themselves, and those of which the outcome of a call is printed

local printing = {event = take_and_print}

function printing.events(name, count)
  local left = tonumber(count)
  while left > 0 do
    local event = take()
    name_of(event.connection)
    if EVENTS[event.kind] == name then left = left - 1 end
  end
  say(name, count)
end

function printing.echo(count)
  for _ = 1, tonumber(count) do
    local event
    repeat event = take_and_print() until event.kind == raw.EVENT_MESSAGE
    say(outcome("send", function() return manager:send(event.connection, event.opcode, event.data) end))
  end
end

function printing.skip(word)
  local payload, event = payload_of(word), nil
  repeat event = take() until event.kind == raw.EVENT_MESSAGE and event.data == payload
  say(line_of(event))
end

function printing.poll(timeout)
  batch, taken = poll(tonumber(timeout)), 0
  say("poll: " .. #batch)
end

function printing.listen()
  local line = outcome("listen", function()
    give_name("l", manager:listen(url .. "/", take_options()))
    return manager:local_address(ids.l)
  end)
  say((line:gsub("^listen: (%d)", "listening %1")))
end

function printing.fill(id, kind, word)
  local payload, line = payload_of(word), nil
  repeat
    line = outcome("fill", function() return manager:send(id_of(id), kind_of(kind), payload) end)
  until line ~= "fill: ok"
  say(line)
end

local calls = {}

function calls.connect(path, count)
  local given, name = take_options(), nil
  local address = path:find("://", 1, true) and path or url .. path
  for _ = 1, tonumber(count or 1) do name = name_of(manager:connect(address, given)) end
  return name
end

function calls.send(id, kind, word) return manager:send(id_of(id), kind_of(kind), payload_of(word)) end
function calls.part(id, kind, word, more)
  return manager:send_part(id_of(id), kind_of(kind), payload_of(word), more == "final")
end
function calls.broadcast(except, kind, word)
  return manager:broadcast(ids.l or 0, id_of(except), kind_of(kind), payload_of(word))
end
function calls.close(id, code, word) return manager:close(id_of(id), tonumber(code), word and payload_of(word)) end
function calls.ping(id, word) return manager:ping(id_of(id), payload_of(word)) end
function calls.accept(id, subprotocol) return manager:accept(id_of(id), subprotocol, take_options()) end
function calls.respond(id, status, word)
  return manager:respond(id_of(id), tonumber(status), take_options(), payload_of(word))
end
function calls.tag(id, tag) return manager:set_tag(id_of(id), tonumber(tag)) end
function calls.header(id, name) return manager:header(id_of(id), name) end
function calls.stat(name) return manager:stat(name) end
function calls.drain(deadline) return manager:drain(tonumber(deadline)) end
for _, name in ipairs {"wake", "flush"} do
  calls[name] = function() return manager[name](manager) end
end
for _, name in ipairs {"abort", "pause", "resume", "queued", "path", "status", "subprotocol", "extensions"} do
  calls[name] = function(id) return manager[name](manager, id_of(id)) end
end

-- ---- the script

local unpack = table.unpack or unpack

local function split(line)
  local words = {}
  for word in line:gmatch("[^ ]+") do words[#words + 1] = word end
  return table.remove(words, 1), words
end

local function call_of(command, words)
  return function() return calls[command](unpack(words)) end
end

local function end_later()
  if not later then return end
  say(later.line or outcome(later.command, later.call))
  later = nil
end

local function run_line(line)
  local command, words = split(line)
  if command == "option" or command == "add_header" then
    local name, value = line:match("^%S+ (%S+) (.*)$")
    return say(outcome(command, function()
      if command == "option" then return set_option(name, value) end
      return handle():add_header(name, value)
    end))
  end
  manager = manager or raw.Manager(take_options())
  if command == "later" then
    command = table.remove(words, 1)
    later = {command = command, call = call_of(command, words)}
    return
  elseif printing[command] then
    printing[command](unpack(words))
  elseif calls[command] then
    say(outcome(command, call_of(command, words)))
  else
    io.stderr:write("driver: unknown command: ", command, "\n")
    os.exit(2)
  end
  end_later()
end

for i = 4, #arg do set_option(arg[i]:match("^(.-)=(.*)$")) end
local section
for line in io.lines(file) do
  if line == "client" or line == "server" then
    section = line
  elseif section == role and line:find("^[^#>]") then
    run_line(line)
  end
end
manager:free()
