"""What a pod's volumes bring from the API: it starts when they are there, and the kubelet says what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from ..kinds import CONFIG_MAP, SECRET
from ..kube import ApiError, Kind, Kube, Object


async def missing(kube: Kube, pod: Object) -> str | None:
    """The first thing that a volume needs and that is not there, in the kubelet's words."""
    namespace = pod["metadata"]["namespace"]
    for volume, kind, name in _needed(pod):
        try:
            found = await kube.find(kind, name, namespace)
        except ApiError as error:
            return f'MountVolume.SetUp failed for volume "{volume}" : {error}'
        if found is None:
            return f'MountVolume.SetUp failed for volume "{volume}" : {kind.kind.lower()} "{name}" not found'
    return None


def _needed(pod: Object) -> Iterator[tuple[str, Kind, str]]:
    for volume in pod["spec"].get("volumes") or ():
        for kind, key, naming in ((SECRET, "secret", "secretName"), (CONFIG_MAP, "configMap", "name")):
            source = volume.get(key)
            if source and not source.get("optional"):
                yield volume["name"], kind, source[naming]
