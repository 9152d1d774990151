-- The examples that are programs by themselves print what their comments say.

local check = require "check"

local function printed_by(name)
  local program = io.popen(("'%s' '%s../examples/%s.lua'"):format(arg[-1], arg[0]:gsub("[^/]*$", ""), name))
  local text = program:read("*a")
  program:close()
  return text
end

check.test("chat", function() check.equal(printed_by("chat"), "true\tann: hello\ntrue\tbob: ahoy\n") end)

if _VERSION == "Lua 5.4" then
  check.test("count_down", function() check.equal(printed_by("count_down"), "3\ttext\n2\ttext\n1\ttext\n1000\tlift-off\n") end)
end
