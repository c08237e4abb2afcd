# SPDX-License-Identifier: Apache-2.0
"""Traffic for redis: every kind of value, expiry, transactions, scripts, messages, streams, snapshots, log rewrites.

The model is a dictionary of plain Python values beside the server. Keys begin with the seed.
"""
import time

from resp import Resp, RespError
from traffic import Traffic

PASSWORD = "treeline"


class RedisTraffic(Traffic):
    name, port = "redis", 6379

    def __init__(self, address, source, seed):
        super().__init__(address, source, seed)
        self.connection = None
        self.strings, self.lists, self.hashes, self.sets, self.scores = {}, {}, {}, {}, {}
        self.counts, self.streams = {}, 0

    def open(self):
        connection = Resp(self.socket())
        answer = connection.ask("AUTH", PASSWORD)
        if answer != b"OK":
            connection.close()
            raise OSError(f"AUTH was answered {answer!r}")
        return connection

    def ask(self, *words):
        if self.connection is None:
            self.connection = self.open()
        return self.connection.ask(*words)

    def check(self, wanted, *words):
        shown = " ".join(str(word) if not isinstance(word, bytes) else f"<{len(word)}>" for word in words)
        self.expect(shown if len(shown) < 120 else f"{shown[:100]}...", self.ask(*words), wanted)

    def reset(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ping(self):
        if self.ask("PING") != b"PONG":  # while it loads its data, it answers an error
            raise OSError("not ready")

    def tour(self):
        yield self.clean
        for _, step in self.steps():
            yield step
        # A snapshot, a log rewrite and a reconnection more than once: each has a name of its own on disk.
        for _ in range(3):
            yield from (self.rewrite_log, self.background_snapshot, self.snapshot)

    def steps(self):
        return [(20, self.set_and_get), (8, self.append), (8, self.count), (5, self.many), (3, self.large), (8, self.expire),
                (12, self.lists_), (3, self.blocking), (12, self.hashes_), (10, self.sets_), (10, self.scores_),
                (4, self.stream), (3, self.bits), (6, self.delete), (5, self.transaction), (2, self.watched),
                (5, self.script), (4, self.messages), (4, self.scan), (4, self.pipeline), (3, self.wrong),
                (2, self.settings), (2, self.information), (0.4, self.snapshot), (0.4, self.background_snapshot),
                (0.4, self.rewrite_log), (2, self.new_connection), (1, self.not_allowed)]

    def finish(self):
        self._delete_all()
        self.reset()

    def key(self, kind):
        return f"{self.seed}:{kind}:{self.rng.randrange(20)}"

    def _delete_all(self):
        for kind in ("string", "count", "list", "hash", "set", "score", "stream", "bits", "late", "big"):
            self.ask("DEL", *(f"{self.seed}:{kind}:{number}" for number in range(20)))

    def clean(self):
        """A run before us that was cut off may have left keys of this seed."""
        self._delete_all()
        self.check(0, "EXISTS", f"{self.seed}:string:0", f"{self.seed}:hash:0")

    # Values

    def set_and_get(self):
        key = self.key("string")
        if self.rng.random() < 0.5 or key not in self.strings:
            self.strings[key] = self.words(1, 30).encode()
            self.check(b"OK", "SET", key, self.strings[key])
        self.check(self.strings[key], "GET", key)
        self.check(None, "GET", f"{key}:none")

    def append(self):
        key, more = self.key("string"), self.words(1, 3).encode()
        self.strings[key] = self.strings.get(key, b"") + more
        self.check(len(self.strings[key]), "APPEND", key, more)
        self.check(self.strings[key][2:9], "GETRANGE", key, 2, 8)

    def count(self):
        key, step = self.key("count"), self.rng.randint(-50, 50)
        self.counts[key] = self.counts.get(key, 0) + step
        self.check(self.counts[key], "INCRBY", key, step)

    def many(self):
        chosen = sorted({self.key("string") for _ in range(5)})
        values = [self.words(1, 4).encode() for _ in chosen]
        self.strings.update(zip(chosen, values))
        self.check(b"OK", "MSET", *(word for pair in zip(chosen, values) for word in pair))
        self.check([*values, None], "MGET", *chosen, f"{self.seed}:none")

    def large(self):
        value = self.blob(100_000, 400_000)
        self.check(b"OK", "SET", f"{self.seed}:big:0", value)
        self.check(value, "GET", f"{self.seed}:big:0")
        self.check(1, "UNLINK", f"{self.seed}:big:0")

    def expire(self):
        key = self.key("late")
        self.check(b"OK", "SET", key, "soon gone", "PX", 1)
        time.sleep(0.005)
        self.check(None, "GET", key)
        self.check(b"OK", "SET", key, "stays a while", "EX", 1000)
        left = self.ask("TTL", key)
        self.expect(f"TTL {key}", isinstance(left, int) and 900 < left <= 1000, True)
        self.check(1, "PERSIST", key)
        self.check(-1, "TTL", key)
        self.check(1, "DEL", key)

    def lists_(self):
        key = self.key("list")
        content = self.lists.setdefault(key, [])
        items = [self.words(1, 2).encode() for _ in range(self.rng.randint(1, 5))]
        if self.rng.random() < 0.5:
            content.extend(items)
            self.check(len(content), "RPUSH", key, *items)
        else:
            content[:0] = reversed(items)
            self.check(len(content), "LPUSH", key, *items)
        self.check(content[1:6], "LRANGE", key, 1, 5)
        if self.rng.random() < 0.7:
            self.check(content.pop(0), "LPOP", key)
        if len(content) > 30:
            del content[10:]
            self.check(b"OK", "LTRIM", key, 0, 9)

    def blocking(self):
        key = f"{self.seed}:list:waiting"
        other = self.open()
        other.send(("BLPOP", key, 30))
        self.check(1, "RPUSH", key, "woken")
        self.expect(f"BLPOP {key}", other.read(), [key.encode(), b"woken"])
        other.close()

    def hashes_(self):
        key, field = self.key("hash"), self.rng.choice("abcdefgh")
        content = self.hashes.setdefault(key, {})
        value = self.words(1, 6).encode()
        self.check(int(field not in content), "HSET", key, field, value)
        content[field] = value
        self.check(value, "HGET", key, field)
        flat = self.ask("HGETALL", key)
        self.expect(f"HGETALL {key}", dict(zip(flat[::2], flat[1::2])), {name.encode(): value for name, value in content.items()})
        if self.rng.random() < 0.3:
            del content[field]
            self.check(1, "HDEL", key, field)

    def sets_(self):
        key, other = self.key("set"), self.key("set")
        items = {self.rng.choice("abcdefghijklmnop").encode() for _ in range(4)}
        content = self.sets.setdefault(key, set())
        self.check(len(items - content), "SADD", key, *sorted(items))
        content |= items
        self.expect(f"SMEMBERS {key}", sorted(self.ask("SMEMBERS", key)), sorted(content))
        self.expect(f"SINTER {key} {other}", sorted(self.ask("SINTER", key, other)), sorted(content & self.sets.get(other, set())))

    def scores_(self):
        key, member, score = self.key("score"), self.rng.choice("abcdefghij"), self.rng.randrange(1000)
        content = self.scores.setdefault(key, {})
        self.check(int(member not in content), "ZADD", key, score, member)
        content[member] = score
        order = [name.encode() for _, name in sorted((score, name) for name, score in content.items())]
        self.check(order[:3], "ZRANGE", key, 0, 2)
        self.check(sum(score > 500 for score in content.values()), "ZCOUNT", key, "(500", "+inf")
        self.check(order.index(member.encode()), "ZRANK", key, member)

    def stream(self):
        key = f"{self.seed}:stream:0"
        self.streams += 1
        entry, value = f"{self.streams}-1".encode(), self.words(1, 4).encode()
        self.check(entry, "XADD", key, entry, "text", value)
        self.check([[entry, [b"text", value]]], "XRANGE", key, entry, "+")
        self.check(self.streams, "XLEN", key)

    def bits(self):
        key, at = f"{self.seed}:bits:0", self.rng.randrange(4000)
        before = self.ask("GETBIT", key, at)
        self.check(before, "SETBIT", key, at, 1)
        self.check(1, "GETBIT", key, at)

    def delete(self):
        for kind, model in (("string", self.strings), ("hash", self.hashes), ("list", self.lists)):
            key = self.key(kind)
            self.check(int(bool(model.pop(key, None))), "DEL", key)

    # Several commands as one

    def transaction(self):
        key = self.key("list")
        content = self.lists.setdefault(key, [])
        self.check(b"OK", "MULTI")
        self.check(b"QUEUED", "RPUSH", key, "x", "y")
        self.check(b"QUEUED", "LLEN", key)
        content += [b"x", b"y"]
        self.check([len(content), len(content)], "EXEC")

    def watched(self):
        key = f"{self.seed}:string:0"
        self.check(b"OK", "WATCH", key)
        other = self.open()
        self.strings[key] = b"changed meanwhile"
        other.ask("SET", key, self.strings[key])
        other.close()
        self.check(b"OK", "MULTI")
        self.check(b"QUEUED", "SET", key, "mine")
        self.check(None, "EXEC")

    def script(self):
        left, right = self.rng.randrange(10_000), self.rng.randrange(10_000)
        self.check(left * right, "EVAL", "return tonumber(ARGV[1]) * tonumber(ARGV[2])", 0, left, right)
        digest = self.ask("SCRIPT", "LOAD", "return redis.call('EXISTS', KEYS[1])")
        self.check(int(f"{self.seed}:string:1" in self.strings), "EVALSHA", digest, 1, f"{self.seed}:string:1")

    def messages(self):
        channel, text = f"{self.seed}:news", self.words(1, 8).encode()
        listener = self.open()
        self.expect(f"SUBSCRIBE {channel}", listener.ask("SUBSCRIBE", channel), [b"subscribe", channel.encode(), 1])
        self.check(1, "PUBLISH", channel, text)
        self.expect("message", listener.read(), [b"message", channel.encode(), text])
        listener.close()

    def scan(self):
        cursor, found = b"0", []
        while True:
            cursor, keys = self.ask("SCAN", cursor, "MATCH", f"{self.seed}:hash:*", "COUNT", 100)
            found += keys
            if cursor == b"0":
                break
        self.expect("SCAN of the hashes", sorted(set(found)), sorted(key.encode() for key, value in self.hashes.items() if value))

    def pipeline(self):
        keys = [self.key("string") for _ in range(8)]
        self.ask("PING")
        self.connection.send(*(("GET", key) for key in keys))
        for key in keys:
            self.expect(f"GET {key} (pipelined)", self.connection.read(), self.strings.get(key))

    # The server itself

    def wrong(self):
        key = f"{self.seed}:list:wrong"
        self.ask("DEL", key)
        self.check(1, "RPUSH", key, "x")
        self.check(RespError("WRONGTYPE Operation against a key holding the wrong kind of value"), "GET", key)
        self.check(1, "DEL", key)
        self.check(RespError("ERR wrong number of arguments for 'get' command"), "GET")
        self.check(RespError("ERR syntax error"), "SET", f"{self.seed}:string:1", "x", "NONSENSE")

    def settings(self):
        self.check([b"maxmemory-policy", b"noeviction"], "CONFIG", "GET", "maxmemory-policy")
        self.check(b"OK", "CONFIG", "SET", "slowlog-max-len", self.rng.randint(64, 128))

    def information(self):
        text = self.ask("INFO", "server")
        self.expect("INFO server", isinstance(text, bytes) and b"redis_version:" in text, True)
        self.expect("INFO persistence", self._persistence("aof_enabled"), b"1")

    def _persistence(self, field):
        text = self.ask("INFO", "persistence")
        if not isinstance(text, bytes):
            raise EOFError(f"INFO was answered {text!r}")
        return dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)[field.encode()]

    def _idle(self):
        """Until no child of the server writes: commands that fork are refused meanwhile."""
        for _ in range(2000):
            if self._persistence("rdb_bgsave_in_progress") == self._persistence("aof_rewrite_in_progress") == b"0":
                return
            time.sleep(0.02)
        raise EOFError("a background save does not end")

    def snapshot(self):
        self._idle()
        self.check(b"OK", "SAVE")

    def background_snapshot(self):
        self._idle()
        self.check(b"Background saving started", "BGSAVE")
        self._idle()
        self.expect("the snapshot in the background", self._persistence("rdb_last_bgsave_status"), b"ok")

    def rewrite_log(self):
        self._idle()
        self.check(b"Background append only file rewriting started", "BGREWRITEAOF")
        self._idle()
        self.expect("the rewritten log", self._persistence("aof_last_bgrewrite_status"), b"ok")

    def new_connection(self):
        self.reset()
        self.check(b"PONG", "PING")

    def not_allowed(self):
        stranger = Resp(self.socket())
        self.expect("GET without a password", stranger.ask("GET", "x"), RespError("NOAUTH Authentication required."))
        answer = stranger.ask("AUTH", "guess")
        self.expect("AUTH with a wrong one", isinstance(answer, RespError) and answer.split()[0], "WRONGPASS")
        stranger.close()


GENERATOR = RedisTraffic
