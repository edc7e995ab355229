-- What wrk sends: `wrk -s interview_requests.lua URL -- KIND INTERVIEWS RATE_PER_CONNECTION`.
-- A rate of 0 sends as fast as answers come; otherwise connections pause at random between requests.
function init(args)
  kind, interviews, rate = args[1], tonumber(args[2]), tonumber(args[3])
  math.randomseed(os.time())
end

function delay()
  if rate == 0 then return 0 end
  return math.floor(-math.log(1 - math.random()) * 1000 / rate)
end

function request()
  if kind == "empty" then return wrk.format("GET", "/v1/empty") end
  local id = string.format("10000000-0000-4000-8000-%012d", math.random(interviews))
  return wrk.format("GET", "/v1/interviews/" .. id)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"p50_ms":%f,"p95_ms":%f,"p99_ms":%f,',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
    latency:percentile(95) / 1000, latency:percentile(99) / 1000))
  io.write(string.format('"failed":%d}\n',
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
