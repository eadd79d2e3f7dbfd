"""slow_reader.py - A session that does not read costs a bounded queue and then its socket, and nobody else anything."""
import asyncio
import unittest

from desk import Desk, in_a_loop

SLOW_READER = 4002


class SlowReader(unittest.TestCase):
    @in_a_loop
    async def test_closed_as_slow_reader_and_resumes(self):
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        buyer, agent, chat = await desk.talk()
        sleeper = await desk.buyer("b1").sign_in()       # a second tab of the same buyer, which stops reading
        await sleeper.open()
        sleeper.link.transport.pause_reading()
        said, text = 0, "很长的一句话" * 400
        # Kernel buffers take a few MB before the server's own queue grows: speak until the server has had enough of it.
        while "slow_reader" not in desk.get("/metrics")[1] or not self.closed(desk):
            for _ in range(20):
                await agent.say(chat, f"{said} {text}")
                said += 1
            await agent.all_stored()
            self.assertLess(said, 4000, "never closed")
        sleeper.link.transport.resume_reading()
        await sleeper.until("not closed", lambda: sleeper.close_code)
        self.assertIn(sleeper.close_code, (SLOW_READER, 1006))
        await sleeper.come_back()
        last = agent.chats[chat].seq
        await sleeper.until("not whole", lambda: sleeper.chats[chat].seq == last, 60)
        await buyer.until("the other tab", lambda: buyer.chats[chat].seq == last, 60)
        self.assertIsNone(buyer.close_code)
        self.assertIsNone(agent.close_code)
        self.assertEqual(sleeper.chats[chat].words(), desk.words(chat))

    def closed(self, desk):
        """How often the server says that it closed a session for this."""
        for line in desk.get("/metrics")[1].splitlines():
            if "slow_reader" in line and not line.startswith("#"): return float(line.rsplit(" ", 1)[1]) > 0
        return False


if __name__ == "__main__":
    unittest.main()
