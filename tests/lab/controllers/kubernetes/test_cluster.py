"""Controllers, nodes and API server together: what a user of the cluster sees."""

from seatrial.lab import kinds
from seatrial.lab.kube import Object
from tests.lab.smallcluster import TOLERATIONS, Cluster, lived

NS = "demo"


def pod(name: str, *, image: str = "img:1", **spec: object) -> Object:
    containers = [{"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}]
    body = {"tolerations": TOLERATIONS, "containers": containers, **spec}
    return {"metadata": {"name": name, "namespace": NS, "labels": {"app": "x"}}, "spec": body}


def template(**labels: str) -> Object:
    spec = {"tolerations": TOLERATIONS, "containers": [{"name": "c", "image": "img:1"}]}
    return {"metadata": {"labels": labels}, "spec": spec}


def is_ready(obj: Object | None) -> bool:
    conditions = (obj or {}).get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


async def namespace(cluster: Cluster) -> None:
    await cluster.kube.create(kinds.NAMESPACE, {"metadata": {"name": NS}})


async def reasons(cluster: Cluster, name: str) -> list[str]:
    events = (await cluster.kube.list(kinds.EVENT, NS)).items
    return [event["reason"] for event in events if event["involvedObject"]["name"] == name]


def test_a_pod_is_scheduled_run_reached_and_removed() -> None:
    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        service = {"selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": "http"}]}
        await cluster.kube.create(kinds.SERVICE, {"metadata": {"name": "web", "namespace": NS}, "spec": service})
        await cluster.kube.create(kinds.POD, pod("p1"))
        ready = await cluster.until(kinds.POD, "p1", NS, is_ready)
        assert ready["spec"]["nodeName"].startswith("worker-")
        assert ready["status"]["qosClass"] == "BestEffort"
        endpoints = await cluster.until(kinds.ENDPOINTS, "web", NS, lambda obj: bool((obj or {}).get("subsets")))
        assert endpoints["subsets"][0]["addresses"][0]["ip"] == ready["status"]["podIP"]
        assert endpoints["subsets"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]
        await cluster.kube.delete(kinds.POD, "p1", NS)
        await cluster.gone(kinds.POD, "p1", NS)
        said = await reasons(cluster, "p1")
        assert [*said[:1], *said[-1:]] == ["Scheduled", "Killing"]
        assert {"Pulling", "Pulled", "Created", "Started"} <= set(said)

    lived(story)


def test_a_pod_that_fits_nowhere_says_why_and_runs_once_there_is_room() -> None:
    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        await cluster.kube.create(kinds.POD, pod("p1", nodeSelector={"disk": "ssd"}))
        stuck = await cluster.until(kinds.POD, "p1", NS, lambda obj: bool((obj or {})["status"].get("conditions")))
        (condition,) = stuck["status"]["conditions"]
        assert condition["reason"] == "Unschedulable"
        assert condition["message"].startswith("0/")
        label = {"metadata": {"labels": {"disk": "ssd"}}}
        await cluster.kube.patch(kinds.NODE, "worker-2", label, style="merge")
        ready = await cluster.until(kinds.POD, "p1", NS, is_ready)
        assert ready["spec"]["nodeName"] == "worker-2"
        assert "FailedScheduling" in await reasons(cluster, "p1")

    lived(story)


def test_a_readiness_gate_of_somebody_else_is_kept_and_obeyed() -> None:
    gate = "example.com/open"

    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        await cluster.kube.create(kinds.POD, pod("p1", readinessGates=[{"conditionType": gate}]))
        await cluster.until(kinds.POD, "p1", NS, lambda obj: (obj or {})["status"]["phase"] == "Running")
        conditions = [{"type": gate, "status": "True", "lastTransitionTime": None}]
        patch = {"status": {"conditions": conditions}}
        await cluster.kube.patch(kinds.POD, "p1", patch, NS, style="strategic", subresource="status")
        ready = await cluster.until(kinds.POD, "p1", NS, is_ready)
        types = [item["type"] for item in ready["status"]["conditions"]]
        own = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        assert types == [gate, *own]

    lived(story, workers=1)


