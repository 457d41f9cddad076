import { createHash } from "node:crypto";

/** A Lua script and the SHA-1 by which Redis knows it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * What every script begins with. The names of keys hold the identity of the Redis process that runs the script and
 * of its line of data: `run_id` is new with each start, `master_replid` with each promotion to primary. So after a
 * restart, a failover, or a return of the first primary, nothing written before is found, whatever a snapshot or a
 * replica has kept; and since the process itself says who it is, in the same atomic step, no connection pool, proxy
 * or late command can lead around it. A replica is refused.
 *
 * ARGV: prefix, name, the operation's own.
 */
const PRELUDE = `
local server = redis.call('INFO', 'server')
local replication = redis.call('INFO', 'replication')
local run = string.match(server, 'run_id:(%x+)')
local line = string.match(replication, 'master_replid:(%x+)')
if not run or not line or not string.match(replication, 'role:master') then
  return redis.error_reply('TRUSTEDMCP not a primary that tells its run_id')
end
local space = ARGV[1] .. ':' .. run .. line .. ':'
local key = space .. ARGV[2]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function ended(session, version)
  redis.call('DEL', session)
  redis.call('HSET', session, 'v', version, 'd', '')
  redis.call('PEXPIRE', session, 900000)
end
local function finish(session)
  local found = redis.call('HMGET', session, 'v', 'g', 'w')
  if not found[3] then
    -- It idled out, but a node may still have a stream of it.
    if not found[1] then ended(session, 0) end
    return 0
  end
  ended(session, found[1])
  redis.call('ZREM', found[2], session)
  return 1
end
`;

function script(body: string): Script {
  const text = PRELUDE + body;
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

export type Operation =
  "probe" | "put" | "get" | "take" | "open" | "session" | "replace" | "admit" | "end" | "endGroup";

/** The operation as a script. */
export function scriptOf(operation: Operation): Script {
  return script(BODIES[operation]);
}

/** Fields of a session: v version, d sealed value, h highest number, w window, i idle ms, e end in ms, g group. */
const BODIES: Readonly<Record<Operation, string>> = {
  probe: `return run .. line`,

  put: `
if not redis.call('SET', key, ARGV[3], 'PX', ARGV[4], 'NX') then
  return redis.error_reply('TRUSTEDMCP the name is taken')
end
return 1`,

  get: `return redis.call('GET', key)`,

  take: `
local value = redis.call('GET', key)
if value then redis.call('DEL', key) end
return value`,

  // ARGV: …, value, idle ms, life ms, group, limit. Above the limit first those go that have ended, then the oldest.
  open: `
if redis.call('EXISTS', key) == 1 then return redis.error_reply('TRUSTEDMCP the name is taken') end
local at = now()
local idle = tonumber(ARGV[4])
local life = tonumber(ARGV[5])
local group = space .. 'g:' .. ARGV[6]
redis.call('HSET', key, 'v', 1, 'd', ARGV[3], 'h', '-1', 'w', string.rep('\\0', 257),
  'i', idle, 'e', at + life, 'g', group)
redis.call('PEXPIRE', key, math.max(1, math.min(idle, life)))
redis.call('ZADD', group, at, key)
redis.call('PEXPIRE', group, 172800000)
local limit = tonumber(ARGV[7])
if redis.call('ZCARD', group) > limit then
  for _, member in ipairs(redis.call('ZRANGE', group, 0, -1)) do
    if redis.call('HEXISTS', member, 'w') == 0 then
      finish(member)
      redis.call('ZREM', group, member)
    end
  end
  local over = redis.call('ZCARD', group) - limit
  if over > 0 then
    for _, member in ipairs(redis.call('ZRANGE', group, 0, over - 1)) do finish(member) end
  end
end
return 1`,

  session: `
local found = redis.call('HMGET', key, 'v', 'd')
if not found[1] then return false end
return {tonumber(found[1]), found[2]}`,

  // ARGV: …, version, value.
  replace: `
local found = redis.call('HMGET', key, 'v', 'w')
if not found[2] or found[1] ~= ARGV[3] then return 0 end
redis.call('HSET', key, 'v', tonumber(found[1]) + 1, 'd', ARGV[4])
return 1`,

  // ARGV: …, number. The window is a ring of 257 bytes: 2048 numbers, and the byte that is being entered.
  admit: `
local found = redis.call('HMGET', key, 'v', 'h', 'w', 'i', 'e')
local window = found[3]
if not window then return {0, 0} end
local left = tonumber(found[5]) - now()
if left <= 0 then
  redis.call('DEL', key)
  return {0, 0}
end
local version = tonumber(found[1])
local highest = tonumber(found[2])
local number = tonumber(ARGV[3])
if number > highest then
  local from = math.floor(highest / 8)
  local count = math.floor(number / 8) - from
  if count >= 257 then
    window = string.rep('\\0', 257)
  elseif count > 0 then
    local first = (from + 1) % 257
    local past = first + count
    if past <= 257 then
      window = string.sub(window, 1, first) .. string.rep('\\0', count) .. string.sub(window, past + 1)
    else
      window = string.rep('\\0', past - 257) .. string.sub(window, past - 256, first)
        .. string.rep('\\0', 257 - first)
    end
  end
  highest = number
elseif highest - number >= 2048 then
  return {2, version}
end
local at = math.floor(number / 8) % 257
local bit = 2 ^ (number % 8)
local byte = string.byte(window, at + 1)
if math.floor(byte / bit) % 2 == 1 then return {2, version} end
window = string.sub(window, 1, at) .. string.char(byte + bit) .. string.sub(window, at + 2)
redis.call('HSET', key, 'h', string.format('%.0f', highest), 'w', window)
redis.call('PEXPIRE', key, math.max(1, math.min(tonumber(found[4]), left)))
return {1, version}`,

  end: `return finish(key)`,

  endGroup: `
local group = space .. 'g:' .. ARGV[2]
local count = 0
for _, member in ipairs(redis.call('ZRANGE', group, 0, -1)) do count = count + finish(member) end
redis.call('DEL', group)
return count`,
};
