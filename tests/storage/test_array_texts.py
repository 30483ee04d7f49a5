"""Parameters that are sent as the text of an array. If one came out as another value than went in, an order
would say something else than its buyer did.
"""

from storage.postgres import Pool, ids_text, numbers_text, words_text

WORDS = ["", "NULL", "null", '"', "\\", '\\"', "{a,b}", "a, b", " spaces ", "ž€🎟", "'; --", "\n\t", "\\x41"]


async def test_what_goes_in_comes_out(pool: Pool) -> None:
    ids = [bytes(range(16)), bytes(16), b"\xff" * 16]
    assert await pool.fetchval("SELECT $1::text::uuid[]", ids_text(ids)) == ids
    numbers = [0, -1, 2**63 - 1]
    assert await pool.fetchval("SELECT $1::text::bigint[]", numbers_text(numbers)) == numbers
    assert await pool.fetchval("SELECT $1::text::boolean[]", numbers_text([True, False])) == [True, False]
    assert await pool.fetchval("SELECT $1::text::text[]", words_text(WORDS)) == WORDS


async def test_nothing_is_an_empty_array(pool: Pool) -> None:
    for kind, empty in (("uuid", ids_text([])), ("bigint", numbers_text([])), ("text", words_text([]))):
        assert await pool.fetchval(f"SELECT cardinality($1::text::{kind}[])", empty) == 0
