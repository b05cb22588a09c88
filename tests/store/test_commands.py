from trio_orchestrator.store.commands import CommandQueue, WaitingCommand
from trio_orchestrator.tracking.ports import NewObject, ObjectStop, Pending

_MEBIBYTE = 1024 * 1024


def _command(image_bytes: int = 0, *, at: float = 0, deadline: float = 100) -> WaitingCommand:
    change = NewObject("cam", bytes(image_bytes), None, None)
    return WaitingCommand(Pending(change, lambda _object_id: None, None), at, deadline)


def test_commands_are_taken_in_the_order_in_which_they_came() -> None:
    queue = CommandQueue()
    commands = [_command() for _ in range(150)]
    assert all(queue.put(command) for command in commands)
    assert queue.take(0) == (commands[:100], [])
    assert queue.take(0) == (commands[100:], [])
    assert queue.take(0) == ([], [])


def test_large_images_share_no_transaction() -> None:
    queue = CommandQueue()
    commands = [_command(10 * _MEBIBYTE), _command(10 * _MEBIBYTE), _command(40 * _MEBIBYTE), _command()]
    assert all(queue.put(command) for command in commands)
    assert [queue.take(0)[0] for _ in range(4)] == [[command] for command in commands]


def test_what_waits_is_bounded_in_bytes() -> None:
    queue = CommandQueue()
    assert all(queue.put(_command(10 * _MEBIBYTE)) for _ in range(12))
    assert not queue.put(_command(10 * _MEBIBYTE))
    assert queue.put(_command(1))
    assert not queue.put(_command(10 * _MEBIBYTE))
    queue.take(0)
    large = _command(10 * _MEBIBYTE)
    assert queue.put(large)
    assert not queue.put(_command(10 * _MEBIBYTE))
    assert queue.withdraw(large)
    assert queue.put(_command(10 * _MEBIBYTE))
    queue.take_all()
    assert all(queue.put(_command(10 * _MEBIBYTE)) for _ in range(12))


def test_a_single_command_is_never_too_large() -> None:
    assert CommandQueue().put(_command(200 * _MEBIBYTE))


def test_what_was_withdrawn_is_not_taken_and_what_was_taken_is_not_withdrawn() -> None:
    queue = CommandQueue()
    first, second = _command(), _command()
    queue.put(first)
    queue.put(second)
    assert queue.withdraw(first)
    assert queue.take(0) == ([second], [])
    assert not queue.withdraw(second)
    assert not queue.withdraw(first)


def test_what_is_too_late_is_told_apart() -> None:
    queue = CommandQueue()
    late, early = _command(deadline=5), _command(deadline=6)
    queue.put(late)
    queue.put(early)
    assert queue.take(5) == ([early], [late])


def test_a_transaction_is_due_a_little_after_the_first_command_or_when_it_is_full() -> None:
    queue = CommandQueue()
    assert queue.due(0.5) == float("inf")
    queue.put(_command(at=10))
    queue.put(_command(at=11))
    assert queue.due(0.5) == 10.5
    for _ in range(98):
        queue.put(_command(at=11))
    assert queue.due(0.5) == 10


def test_a_stop_is_a_command_too() -> None:
    queue = CommandQueue()
    command = WaitingCommand(Pending(ObjectStop(1, None), lambda _object_id: None, "r"), 0, 1)
    assert queue.put(command)
    assert len(queue) == 1
    assert queue.take_all() == [command]
    assert len(queue) == 0
