"""drain.py - SIGTERM: everyone is told to come back, everything said is stored, the process ends with 0."""
import asyncio
import signal
import unittest

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


if __name__ == "__main__":
    unittest.main()