def test_claims_are_bound_by_what_their_class_can_do() -> None:
    def claim(name: str, storage_class: str, mode: str) -> Object:
        size = {"requests": {"storage": "1Gi"}}
        spec = {"storageClassName": storage_class, "accessModes": [mode], "resources": size}
        return {"metadata": {"name": name, "namespace": NS}, "spec": spec}

    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        wanted = (
            ("one", "local", "ReadWriteOnce"),
            ("many", "shared", "ReadWriteMany"),
            ("no", "local", "ReadWriteMany"),
        )
        for name, storage_class, mode in wanted:
            await cluster.kube.create(kinds.PERSISTENT_VOLUME_CLAIM, claim(name, storage_class, mode))
        for name in ("one", "many"):
            bound = await cluster.until(
                kinds.PERSISTENT_VOLUME_CLAIM, name, NS, lambda obj: (obj or {})["status"]["phase"] == "Bound"
            )
            assert bound["status"]["capacity"] == {"storage": "1Gi"}
        refused = await cluster.kube.get(kinds.PERSISTENT_VOLUME_CLAIM, "no", NS)
        assert refused["status"]["phase"] == "Pending"
        assert await reasons(cluster, "no") == ["ProvisioningFailed"]
        one = await cluster.kube.get(kinds.PERSISTENT_VOLUME_CLAIM, "one", NS)
        await cluster.kube.delete(kinds.PERSISTENT_VOLUME_CLAIM, "one", NS)
        await cluster.gone(kinds.PERSISTENT_VOLUME, one["spec"]["volumeName"])
        assert len((await cluster.kube.list(kinds.PERSISTENT_VOLUME)).items) == 1

    lived(story, workers=1)


def test_workloads_have_their_pods_and_keep_them() -> None:
    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        deployment = {"replicas": 2, "selector": {"matchLabels": {"d": "1"}}, "template": template(d="1")}
        daemons = {"selector": {"matchLabels": {"s": "1"}}, "template": template(s="1")}
        for kind, spec in ((kinds.DEPLOYMENT, deployment), (kinds.DAEMON_SET, daemons)):
            await cluster.kube.create(kind, {"metadata": {"name": "w", "namespace": NS}, "spec": spec})
        done = await cluster.until(
            kinds.DEPLOYMENT, "w", NS, lambda obj: (obj or {}).get("status", {}).get("availableReplicas") == 2
        )
        assert {item["type"]: item["status"] for item in done["status"]["conditions"]} == {
            "Available": "True",
            "Progressing": "True",
        }
        ready = lambda obj: (obj or {}).get("status", {}).get("numberReady") == 2  # noqa: E731
        await cluster.until(kinds.DAEMON_SET, "w", NS, ready)
        (first, _) = (await cluster.kube.list(kinds.POD, NS, labels="s=1")).items
        await cluster.kube.delete(kinds.POD, first["metadata"]["name"], NS)
        await cluster.gone(kinds.POD, first["metadata"]["name"], NS)
        await cluster.until(kinds.DAEMON_SET, "w", NS, ready)
        await cluster.kube.delete(kinds.DEPLOYMENT, "w", NS, propagation="Foreground")
        await cluster.gone(kinds.DEPLOYMENT, "w", NS)
        assert not (await cluster.kube.list(kinds.REPLICA_SET, NS)).items
        assert not (await cluster.kube.list(kinds.POD, NS, labels="d=1")).items

    lived(story)


