"""thread.py - The thin thread through every room: two clients talk, the server dies between two words, nothing is lost.

Goal: what was said is what the database holds, once and in order, over a kill -9. Method: real PostgreSQL, real server, two
python3-websockets clients; the server is killed after a word was sent and before anyone knows whether it was stored.
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


if __name__ == "__main__":
    unittest.main()
