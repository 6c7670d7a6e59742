"""The images of one node: which can be had, which are there, and what digest each has."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from .runtime import repository


class PullError(Exception):
    """An image cannot be had; the text is what containerd says."""


@dataclass(frozen=True)
class Image:
    """An image on a node. `id` names it by digest, as a container status does in `imageID`."""

    name: str
    id: str


def find(image: str) -> Image:
    """What a registry answers for `image`. Raises PullError when it has no such image."""
    host = image.split("/", 1)[0]
    if host.split(":", 1)[0].endswith(".invalid"):
        raise PullError(_failed(image, f"failed to do request: dial tcp: lookup {host}: no such host"))
    if "does-not-exist" in image:
        raise PullError(_failed(image, f"{image}: not found"))
    return Image(image, f"{repository(image)}@{digest(image)}")


def digest(image: str) -> str:
    """The image's digest: the one it is named by, or one that stands for its name."""
    _, at, named = image.partition("@")
    return named if at else f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _failed(image: str, why: str) -> str:
    return f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {why}'


class ImageStore:
    """The images present on one node."""

    def __init__(self, pull_seconds: float) -> None:
        self._pull_seconds = pull_seconds
        self._present: dict[str, Image] = {}

    def get(self, image: str, policy: str) -> Image | None:
        """The image, when it is there and may be used without asking the registry."""
        found = self._present.get(image) or self._by_digest(image)
        return None if policy == "Always" else found

    async def pull(self, image: str) -> Image:
        """Fetch the image. Raises PullError."""
        found = find(image)
        await asyncio.sleep(self._pull_seconds)
        self._present[image] = found
        return found

    def listed(self) -> list[Image]:
        return list(self._present.values())

    def _by_digest(self, image: str) -> Image | None:
        if "@" not in image:
            return None
        wanted = f"{repository(image)}@{digest(image)}"
        return next((found for found in self._present.values() if found.id == wanted), None)
