-- Units come back one window after the last unit of their bucket was taken. The newest bucket is kept in the hash
-- (tokens, first, last); older ones are in the sorted set, scored by `last`, as "<first>:<tokens>".
local seen = answered()
if seen then return seen end

local stored = redis.call("HMGET", KEYS[1], "used", "tokens", "first", "last")
local used, tokens = tonumber(stored[1] or 0), tonumber(stored[2] or 0)
local first, last = tonumber(stored[3] or 0), tonumber(stored[4] or 0)
now = math.max(now, last) -- a clock that was set back must not mix up the order

if tokens > 0 and now - first >= bucket then
  redis.call("ZADD", KEYS[2], text(last), text(first) .. ":" .. text(tokens))
  tokens = 0
end

local function tokens_of(member)
  return tonumber(string.match(member, ":(%d+)$"))
end

local old = redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", text(now - window))
if #old > 0 then
  for _, member in ipairs(old) do used = used - tokens_of(member) end
  redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", text(now - window))
end
if redis.call("EXISTS", KEYS[2]) == 0 then used = tokens end -- also after one of the two keys was lost

local granted
if amount < 0 then
  granted = math.min(-amount, used)
  local left = granted
  local newest = math.min(left, tokens)
  tokens, left = tokens - newest, left - newest
  while left > 0 do
    local popped = redis.call("ZPOPMAX", KEYS[2])
    local held = tokens_of(popped[1])
    if held > left then
      redis.call("ZADD", KEYS[2], popped[2], string.match(popped[1], "^(%d+):") .. ":" .. text(held - left))
    end
    left = left - math.min(held, left)
  end
  used = used - granted
else
  granted = grant(limit - used)
  if granted > 0 then
    if tokens == 0 then first = now end
    tokens, last, used = tokens + granted, now, used + granted
  end
end

redis.call("HSET", KEYS[1], "used", text(used), "tokens", text(tokens), "first", text(first), "last", text(last))
redis.call("PEXPIRE", KEYS[1], milliseconds(window + bucket))
redis.call("PEXPIRE", KEYS[2], milliseconds(window + bucket))
if granted == 0 then return {0, 0} end
return answer(granted, window)
