"""PersistentVolumeClaims: bound to a volume that exists, or to one made for them by their StorageClass.

The lab has two classes, because live migration asks one question of storage: can two nodes write to it at once?
`local` volumes cannot, `shared` ones can.
"""

from __future__ import annotations

from ...events import Recorder
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from ...kube import ApiError, Kube, Object
from ...resources import amount

LOCAL, SHARED = "lab.seatrial.dev/local", "lab.seatrial.dev/shared"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
LATE_BINDING = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Annotation by which the scheduler has a claim bound that waits for its first consumer."""
ONE_NODE = {"ReadWriteOnce", "ReadWriteOncePod"}


class Volumes:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._claims = informers.of(PERSISTENT_VOLUME_CLAIM)
        self._volumes = informers.of(PERSISTENT_VOLUME)
        self._classes = informers.of(STORAGE_CLASS)
        self._queue = Queue()
        self._recorder = Recorder(kube, "persistentvolume-controller")
        self._claims.on_change(lambda type, claim: self._queue.add(key_of(claim)))
        self._volumes.on_change(self._volume_changed)
        self._classes.on_change(lambda type, item: self._all_claims())

    async def run(self) -> None:
        await self._create_classes()
        informers = [self._claims, self._volumes, self._classes]
        await run_workers("volumes", self._queue, informers, self._reconcile, workers=1)

    async def _create_classes(self) -> None:
        for body in storage_classes():
            try:
                await self._kube.create(STORAGE_CLASS, body)
            except ApiError as error:
                if error.code != 409:
                    raise

    def _volume_changed(self, type: str, volume: Object) -> None:
        claim = volume["spec"].get("claimRef")
        if claim:
            self._queue.add((claim["namespace"], claim["name"]))
        else:
            self._all_claims()

    def _all_claims(self) -> None:
        for claim in self._claims.items():
            self._queue.add(key_of(claim))

    async def _reconcile(self, namespace: str, name: str) -> None:
        claim = self._claims.get(namespace, name)
        await self._reclaim(namespace, name, claim)
        if claim is None or "deletionTimestamp" in claim["metadata"]:
            return
        if (claim.get("status") or {}).get("phase") == "Bound":
            return
        if self._waits_for_consumer(claim):
            text = "waiting for first consumer to be created before binding"
            self._recorder.event(claim, "Normal", LATE_BINDING, text)
            return
        volume = self._volume_for(claim) or await self._provision(claim)
        if volume:
            await self._bind(claim, volume)

    def _waits_for_consumer(self, claim: Object) -> bool:
        found = self._class(claim["spec"].get("storageClassName"))
        late = found is not None and found.get("volumeBindingMode") == LATE_BINDING
        return late and not claim["spec"].get("volumeName") and _annotation(claim, SELECTED_NODE) is None

    def _volume_for(self, claim: Object) -> Object | None:
        volumes = self._volumes.items()
        if wanted := claim["spec"].get("volumeName"):
            return next((item for item in volumes if item["metadata"]["name"] == wanted), None)
        fitting = [volume for volume in volumes if fits(volume, claim)]
        return min(fitting, key=lambda item: amount(item["spec"]["capacity"]["storage"]), default=None)

    async def _provision(self, claim: Object) -> Object | None:
        """Make a volume by the claim's StorageClass; without one, or against its nature, the claim stays Pending."""
        name = claim["spec"].get("storageClassName")
        if name == "" or claim["spec"].get("volumeName"):
            return None
        found = self._class(name)
        if found and found["provisioner"] == NO_PROVISIONER:
            return None
        if found is None:
            if name:
                why = f'storageclass.storage.k8s.io "{name}" not found'
                self._recorder.event(claim, "Warning", "ProvisioningFailed", why)
            else:
                text = "no persistent volumes available for this claim and no storage class is set"
                self._recorder.event(claim, "Normal", "FailedBinding", text)
            return None
        if problem := refusal(found, claim):
            text = f'failed to provision volume with StorageClass "{found["metadata"]["name"]}": {problem}'
            self._recorder.event(claim, "Warning", "ProvisioningFailed", text)
            return None
        volume = await self._create(volume_for(found, claim))
        self._recorder.event(
            claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {volume['metadata']['name']}"
        )
        return volume

    async def _create(self, body: Object) -> Object:
        try:
            return await self._kube.create(PERSISTENT_VOLUME, body)
        except ApiError as error:
            if error.code != 409:
                raise
            return await self._kube.get(PERSISTENT_VOLUME, body["metadata"]["name"])

    def _class(self, name: str | None) -> Object | None:
        if name is not None:
            return self._classes.get("", name)
        return next((item for item in self._classes.items() if _annotation(item, DEFAULT_CLASS) == "true"), None)

    async def _bind(self, claim: Object, volume: Object) -> None:
        namespace, name = key_of(claim)
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": namespace,
            "name": name,
            "uid": claim["metadata"]["uid"],
        }
        volume_name = volume["metadata"]["name"]
        if (volume["spec"].get("claimRef") or {}).get("uid") != reference["uid"]:
            patch = {"spec": {"claimRef": reference}}
            await self._kube.patch(PERSISTENT_VOLUME, volume_name, patch, style="merge")
        bound = {"status": {"phase": "Bound"}}
        await self._kube.patch(PERSISTENT_VOLUME, volume_name, bound, style="merge", subresource="status")
        annotations = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
        spec = {"volumeName": volume_name, "storageClassName": volume["spec"].get("storageClassName", "")}
        patch = {"metadata": {"annotations": annotations}, "spec": spec}
        await self._kube.patch(PERSISTENT_VOLUME_CLAIM, name, patch, namespace, style="merge")
        status = {
            "phase": "Bound",
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        await self._kube.patch(
            PERSISTENT_VOLUME_CLAIM, name, {"status": status}, namespace, style="merge", subresource="status"
        )

    async def _reclaim(self, namespace: str, name: str, claim: Object | None) -> None:
        """Delete, or mark as released, the volumes of a claim that is gone."""
        uid = claim["metadata"]["uid"] if claim else None
        for volume in self._volumes.items():
            reference = volume["spec"].get("claimRef") or {}
            mine = (reference.get("namespace"), reference.get("name")) == (namespace, name)
            if not mine or reference.get("uid") in (None, uid):
                continue
            volume_name = volume["metadata"]["name"]
            if volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                await self._kube.delete(PERSISTENT_VOLUME, volume_name)
            elif (volume.get("status") or {}).get("phase") != "Released":
                released = {"status": {"phase": "Released"}}
                await self._kube.patch(PERSISTENT_VOLUME, volume_name, released, style="merge", subresource="status")


def storage_classes() -> list[Object]:
    """The lab's StorageClasses."""
    common = {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "allowVolumeExpansion": False}
    return [
        {"metadata": {"name": "local", "annotations": {DEFAULT_CLASS: "true"}}, "provisioner": LOCAL, **common},
        {"metadata": {"name": "shared"}, "provisioner": SHARED, **common},
    ]


def refusal(storage_class: Object, claim: Object) -> str | None:
    """Why the class cannot make a volume for the claim."""
    provisioner = storage_class["provisioner"]
    if provisioner not in (LOCAL, SHARED):
        return f"the lab has no provisioner {provisioner}; it has {LOCAL} and {SHARED}"
    modes = set(claim["spec"].get("accessModes") or [])
    if provisioner == LOCAL and modes - ONE_NODE:
        unsupported = ", ".join(sorted(modes - ONE_NODE))
        return f"access mode {unsupported} is not supported: the volume can be used on one node only"
    return None


def volume_for(storage_class: Object, claim: Object) -> Object:
    """The PersistentVolume that the class makes for the claim."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    return {
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": storage_class["provisioner"]},
        },
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "csi": {"driver": storage_class["provisioner"], "volumeHandle": name},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }


def fits(volume: Object, claim: Object) -> bool:
    """Whether an existing volume can serve the claim."""
    spec, wanted = volume["spec"], claim["spec"]
    reference = spec.get("claimRef")
    if reference:
        uid = reference.get("uid", claim["metadata"]["uid"])
        mine = (reference["namespace"], reference["name"], uid)
        return bool(mine == (*key_of(claim), claim["metadata"]["uid"]))
    return bool(
        spec.get("storageClassName", "") == wanted.get("storageClassName", "")
        and set(wanted["accessModes"]) <= set(spec["accessModes"])
        and spec.get("volumeMode", "Filesystem") == wanted.get("volumeMode", "Filesystem")
        and amount(spec["capacity"]["storage"]) >= amount(wanted["resources"]["requests"]["storage"])
    )


def _annotation(obj: Object, name: str) -> str | None:
    value: str | None = (obj["metadata"].get("annotations") or {}).get(name)
    return value
