/** What the script does with all of its keys. */
export type ScriptOperation = 'consume' | 'peek' | 'refund' | 'reset';

/** Numbers that the script answers for each key, after the time. */
export const NUMBERS_OF_A_STANDING = 4;

/**
 * The algorithms as the server runs them: what is read is what is written, by a clock that is the same for all
 * processes. They agree with rate-limiting/algorithms/ to the millisecond and the unit, rounding included.
 *
 * A key holds one line: the mark of its form, and three numbers.
 *
 * - `t <settled> <debt> <empty>`, a token bucket: when the debt was worked out; units that are missing times the window,
 *   which is a whole number, so that no error adds up; when there was no debt for the last time
 * - `s <since> <taken> <before>`, a sliding window: a moment within it, its units, and those of the window before
 * - `f <since> <taken> <end>`, a fixed window
 * - `b <since> 0 <until>`, a block: nothing else is kept, as the count starts anew then
 *
 * ARGV: the operation, and for each key a text of the mark, quota, window, burst, block, cost and takenAt. The answer: the time,
 * and for each key allowed, remaining, resetAfter and retryAfter, where -1 is never.
 */
export const SCRIPT = `
local operation = ARGV[1]
if operation == 'reset' then
  redis.call('DEL', unpack(KEYS))
  return {}
end

-- Some thirty thousand years, in milliseconds: beyond, a number is no time to live.
local LONGEST = 1e15

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function windowStart(moment, window)
  return math.floor(moment / window) * window
end

-- Lets the time go by until now. Where the clock was set back, nothing comes back before its time.
local function settle(cell)
  if cell.blocked or cell.form == 'f' then
    local ahead = cell.since - now
    if ahead > 0 then
      cell.isSetBack = true
      cell.since = now
      cell.extra = cell.extra - ahead
    end
    if now < cell.extra then return end
    cell.blocked = false
    cell.since, cell.taken, cell.extra = 0, 0, 0
  end
  if cell.form == 't' then
    local elapsed = now - cell.since
    cell.since = now
    if elapsed >= 0 then
      cell.taken = math.max(0, cell.taken - elapsed * cell.quota)
    else
      cell.isSetBack = true
      cell.extra = math.min(now, cell.extra)
    end
  elseif cell.form == 's' then
    local start, before = windowStart(now, cell.window), windowStart(cell.since, cell.window)
    if start > before then
      cell.extra = start - before == cell.window and cell.taken or 0
      cell.since, cell.taken = start, 0
    elseif start < before then
      cell.isSetBack = true
      cell.taken = math.min(cell.taken + cell.extra, math.max(cell.taken, cell.quota))
      cell.since, cell.extra = now, 0
    end
  end
end

local function read(index)
  local form, quota, window, burst, block, cost, takenAt =
    string.match(ARGV[index + 1], '^(%a) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  local cell = {
    key = KEYS[index],
    form = form,
    quota = tonumber(quota),
    window = tonumber(window),
    burst = tonumber(burst),
    block = tonumber(block),
    cost = tonumber(cost),
    takenAt = tonumber(takenAt),
    since = 0, taken = 0, extra = 0,
  }
  local line = redis.call('GET', cell.key)
  if line then
    local mark, since, taken, extra = string.match(line, '^(%a) (%S+) (%S+) (%S+)$')
    cell.isStored = true
    cell.blocked = mark == 'b'
    cell.since, cell.taken, cell.extra = tonumber(since), tonumber(taken), tonumber(extra)
  end
  settle(cell)
  return cell
end

-- Milliseconds of a window after which no more than some units of those taken in the one before count.
local function slideFor(taken, room, window)
  if taken <= room then return 0 end
  return window - math.floor(room * window / taken)
end

-- Milliseconds until as much as it costs may be taken, rounded up; -1 where it is more than there ever is.
local function waitFor(cell)
  local cost, quota, window = cell.cost, cell.quota, cell.window
  if cost > cell.burst or quota <= 0 then return -1 end
  if cell.blocked then return cell.extra - now end
  if cost == 0 then return 0 end
  if cell.form == 't' then
    local excess = cell.taken + cost * window - cell.burst * window
    return excess <= 0 and 0 or math.ceil(excess / quota)
  end
  local room = quota - cell.taken - cost
  if cell.form == 'f' then return room >= 0 and 0 or cell.extra - now end
  local elapsed = now - windowStart(now, window)
  if room >= 0 then return math.max(0, slideFor(cell.extra, room, window) - elapsed) end
  return window - elapsed + slideFor(cell.taken, quota - cost, window)
end

local function take(cell)
  if cell.form == 't' then
    if cell.taken == 0 then cell.extra = now end
    cell.taken = cell.taken + cell.cost * cell.window
    return
  end
  if cell.taken == 0 then
    cell.since = now
    if cell.form == 'f' then cell.extra = now + cell.window end
  end
  cell.taken = cell.taken + cell.cost
end

-- What was taken in a window that is over, or in the future of a clock that was set back, is not given back.
local function giveBack(cell)
  if cell.takenAt > now then return end
  if cell.form == 't' then
    if cell.takenAt >= cell.extra then cell.taken = math.max(0, cell.taken - cell.cost * cell.window) end
  elseif cell.takenAt >= cell.since then
    cell.taken = math.max(0, cell.taken - cell.cost)
  elseif cell.form == 's' then
    if windowStart(cell.takenAt, cell.window) == windowStart(now, cell.window) - cell.window then
      cell.extra = math.max(0, cell.extra - cell.cost)
    end
  end
end

local function remaining(cell)
  if cell.blocked or cell.quota <= 0 then return 0 end
  local units
  if cell.form == 't' then
    units = math.floor((cell.burst * cell.window - cell.taken) / cell.window)
  elseif cell.form == 'f' then
    units = cell.quota - cell.taken
  else
    local left = cell.window - (now - windowStart(now, cell.window))
    units = cell.quota - cell.taken - math.ceil(cell.extra * left / cell.window)
  end
  return math.max(0, units)
end

local function resetAfter(cell)
  if cell.blocked then return cell.extra - now end
  if cell.quota <= 0 then return 0 end
  if cell.form == 't' then return math.ceil(cell.taken / cell.quota) end
  if cell.form == 'f' then return cell.taken == 0 and 0 or cell.extra - now end
  local left = cell.window - (now - windowStart(now, cell.window))
  if cell.taken > 0 then return left + cell.window end
  return cell.extra > 0 and left or 0
end

local function save(cell)
  local ttl = math.min(resetAfter(cell), LONGEST)
  -- PX 0 would be an error.
  if ttl <= 0 then
    if cell.isStored then redis.call('DEL', cell.key) end
    return
  end
  local form = cell.blocked and 'b' or cell.form
  local line = string.format('%s %.17g %.17g %.17g', form, cell.since, cell.taken, cell.extra)
  redis.call('SET', cell.key, line, 'PX', string.format('%.0f', ttl))
end

local cells = {}
local isDenied = false
for index = 1, #KEYS do
  local cell = read(index)
  cells[index] = cell
  cell.wait = operation == 'refund' and 0 or waitFor(cell)
  if cell.wait ~= 0 then isDenied = true end
end

local answer = { now }
for index, cell in ipairs(cells) do
  -- What is the same by a later settlement is not written; a clock that was set back is where it would not be.
  local isChanged = cell.isSetBack
  if operation == 'refund' then
    if not cell.blocked and cell.cost > 0 then
      giveBack(cell)
      isChanged = true
    end
  elseif cell.wait ~= 0 then
    if cell.block > 0 and cell.quota > 0 and not cell.blocked then
      cell.blocked = true
      cell.since, cell.taken, cell.extra = now, 0, now + cell.block
      cell.wait = waitFor(cell)
      isChanged = true
    end
  elseif not isDenied and cell.cost > 0 then
    take(cell)
    isChanged = true
  end
  if isChanged and operation ~= 'peek' and cell.quota > 0 then save(cell) end
  local at = (index - 1) * 4
  answer[at + 2] = cell.wait == 0 and 1 or 0
  answer[at + 3] = remaining(cell)
  answer[at + 4] = math.min(resetAfter(cell), LONGEST)
  answer[at + 5] = math.min(cell.wait, LONGEST)
end
return answer
`;
