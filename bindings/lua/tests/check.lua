-- Tests in plain Lua: check.test(name, function). The first failure ends the program: later tests would trip over what it left.
local check = {}

io.stdout:setvbuf("line")

function check.test(name, body)
  local is_good, problem = xpcall(body, function(problem) return debug.traceback(tostring(problem)) end)
  print((is_good and "passed: " or "FAILED: ") .. name)
  if is_good then return end
  print(problem)
  os.exit(1)
end

local function shown(value)
  return type(value) == "string" and #value > 100 and #value .. " bytes" or tostring(value)
end

function check.equal(found, wanted)
  if found ~= wanted then error(("%s, and not %s"):format(shown(found), shown(wanted)), 2) end
end

function check.list(found, wanted)
  check.equal(table.concat(found, " "), table.concat(wanted, " "))
end

function check.contains(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

-- The error of a call that must fail.
function check.fails(call, ...)
  local is_good, problem = pcall(call, ...)
  if is_good then error("it did not fail", 2) end
  return problem
end

return check
