"""Pages that are made from tables. If one failed, people would read rights that nobody has."""

from gateway.roles_page import PAGE, render


def test_the_page_of_roles_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m gateway.roles_page"
