"""wall_clock.py - The wall clock jumps while the server runs: no timer early, none twice, none lost.

Method: libfaketime moves the wall clock of the server alone (the steady clock stays) by an hour and a day, both ways, while
first_response runs through its four steps. The rows say when each step was missed; their differences are what the desk
measured.
"""
import asyncio
import glob
import unittest

from desk import Desk, in_a_loop

STEPS_MS = [1000, 2000, 3000, 4000]
JUMPS = ["+1h", "-1h", "+1d", "-1d"]


class WallClock(unittest.TestCase):
    @in_a_loop
    async def test_jumps_fire_nothing_early_and_nothing_twice(self):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        self.assertTrue(libraries, "the package faketime is not installed")
        steps = dict(zip(("target", "limit", "reminder", "breach"), (f"{ms}ms" for ms in STEPS_MS)))
        desk = Desk(queues=[{"name": "sales", "shops": ["lamps"], "first_response": steps, "next_response": steps}])
        self.addCleanup(desk.leave)
        desk.policy["agents"] = [{"name": "07", "queues": ["sales"], "capacity": 10}]
        desk.set_up()
        jump = desk.folder / "jump"
        jump.write_text("+0")
        desk.start(env={"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(jump), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        silent = desk.agent("07")                 # there, and never answers
        silent.token = desk.staff_token("07", life_s=30 * 86400)
        await (await silent.sign_in()).available()
        chats = []
        for number, way in enumerate(JUMPS):
            buyer = desk.buyer(f"b{number}")
            buyer.token = desk.buyer_token(f"b{number}", life_s=30 * 86400)     # outlives the jumps
            await buyer.sign_in()
            chat = await buyer.open()
            await buyer.say(chat, "在吗")
            await buyer.all_stored()
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
            for (after, _), step in zip(fired, STEPS_MS): self.assertGreaterEqual(after, step, "fired early")
        desk.check_rows(self)


if __name__ == "__main__":
    unittest.main()
