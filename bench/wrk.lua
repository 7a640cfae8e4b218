-- Draws requests from a file of prepared ones; prints the result as one line of JSON.

local ffi = require("ffi")
ffi.cdef("double seconds_idle(void);")

local requests = {}

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("[^\30]+") do
    requests[#requests + 1] = request
  end
  file:close()
  math.randomseed(tonumber(args[2]))
end

function request()
  return requests[math.random(#requests)]
end

-- How long wrk was busy, in seconds. With never-sleep.c the CPU is always in use;
-- without it, os.clock() is the CPU time of the whole process.
local function busy(seconds)
  local preloaded, idle = pcall(function() return ffi.C.seconds_idle() end)
  return preloaded and seconds - idle or os.clock()
end

-- wrk counts in microseconds.
function done(summary, latency)
  local errors = summary.errors
  local seconds = summary.duration / 1e6
  print(string.format(
    '{"requests":%d,"seconds":%f,"failures":%d,"p50":%f,"p99":%f,"busy":%f}',
    summary.requests,
    seconds,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    busy(seconds)
  ))
end