def test_what_is_owned_goes_or_stays_as_the_deletion_asks() -> None:
    def owned(name: str, owner: Object) -> Object:
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
        metadata = {"name": name, "namespace": NS, "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}]}
        return {"metadata": metadata}

    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        for policy in ("Background", "Foreground", "Orphan"):
            owner = await cluster.kube.create(kinds.CONFIG_MAP, {"metadata": {"name": policy.lower(), "namespace": NS}})
            child = f"of-{policy.lower()}"
            await cluster.kube.create(kinds.CONFIG_MAP, owned(child, owner))
            await cluster.kube.delete(kinds.CONFIG_MAP, policy.lower(), NS, propagation=policy)
            await cluster.gone(kinds.CONFIG_MAP, policy.lower(), NS)
            if policy == "Orphan":
                left = await cluster.kube.get(kinds.CONFIG_MAP, child, NS)
                assert not left["metadata"].get("ownerReferences")
            else:
                await cluster.gone(kinds.CONFIG_MAP, child, NS)

    lived(story, workers=1)


def test_a_namespace_is_emptied_and_says_what_holds_it() -> None:
    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        await cluster.kube.create(kinds.POD, pod("p1"))
        held = {"metadata": {"name": "held", "namespace": NS, "finalizers": ["example.com/hold"]}}
        await cluster.kube.create(kinds.CONFIG_MAP, held)
        await cluster.until(kinds.CONFIG_MAP, "kube-root-ca.crt", NS, lambda obj: obj is not None)
        await cluster.until(kinds.POD, "p1", NS, is_ready)
        await cluster.kube.delete(kinds.NAMESPACE, NS)

        def is_held(obj: Object | None) -> bool:
            conditions = (obj or {}).get("status", {}).get("conditions") or []
            return any("example.com/hold in 1 resource" in item["message"] for item in conditions)

        await cluster.until(kinds.NAMESPACE, NS, None, is_held)
        await cluster.gone(kinds.POD, "p1", NS)
        await cluster.kube.patch(kinds.CONFIG_MAP, "held", {"metadata": {"finalizers": None}}, NS, style="merge")
        await cluster.gone(kinds.NAMESPACE, NS)

    lived(story, workers=1)


def test_budgets_and_quotas_count_pods() -> None:
    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}
        place = {"name": "b", "namespace": NS}
        await cluster.kube.create(kinds.POD_DISRUPTION_BUDGET, {"metadata": place, "spec": budget})
        await cluster.kube.create(kinds.RESOURCE_QUOTA, {"metadata": place, "spec": {"hard": {"pods": "2"}}})
        await cluster.until(
            kinds.RESOURCE_QUOTA, "b", NS, lambda obj: (obj or {}).get("status", {}).get("used") == {"pods": "0"}
        )
        for name in ("p1", "p2"):
            await cluster.kube.create(kinds.POD, pod(name))
        await cluster.until(
            kinds.POD_DISRUPTION_BUDGET, "b", NS, lambda obj: (obj or {})["status"].get("disruptionsAllowed") == 1
        )
        await cluster.until(
            kinds.RESOURCE_QUOTA, "b", NS, lambda obj: (obj or {})["status"].get("used") == {"pods": "2"}
        )

    lived(story)


def test_a_broken_api_service_holds_every_namespace() -> None:
    """Until somebody answers or removes it; what was in the namespace is gone meanwhile."""
    service = {"name": "nobody", "namespace": "default"}
    spec = {"group": "broken.example.com", "version": "v1", "service": service, "groupPriorityMinimum": 1000}
    body = {"metadata": {"name": "v1.broken.example.com"}, "spec": {**spec, "versionPriority": 15}}

    def is_held(namespace: Object | None) -> bool:
        told = {item["type"]: item for item in (namespace or {})["status"].get("conditions") or ()}
        return bool(told.get("NamespaceDeletionDiscoveryFailure", {}).get("status") == "True")

    async def story(cluster: Cluster) -> None:
        await namespace(cluster)
        await cluster.kube.create(kinds.CONFIG_MAP, {"metadata": {"name": "content", "namespace": NS}})
        await cluster.kube.create(kinds.API_SERVICE, body)
        await cluster.kube.delete(kinds.NAMESPACE, NS)
        held = await cluster.until(kinds.NAMESPACE, NS, None, is_held)
        why = next(item for item in held["status"]["conditions"] if item["type"] == "NamespaceDeletionDiscoveryFailure")
        assert why["reason"] == "DiscoveryFailed"
        assert why["message"] == (
            "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
            "broken.example.com/v1: stale GroupVersion discovery: broken.example.com/v1"
        )
        await cluster.gone(kinds.CONFIG_MAP, "content", NS)
        assert (await cluster.kube.get(kinds.NAMESPACE, NS))["status"]["phase"] == "Terminating"
        await cluster.kube.delete(kinds.API_SERVICE, "v1.broken.example.com")
        await cluster.gone(kinds.NAMESPACE, NS)

    lived(story, workers=1)
