-- One document's new state. KEYS[1] its key; ARGV position, n, ms to live, value ('' if the document is gone).
-- An absent key stays absent, so that no late writer brings back what is gone; a lease is withdrawn; older ones give way.
local current = redis.call('GETRANGE', KEYS[1], 0, 47)
if current == '' then
  return 0
end
local position, n = string.match(current, '^[DA](%d+)%.(%d+)')
if position then
  position, n = tonumber(position), tonumber(n)
  local new_position, new_n = tonumber(ARGV[1]), tonumber(ARGV[2])
  if position > new_position or (position == new_position and n >= new_n) then
    return 0
  end
  if ARGV[4] ~= '' then
    local set = redis.pcall('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
    if set.err then
      -- Out of memory: rather nothing than what is old.
      redis.call('DEL', KEYS[1])
      return set
    end
    return 1
  end
end
redis.call('DEL', KEYS[1])
return 1
