-- Sends the requests of a file in turn. A line is a target, a space, and a token. The method and, for POST, the body come behind
-- the file's name.
local requests, n, at = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local target, token = line:match("^(%S+) (%S+)$")
    n = n + 1
    local fields = { ["Private-Token"] = token, ["Accept"] = "*/*", ["User-Agent"] = "bench/1" }
    if args[2] == "POST" then
      fields["Content-Type"] = "application/json"
      requests[n] = wrk.format("POST", target, fields, args[3])
    else
      requests[n] = wrk.format("GET", target, fields)
    end
  end
end

function request()
  at = at % n + 1
  return requests[at]
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format('\n{"requests":%d,"microseconds":%d,"failed":%d}\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
