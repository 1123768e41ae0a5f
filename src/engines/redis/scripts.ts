/**
 * What Redis does in one step, as Lua. All keys of a script belong to one channel, and their names have it as hash tag. In ARGV come
 * first the topic on which something is told, PUBLISH or SPUBLISH, and Redis's time after which it is not done any more.
 *
 * A log is a stream: the id of an entry is its offset, and when it was added. Beside it stands one line: the run of Redis in which
 * its epoch began, the epoch, the offset of the newest entry, and the bytes that are kept.
 *
 * A run is told by the id of replication: Redis has another one with each start and with each promotion of a replica, and what it
 * keeps may then be older than what it had said. So the log begins another epoch, in which what is kept goes on.
 */

/** KEYS: log, line. ARGV: 4 messages, 5 bytes, 6 age or '', 7 how long the line is kept where entries age, or there was none yet. */
const LOG = `
local log, line = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local kept = redis.call('GET', line) or ''
local began, epoch, head, bytes = string.match(kept, '(%S+) (%S+) (%S+) (%S+)')
local length = redis.call('XLEN', log)
-- Nothing is written before it is known that there is room.
if not began and length > 0 then length = length - length * redis.call('DEL', log) end
if began ~= run then epoch = string.sub(run, 1, 12) .. '.' .. time[1] .. '.' .. time[2] end
head, bytes = tonumber(head) or 0, tonumber(bytes) or 0
if length == 0 then bytes = 0 end

local function add(data)
  head, bytes, length = head + 1, bytes + #data, length + 1
  redis.call('XADD', log, string.format('%.0f-%.0f', head, now), 'd', data)
end

local function save()
  local most, mostBytes, age = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
  local had, from = length, '-'
  while length > 0 and (age or length > most or bytes > mostBytes) do
    local oldest = redis.call('XRANGE', log, from, '+', 'COUNT', 1)[1]
    if length <= most and bytes <= mostBytes and now - string.match(oldest[1], '%d+$') < age then break end
    length, bytes, from = length - 1, bytes - #oldest[2][2], '(' .. oldest[1]
  end
  if length < had then redis.call('XTRIM', log, 'MAXLEN', length) end
  if age then redis.pcall('PEXPIRE', log, ARGV[6]) end
  local text = string.format('%s %s %.0f %.0f', run, epoch, head, bytes)
  if text ~= kept then redis.call('SET', line, text) end
  if age or head == 0 then redis.pcall('PEXPIRE', line, ARGV[7]) end
end
`;

/** KEYS[3]: of the publication, if it has one. ARGV: 8 data, 9 window of keys. */
export const APPEND = `${LOG}
if now > tonumber(ARGV[3]) then error('too late') end
if KEYS[3] then
  local first = redis.call('GET', KEYS[3])
  if first then
    local epoch, offset = string.match(first, '(%S+) (%S+)')
    return {epoch, offset, 1}
  end
end
add(ARGV[8])
save()
local place = string.format('%s %.0f', epoch, head)
if KEYS[3] then redis.call('SET', KEYS[3], place, 'PX', ARGV[9]) end
redis.call(ARGV[2], ARGV[1], 'e' .. place .. ' ' .. ARGV[8])
return {epoch, string.format('%.0f', head), 0}
`;

/** KEYS: of the publication. ARGV: 4 message, 5 window of keys. */
export const SAY_ONCE = `
if not redis.call('SET', KEYS[1], '', 'NX', 'PX', ARGV[5]) then return 1 end
redis.call(ARGV[2], ARGV[1], ARGV[4])
return 0
`;

/** ARGV: 8 epoch and 9 offset behind which to read, or ''; 10 the newest so many; 11 entries and 12 bytes at most. */
export const READ = `${LOG}
save()
local from, isGap, tail = tonumber(ARGV[9]), 0, head - length
if not from then from = math.max(tail, head - ARGV[10])
elseif ARGV[8] ~= epoch or from < tail or from > head then from, isGap = tail, 1 end
local data, size, last, step = {}, 0, math.min(head, from + ARGV[11]), 1
while from + #data < last and size < tonumber(ARGV[12]) do
  local first = string.format('%.0f', from + #data + 1)
  local found = redis.call('XRANGE', log, first, '+', 'COUNT', math.min(step, last - from - #data))
  if #found == 0 then error('entries are missing in ' .. log) end
  for _, entry in ipairs(found) do
    if size >= tonumber(ARGV[12]) then break end
    data[#data + 1], size = entry[2][2], size + #entry[2][2]
  end
  step = step * 2
end
return {epoch, string.format('%.0f', from), string.format('%.0f', head), isGap, data}
`;

