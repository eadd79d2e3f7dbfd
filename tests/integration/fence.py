"""fence.py - Two servers on one database: the newcomer has the desk at once, the older one's writes are refused, it sends its
sessions away with `moved` and ends by itself.
"""
import asyncio
import json
import signal
import subprocess
import time
import unittest
from pathlib import Path

from desk import BINARY, Desk, free_port, in_a_loop

MOVED = 4001


def sleeps(pid):
    """Returns when every thread has stopped: the signal is sent a moment before, and a word once slipped through in between."""
    tasks = Path(f"/proc/{pid}/task")
    while any((task / "stat").read_text().rpartition(")")[2].split()[0] != "T" for task in tasks.iterdir()): time.sleep(0.01)


class Fence(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    def newcomer(self):
        """A second server: the desk's own fields now speak of it, the first one is returned."""
        older = self.desk.server
        self.addCleanup(lambda: older.poll() is None and (older.kill(), older.wait()))
        self.desk.port, self.desk.internal_port = free_port(), free_port()
        self.desk.start()
        return older

    @in_a_loop
    async def test_the_newcomer_wins_at_once(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        chat = await buyer.open()
        await buyer.say(chat, "第一句")
        await buyer.all_stored()
        older = await asyncio.to_thread(self.newcomer)
        # By writing the older one learns of it at once.
        try: await buyer.say(chat, "第二句")
        except Exception: pass          # cut already: the same thing, a moment earlier
        await buyer.until("not sent away", lambda: buyer.close_code)
        self.assertEqual(buyer.close_code, MOVED)
        code = await asyncio.to_thread(older.wait, 15)
        self.assertNotEqual(code, 0, "a server that lost its last desk ends with a code on which the unit does not restart")
        buyer.port = desk.port
        await buyer.come_back()
        await buyer.all_stored()
        self.assertEqual([text for _, text in desk.words(chat)], ["第一句", "第二句"])
        desk.check_rows(self)

    def test_the_older_one_ends_though_nobody_says_anything(self):
        """It learned of it by writing alone: at night both served, and the older one's sessions stayed with it."""
        older = self.newcomer()
        self.assertEqual(older.wait(30), 3)
        self.assertIsNone(self.desk.server.poll())

    def test_applying_takes_nothing(self):
        """Past a server that it does not reach, `apply` writes nothing; with none running it writes, and takes no desk."""
        desk, before = self.desk, self.epoch()
        past = ["--internal-listen", f"127.0.0.1:{free_port()}"]
        file = desk.folder / "policy.json"
        done = desk.run("apply", file, *desk.settings(), *past)
        self.assertIn("nothing to change", done.stdout)
        desk.policy["queues"][0]["queue_max"] = 7
        file.write_text(json.dumps({**desk.policy, "version": 1}))
        done = desk.run("apply", file, *desk.settings(), *past, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("a server serves from this database", done.stderr)
        self.assertEqual(self.epoch(), before)
        self.assertIsNone(desk.server.poll())
        desk.kill(signal.SIGTERM)
        desk.run("apply", file, *desk.settings())
        self.assertEqual(self.epoch(), before)
        self.assertEqual(desk.postgres.rows("select max(version) from policy"), [(2,)])

    def test_a_version_written_past_the_server_comes_into_force(self):
        """As after a commit whose answer was lost: the next change is refused once, and the one after it goes in."""
        desk = self.desk
        desk.postgres.rows("insert into policy select desk, 2, jsonb_set(body, '{staff_issuer}', '\"somebody\"'), 'past', 0 from policy returning 1")
        desk.policy.update(version=1, staff_issuer="another")
        with self.assertRaisesRegex(RuntimeError, "stale_policy"): desk.apply()
        self.assertEqual(desk.admin("GET", "/admin/v1/desks/lamp/policy")["staff_issuer"], "somebody")
        self.assertIn('"event":"policy_refused","desk":"lamp","why":"stale_policy"', desk.tail(100))
        desk.policy["version"] = 2
        desk.apply()
        self.assertEqual(desk.admin("GET", "/admin/v1/desks/lamp/policy")["staff_issuer"], "another")

    def epoch(self): return self.desk.postgres.rows("select epoch from desk_owner")

    def test_a_start_that_fails_takes_nothing(self):
        """Typed beside a running server, or with something missing: the newcomer says why, and the older one goes on."""
        desk, before = self.desk, self.epoch()
        others = [f"--{name}=127.0.0.1:{free_port()}" for name in ("listen", "internal-listen")]
        key = desk.folder / "staff.key"
        for more, without, why in (([], None, "cannot listen on"), (others, key, str(key)), ([*others, "--record-dir=/nowhere"], None, "/nowhere")):
            with self.subTest(why):
                if without: without.rename(desk.folder / "away")
                done = desk.run("serve", *desk.settings(), *more, check=False)
                if without: (desk.folder / "away").rename(without)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(why, done.stderr)
                self.assertEqual(self.epoch(), before)
        self.assertIsNone(desk.server.poll())

    @in_a_loop
    async def test_a_server_that_slept_writes_nothing_when_it_wakes(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        chat = await buyer.open()
        await buyer.say(chat, "醒着")
        await buyer.all_stored()
        older = desk.server
        older.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(sleeps, older.pid)
        await buyer.say(chat, "睡着时说的")       # waits in the sleeper's socket
        await asyncio.to_thread(self.newcomer)
        other = await desk.buyer("b1").sign_in()
        await other.open()
        await other.say(chat, "对新的说的")
        await other.all_stored()
        older.send_signal(signal.SIGCONT)
        code = await asyncio.to_thread(older.wait, 15)
        self.assertNotEqual(code, 0)
        self.assertEqual([text for _, text in desk.words(chat)], ["醒着", "对新的说的"])
        self.assertEqual(len(buyer.outbox), 1, "the sleeper said stored and it is not")
        buyer.port = desk.port
        await buyer.come_back()
        await buyer.all_stored()
        self.assertEqual([text for _, text in desk.words(chat)], ["醒着", "对新的说的", "睡着时说的"])
        desk.check_rows(self)


if __name__ == "__main__":
    unittest.main()
