"""kills.py - kill -9 of the server, of PostgreSQL, and of both, at random moments under load.

Goal: nothing that was told to be stored is lost, nothing is doubled, every chat is in one place, every step of every reply
clock that a wait outlasted is written once, none early. Method: ten buyers and three agents talk without a pause, six buyers
wait for one who is slow, all come back whenever they are cut; 20 kills here, 200 in --long. DESKD_SEED repeats a run's choices
(not its timing).
"""
import asyncio
import os
import random
import unittest

from clocks import check_clocks
from crowding import Talkers, agents
from desk import LONG, Desk, in_a_loop

KILLS = 200 if LONG else 20
# With the quick agents a breach would move the chat to another of them, who speak to the chats that they know of.
STEPS_MS = {"sales": [1000, 1500, 2000, 60_000], "care": [1000, 1500, 2000, 3000]}


def queue(name):
    steps = dict(zip(("target", "limit", "reminder", "breach"), (f"{ms}ms" for ms in STEPS_MS[name])))
    return {"name": name, "shops": ["lamps"], "first_response": steps, "next_response": steps}


class Kills(unittest.TestCase):
    @in_a_loop
    async def test_nothing_stored_is_lost(self):
        seed = int(os.environ.get("DESKD_SEED", random.randrange(10**6)))
        print(f"seed {seed}", flush=True)
        chance = random.Random(seed)
        desk = Desk(agents=agents(), queues=[queue(name) for name in STEPS_MS])
        self.addCleanup(desk.leave)
        desk.set_up().start()
        talkers = await Talkers(desk, seed, slow=True).start()
        killed = {"server": 0, "postgres": 0, "both": 0}
        for number in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            victim = ["server", "server", "postgres", "both"][number % 4]
            killed[victim] += 1
            if victim != "postgres": await asyncio.to_thread(desk.kill)
            if victim != "server":
                await asyncio.to_thread(desk.postgres.kill, chance.random() < 0.5)
                await asyncio.to_thread(desk.postgres.start)
            if victim != "postgres": await asyncio.to_thread(desk.start)
            print(f"kill {number + 1} of {KILLS}: {victim}, {sum(map(len, talkers.said.values()))} words said", flush=True)
        await asyncio.sleep(1)
        await talkers.stop()
        await asyncio.sleep(STEPS_MS["care"][-1] / 1000 + 1)      # who still waits has outlasted all steps
        total = await asyncio.to_thread(talkers.check, self)
        missed = await asyncio.to_thread(check_clocks, self, desk, STEPS_MS)
        print(f"{killed}, {talkers.returns} returns, {total} words, each once, missed by step {missed}", flush=True)
        self.assertGreater(total, 20 * KILLS, "too little was said to mean anything")
        self.assertGreater(min(missed), KILLS // 4, "too little was missed to mean anything")


if __name__ == "__main__":
    unittest.main()