/**
 * Presence in a channel. A process that has members here is alive as long as it comes again; others take out what a dead one had.
 * Redis may have lost who was there: then no process is known, so that each says it again.
 *
 * KEYS: who, alive. ARGV: 4 process, 5 how long it is alive then, 6 whether it has members then; 7 'set' these, 'all' of the process
 * are these, or 'look'; from 8 on: user, data, connections.
 */
export const PRESENT = `
local who, alive, process = KEYS[1], KEYS[2], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[3]) then error('too late') end
if redis.call('EXISTS', who) == 0 then redis.pcall('DEL', alive) end
-- Where Redis is full, it refuses what needs room only as long as nothing was written: who is there is said all the same.
redis.pcall('PEXPIRE', who, ARGV[5] * 2)
redis.pcall('PEXPIRE', alive, ARGV[5] * 2)

local function put(user, process, data, connections)
  local kept = redis.call('HGET', who, user)
  local others, had, told, has, tells = {}, 0, nil, 0, 'null'
  for _, one in ipairs(kept and cmsgpack.unpack(kept) or {}) do
    had, told = had + one[3], one[2]
    if one[1] ~= process then
      others[#others + 1] = one
      has, tells = has + one[3], one[2]
    end
  end
  if connections > 0 then
    others[#others + 1] = {process, data, connections}
    has, tells = has + connections, data
  end
  if #others > 0 then redis.call('HSET', who, user, cmsgpack.pack(others)) else redis.call('HDEL', who, user) end
  if has ~= had or has > 0 and tells ~= told then
    redis.call(ARGV[2], ARGV[1], 'p' .. has .. ' ' .. user .. tells)
  end
end

local function takeOut(process, except)
  local all = redis.call('HGETALL', who)
  for i = 1, #all, 2 do
    if not except[all[i]] and string.find(all[i + 1], process, 1, true) then put(all[i], process, '', 0) end
  end
end

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', alive, '-inf', now)) do
  if dead ~= process then
    takeOut(dead, {})
    redis.call('ZREM', alive, dead)
  end
end
if ARGV[7] == 'all' then
  local except = {}
  for i = 8, #ARGV, 3 do except[ARGV[i]] = true end
  takeOut(process, except)
end
for i = 8, #ARGV, 3 do put(ARGV[i], process, ARGV[i + 1], tonumber(ARGV[i + 2])) end
local isNew = 0
if ARGV[6] == '1' then isNew = redis.call('ZADD', alive, now + ARGV[5], process)
elseif ARGV[7] ~= 'look' then redis.call('ZREM', alive, process) end
if isNew == 1 then
  redis.call('PEXPIRE', who, ARGV[5] * 2)
  redis.call('PEXPIRE', alive, ARGV[5] * 2)
end
local members = {}
if ARGV[7] == 'look' then
  local all = redis.call('HGETALL', who)
  for i = 1, #all, 2 do
    local connections, data = 0, 'null'
    for _, one in ipairs(cmsgpack.unpack(all[i + 1])) do connections, data = connections + one[3], one[2] end
    members[#members + 1] = {all[i], data, connections}
  end
end
return {isNew, members}
`;

/** Tells which Redis this is and what time it has, and says a word to the process itself. */
export const BEAT = `
local state = redis.call('INFO', 'replication')
if not string.find(state, 'role:master') then return redis.error_reply('READONLY This Redis is a replica') end
local run = string.match(state, 'master_replid:(%w+)')
if not run then return redis.error_reply('ERR This Redis does not tell its master_replid') end
local time = redis.call('TIME')
redis.call('PUBLISH', ARGV[1], 'b')
return {run, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))}
`;
