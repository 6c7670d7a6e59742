"""How a command says that it cannot go on."""


class CommandError(Exception):
    """One sentence for the user: what is wrong, and what to do. The command ends with `status`."""

    def __init__(self, message: str, status: int = 2) -> None:
        self.status = status
        super().__init__(" ".join(message.split()))
