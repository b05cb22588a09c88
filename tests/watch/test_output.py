"""What leaves: whole, in order, and never two writes at a time, whoever is cancelled."""

import pytest
import trio

from trio_orchestrator.watch.output import Output

from .pipes import Pipe


async def cancel_while_writing(output: Output, text: bytes, pipe: Pipe) -> bytes:
    """Begin to write more than the pipe takes, and cancel that; what was read by then."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(output.write, text)
        read = await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True)
        nursery.cancel_scope.cancel()
    return read


async def test_whoever_is_cancelled_leaves_no_half_line_and_nothing_overtakes_it(pipe: Pipe) -> None:
    output = Output(pipe.file)
    long = b"x" * (1 << 22) + b"\n"
    with trio.fail_after(10):
        read = await cancel_while_writing(output, long, pipe)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(output.write, b"next\n")
            while not read.endswith(b"next\n"):
                read += await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True)
    assert read == long + b"next\n"


async def test_one_can_wait_until_all_is_out(pipe: Pipe) -> None:
    output = Output(pipe.file)
    size = 1 << 22
    written = False

    async def wait() -> None:
        nonlocal written
        await output.wait_written()
        written = True

    with trio.fail_after(10):
        left = size - len(await cancel_while_writing(output, b"x" * size, pipe))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            while left > 1 << 20:  # more than any pipe holds
                assert not written
                left -= len(await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True))
            while left:
                left -= len(await trio.to_thread.run_sync(pipe.read, abandon_on_cancel=True))
    assert written


async def test_that_nobody_reads_any_more_is_an_error(pipe: Pipe) -> None:
    pipe.leave()
    with pytest.raises(BrokenPipeError):
        await Output(pipe.file).write(b"x")


@pytest.mark.parametrize(
    ("encoding", "name", "text"),
    [
        ("UTF8", "utf-8", "é入".encode()),
        ("latin1", "iso8859-1", b"\xe9\\u5165"),
        ("ascii", "ascii", b"\\xe9\\u5165"),
    ],
)
async def test_what_an_encoding_lacks_is_escaped(encoding: str, name: str, text: bytes) -> None:
    pipe = Pipe(encoding)
    output = Output(pipe.file)
    assert output.encoding == name
    assert output.encode("é入") == text
    pipe.close()
