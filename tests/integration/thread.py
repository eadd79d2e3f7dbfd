"""thread.py - The thin thread through every room: two clients talk, the server dies between two words, nothing is lost.

Goal: what was said is what the database holds, once and in order, over a kill -9. Method: real PostgreSQL, real server, two
python3-websockets clients; the server is killed after a word was sent and before anyone knows whether it was stored. What was
taken away behind its back costs the chat that it was taken from.
"""
import unittest

from desk import Desk, in_a_loop


class Thread(unittest.TestCase):
    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.leave)
        self.desk.set_up().start()

    @in_a_loop
    async def test_words_survive_a_kill_between_two_words(self):
        desk = self.desk
        buyer = await desk.buyer("张三-1001").sign_in()
        agent = await (await desk.agent("07").sign_in()).available()

        chat = await buyer.open()
        await buyer.say(chat, "你好，这盏落地灯有货吗？🛋️")
        await agent.words(chat, "你好，这盏落地灯有货吗？🛋️")
        await agent.say(chat, "有的，亲 😊 今天发货")
        await buyer.words(chat, "有的，亲 😊 今天发货")
        await buyer.all_stored()
        await agent.all_stored()
        first_epoch = buyer.me["epoch"]

        await buyer.say(chat, "两盏可以便宜一点吗？👨‍👩‍👧‍👦")   # on its way when the server dies
        desk.kill()
        desk.start()
        await buyer.come_back()
        await agent.come_back()
        self.assertGreater(buyer.me["epoch"], first_epoch)
        await agent.words(chat, "两盏可以便宜一点吗？👨‍👩‍👧‍👦")
        await agent.say(chat, "两盏九五折 🎉 \\n\"引号\" 'and' <b>")
        await buyer.words(chat, "两盏九五折 🎉 \\n\"引号\" 'and' <b>")
        await buyer.all_stored()
        await agent.all_stored()

        said = [("buyer", "你好，这盏落地灯有货吗？🛋️"), ("human", "有的，亲 😊 今天发货"),
                ("buyer", "两盏可以便宜一点吗？👨‍👩‍👧‍👦"), ("human", "两盏九五折 🎉 \\n\"引号\" 'and' <b>")]
        self.assertEqual(desk.words(chat), said)
        self.assertEqual(buyer.chats[chat].words(), said)
        self.assertEqual(agent.chats[chat].words(), said)
        desk.check_rows(self)

    @in_a_loop
    async def test_a_hole_in_one_chat_ends_no_server(self):
        """It ended every start, and every server that a client named such a chat to."""
        desk = self.desk
        chats = {}
        for name in ("whole", "torn", "ended"):
            buyer = chats[name] = await desk.buyer(name).sign_in()
            buyer.chat = await buyer.open()
            await buyer.say(buyer.chat, f"{name} 1")
            await buyer.say(buyer.chat, f"{name} 2")
            await buyer.all_stored()
        await buyer.command("close", chat=buyer.chat)
        await buyer.all_stored()
        desk.kill()
        for name in ("torn", "ended"):
            desk.postgres.rows("delete from message where chat = %s and text like '%% 1' returning seq", int(chats[name].chat))
        # Long after its end, so that it is read only when somebody names it.
        desk.postgres.rows("update chat set closed_ms = 1 where closed_ms is not null returning 1")
        desk.start()
        torn = f'"event":"transcript_torn","desk":"lamp","chat":"{chats["torn"].chat}"'
        self.assertIn(torn, desk.tail(100))
        buyer = chats["whole"]
        await buyer.come_back()
        await buyer.say(buyer.chat, "whole 3")
        await buyer.all_stored()
        boss = await desk.agent("boss", "supervisor").sign_in()
        self.assertEqual(await boss.refused("recall", chat=chats["ended"].chat, seq=2), "unknown_chat")
        self.assertIn(torn.replace(chats["torn"].chat, chats["ended"].chat), desk.tail(100))
        other = await desk.buyer("torn").sign_in()
        self.assertNotEqual(await other.open(), chats["torn"].chat)
        self.assertIsNone(desk.server.poll())


if __name__ == "__main__":
    unittest.main()
