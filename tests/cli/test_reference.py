from tests.cli.reference import PAGE, page


def test_the_reference_is_what_the_commands_say() -> None:
    assert PAGE.read_text().split() == page().split(), "run `python -m tests.cli.reference`"
