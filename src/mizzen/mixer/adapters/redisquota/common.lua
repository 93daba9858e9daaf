-- Shared by both scripts. All times are microseconds, which a Lua number holds exactly for any date.
-- KEYS: 1 counters, 2 buckets, 3 what was answered to this deduplication id. All in one slot of a cluster.
-- ARGV: 1 limit, 2 window, 3 bucket, 4 amount (negative gives back), 5 best effort 0/1, 6 deduplicate 0/1, 7 now or 0
local limit, window, bucket = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local amount, best_effort, deduplicate = tonumber(ARGV[4]), ARGV[5] == "1", ARGV[6] == "1"
local now = tonumber(ARGV[7])
if now == 0 then
  local time = redis.call("TIME")
  now = time[1] * 1000000 + time[2]
end

local function text(number)
  return string.format("%.0f", number)
end

local function milliseconds(time)
  return text(math.ceil(time / 1000))
end

local function answered()
  if not deduplicate then return nil end
  local seen = redis.call("HMGET", KEYS[3], "amount", "expires")
  if not seen[1] then return nil end
  return {tonumber(seen[1]), math.max(tonumber(seen[2]) - now, 0)}
end

local function answer(granted, valid)
  if deduplicate and granted > 0 then
    redis.call("HSET", KEYS[3], "amount", text(granted), "expires", text(now + valid))
    redis.call("PEXPIRE", KEYS[3], milliseconds(math.max(valid, 1000)))
  end
  return {granted, valid}
end

local function grant(available)
  if amount <= available then return amount end
  if best_effort and available > 0 then return available end
  return 0
end
