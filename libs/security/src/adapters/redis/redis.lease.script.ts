/** What the script does with all of its keys. */
export type LeaseOperation = 'acquire' | 'renew' | 'release';

/**
 * A key holds the leases of one limit and partition: a sorted set of their ids by when they end, by the clock of the
 * server, which is the same for all processes.
 *
 * ARGV: the operation, with the time from which on nothing is done where there is one, the time to live, then the `max` of
 * each key for `acquire`, then the ids of the leases. The answer: the time, and 0 or the number of the first key that has no
 * place for them; nothing is taken then.
 */
export const LEASE_SCRIPT = `
local operation, last = string.match(ARGV[1], '^(%a+) ?(%d*)$')
local ttl = tonumber(ARGV[2])
local first = operation == 'acquire' and 3 + #KEYS or 3

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Whoever asked has been answered otherwise by then.
if last ~= '' and now >= tonumber(last) then return { now } end

if operation == 'acquire' then
  for index, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
    if redis.call('ZCARD', key) >= tonumber(ARGV[2 + index]) then return { now, index } end
  end
end

for _, key in ipairs(KEYS) do
  for index = first, #ARGV do
    if operation == 'release' then
      redis.call('ZREM', key, ARGV[index])
    else
      redis.call('ZADD', key, string.format('%.0f', now + ttl), ARGV[index])
    end
  end
  -- Another process may hold its leases for longer.
  if operation ~= 'release' and redis.call('PTTL', key) < ttl then redis.call('PEXPIRE', key, ttl) end
end
return { now, 0 }
`;
