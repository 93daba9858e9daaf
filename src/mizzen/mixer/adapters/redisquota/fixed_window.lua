-- A window starts with the first request after the end of the last one.
local seen = answered()
if seen then return seen end

local stored = redis.call("HMGET", KEYS[1], "used", "expires")
local used, expires = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
if now >= expires then
  used, expires = 0, now + window
end

local granted
if amount < 0 then
  granted = math.min(-amount, used)
  used = used - granted
else
  granted = grant(limit - used)
  used = used + granted
end

if granted == 0 then return {0, 0} end
redis.call("HSET", KEYS[1], "used", text(used), "expires", text(expires))
redis.call("PEXPIRE", KEYS[1], milliseconds(expires - now))
return answer(granted, expires - now)
