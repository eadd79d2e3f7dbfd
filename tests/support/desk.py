"""desk.py - A desk to test against: a PostgreSQL cluster of its own, the real server, tokens, and people who talk to it.

Everything is on loopback and in one temporary folder, and leave() takes all of it away again. A Person is a client written
from SPEC.md over Debian's python3-websockets: it shares no line with the JS client or the server.
"""
import asyncio
import base64
import ctypes
import datetime
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import psycopg2
import psycopg2.extras
import websockets

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("DESKD_BINARY", ROOT / "build" / "release" / "deskd"))
LONG = bool(os.environ.get("DESKD_LONG"))

WAIT_S = 15            # how long a test waits for what must come; never a promise, only an end
PLACES = ["greeted", "waiting", "reserved", "held", "left_message", "closed"]
KINDS = ["words", "order", "order_answer", "rating", "joined", "transferred", "recalled", "identified", "closed", "reopened", "refused"]
ORIGINS = ["buyer", "human", "assist", "auto", "system"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def base64url(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims, secret, kid, algorithm="HS256"):
    head = {"alg": algorithm, "typ": "JWT", "kid": kid}
    text = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return text + "." + base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


# Orphans of this test come to it and not to process 1, which in a container may never take them away: a dead postmaster that
# stays in the table looks alive to the next one.
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def alive(pid):
    try: os.waitpid(pid, os.WNOHANG)
    except ChildProcessError: pass
    return Path(f"/proc/{pid}").exists()


def processes_under(pid):
    """The process and all its children, children first."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try: waiting += [int(c) for c in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError: pass
    return found[::-1]


class Postgres:
    """A private cluster. Its processes belong to another user when the test runs as root."""

    def __init__(self, folder):
        self.folder = folder / "pg"
        self.connection = None

    def start(self):
        made = subprocess.run([ROOT / "deploy/postgres", "start", self.folder], check=True, capture_output=True, text=True)
        self.connection = made.stdout.strip().splitlines()[-1]
        return self

    def stop(self): subprocess.run([ROOT / "deploy/postgres", "stop", self.folder], check=True, capture_output=True)

    @property
    def pid(self): return int((self.folder / "data/postmaster.pid").read_text().split()[0])

    def signal_all(self, number):
        for one in processes_under(self.pid):
            try: os.kill(one, number)
            except ProcessLookupError: pass

    def kill(self, whole_tree=True):
        """kill -9, and waits until nobody of them is left."""
        tree = processes_under(self.pid)
        for one in (tree if whole_tree else tree[-1:]):
            try: os.kill(one, signal.SIGKILL)
            except ProcessLookupError: pass
        until = time.monotonic() + WAIT_S
        while any(alive(one) for one in tree):
            if time.monotonic() > until: raise TimeoutError("PostgreSQL's processes do not end")
            time.sleep(0.02)

    def rows(self, sql, *values, user=None):
        connection = psycopg2.connect(self.connection)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()
        finally: connection.close()


# A policy for tests: one desk `lamp`, one shop `lamps`, two queues. Tests change a copy.
def policy(folder, **more):
    return {
        "name": "lamp",
        "shops": [{"name": "lamps", "title": "灯具店", "issuer": "lamps-back-end", "origins": ["http://lamps.example"],
                   "keys": [{"kid": "shop-1", "algorithm": "hs256", "file": str(folder / "shop.key")}], "levels": [{"name": "vip", "priority_s": 120}], "locale": "zh-CN"}],
        "queues": [{"name": "sales", "shops": ["lamps"]}, {"name": "care", "shops": ["lamps"]}],
        "agents": [{"name": "07", "title": "小七", "queues": ["sales"], "capacity": 5},
                   {"name": "08", "title": "小八", "queues": ["care"], "capacity": 5},
                   {"name": "boss", "title": "店长", "role": "supervisor", "queues": [], "capacity": 5}],
        "staff_keys": [{"kid": "staff-1", "algorithm": "hs256", "file": str(folder / "staff.key")}],
        "staff_issuer": "lamp-staff",
        **more,
    }


# When the test has died: nothing in the folder is needed any more, so a kill of the server, which works in it, and an
# immediate shutdown of PostgreSQL are enough.
GUARD = '''
read never
for one in /proc/[0-9]*; do [ "$one/cwd" -ef "$1" ] && kill -KILL "${one#/proc/}"; done
pid=$(head -n 1 "$1/pg/data/postmaster.pid") && kill -QUIT "$pid" && kill -CONT "$pid"
for i in $(seq 100); do kill -0 "$pid" || break; sleep 0.1; done
rm -rf "$1"
'''


class Desk:
    """PostgreSQL, server and keys in one folder. A small shell takes it away when the test dies before leave()."""

    def __init__(self, settings=None, **more_policy):
        self.more_settings = settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="deskd-test-", dir="/tmp"))
        os.chmod(self.folder, 0o755)       # the cluster's user passes through; what lies inside is closed
        self.guard = subprocess.Popen(["sh", "-c", GUARD, "guard", self.folder], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      start_new_session=True)
        self.recordings = self.folder / "recordings"
        self.recordings.mkdir()
        self.shop_secret, self.staff_secret = secrets.token_hex(32), secrets.token_hex(32)
        for name, secret in (("shop.key", self.shop_secret), ("staff.key", self.staff_secret)):
            path = self.folder / name
            path.write_text(secret)
            path.chmod(0o600)
        self.postgres = Postgres(self.folder)
        self.policy = policy(self.folder, **more_policy)
        self.port, self.internal_port = free_port(), free_port()
        self.server = None
        self.log = open(self.folder / "server.log", "ab")
        self.starts = self.events = 0

    # --- the server

    def environment(self):
        mine = {name: value for name, value in os.environ.items() if not name.startswith("DESKD_")}
        return {**mine, "DESKD_DATABASE": self.postgres.connection.replace("user=deskd", "user=deskd_server"), "DESKD_DATABASE_OWNER": self.postgres.connection}

    def settings(self):
        """A test's people are faster than people: limits of rate are for the test of limits."""
        values = {"listen": f"127.0.0.1:{self.port}", "internal-listen": f"127.0.0.1:{self.internal_port}", "guest-key-file": self.folder / "guest.key",
                  "admin-key-file": self.folder / "admin.key", "record-dir": self.recordings, "buyer-burst": 10_000, "buyer-per-second": 10_000, "agent-burst": 10_000,
                  "agent-per-second": 10_000, "drain-seconds": 5, **self.more_settings}
        return [f"--{name}={value}" for name, value in values.items()]

    def run(self, *command, check=True):
        done = subprocess.run([str(BINARY), *map(str, command)], env=self.environment(), capture_output=True, text=True, timeout=60, cwd=self.folder)
        if check and done.returncode: raise RuntimeError(f"deskd {' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def set_up(self):
        self.postgres.start()
        self.run("migrate", *self.settings())
        self.apply()
        return self

    def apply(self):
        file = self.folder / "policy.json"
        file.write_text(json.dumps(self.policy, ensure_ascii=False))
        return self.run("apply", file, *self.settings())

    def start(self, wrap=(), env=None, ready=True, port=None):
        if self.server and self.server.poll() is not None: self.replay()
        self.starts += 1
        self.server = subprocess.Popen([*wrap, str(BINARY), "serve", *self.settings()], env={**self.environment(), **(env or {})},
                                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder)
        if ready: self.wait_ready()
        return self

    def wait_ready(self, wait_s=WAIT_S):
        until = time.monotonic() + wait_s
        while True:
            if self.server.poll() is not None: raise RuntimeError(f"the server ended with {self.server.returncode}:\n{self.tail()}")
            if self.get("/readyz")[0] == 200: return
            if time.monotonic() > until: raise TimeoutError(f"not ready: {self.get('/readyz')}\n{self.tail()}")
            time.sleep(0.02)

    def get(self, path, port=None):
        """(status, body) of the internal listener; (0, '') when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.internal_port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer: return answer.code, answer.read().decode()
        except OSError: return 0, ""

    def revoke(self, **whom):
        """Takes somebody's right to be here back; how many sessions ended by it."""
        return self.admin("POST", "/admin/v1/desks/lamp/revoke", whom)["sessions"]

    def admin(self, method, path, body=None):
        """One call to the admin API; its answer as JSON."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.internal_port}{path}", method=method, data=body and json.dumps(body).encode(),
                                       headers={"Authorization": f"Bearer {(self.folder / 'admin.key').read_text().strip()}"})
        with urllib.request.urlopen(asked, timeout=WAIT_S) as answer: return json.load(answer)

    def tail(self, lines=20):
        self.log.flush()
        return "\n".join((self.folder / "server.log").read_text(errors="replace").splitlines()[-lines:])

    def kill(self, number=signal.SIGKILL):
        self.server.send_signal(number)
        return self.server.wait(timeout=WAIT_S)

    def leave(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGCONT)
            self.server.kill()
            self.server.wait()
        try:
            self.postgres.signal_all(signal.SIGCONT)
            self.postgres.stop()
        except (OSError, subprocess.CalledProcessError, ValueError): pass
        self.log.close()
        try: self.replay()
        finally:
            if os.environ.get("DESKD_KEEP"): print(f"kept {self.folder}")
            else: shutil.rmtree(self.folder, ignore_errors=True)
            self.guard.kill()
            self.guard.communicate()

    def replay(self):
        """Every desk that was served here decides the same again, from its recording alone. Taken away at once: a server that
        recovers long chats records all of them."""
        for file in self.recordings.iterdir():
            self.events += int(re.search(r"(\d+) events, every effect is the same", self.run("replay", file).stdout).group(1))
            if not os.environ.get("DESKD_KEEP"): file.unlink()
        if self.server and not self.events: raise AssertionError("nothing was recorded")

    # --- who may come in

    def buyer_token(self, person, shop="lamps", life_s=3600, **more):
        now = int(time.time())
        return jwt({"sub": person, "iss": "lamps-back-end", "aud": "deskd", "shop": shop, "iat": now, "exp": now + life_s, **more}, self.shop_secret, "shop-1")

    def staff_token(self, name, role="agent", life_s=3600, **more):
        now = int(time.time())
        return jwt({"sub": name, "iss": "lamp-staff", "aud": "deskd", "desk": "lamp", "role": role, "iat": now, "exp": now + life_s, **more}, self.staff_secret, "staff-1")

    def buyer(self, person, **more): return Person(self, "/v1/shops/lamps/buyer", self.buyer_token(person), **more)
    def guest(self, **more): return Person(self, "/v1/shops/lamps/buyer", "", **{"origin": "http://lamps.example", **more})
    def agent(self, name, role="agent", **more):
        return Person(self, f"/v1/desks/lamp/{'ops' if role == 'ops' else 'agent'}", self.staff_token(name, role), **more)

    async def talk(self):
        """A buyer and the agent who holds their chat: (buyer, agent, chat)."""
        buyer = await self.buyer("b1").sign_in()
        agent = await (await self.agent("07").sign_in()).available()
        chat = await buyer.open()
        await buyer.say(chat, "在吗")
        await agent.place(chat, "held")
        return buyer, agent, chat

    # --- what the database holds

    def transcript(self, chat, stream=0):
        """The rows of a chat, in order of seq, as dictionaries in the wire's words."""
        rows = self.postgres.rows("select seq, kind, origin, person, text, reply_to, id, at_ms from message where chat = %s and stream = %s order by seq", int(chat), stream)
        return [{"seq": seq, "kind": KINDS[kind], "origin": ORIGINS[origin], "person": person, "text": text, "reply_to": reply_to,
                 "id": uuid.UUID(str(id)).hex if id else "", "at": at} for seq, kind, origin, person, text, reply_to, id, at in rows]

    def words(self, chat): return [(row["origin"], row["text"]) for row in self.transcript(chat) if row["kind"] == "words"]

    def check_rows(self, case):
        """The promises of the log, over the whole database: seq and position without gap, every chat in one place."""
        gaps = self.postgres.rows("""select desk, chat, stream, count(*), min(seq), max(seq) from message
                                     group by desk, chat, stream having min(seq) <> 1 or max(seq) <> count(*)""")
        case.assertEqual(gaps, [], "lines with a gap (desk, chat, stream, count, min, max)")
        twice = self.postgres.rows("select chat, person, id, count(*) from message where id is not null group by 1, 2, 3 having count(*) > 1")
        case.assertEqual(twice, [], "lines stored twice")
        lost = self.postgres.rows("select distinct m.chat from message m left join chat c using (desk, chat) where c.chat is null")
        case.assertEqual(lost, [], "lines of a chat that is nowhere")
        clocks = self.postgres.rows("select chat, clock, ordinal, count(*) from fact where kind = 8 group by 1, 2, 3 having count(*) > 1")
        case.assertEqual(clocks, [], "clocks that fired twice")
        owners = self.postgres.rows("select chat from chat where (place = 5) <> (closed_ms is not null)")
        case.assertEqual(owners, [], "chats closed and not closed")
        held = self.postgres.rows("select chat from chat where place = 3 and agent = ''")
        case.assertEqual(held, [], "chats held by nobody")


class Refused(Exception):
    """The server answered a command with an error."""
    def __init__(self, frame):
        super().__init__(f"{frame['code']}: {frame.get('message', '')}")
        self.code, self.frame = frame["code"], frame


class HeldChat:
    """What a person holds of one chat."""
    def __init__(self): self.epoch, self.stored, self.lines, self.state = 0, 0, {}, {}

    @property
    def seq(self):
        n = 0
        while n + 1 in self.lines: n += 1
        return n

    def safe(self): return min(self.stored, self.seq)
    def words(self): return [(line["origin"], line.get("text", "")) for _, line in sorted(self.lines.items()) if line["kind"] == "words"]


class Person:
    """A buyer or an agent with one session: keeps lines by seq and says again, under the old ids, what was not stored."""

    def __init__(self, desk, path, token, origin=None, port=None):
        self.desk, self.path, self.token, self.origin, self.port = desk, path, token, origin, port
        self.link = self.reader = self.me = None
        self.heard, self.news = [], asyncio.Event()
        self.chats, self.outbox = {}, {}
        self.acked = {}            # id -> (chat, seq, text) of own words that were told to be stored: must never be lost
        self.close_code = None
        self.answer_pings = True
        self.listening = True      # false under load: lines are kept by chat, but not one by one for expect()
        self.status = None         # an agent's, chosen again after coming back

    async def connect(self, **more):
        headers = {"Origin": self.origin} if self.origin else {}
        self.link = await websockets.connect(f"ws://127.0.0.1:{self.port or self.desk.port}{self.path}", subprotocols=["deskd.v1"], ping_interval=None,
                                             compression=None, extra_headers=headers, close_timeout=1, max_queue=None, **more)
        self.close_code = None
        self.heard.clear()
        self.reader = asyncio.create_task(self._read())
        return self

    async def sign_in(self):
        if not self.link: await self.connect()
        await self.send({"type": "sign_in", **({"token": self.token} if self.token else {})})
        self.me = await self.expect("signed_in")
        if self.me.get("token"): self.token = self.me["token"]
        await self.resume()
        return self

    async def resume(self):
        held = [{"chat": c, "epoch": h.epoch, "seq": h.seq, "stored": h.safe()} for c, h in self.chats.items() if h.epoch]
        for chat in self.chats.values():
            if chat.epoch != self.me["epoch"]:
                chat.lines = {seq: line for seq, line in chat.lines.items() if seq <= chat.stored}
                chat.epoch = self.me["epoch"]
        await self.send({"type": "resume", "chats": held} if held else {"type": "resume"})

    async def come_back(self, wait_s=WAIT_S):
        """Connects until it works, signs in, resumes all chats, says again what was not stored."""
        until = time.monotonic() + wait_s
        while True:
            try:
                await self.drop()
                await self.sign_in()
                break
            except (OSError, asyncio.TimeoutError, websockets.exceptions.WebSocketException, Refused):
                if time.monotonic() > until: raise
                await asyncio.sleep(0.05)
        if self.status: await self.send({"type": "set_status", "id": secrets.token_hex(16), "status": self.status})
        for frame in list(self.outbox.values()): await self.send(frame)
        return self

    async def drop(self):
        if self.reader: self.reader.cancel()
        if self.link:
            self.link.transport.abort()
            self.link = None

    async def leave(self):
        if self.reader: self.reader.cancel()
        if self.link: await self.link.close()
        self.link = None

    async def send(self, frame): await self.link.send(json.dumps(frame, ensure_ascii=False))

    async def _read(self):
        try:
            async for text in self.link:
                frame = json.loads(text)
                if frame["type"] == "ping":
                    if self.answer_pings: await self.send({"type": "pong", "n": frame["n"]})
                    continue
                self._take(frame)
                if self.listening or frame["type"] in ("signed_in", "done", "error"): self.heard.append(frame)
                self.news.set()
        except websockets.exceptions.WebSocketException: pass
        finally:
            self.close_code = self.link.close_code if self.link else None
            self.news.set()

    def _chat(self, number): return self.chats.setdefault(number, HeldChat())

    def _take(self, frame):
        kind, chat = frame["type"], frame.get("chat")
        if kind == "chat_state":
            held = self._chat(chat)
            held.state, held.epoch, held.stored = frame, frame["epoch"], max(held.stored, frame.get("stored", 0))
        elif kind == "line" and frame.get("stream", "main") == "main":
            held = self._chat(chat)
            held.lines[frame["seq"]] = frame
            held.stored = max(held.stored, frame.get("stored", 0))
            if frame["kind"] == "recalled" and frame["reply_to"] in held.lines: held.lines[frame["reply_to"]].update(text="", hidden=True)
            self._settle(chat)
        elif kind in ("accepted", "stored") and frame.get("stream", "main") == "main":
            held = self._chat(chat)
            for line in frame.get("lines", []) if kind == "stored" else [frame]:
                said = self.outbox.get(line["id"])
                if said and said["type"] == "say":
                    role = self.me["role"]
                    held.lines[line["seq"]] = {"seq": line["seq"], "id": line["id"], "kind": "words", "text": said["text"],
                                               "origin": "buyer" if role in ("buyer", "guest") else "human"}
                elif said: held.lines.setdefault(line["seq"], {"seq": line["seq"], "id": line["id"], "kind": said["type"], "origin": "", "text": ""})
            if kind == "stored": held.stored = max(held.stored, frame["stored"])
            self._settle(chat)

    def _settle(self, chat):
        held = self.chats[chat]
        for seq, line in held.lines.items():
            said = line.get("id") and seq <= held.stored and self.outbox.pop(line["id"], None)
            if said and said["type"] == "say": self.acked[line["id"]] = (chat, seq, said["text"])

    async def until(self, what, condition, wait_s=WAIT_S):
        """Waits until condition() says something true, and returns it."""
        end = time.monotonic() + wait_s
        while True:
            self.news.clear()
            found = condition()
            if found: return found
            left = end - time.monotonic()
            if left <= 0: raise asyncio.TimeoutError(f"{what}; heard {[f['type'] for f in self.heard[-8:]]}, close {self.close_code}")
            try: await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError: pass

    async def expect(self, kind, /, wait_s=WAIT_S, where=lambda frame: True, **fields):
        """The first frame of this type that nobody has asked for yet; it is taken out."""
        def find():
            for at, frame in enumerate(self.heard):
                if frame["type"] == kind and all(frame.get(k) == v for k, v in fields.items()) and where(frame): return self.heard.pop(at)
            if self.close_code is not None: raise websockets.exceptions.ConnectionClosedError(None, None)
            return None
        return await self.until(f"no {kind} {fields}", find, wait_s)

    async def command(self, kind, /, id=None, **fields):
        """Sends a command and returns what answers it: done, stored, accepted, history or explained. Raises Refused."""
        id = id or secrets.token_hex(16)
        frame = {"type": kind, "id": id, **fields}
        await self.send(frame)
        def answer():
            for at, heard in enumerate(self.heard):
                if heard.get("id") == id and heard["type"] in ("done", "accepted", "error", "history", "explained"): return self.heard.pop(at)
                if heard["type"] == "stored" and any(line["id"] == id for line in heard.get("lines", [])): return heard
            if self.close_code is not None: raise websockets.exceptions.ConnectionClosedError(None, None)
            return None
        found = await self.until(f"no answer to {kind}", answer)
        if found["type"] == "error": raise Refused(found)
        return found

    async def refused(self, kind, /, **fields):
        """The code of the error that a command is answered with; an empty string when it was not refused."""
        try: await self.command(kind, **fields)
        except Refused as refusal: return refusal.code
        return ""

    async def open(self, **fields):
        done = await self.command("open", **fields)
        chat = done["chat"]
        await self.until("no chat_state", lambda: self._chat(chat).state)
        return chat

    async def say(self, chat, text, **fields):
        """Sends words and returns their id at once; they stay in the outbox until stored."""
        id = secrets.token_hex(16)
        self.outbox[id] = {"type": "say", "id": id, "chat": chat, "text": text, **fields}
        await self.send(self.outbox[id])
        return id

    async def all_stored(self, wait_s=WAIT_S): await self.until(f"{len(self.outbox)} not stored", lambda: not self.outbox, wait_s)

    async def words(self, chat, text, wait_s=WAIT_S):
        """Waits for a line with this text."""
        return await self.until(f"no line '{text}'", lambda: next((l for l in self._chat(chat).lines.values() if l.get("text") == text), None), wait_s)

    async def place(self, chat, place, wait_s=WAIT_S):
        return await self.until(f"chat not {place}, but {self._chat(chat).state.get('place')}",
                                lambda: self._chat(chat).state.get("place") == place and self._chat(chat).state, wait_s)

    async def available(self):
        self.status = "available"
        await self.command("set_status", status=self.status)
        return self


def in_a_loop(test):
    """An async test method, with an end to it."""
    def run(self): return asyncio.run(asyncio.wait_for(test(self), 300 if not LONG else 3600))
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def now_utc(): return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
