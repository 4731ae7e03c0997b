"""
What a store says to Redis or Valkey for each verb: names of keys, and scripts.

Pure functions; `cxcontext.stores.redis` sends what they return. What must happen
in one step is a script, and all keys of a call share a hash tag, so that they are
on one node of a cluster (Redis cluster specification, "Hash tags").
"""

from __future__ import annotations

import hashlib
import secrets
from struct import Struct
from typing import Final, TypeAlias

from cxcontext.errors import UnavailableError, UsageError

# Somebody whose clock is behind by less still finds what lives by that clock.
GRACE_S: Final = 3600
# As far as it can be counted in milliseconds.
_FOREVER_S: Final = 10**12

# Before each record: format, version, end, and the length of the claimant that follows.
_HEAD: Final = Struct(">BQQB")
_FORMAT: Final = 1
OTHER_FORMAT: Final = "the store (a record is in the format of another release)"

# Versions are compared as bytes: Lua's numbers have 53 bits. Who sends the same
# new version again is told the same: a client that heard no answer may ask twice.
_REPLACE: Final = """
local seen, value, now, lifetime = unpack(ARGV)
local head, version = redis.call('GETRANGE', KEYS[1], 0, 16), ''
if head ~= '' then
    if head:byte() ~= value:byte() then return redis.error_reply('FORMAT') end
    if struct.unpack('>I8', head, 10) > tonumber(now) then version = head:sub(2, 9) end
end
if version == value:sub(2, 9) then return 1 end
if version ~= seen then return 0 end
redis.call('SET', KEYS[1], value, 'EX', lifetime)
return 1
"""
_CLAIM: Final = """
local claimant, prefix, now, format = unpack(ARGV)
local value = redis.call('GET', KEYS[1])
if not value then return false end
if value:byte() ~= tonumber(format) then return redis.error_reply('FORMAT') end
if struct.unpack('>I8', value, 10) <= tonumber(now) then return false end
local length = value:byte(18)
local record = value:sub(19 + length)
if record:sub(1, #prefix) ~= prefix then return {'', record} end
if length > 0 then return {value:sub(19, 18 + length), record} end
value = value:sub(1, 17) .. string.char(#claimant) .. claimant .. record
redis.call('SET', KEYS[1], value, 'KEEPTTL')
return {claimant, record}
"""
# The orders of a key's values are in one sorted set, and their ends in another.
_LINK: Final = """
local value, order, ends, now, grace = unpack(ARGV)
redis.call('ZADD', KEYS[1], order, value)
redis.call('ZADD', KEYS[2], ends, value)
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - grace, 'LIMIT', 0, 100)
if #dead > 0 then
    redis.call('ZREM', KEYS[1], unpack(dead))
    redis.call('ZREM', KEYS[2], unpack(dead))
end
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if last then
    local lifetime = math.min(last - now + grace, 1e12)
    redis.call('EXPIRE', KEYS[1], lifetime)
    redis.call('EXPIRE', KEYS[2], lifetime)
end
"""
_LINKED: Final = """
local now, highest, limit = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local found, offset, first = {}, 0, redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
if not first or limit < 1 then return found end
local all_live = tonumber(first) > now
while true do
    local page = redis.call('ZREVRANGEBYSCORE', KEYS[1], highest, '-inf', 'WITHSCORES',
        'LIMIT', offset, 200)
    for i = 1, #page, 2 do
        if all_live or tonumber(redis.call('ZSCORE', KEYS[2], page[i])) > now then
            found[#found + 1] = page[i + 1]
            found[#found + 1] = page[i]
            if #found == 2 * limit then return found end
        end
    end
    if #page < 400 then return found end
    offset = offset + 200
end
"""
_UNLINK: Final = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
"""
_INCREMENT: Final = """
local ends, now, lifetime = unpack(ARGV)
local found = redis.call('GET', KEYS[1])
if found then
    local number, its_end = found:match('^(%d+) (%d+)$')
    if tonumber(its_end) > tonumber(now) then
        redis.call('SET', KEYS[1], number + 1 .. ' ' .. its_end, 'KEEPTTL')
        return number + 1
    end
