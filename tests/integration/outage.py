"""outage.py - The database is away: stopped, and worse, hung. Chats go on and so does routing; `stored` is withheld; when it
is back the backlog goes in and nothing is lost. Thirty seconds here, ten minutes in --long.
"""
import asyncio
import signal
import unittest
from pathlib import Path

from crowding import Talkers, agents
from desk import LONG, Desk, in_a_loop

AWAY_S = 600 if LONG else 30
HUNG_S = 60 if LONG else 15


def resident_kib(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


class Outage(unittest.TestCase):
    async def live_through(self, away_s, leave, come_back):
        desk = Desk(agents=agents())
        self.addCleanup(desk.leave)
        desk.set_up().start()
        talkers = await Talkers(desk, 1).start()
        await asyncio.sleep(1)
        before = resident_kib(desk.server.pid)
        await asyncio.to_thread(leave, desk)

        # Words and routing: a buyer who comes now is seated, heard and answered. No sleep decides here, only arrivals.
        late = await desk.buyer("came-during-the-outage").sign_in()
        chat = await late.open()
        await late.say(chat, "有人吗？数据库不在也要回答")
        state = await late.place(chat, "held")
        holder = next(p for p in talkers.people if p.me["person"] == state["agent"])
        await holder.words(chat, "有人吗？数据库不在也要回答")
        await holder.say(chat, "在的 🙂")
        await late.words(chat, "在的 🙂")
        await late.expect("accepted", chat=chat)                # one tick, because storing takes longer than a second
        self.assertEqual(late.chats[chat].stored, 0, "told to be stored while there is no database")

        until = asyncio.get_running_loop().time() + 10
        while (health := await asyncio.to_thread(desk.get, "/readyz"))[0] == 200 and "degraded" not in health[1]:
            self.assertLess(asyncio.get_running_loop().time(), until, f"health does not notice: {health}")
            await asyncio.sleep(0.1)
        await asyncio.sleep(away_s)
        self.assertIsNone(desk.server.poll(), desk.tail())
        self.assertEqual(talkers.returns, 0, "sessions were cut")
        grown = resident_kib(desk.server.pid) - before
        await asyncio.to_thread(come_back, desk)
        await late.all_stored(60)
        await talkers.stop()
        total = await asyncio.to_thread(talkers.check, self)
        print(f"{away_s} s away: {total} words, memory grew by {grown} KiB", flush=True)
        # The backlog's bound is 64 MiB and its records stand in memory once; twice that is a leak.
        self.assertLess(grown, 128 * 1024)
        # Whoever holds the chat talks in it of its own accord, too.
        asked, answered = "有人吗？数据库不在也要回答", "在的 🙂"
        self.assertEqual([text for _, text in desk.words(chat) if text in (asked, answered)], [asked, answered])

    @in_a_loop
    async def test_postgres_stopped(self):
        await self.live_through(AWAY_S, lambda desk: desk.postgres.stop(), lambda desk: desk.postgres.start())

    @in_a_loop
    async def test_postgres_hung(self):
        await self.live_through(HUNG_S, lambda desk: desk.postgres.signal_all(signal.SIGSTOP), lambda desk: desk.postgres.signal_all(signal.SIGCONT))

    @in_a_loop
    async def test_server_killed_while_the_database_is_away(self):
        """What was not stored is lost with the process, was never said to be stored, and is said again by the clients."""
        desk = Desk(agents=agents())
        self.addCleanup(desk.leave)
        desk.set_up().start()
        talkers = await Talkers(desk, 2).start()
        await asyncio.sleep(1)
        await asyncio.to_thread(desk.postgres.stop)
        await asyncio.sleep(3)
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.postgres.start)
        await asyncio.to_thread(desk.start)
        await asyncio.sleep(1)
        await talkers.stop()
        await asyncio.to_thread(talkers.check, self)


if __name__ == "__main__":
    unittest.main()
