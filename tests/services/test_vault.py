"""The vault. If these failed, personal data would be readable in the database, move between people, or be
lost by a change of keys.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from services.vault import CACHED_MS, KeyRing, Sealed, Unreadable, Vault
from storage.person_keys import PersonKeys, WrappedKey
from storage.postgres import Pool, close_pool, create_pool


class Rings:
    """A ring that a test turns, and what reads it as processes do."""

    def __init__(self) -> None:
        self.ring = KeyRing({1: os.urandom(32)}, os.urandom(32))

    def add(self) -> None:
        keys = {**self.ring.keys, self.ring.newest + 1: os.urandom(32)}
        self.ring = KeyRing(keys, self.ring.lookup_key)

    def drop(self, version: int) -> None:
        keys = {number: key for number, key in self.ring.keys.items() if number != version}
        self.ring = KeyRing(keys, self.ring.lookup_key)

    def read(self) -> KeyRing:
        return self.ring


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(migrated_dsn, application_name="test")
    yield pool
    await close_pool(pool)


@pytest.fixture
def rings() -> Rings:
    return Rings()


def vault_of(pool: Pool, rings: Rings, now_ms: list[int] | None = None) -> Vault:
    clock = now_ms or [0]
    return Vault(PersonKeys(pool), rings.read, lambda: clock[0])


async def test_what_is_sealed_opens_for_its_person_and_place_only(pool: Pool, rings: Rings) -> None:
    vault = vault_of(pool, rings)
    anna, ben = os.urandom(16), os.urandom(16)
    sealed = await vault.seal(anna, "users", "name", "Anna Ørsted 👩‍🎤")
    await vault.seal(ben, "users", "name", "Ben")
    assert b"Anna" not in sealed
    assert sealed != await vault.seal(anna, "users", "name", "Anna Ørsted 👩‍🎤"), (
        "equal texts are not seen to be"
    )
    assert await vault.open(anna, "users", "name", sealed) == "Anna Ørsted 👩‍🎤"
    for person, table, column in (
        (ben, "users", "name"),
        (anna, "users", "email"),
        (anna, "orders", "name"),
    ):
        with pytest.raises(Unreadable):
            await vault.open(person, table, column, sealed)


@pytest.mark.parametrize("at", [0, 1, 12, 13, -1])
async def test_an_altered_byte_is_noticed(pool: Pool, rings: Rings, at: int) -> None:
    vault = vault_of(pool, rings)
    sealed = bytearray(await vault.seal(b"p" * 16, "users", "name", "Anna"))
    sealed[at] ^= 1
    with pytest.raises(Unreadable):
        await vault.open(b"p" * 16, "users", "name", bytes(sealed))


async def test_two_who_make_a_persons_first_key_make_one(pool: Pool, rings: Rings) -> None:
    person = os.urandom(16)
    vaults = [vault_of(pool, rings) for _ in range(5)]
    sealed = await asyncio.gather(*(vault.seal(person, "users", "name", "Anna") for vault in vaults))
    fresh = vault_of(pool, rings)
    for one in sealed:
        assert await fresh.open(person, "users", "name", one) == "Anna"


async def test_keys_rotate_while_others_work(pool: Pool, rings: Rings) -> None:
    """A process that started before the new key was made goes on, with what it and others seal."""
    people = [os.urandom(16) for _ in range(1_200)]
    early, late = vault_of(pool, rings), vault_of(pool, rings)
    sealed = {person: await early.seal(person, "users", "name", person.hex()) for person in people}
    rings.add()
    assert sum(await asyncio.gather(late.rotate(), vault_of(pool, rings).rotate())) == len(people)
    assert await PersonKeys(pool).count_by_version() == {2: len(people)}
    rings.drop(1)
    newcomer = os.urandom(16)
    by_early = await early.seal(newcomer, "users", "name", "new")
    fresh = vault_of(pool, rings)
    assert await fresh.open(newcomer, "users", "name", by_early) == "new"
    for person in people[:50]:
        assert await fresh.open(person, "users", "name", sealed[person]) == person.hex()
    assert await fresh.rotate() == 0


async def test_a_key_that_is_not_in_the_ring_is_named(pool: Pool, rings: Rings) -> None:
    person = os.urandom(16)
    sealed = await vault_of(pool, rings).seal(person, "users", "name", "Anna")
    rings.add()
    rings.drop(1)
    with pytest.raises(Unreadable, match="key-encryption key 1 is not in the ring"):
        await vault_of(pool, rings).open(person, "users", "name", sealed)


async def test_a_wrapped_key_of_another_person_opens_nothing(pool: Pool, rings: Rings) -> None:
    """Somebody who can write to the table can't give Ben Anna's key."""
    anna, ben = os.urandom(16), os.urandom(16)
    vault, keys = vault_of(pool, rings), PersonKeys(pool)
    await vault.seal(anna, "users", "name", "Anna")
    annas = await keys.find(anna)
    assert annas is not None
    await keys.keep(WrappedKey(ben, annas.version, annas.wrapped))
    with pytest.raises(Unreadable):
        await vault_of(pool, rings).open(ben, "users", "name", b"\x01" + bytes(40))


async def test_who_is_forgotten_can_not_be_read_any_more(pool: Pool, rings: Rings) -> None:
    person, now_ms = os.urandom(16), [0]
    here, elsewhere = vault_of(pool, rings), vault_of(pool, rings, now_ms)
    sealed = await here.seal(person, "users", "name", "Anna")
    assert await elsewhere.open(person, "users", "name", sealed) == "Anna"
    await here.forget(person)
    with pytest.raises(Unreadable, match="forgotten"):
        await here.open(person, "users", "name", sealed)
    now_ms[0] = CACHED_MS
    with pytest.raises(Unreadable, match="forgotten"):
        await elsewhere.open(person, "users", "name", sealed)


async def test_many_are_opened_together_and_who_is_unreadable_is_left_out(pool: Pool, rings: Rings) -> None:
    people = [os.urandom(16) for _ in range(600)]
    vault = vault_of(pool, rings)
    sealed = await asyncio.gather(*(vault.seal(each, "users", "name", each.hex()) for each in people))
    texts = [Sealed(each, "users", "name", one) for each, one in zip(people, sealed, strict=True)]
    await vault.forget(people[1])
    # Kept at hand elsewhere, a key that was forgotten opens nothing here.
    elsewhere = vault_of(pool, rings)
    moved = Sealed(people[0], "users", "email", sealed[0])
    altered = Sealed(people[0], "users", "name", sealed[0][:-1])
    opened = await elsewhere.open_many([*texts, moved, altered])
    names: list[str | None] = [each.hex() for each in people]
    names[1] = None
    assert opened == [*names, None, None]
    assert await elsewhere.open_many([]) == []
    rings.add()
    await vault.rotate()
    assert await elsewhere.open_many(texts[:1]) == names[:1], "the ring is read anew"


async def test_lookups_find_what_people_take_for_the_same(pool: Pool, rings: Rings) -> None:
    vault = vault_of(pool, rings)
    assert vault.lookup("email", " Anna@Example.org ") == vault.lookup("email", "anna@example.org")
    assert vault.lookup("email", "anna@example.org") != vault.lookup("phone", "anna@example.org")
    other = Rings()
    assert vault_of(pool, other).lookup("email", "a@b") != vault.lookup("email", "a@b"), "it takes the key"


def test_a_ring_does_not_print_its_keys(rings: Rings) -> None:
    assert repr(rings.ring) == "KeyRing(keys [1])"
    assert rings.ring.keys[1].hex() not in str(rings.ring)
