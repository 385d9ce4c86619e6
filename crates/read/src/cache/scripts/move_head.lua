-- Moves the head if it is exactly what the caller saw. KEYS[1] the head; ARGV expected ('' for none), new.
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
