"""The serial console of a modelled guest: a login, and the few commands that a trial by hand needs."""

from __future__ import annotations

from collections.abc import Callable

from .guest import Guest
from .interface import Console

ERASE = (8, 127)
HELP = "commands: hostname, uptime, cat /proc/sys/kernel/random/boot_id, poweroff, echo c > /proc/sysrq-trigger, exit"


class Shell:
    """One session. Any user and password will do."""

    def __init__(self, guest: Guest, power_off: Callable[[], None], crash: Callable[[], None]) -> None:
        self._guest = guest
        self._actions = {"poweroff": power_off, "halt": power_off, "echo c > /proc/sysrq-trigger": crash}
        self._user = ""
        self._logged_in = False

    async def serve(self, console: Console) -> None:
        """Answer line by line until the other side hangs up."""
        await console.send(self._prompt())
        line = bytearray()
        while data := await console.receive():
            for byte in data:
                if byte in b"\r\n":
                    await console.send(b"\r\n" + self._run(line.decode(errors="replace").strip()))
                    line.clear()
                elif byte in ERASE:
                    del line[-1:]
                    await console.send(b"\b \b")
                else:
                    line.append(byte)
                    await console.send(bytes([byte]) if self._echoes else b"")

    @property
    def _echoes(self) -> bool:
        return self._logged_in or not self._user

    def _prompt(self) -> bytes:
        name = self._guest.state.hostname
        if self._logged_in:
            return b"$ "
        return f"{name} login: ".encode() if not self._user else b"Password: "

    def _run(self, line: str) -> bytes:
        if not self._logged_in:
            self._log_in(line)
            return self._prompt()
        if line == "exit":
            self._user, self._logged_in = "", False
            return self._prompt()
        if line in self._actions:
            self._actions[line]()
            return b""
        answer = self._answer(line)
        return (f"{answer}\r\n" if answer else "").encode() + self._prompt()

    def _log_in(self, line: str) -> None:
        if self._user:
            self._logged_in = True
        else:
            self._user = line

    def _answer(self, line: str) -> str:
        state = self._guest.state
        answers = {
            "": "",
            "hostname": state.hostname,
            "uptime": f"up {int(state.ran)} seconds",
            "cat /proc/sys/kernel/random/boot_id": state.boot_id,
            "help": HELP,
        }
        return answers.get(line, f"-sh: {line.split()[0] if line else ''}: not found")
