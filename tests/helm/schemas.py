"""Objects against schemas: Kubernetes' own, and those of custom resources."""

import json
import subprocess
from pathlib import Path

import kubernetes_validate

from chart import Rendering, title
from faults import Fault

# The oldest that the chart takes, and the newest that there are schemas for.
VERSIONS = ["1.30", "1.37"]
CUSTOM = {"Cluster", "GRPCRoute", "PrometheusRule", "ServiceMonitor"}
# What the chart itself writes into custom resources. Their published schemas let unknown fields pass, and CloudNativePG's is in no
# package registry: a name that is not here is a slip, or is added on purpose.
FIELDS = {
    "Cluster": {
        "spec": {"instances", "imageName", "storage", "bootstrap", "resources", "postgresql"},
        "spec.storage": {"size", "storageClass"},
        "spec.bootstrap": {"initdb"},
        "spec.bootstrap.initdb": {"database", "owner"},
    },
    "GRPCRoute": {
        "spec": {"parentRefs", "hostnames", "rules"},
        "spec.rules": {"backendRefs"},
        "spec.rules.backendRefs": {"name", "port"},
    },
    "PrometheusRule": {
        "spec": {"groups"},
        "spec.groups": {"name", "interval", "rules"},
        "spec.groups.rules": {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"},
    },
    "ServiceMonitor": {
        "spec": {"selector", "endpoints"},
        "spec.selector": {"matchLabels"},
        "spec.endpoints": {"port", "path", "interval"},
    },
}


def kubernetes(rendering: Rendering, version: str) -> None:
    """Every object of Kubernetes itself fits its schema, and no field is unknown."""
    for item in rendering.objects:
        if item["kind"] in CUSTOM:
            continue
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            raise Fault(f"{title(item)}: {path}: {error.message}") from error
        except kubernetes_validate.SchemaNotFoundError as error:
            raise Fault(f"{title(item)}: {error.message}") from error


def fields(rendering: Rendering) -> None:
    """Custom resources have no field that is not known here."""
    for item in rendering.of(*CUSTOM):
        for path, known in FIELDS[item["kind"]].items():
            for found in at(item, path.split(".")):
                unknown = set(found) - known
                if unknown:
                    raise Fault(f"{title(item)}: {path} has unknown fields: {', '.join(sorted(unknown))}")
    for item in rendering.of("Cluster"):
        spec = item["spec"]
        if not isinstance(spec["instances"], int) or not spec["storage"]["size"]:
            raise Fault(f"{title(item)}: instances or the size of the storage is wrong")


def at(value: object, path: list[str]) -> list[dict]:
    """The objects at a path, whose lists stand for each of their elements."""
    if isinstance(value, list):
        return [found for element in value for found in at(element, path)]
    if not path:
        return [value]
    return at(value[path[0]], path[1:]) if path[0] in value else []


def custom(renderings: list[Rendering], models: Path) -> None:
    """The custom resources fit the schemas that their projects publish."""
    items = [item for rendering in renderings for item in rendering.of(*(CUSTOM - {"Cluster"}))]
    script = Path(__file__).with_name("custom.mjs")
    done = subprocess.run(
        ["node", script, models], input=json.dumps(items), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise Fault(done.stderr.strip())
    if done.stdout.strip() != str(len(items)):
        raise Fault(f"{done.stdout.strip()} of {len(items)} objects were looked at")
