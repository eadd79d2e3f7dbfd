"""long_chat.py - Chats longer than memory and outbox: whoever comes back with nothing gets all of it, in order.

The first lines are only in the database, the last alone are more JSON than an outbox may hold.
"""
import asyncio
import secrets
import signal
import socket
import unittest

from desk import Desk, in_a_loop

LONG_LINES, SHORT_LINES = 45, 2600      # 45 x 6 KB fill what a chat keeps in memory; 2600 short ones are over 500 KB of JSON


def lines_in_order(person):
    """Notes the seq of each line as it comes, by chat."""
    come, take = {}, person._take
    def noting(frame):
        if frame["type"] == "line": come.setdefault(frame["chat"], []).append(frame["seq"])
        take(frame)
    person._take = noting
    return come


class LongChat(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    async def talk(self, buyer):
        chat = await buyer.open()
        buyer.listening = False
        for n in range(LONG_LINES + SHORT_LINES):
            await buyer.say(chat, str(n) if n >= LONG_LINES else f"{n} " + "长" * 2000)
            if n % 500 == 0: await buyer.all_stored()
        await buyer.all_stored(60)
        return chat

    @in_a_loop
    async def test_a_chat_longer_than_the_outbox_comes_whole(self):
        desk = self.desk
        agent = await (await desk.agent("07").sign_in()).available()
        agent.listening = False
        chats = [await self.talk(await desk.buyer(person).sign_in()) for person in ("b1", "b2")]
        for chat in chats: await agent.place(chat, "held")
        last = {chat: len(desk.transcript(chat)) for chat in chats}

        # A phone in a tunnel: it takes nothing for a while, and its kernel and ours hold little.
        tab = desk.buyer("b1")
        tab.listening = False
        come = lines_in_order(tab)
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        link.connect(("127.0.0.1", desk.port))
        await tab.connect(sock=link)
        await tab.send({"type": "sign_in", "token": tab.token})
        await tab.expect("signed_in")
        tab.link.transport.pause_reading()
        await tab.resume()
        await asyncio.sleep(1)
        tab.link.transport.resume_reading()
        await tab.until("not whole", lambda: len(come.get(chats[0], [])) >= last[chats[0]] or tab.close_code, 60)
        self.assertIsNone(tab.close_code)
        self.assertEqual(come, {chats[0]: list(range(1, last[chats[0]] + 1))})

        # Two such chats on one session: the older lines of the second are not passed by its newer ones.
        console = desk.agent("07")
        console.listening = False
        come = lines_in_order(console)
        await console.sign_in()
        await console.until("not whole", lambda: sum(map(len, come.values())) >= sum(last.values()) or console.close_code, 60)
        self.assertIsNone(console.close_code)
        self.assertEqual(come, {chat: list(range(1, last[chat] + 1)) for chat in chats})

        # What is said now follows.
        await agent.say(chats[0], "都看到了")
        await console.words(chats[0], "都看到了")
        await tab.words(chats[0], "都看到了")

    @in_a_loop
    async def test_nobody_has_the_reader_for_themselves(self):
        desk = self.desk
        buyer = await desk.buyer("b1").sign_in()
        await buyer.open()
        desk.postgres.signal_all(signal.SIGSTOP)
        ids = [secrets.token_hex(16) for _ in range(3)]
        for id in ids: await buyer.send({"type": "read_history", "id": id})
        refused = await buyer.expect("error", id=ids[2])
        self.assertEqual(refused["code"], "rate_limited")
        self.assertGreater(refused["retry_after_ms"], 0)
        desk.postgres.signal_all(signal.SIGCONT)
        for id in ids[:2]: await buyer.expect("history", id=id)
        await buyer.command("read_history")


if __name__ == "__main__":
    unittest.main()
