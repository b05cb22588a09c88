import random

from trio_orchestrator.client.backoff import LONGEST, SHORTEST, Backoff


def test_pauses_grow_from_the_shortest_to_the_longest() -> None:
    for seed in range(50):
        backoff = Backoff(random.Random(seed))
        pauses = [backoff.next_pause() for _ in range(12)]
        assert all(SHORTEST <= pause <= LONGEST for pause in pauses)
        assert pauses[0] <= 2 * SHORTEST
        assert pauses[-1] >= LONGEST / 2


def test_two_peers_do_not_come_back_at_once() -> None:
    first, second = Backoff(random.Random(1)), Backoff(random.Random(2))
    assert [first.next_pause() for _ in range(5)] != [second.next_pause() for _ in range(5)]


def test_a_reset_begins_again() -> None:
    backoff = Backoff(random.Random(3))
    for _ in range(10):
        backoff.next_pause()
    backoff.reset()
    assert backoff.next_pause() <= 2 * SHORTEST
