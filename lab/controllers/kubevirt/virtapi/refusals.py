"""How a subresource says no: a Kubernetes Status, or here and there plain text."""

from __future__ import annotations

from ....kube import Object

GROUP = "kubevirt.io"
VM, VMI = "virtualmachine", "virtualmachineinstance"


class Refusal(Exception):
    """An HTTP code with its reason and message. `about` is what it concerns: (kind, name)."""

    def __init__(self, code: int, reason: str, message: str, about: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.about = code, reason, message, about

    def status(self) -> Object:
        told: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.about:
            told["details"] = {"name": self.about[1], "group": GROUP, "kind": self.about[0]}
        elif self.reason == "InternalError":
            told["details"] = {"causes": [{"message": self.message.removeprefix("Internal error occurred: ")}]}
        return {**told, "code": self.code}


class PlainRefusal(Exception):
    """A refusal that KubeVirt writes as text instead of a Status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def conflict(name: str, text: str, kind: str = VM) -> Refusal:
    message = f'Operation cannot be fulfilled on {kind}.{GROUP} "{name}": {text}'
    return Refusal(409, "Conflict", message, (kind, name))


def forbidden(name: str, text: str, kind: str = VM) -> Refusal:
    return Refusal(403, "Forbidden", f'{kind}.{GROUP} "{name}" is forbidden: {text}', (kind, name))


def not_found(name: str, kind: str = VM) -> Refusal:
    return Refusal(404, "NotFound", f'{kind}.{GROUP} "{name}" not found', (kind, name))


def bad_request(text: str) -> Refusal:
    return Refusal(400, "BadRequest", text)


def internal(text: str) -> Refusal:
    return Refusal(500, "InternalError", f"Internal error occurred: {text}")
