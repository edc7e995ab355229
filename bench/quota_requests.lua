-- What wrk sends: `wrk -s quota_requests.lua URL -- KIND CUSTOMERS RATE_PER_CONNECTION`.
-- A rate of 0 sends as fast as answers come; otherwise connections pause at random between requests.
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  kind, customers, rate = args[1], tonumber(args[2]), tonumber(args[3])
  math.randomseed(os.time() * 1000 + number)
  start = string.format("%d-%d", os.time(), number)
  sent = 0
  failed = 0
end

local function customer()
  return string.format("00000000-0000-4000-8000-%012d", math.random(customers))
end

function delay()
  if rate == 0 then return 0 end
  return math.floor(-math.log(1 - math.random()) * 1000 / rate)
end

function request()
  sent = sent + 1
  if kind == "empty" then return wrk.format("GET", "/v1/empty") end
  if kind == "entitlements" then return wrk.format("GET", "/v1/entitlements/" .. customer()) end
  if kind == "usage" then return wrk.format("GET", "/v1/usage/" .. customer()) end
  if kind == "accounts" then
    return wrk.format("GET", "/v1/usage/accounts?resource=interviews&compare=previous&limit=50")
  end
  wrk.headers["Idempotency-Key"] = start .. "-" .. sent
  wrk.headers["Content-Type"] = "application/json"
  local body = '{"user_id":"' .. customer() .. '","resource":"interviews","amount":1}'
  return wrk.format("POST", "/v1/quota/consume", nil, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"p50_ms":%f,"p95_ms":%f,"p99_ms":%f,',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
    latency:percentile(95) / 1000, latency:percentile(99) / 1000))
  io.write(string.format('"failed":%d}\n',
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
