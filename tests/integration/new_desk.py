"""new_desk.py - A desk is added to a running server: its people come in at once, and it is there after a restart. No desk takes
another's shop."""
import asyncio
import json
import unittest

from desk import Desk, in_a_loop


class NewDesk(unittest.TestCase):
    @in_a_loop
    async def test_a_desk_joins_a_running_server(self):
        desk = Desk()
        self.addCleanup(desk.leave)
        desk.set_up().start()
        stays = await desk.buyer("b1").sign_in()

        rug = {**desk.policy, "name": "rug", "shops": [{**desk.policy["shops"][0], "name": "rugs"}],
               "queues": [{**queue, "shops": ["rugs"]} for queue in desk.policy["queues"]]}
        file = desk.folder / "rug.json"
        def apply(policy, **more):
            file.write_text(json.dumps(policy))
            return desk.run("apply", file, *desk.settings(), **more)
        taken = apply({**rug, "shops": desk.policy["shops"], "queues": desk.policy["queues"]}, check=False)
        self.assertIn("in_use: shop lamps is another desk's", taken.stderr)
        self.assertIn("desk rug: version 1 is in force", apply(rug).stdout)

        buyer = desk.buyer("b1")
        buyer.path, buyer.token = "/v1/shops/rugs/buyer", desk.buyer_token("b1", shop="rugs")
        await buyer.sign_in()
        self.assertEqual(buyer.me["desk"], "rug")
        chat = await buyer.open()
        await buyer.say(chat, "地毯有货吗")
        await buyer.all_stored()
        self.assertEqual(desk.get("/readyz")[0], 200)
        self.assertIsNone(stays.close_code)
        rug["queues"][0]["queue_max"] = 7
        self.assertIn("version 2", apply({**rug, "version": 1}).stdout)
        # A newer version of a desk takes no shop either: buyers came in at one desk, and their chats were the other's.
        both = [{**queue, "shops": ["rugs", "lamps"]} for queue in rug["queues"]]
        taken = apply({**rug, "version": 2, "shops": [*rug["shops"], *desk.policy["shops"]], "queues": both}, check=False)
        self.assertIn("in_use: shop lamps is another desk's", taken.stderr)
        await asyncio.to_thread(desk.kill)
        await asyncio.to_thread(desk.start)
        await buyer.come_back()
        self.assertEqual(desk.words(chat), [("buyer", "地毯有货吗")])
        desk.check_rows(self)

        # Past the server it can be written: then the next start says which shop is whose, and serves none of them.
        await asyncio.to_thread(desk.kill)
        desk.postgres.rows("insert into policy select desk, 3, jsonb_set(body, '{shops,0,name}', '\"lamps\"'), 'past', 0 "
                           "from policy join desk_owner using (desk) where name = 'rug' and version = 2 returning 1")
        done = desk.run("serve", *desk.settings(), check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("desks lamp and rug both have a shop lamps", done.stderr)


if __name__ == "__main__":
    unittest.main()
