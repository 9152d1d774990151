-- Tasks: coroutines that wait for each other, for events and for time, in one loop. What waits outside of them runs the
-- loop meanwhile.
--
-- An object that is waited for has a table `waiting`. Who has changed it calls notify; who waits looks again.

local now = require "hawser.raw".now

local tasks = {}

local WAITING = {}                                    -- what a coroutine yields that waits; any other yield lets others run
local by_thread = {}
local ready, first, last = {}, 1, 0                   -- a queue of tasks to be resumed
local sleeping, earliest = {}, math.huge              -- deadlines by task; none of them is before `earliest`
local is_yieldable = coroutine.isyieldable or function() return true end
local unpack = table.unpack or unpack

local Task = {}
Task.__index = Task

-- Lua 5.1 (not LuaJIT) cannot yield out of an iterator or pcall.
tasks.is_plain_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")
tasks.alive = 0

-- tasks.poll(seconds), which waits for events (nil: for ever) and notifies, is set by whoever has them.

local function wake(task)
  if task.is_queued then return end
  task.is_queued = true
  last = last + 1
  ready[last] = task
end

function tasks.notify(object)
  for task in pairs(object.waiting) do wake(task) end
end

-- The task that runs, unless its code is where Lua cannot yield, or in a coroutine of its own.
function tasks.running()
  local thread = coroutine.running()
  return thread and is_yieldable() and by_thread[thread] or nil
end

local function sleep_until(task, deadline)
  sleeping[task] = deadline
  earliest = math.min(earliest, deadline)
end

-- Until something may have changed, or `deadline`.
local function wait_once(object, deadline)
  local task = tasks.running()
  if not task then return tasks.step(deadline and math.max(0, deadline - now())) end
  object.waiting[task] = true
  if deadline then sleep_until(task, deadline) end
  coroutine.yield(WAITING)
  object.waiting[task], sleeping[task] = nil, nil
end

-- Until done(object), or until now() is `deadline`. Returns done(object).
function tasks.wait(object, done, deadline)
  while not done(object) do
    wait_once(object, deadline)
    if deadline and now() >= deadline then break end
  end
  return done(object)
end

-- An error may be an object whose __tostring fails, too.
local function traceback_of(task, problem)
  local is_text, text = pcall(tostring, problem)
  return debug.traceback(task.thread, is_text and text or type(problem))
end

local function finish(task, is_good, ...)
  task.results = {n = select("#", ...) + 1, is_good, ...}
  tasks.alive = tasks.alive - 1
  by_thread[task.thread] = nil
  local traceback = not is_good and traceback_of(task, (...))
  if not is_good and coroutine.close then coroutine.close(task.thread) end  -- its variables with <close>
  task.done(task, is_good, traceback, ...)
  tasks.notify(task)
end

local function after_turn(task, is_good, what, ...)
  if coroutine.status(task.thread) == "dead" then
    finish(task, is_good, what, ...)
  elseif what ~= WAITING then
    wake(task)
  end
end

local function turn(task)
  task.is_queued = false
  local status = coroutine.status(task.thread)
  if status == "suspended" then
    after_turn(task, coroutine.resume(task.thread, unpack(task.arguments, 1, task.arguments.n)))
  elseif status == "dead" and not task.results then
    finish(task, false, "its coroutine was ended by somebody else")
  end
end

-- Calls f(...) in a task of its own, soon; and at its end done(task, is_good, traceback, what it returned or raised).
function tasks.start(done, f, ...)
  local thread = coroutine.create(function(...) return f(...) end)  -- Lua 5.1 makes none of a function in C
  local task = setmetatable({thread = thread, done = done, arguments = {n = select("#", ...), ...}, waiting = {}}, Task)
  by_thread[task.thread] = task
  tasks.alive = tasks.alive + 1
  wake(task)
  return task
end

local function has_finished(task) return task.results ~= nil end

-- Waits for its end. Returns what pcall would: true and its results, or false and its error.
function Task:wait()
  self.is_awaited = true
  tasks.wait(self, has_finished)
  return unpack(self.results, 1, self.results.n)
end

local function never() return false end

function tasks.sleep(seconds)
  tasks.wait({waiting = {}}, never, now() + seconds)
end

local function is_earlier(task, other) return sleeping[task] < sleeping[other] end

-- In the order of their deadlines, of which a loop that was held up finds several.
local function wake_sleepers()
  local time, due = now(), {}
  if time < earliest then return end
  earliest = math.huge
  for task, deadline in pairs(sleeping) do
    if deadline > time then
      earliest = math.min(earliest, deadline)
    else
      due[#due + 1] = task
    end
  end
  table.sort(due, is_earlier)
  for _, task in ipairs(due) do
    sleeping[task] = nil
    wake(task)
  end
end

-- How long the loop may wait for events: seconds, or nil: for ever.
function tasks.timeout()
  if first <= last then return 0 end
  if next(sleeping) == nil then return nil end
  return math.max(0, earliest - now())
end

-- One turn of the loop: waits for events, `timeout` seconds at most, and runs the tasks that are ready.
function tasks.step(timeout)
  local most = tasks.timeout()
  tasks.poll(most and math.min(most, timeout or most) or timeout)
  wake_sleepers()
  local until_here = last
  while first <= until_here do  -- a task may run the loop itself
    local task = ready[first]
    ready[first] = nil
    first = first + 1
    turn(task)
  end
end

return tasks
