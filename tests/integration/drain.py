"""drain.py - SIGTERM: everyone is told to come back, everything said is stored, the process ends with 0."""
import asyncio
import json
import signal
import unittest

import psycopg2

from crowding import Talkers, agents
from desk import Desk, in_a_loop

GOING_AWAY = 4000


class Drain(unittest.TestCase):
    @in_a_loop
    async def test_drains_and_is_taken_up_again(self):
        desk = Desk(agents=agents())
        self.addCleanup(desk.leave)
        desk.set_up().start()
        talkers = await Talkers(desk, 3).start()
        watcher = await desk.buyer("watcher").sign_in()
        await asyncio.sleep(1)
        self.assertEqual(await asyncio.to_thread(desk.kill, signal.SIGTERM), 0, desk.tail())
        await watcher.until("not closed", lambda: watcher.close_code)
        self.assertEqual(watcher.close_code, GOING_AWAY)
        await asyncio.to_thread(desk.start)
        await talkers.stop()
        await asyncio.to_thread(talkers.check, self)

    @in_a_loop
    async def test_waits_for_what_is_not_stored(self):
        """Goal: what the desk had taken when it was asked to stop is stored when it has ended. Method: a lock that holds the rows up
        for a second, and everybody away who could say them again."""
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        buyer, agent, chat = await desk.talk()
        await buyer.all_stored()
        blocker = psycopg2.connect(desk.postgres.connection)
        blocker.cursor().execute("lock table message")
        said = [f"第 {n} 句" for n in range(50)]
        for text in said: await buyer.say(chat, text)
        await agent.words(chat, said[-1])
        self.assertEqual(len(buyer.outbox), len(said), "stored behind a lock")
        desk.server.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        self.assertIsNone(desk.server.poll(), "did not wait")
        blocker.rollback()
        blocker.close()
        self.assertEqual(await asyncio.to_thread(desk.server.wait, 15), 0, desk.tail())
        self.assertEqual([text for _, text in desk.words(chat)], ["在吗", *said])

    @in_a_loop
    async def test_who_asks_twice_does_not_wait(self):
        """The second signal ended nothing while the first one's drain waited for the database."""
        desk = Desk(settings={"drain-seconds": 600})
        self.addCleanup(desk.leave)
        desk.set_up().start()
        buyer, agent, chat = await desk.talk()
        await buyer.all_stored()
        blocker = psycopg2.connect(desk.postgres.connection)
        self.addCleanup(blocker.close)
        blocker.cursor().execute("lock table message")
        await buyer.say(chat, "这一句来不及")
        await agent.words(chat, "这一句来不及")
        desk.server.send_signal(signal.SIGTERM)
        for one in (buyer, agent): await one.until("not closed", lambda one=one: one.close_code)
        await asyncio.sleep(1)
        self.assertIsNone(desk.server.poll(), "did not wait")
        self.assertEqual(await asyncio.to_thread(desk.kill, signal.SIGTERM), 1, desk.tail())

    @in_a_loop
    async def test_ends_although_a_policy_hangs_in_the_database(self):
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        locker = psycopg2.connect(desk.postgres.connection)
        self.addCleanup(locker.close)
        locker.cursor().execute("lock table policy")
        desk.policy.update(version=1, staff_issuer="another")
        applying = asyncio.create_task(asyncio.to_thread(desk.run, "apply", self.policy_file(desk), *desk.settings(), check=False))
        waiting = "select count(*) from pg_locks where not granted"
        while desk.postgres.rows(waiting) == [(0,)]: await asyncio.sleep(0.02)
        self.assertEqual(await asyncio.to_thread(desk.kill, signal.SIGTERM), 0, desk.tail())
        self.assertNotEqual((await applying).returncode, 0)

    def policy_file(self, desk):
        file = desk.folder / "newer.json"
        file.write_text(json.dumps(desk.policy))
        return file


if __name__ == "__main__":
    unittest.main()
