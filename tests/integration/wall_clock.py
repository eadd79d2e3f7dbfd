"""wall_clock.py - The wall clock jumps while the server runs: no timer early, none twice, none lost; business hours go along.

Method: libfaketime moves the wall clock of the server alone (the steady clock stays) by an hour and a day, both ways, while
first_response runs through its four steps. The rows say when each step was missed; their differences are what the desk
measured, and no jump is in them. Then it moves into a holiday and out again.
"""
import asyncio
import datetime
import glob
import unittest

from desk import Desk, in_a_loop

STEPS_MS = [1000, 2000, 3000, 4000]
JUMPS = ["+1h", "-1h", "+1d", "-1d"]


LIFE_S = 30 * 86400         # of tokens: outlives the jumps


class WallClock(unittest.TestCase):
    def start(self, **policy):
        """A desk whose wall clock is set by writing to the file that is returned with it."""
        libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        self.assertTrue(libraries, "the package faketime is not installed")
        desk = Desk(**policy)
        self.addCleanup(desk.leave)
        desk.policy["agents"] = [{"name": "07", "queues": ["sales"], "capacity": 10}]
        desk.set_up()
        jump = desk.folder / "jump"
        jump.write_text("+0")
        desk.start(env={"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(jump), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        return desk, jump

    async def agent(self, desk):
        agent = desk.agent("07")
        agent.token = desk.staff_token("07", life_s=LIFE_S)
        await (await agent.sign_in()).available()

    async def asks(self, desk, person):
        buyer = desk.buyer(person)
        buyer.token = desk.buyer_token(person, life_s=LIFE_S)
        await buyer.sign_in()
        chat = await buyer.open()
        await buyer.say(chat, "在吗")
        await buyer.all_stored()
        return buyer, chat

    @in_a_loop
    async def test_jumps_fire_nothing_early_and_nothing_twice(self):
        steps = dict(zip(("target", "limit", "reminder", "breach"), (f"{ms}ms" for ms in STEPS_MS)))
        desk, jump = self.start(queues=[{"name": "sales", "shops": ["lamps"], "first_response": steps, "next_response": steps}])
        await self.agent(desk)                    # there, and never answers
        chats = []
        for number, way in enumerate(JUMPS):
            _, chat = await self.asks(desk, f"b{number}")
            jump.write_text(way)
            chats.append(chat)
            await asyncio.sleep(0.3)
        missed = []
        def all_missed():
            nonlocal missed
            missed = desk.postgres.rows("select chat, ordinal, at_ms, number from fact where kind = 8 and clock = 0 order by chat, ordinal")
            return len(missed) >= len(chats) * len(STEPS_MS)
        for _ in range(300):
            if await asyncio.to_thread(all_missed): break
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        all_missed()
        for chat in chats:
            began = next(row["at"] for row in desk.transcript(chat) if row["origin"] == "buyer")
            fired = [(at - began, late) for number, _, at, late in missed if str(number) == chat]
            self.assertEqual(len(fired), len(STEPS_MS), f"chat {chat}: {fired}")
            for (after, _), step in zip(fired, STEPS_MS):
                self.assertGreaterEqual(after, step, "fired early")
                self.assertLess(after, 1_800_000, "desk time has jumped too")
        desk.check_rows(self)

    @in_a_loop
    async def test_the_shop_closes_and_opens_by_the_wall_clock(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        # Midnight may pass while this runs: the days on both sides are closed too.
        holidays = [{"date": str(today + datetime.timedelta(days=10 + around))} for around in (-1, 0, 1)]
        desk, jump = self.start(queues=[{"name": "sales", "shops": ["lamps"]}],
                                calendars=[{"name": "year", "week": [["00:00-24:00"]] * 7, "holidays": holidays}])
        desk.policy["shops"][0]["calendar"], desk.policy["version"] = "year", 1
        desk.apply()
        await self.agent(desk)
        buyer, chat = await self.asks(desk, "b1")
        self.assertIsNone((await buyer.place(chat, "held")).get("reason"))
        for moves, way in enumerate(("+10d", "+0"), 1):
            jump.write_text(way)
            for _ in range(300):
                if desk.tail(1000).count('"event":"wall_clock_moved"') == moves: break
                await asyncio.sleep(0.05)
            buyer, chat = await self.asks(desk, f"b1{moves}")
            self.assertEqual((await buyer.place(chat, "held")).get("reason"), {"+10d": "after_hours"}.get(way), f"at {way}")
        desk.check_rows(self)


if __name__ == "__main__":
    unittest.main()
