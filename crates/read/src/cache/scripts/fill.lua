-- Fills a document if this very lease still lies at its key. KEYS[1] the key; ARGV lease, ms to live, value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2])
return 1