end
redis.call('SET', KEYS[1], '1 ' .. ends, 'EX', lifetime)
return 1
"""
# SHA-1 is how Redis names a script.
_SCRIPTS: Final = {
    hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(): text
    for text in (_REPLACE, _CLAIM, _LINK, _LINKED, _UNLINK, _INCREMENT)
}
_NAMES: Final = {text: name for name, text in _SCRIPTS.items()}

Command: TypeAlias = tuple[str | bytes | int, ...]


class Commands:
    """
    What is sent for each verb, the same for both kinds of store.

    .. versionadded:: 0.1.0
    """

    def __init__(self, prefix: str) -> None:
        if not prefix or set(prefix) & set("{}"):
            raise UsageError("a prefix of keys has a character, and neither { nor }")
        self._prefix = prefix

    def load(self, key: bytes) -> Command:
        """
        Read the record with its head.
        """
        return "GET", self._named("record", key)

    def replace(
        self, key: bytes, record: bytes, version: int, now_s: int, ends_s: int
    ) -> Command:
        """
        Replace the record, and answer 1 or 0.
        """
        value = _new_value(record, ends_s)
        return self._replacing(key, version.to_bytes(8, "big"), value, now_s, ends_s)

    def first(
        self, key: bytes, record: bytes, now_s: int, ends_s: int
    ) -> tuple[Command, Command]:
        """
        Put the record where there is none, and what to say where there is one.

        The first is a plain SET, which is nearly always enough; the second also
        replaces what has expired, and knows its own value again.
        """
        value, lifetime_s = _new_value(record, ends_s), _lifetime_s(now_s, ends_s)
        plain = "SET", self._named("record", key), value, "NX", "EX", lifetime_s
        return plain, self._replacing(key, b"", value, now_s, ends_s)

    def _replacing(
        self, key: bytes, seen: bytes, value: bytes, now_s: int, ends_s: int
    ) -> Command:
        arguments = seen, value, now_s, _lifetime_s(now_s, ends_s)
        return self._script(_REPLACE, key, "record", arguments=arguments)

    def claim(self, key: bytes, claimant: bytes, prefix: bytes, now_s: int) -> Command:
        """
        Answer claimant and record, or nothing.
        """
        arguments = claimant, prefix, now_s, _FORMAT
        return self._script(_CLAIM, key, "record", arguments=arguments)

    def remove(self, key: bytes) -> Command:
        """
        Remove the record.
        """
        return "DEL", self._named("record", key)

    def link(
        self, key: bytes, value: bytes, order: int, now_s: int, ends_s: int
    ) -> Command:
        """
        Let *key* lead to *value*.
        """
        arguments = value, order, ends_s, now_s, GRACE_S
        return self._script(_LINK, key, "orders", "ends", arguments=arguments)

    def linked(self, key: bytes, now_s: int, until: int | None, limit: int) -> Command:
        """
        Answer order and value by turns.
        """
        arguments = now_s, "+inf" if until is None else until, limit
        return self._script(_LINKED, key, "orders", "ends", arguments=arguments)

    def unlink(self, key: bytes, value: bytes) -> Command:
        """
        Let *key* no longer lead to *value*.
        """
        return self._script(_UNLINK, key, "orders", "ends", arguments=(value,))

    def increment(self, key: bytes, now_s: int, ends_s: int) -> Command:
        """
        Count, and answer how many.
        """
        arguments = ends_s, now_s, _lifetime_s(now_s, ends_s)
        return self._script(_INCREMENT, key, "count", arguments=arguments)

    def _named(self, kind: str, key: bytes) -> str:
        # An empty tag would be none.
        return f"{self._prefix}:{{{key.hex() or '-'}}}:{kind}"

    def _script(
        self, text: str, key: bytes, *kinds: str, arguments: Command
    ) -> Command:
        named = (self._named(kind, key) for kind in kinds)
        return "EVALSHA", _NAMES[text], len(kinds), *named, *arguments


def _lifetime_s(now_s: int, ends_s: int) -> int:
    # Counted from the caller's now, so that the server's clock need not be right.
    return min(max(ends_s - now_s + GRACE_S, 1), _FOREVER_S)


def _new_value(record: bytes, ends_s: int) -> bytes:
    # Drawn from so many that none comes twice, also where a record was removed.
    return _HEAD.pack(_FORMAT, secrets.randbits(63), ends_s, 0) + record


def in_full(command: Command) -> Command:
    """
    Return the command for a server that does not know its script yet.

    .. versionadded:: 0.1.0
    """
    return "EVAL", _SCRIPTS[str(command[1])], *command[2:]


def loaded(value: bytes | None, now_s: int) -> tuple[int, bytes] | None:
    """
    Read the answer to `Commands.load`.

    .. versionadded:: 0.1.0
    """
    if value is None:
        return None
    found, version, ends_s, length = _HEAD.unpack_from(value)
    if found != _FORMAT:
        raise UnavailableError(OTHER_FORMAT)
    return (version, value[_HEAD.size + length :]) if ends_s > now_s else None


def claimed(answer: list[bytes] | None) -> tuple[bytes, bytes] | None:
    """
    Read the answer to `Commands.claim`.

    .. versionadded:: 0.1.0
    """
    return None if answer is None else (answer[0], answer[1])


def paired(answer: list[bytes]) -> list[tuple[int, bytes]]:
    """
    Read the answer to `Commands.linked`.

    .. versionadded:: 0.1.0
    """
    return [
        (int(order), value)
        for order, value in zip(answer[::2], answer[1::2], strict=True)
    ]
