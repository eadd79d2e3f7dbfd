"""clocks.py - The waits that a desk's lines tell of, against the steps of its reply clocks that were written as missed.

Each step that a wait outlasted is missed once and no other is; none early; late only where no server ran, and then at once when
one did. The agent's clock is looked at where a chat has had one agent only. Who waits still must have outlasted all steps
that are to come in this test.
"""
import time

from desk import KINDS, ORIGINS

FIRST_RESPONSE, NEXT_RESPONSE, AGENT_RESPONSE = range(3)
MISSED, TOOK_DESK = 8, 25       # FactKind
LATE_MS = 2000                  # a machine under load; what fell due in a second without a server is not told from it


def waits(lines):
    """Of one chat: (clock, seq, since, until) of every wait of its buyer, and of the same wait for an agent who joined."""
    found, joined, answered, waiting = [], None, False, None
    def over(until):
        found.append((NEXT_RESPONSE if answered else FIRST_RESPONSE, *waiting, until))
        if joined: found.append((AGENT_RESPONSE, *max(waiting, joined), until))
    for seq, at, kind, origin in lines:
        if kind == "joined": joined = (seq, at)
        elif kind == "words" and origin == "buyer": waiting = waiting or (seq, at)
        elif kind == "words" and origin == "human":
            if waiting: over(at)
            answered, waiting = True, None
    if waiting: over(time.time() * 1000)
    return found


def check_clocks(case, desk, steps_ms):
    """`steps_ms` are those of each queue. Returns how often each of the four steps was missed."""
    chats = {chat: (queue, []) for chat, queue in desk.postgres.rows("select chat, queue from chat")}
    for chat, seq, at, kind, origin in desk.postgres.rows("select chat, seq, at_ms, kind, origin from message where stream = 0 order by chat, seq"):
        chats[chat][1].append((seq, at, KINDS[kind], ORIGINS[origin]))
    moved = {chat for chat, (_, lines) in chats.items() if sum(kind == "joined" for _, _, kind, _ in lines) > 1}
    due = sorted((chat, clock, seq * 16 + step, since + after) for chat, (queue, lines) in chats.items()
                 for clock, seq, since, until in waits(lines) if clock != AGENT_RESPONSE or chat not in moved
                 for step, after in enumerate(steps_ms[queue]) if since + after <= until)
    missed = [row for row in desk.postgres.rows("select chat, clock, ordinal, at_ms, number from fact where kind = %s and clock <= %s order by 1, 2, 3",
                                                MISSED, AGENT_RESPONSE) if row[1] != AGENT_RESPONSE or row[0] not in moved]
    case.assertEqual([(chat, clock, ordinal, at - late) for chat, clock, ordinal, at, late in missed], due, "steps missed, and steps that waits outlasted")
    began = [at for at, in desk.postgres.rows("select at_ms from fact where kind = %s", TOOK_DESK)]
    for chat, clock, ordinal, at, late in missed:
        case.assertGreaterEqual(late, 0, f"chat {chat}, clock {clock}, {ordinal}: fired early")
        if late > LATE_MS: case.assertTrue(any(0 <= at - start <= LATE_MS for start in began), f"chat {chat}, clock {clock}, {ordinal}: {late} ms late")
    return [sum(ordinal % 16 == step for _, _, ordinal, _, _ in missed) for step in range(4)]
