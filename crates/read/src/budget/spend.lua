-- Spends points of a bucket that fills up again. KEYS[1] the bucket; ARGV its size, points per second, points to spend.
-- Answers how many milliseconds to wait (0: they are spent), and what is left.
local size, per_second, points = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local passed = math.max(0, now - (tonumber(kept[2]) or now))
local left = math.min(size, (tonumber(kept[1]) or size) + passed * per_second / 1000)
if left < points then
  return {math.ceil((points - left) * 1000 / per_second), math.floor(left)}
end
left = left - points
redis.call('HSET', KEYS[1], 'left', string.format('%.3f', left), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(size * 1000 / per_second) + 1000)
return {0, math.floor(left)}
