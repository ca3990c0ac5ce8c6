/** What the script does with all of its keys. */
export type ScriptOperation = 'consume' | 'peek' | 'refund' | 'reset';

/** Numbers that the script answers for each key, after the time. */
export const NUMBERS_OF_A_STANDING = 3;

/**
 * The algorithms as the server runs them: what is read is what is written, by a clock that is the same for all
 * processes. They agree with rate-limiting/algorithms/ to the millisecond and the unit, rounding included.
 *
 * A key holds the mark of its form, and four numbers as doubles, the last of which is when the key ends:
 *
 * - `t <settled> <debt> <empty>`, a token bucket: when the debt was worked out; units that are missing times the window,
 *   which is a whole number, so that no error adds up; when there was no debt for the last time
 * - `s <since> <taken> <before>`, a sliding window: a moment within it, its units, and those of the window before
 * - `f <since> <taken> <end>`, a fixed window
 * - `b <since> 0 <until>`, a block: nothing else is kept, as the count starts anew then
 *
 * ARGV: the operation, with the time from which on nothing is done where there is one, and for each key a text of the mark, quota, window and cost, and, where they are not the quota, 0
 * and 0, of burst, block and takenAt. The answer: the time, and for each key remaining, resetAfter and retryAfter, which is
 * 0 where it is allowed and -1 for never.
 *
 * It is one long piece, and reads twice what it could keep in tables: a server runs it for every request, and functions
 * and tables that are made for each call took half of its time.
 */
export const SCRIPT = `
local call = redis.call
local floor, ceil, min, max, match = math.floor, math.ceil, math.min, math.max, string.match

-- Some thirty thousand years, in milliseconds: beyond, a number is no time to live.
local LONGEST = 1e15

local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)

-- Whoever asked has been answered otherwise by then.
local operation, last = match(ARGV[1], '^(%a+) ?(%d*)$')
if last ~= '' and now >= tonumber(last) then return { now } end

if operation == 'reset' then
  call('DEL', unpack(KEYS))
  return {}
end

local answer = { now, 0, 0, 0 }
local isDenied = false

-- Several keys are all looked at before one is written: where one denies, nothing is taken of the others.
for pass = #KEYS == 1 and 2 or 1, 2 do
  for index = 1, #KEYS do
    local key = KEYS[index]
    local form, quota, window, cost, rest = match(ARGV[index + 1], '^(%a) (%S+) (%S+) (%S+)(.*)$')
    quota, window, cost = tonumber(quota), tonumber(window), tonumber(cost)
    local burst, block, takenAt = quota, 0, 0
    if rest ~= '' then
      burst, block, takenAt = match(rest, '^ (%S+) (%S+) (%S+)$')
      burst, block, takenAt = tonumber(burst), tonumber(block), tonumber(takenAt)
    end

    local line = call('GET', key)
    local mark, since, taken, extra, ends = form, 0, 0, 0, 0
    -- What another version wrote is no count: were it an error, one key after the other would make the store look away.
    if line and #line == 33 then mark, since, taken, extra, ends = struct.unpack('>c1dddd', line) end
    local isBlocked = mark == 'b'
    local isSetBack = false

    -- Lets the time go by until now. Where the clock was set back, nothing comes back before its time.
    if isBlocked or form == 'f' then
      if since > now then
        isSetBack = true
        extra = extra - (since - now)
        since = now
      end
      if now >= extra then
        isBlocked = false
        since, taken, extra = 0, 0, 0
      end
    end
    local start = floor(now / window) * window
    local left = start + window - now
    if form == 's' and not isBlocked then
      local before = floor(since / window) * window
      if start > before then
        extra = start - before == window and taken or 0
        since, taken = start, 0
      elseif start < before then
        isSetBack = true
        taken = min(taken + extra, max(taken, quota))
        since, extra = now, 0
      end
    elseif form == 't' and not isBlocked then
      if now >= since then
        taken = max(0, taken - (now - since) * quota)
      else
        isSetBack = true
        extra = min(now, extra)
      end
      since = now
    end

    -- Milliseconds until as much as it costs may be taken, rounded up; -1 where it is more than there ever is.
    local wait = 0
    if operation == 'refund' then
      wait = 0
    elseif cost > burst or quota <= 0 then
      wait = -1
    elseif isBlocked then
      wait = extra - now
    elseif cost > 0 then
      if form == 's' then
        local room = quota - taken - cost
        -- A unit that lies a whole window back counts no more, so that there is room for one more than the share leaves.
        if room < 0 then
          wait = left + max(0, window - ceil((quota - cost + 1) * window / taken))
        elseif extra > room + 1 then
          wait = max(0, left - ceil((room + 1) * window / extra))
        end
      elseif form == 't' then
        wait = max(0, ceil((taken + (cost - burst) * window) / quota))
      elseif taken + cost > quota then
        wait = extra - now
      end
    end
    if wait ~= 0 then isDenied = true end

    if pass == 2 then
      -- What is the same by a later settlement is not written; a clock that was set back is where it would not be.
      local isChanged = isSetBack
      if operation == 'refund' then
        -- What was taken in a window that is over, or in the future of a clock that was set back, is not given back.
        if not isBlocked and cost > 0 then
          isChanged = true
          if takenAt > now then
            isChanged = isSetBack
          elseif form == 't' then
            if takenAt >= extra then taken = max(0, taken - cost * window) end
          elseif takenAt >= since then
            taken = max(0, taken - cost)
          elseif form == 's' and floor(takenAt / window) * window == start - window then
            extra = max(0, extra - cost)
          end
        end
      elseif wait ~= 0 then
        if block > 0 and quota > 0 and not isBlocked then
          isBlocked = true
          since, taken, extra = now, 0, now + block
          if wait > 0 then wait = block end
          isChanged = true
        end
      elseif cost > 0 and not isDenied then
        isChanged = true
        if form == 't' then
          if taken == 0 then extra = now end
          taken = taken + cost * window
        else
          if taken == 0 then
            since = now
            if form == 'f' then extra = now + window end
          end
          taken = taken + cost
        end
      end

      local remaining, resetAfter = 0, 0
      if isBlocked then
        resetAfter = extra - now
      elseif quota > 0 then
        if form == 's' then
          remaining = quota - taken - floor(extra * (left - 1) / window)
          if taken > 0 then
            resetAfter = left + max(0, window - ceil(window / taken))
          elseif extra > 0 then
            resetAfter = max(0, left - ceil(window / extra))
          end
        elseif form == 't' then
          remaining = floor((burst * window - taken) / window)
          resetAfter = ceil(taken / quota)
        else
          remaining = quota - taken
          if taken > 0 then resetAfter = extra - now end
        end
      end
      resetAfter = min(resetAfter, LONGEST)

      if isChanged and operation ~= 'peek' and quota > 0 then
        if resetAfter <= 0 then
          -- PX 0 would be an error.
          if line then call('DEL', key) end
        else
          local form = isBlocked and 'b' or form
          -- To have a key end at another time costs more than to write it: one that ends later than it has to is left so.
          if line and not isSetBack and ends >= now + resetAfter then
            call('SET', key, struct.pack('>c1dddd', form, since, taken, extra, ends), 'KEEPTTL')
          else
            local ttl = form == 't' and min(resetAfter + window, LONGEST) or resetAfter
            call('SET', key, struct.pack('>c1dddd', form, since, taken, extra, now + ttl), 'PX', ttl)
          end
        end
      end

      local at = index * 3 - 1
      answer[at] = max(0, remaining)
      answer[at + 1] = resetAfter
      answer[at + 2] = min(wait, LONGEST)
    end
  end
end
return answer
`;
