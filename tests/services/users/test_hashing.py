"""The process that hashes. If these failed, a gateway would leave processes behind, or one that was killed
would keep everybody from signing in.
"""

import asyncio
import os
import signal
import sys

import psutil
import pytest

from domain.refusals import Code, Refusal
from services.users.passwords import Passwords, PasswordSettings

CHEAP = PasswordSettings(memory_kib=64, passes=1, threads=2, waiting_max=50, is_apart=True)


async def test_it_hashes_and_compares_apart() -> None:
    passwords = Passwords(CHEAP)
    hashed = await passwords.hash("a phrase")
    assert isinstance(hashed, str)
    assert hashed.startswith("$argon2id$")
    assert "a phrase" not in hashed
    asked = [(hashed, "a phrase"), (hashed, "another"), (None, "a phrase"), ("nonsense", "a phrase")]
    results = await asyncio.gather(*(passwords.matches(*each) for each in asked))
    assert results == [True, False, False, False]
    assert passwords._apart is not None
    child = psutil.Process(passwords._apart.pid)
    assert child.nice() > psutil.Process().nice() or child.nice() == 19
    await passwords.close()
    async with asyncio.timeout(10):
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def test_the_loop_goes_on_and_too_many_are_refused() -> None:
    dear = PasswordSettings(memory_kib=32_768, passes=3, threads=1, waiting_max=2, is_apart=True)
    passwords = Passwords(dear)
    await passwords.start()
    work = [asyncio.create_task(passwords.matches(None, "x")) for _ in range(10)]
    ticks = 0
    while not all(task.done() for task in work):
        await asyncio.sleep(0.001)
        ticks += 1
    refused = [task.result() for task in work if isinstance(task.result(), Refusal)]
    assert [refusal.code for refusal in refused if isinstance(refusal, Refusal)] == [Code.BUSY] * 7
    assert ticks > 10
    await passwords.close()


async def test_one_that_is_killed_is_started_again() -> None:
    passwords = Passwords(CHEAP)
    await passwords.start()
    assert passwords._apart is not None
    first = passwords._apart.pid
    os.kill(first, signal.SIGSTOP)
    waiting = asyncio.create_task(passwords.hash("x"))
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ConnectionError):
        await waiting
    assert isinstance(await passwords.hash("x"), str)
    assert passwords._apart.pid != first
    await passwords.close()


async def test_the_end_of_one_is_nothing_to_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """The first is dead and not read to its end when the second is asked."""
    passwords = Passwords(CHEAP)
    await passwords.start()
    assert passwords._apart is not None
    first = passwords._apart.pid
    unread = os.open(f"/proc/{first}/fd/1", os.O_WRONLY)
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(10):
        while passwords._apart.pid:
            await asyncio.sleep(0.01)
    assert isinstance(await passwords.hash("x"), str)
    second = passwords._apart.pid
    os.kill(second, signal.SIGSTOP)
    waiting = asyncio.create_task(passwords.hash("y"))
    await asyncio.sleep(0)
    os.close(unread)
    async with asyncio.timeout(10):
        while "has ended" not in caplog.text:
            await asyncio.sleep(0.01)
    os.kill(second, signal.SIGCONT)
    assert isinstance(await waiting, str)
    assert isinstance(await passwords.hash("z"), str)
    assert passwords._apart.pid == second
    await passwords.close()
    assert not psutil.pid_exists(second)


async def test_one_whose_answer_can_not_be_read_does_not_run_on() -> None:
    passwords = Passwords(CHEAP)
    await passwords.start()
    assert passwords._apart is not None
    first = passwords._apart.pid
    os.kill(first, signal.SIGSTOP)
    waiting = asyncio.create_task(passwords.hash("x"))
    await asyncio.sleep(0)
    answers = os.open(f"/proc/{first}/fd/1", os.O_WRONLY)
    os.write(answers, b"nonsense\n")
    os.close(answers)
    with pytest.raises(ConnectionError):
        await waiting
    assert isinstance(await passwords.hash("y"), str)
    assert not psutil.pid_exists(first)
    await passwords.close()


async def test_it_ends_with_its_gateway_however_that_ends() -> None:
    """A gateway that is killed can't clean up behind itself."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _GATEWAY), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    hashing = psutil.Process(int(await child.stdout.readline()))
    child.kill()
    await child.wait()
    async with asyncio.timeout(10):
        while hashing.is_running() and hashing.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


_GATEWAY = """
import asyncio
from services.users.passwords import Passwords, PasswordSettings

async def run() -> None:
    passwords = Passwords(PasswordSettings(64, 1, is_apart=True))
    await passwords.hash("x")
    print(passwords._apart.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(run())
"""
