"""What users of a VM are made to feel though the migration itself is all right: faults of the way to it."""

from __future__ import annotations

from .defect import Defect, written
from .write import Object, Write

SERVICE_NAME = "kubernetes.io/service-name"
SERVICE_DROPS_CONNECTIONS = "service-drops-connections"
SERVICE_SLOW_AFTER_MOVE = "service-slow-after-move"
SERVICE_DROPS_AFTER_RETURN = "service-drops-after-return"
SERVICE_CROWDED_OUT = "service-crowded-out"


def old_endpoint_stays_beside(write: Write) -> Object | None:
    """An endpoint of a Service that was ready once stays so beside those that come later."""
    if write.kind != "EndpointSlice" or write.namespace in ("default", "kubevirt"):
        return None
    stays = [endpoint for endpoint in (write.old or {}).get("endpoints") or [] if _ready(endpoint)]
    known = {address for endpoint in stays for address in endpoint["addresses"]}
    come = [endpoint for endpoint in write.new.get("endpoints") or [] if not known & set(endpoint["addresses"])]
    return {**write.new, "endpoints": [*stays, *come]} if stays else None


def endpoint_forgotten_in_storm(write: Write) -> Object | None:
    """The ninth Service of a namespace keeps its first endpoint for ever."""
    service = write.new.get("metadata", {}).get("labels", {}).get(SERVICE_NAME, "")
    old = (write.old or {}).get("endpoints")
    if write.kind != "EndpointSlice" or not service.endswith("-9") or not any(map(_ready, old or [])):
        return None
    return {**write.new, "endpoints": old}


def _ready(endpoint: Object) -> bool:
    return bool(endpoint.get("conditions", {}).get("ready"))


EVERYTHING = ("LOAD-01", "LOAD-02", "LOAD-03", "LOAD-04", "SCA-01")
DEFECTS: tuple[Defect, ...] = (
    Defect(SERVICE_DROPS_CONNECTIONS, "a Service resets every tenth connection", EVERYTHING),
    Defect(SERVICE_SLOW_AFTER_MOVE, "a Service is slow once its endpoint has moved", EVERYTHING),
    Defect(SERVICE_DROPS_AFTER_RETURN, "a Service whose endpoint has moved twice drops connections", ("LOAD-02",)),
    Defect(SERVICE_CROWDED_OUT, "a Service takes eighty connections a second at most", ("LOAD-03",)),
    written(old_endpoint_stays_beside, "a Service keeps the source's endpoint beside the target's", *EVERYTHING),
    written(endpoint_forgotten_in_storm, "one Service of many keeps its first endpoint", "SCA-01", "LOAD-04"),
)
