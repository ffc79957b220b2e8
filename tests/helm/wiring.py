"""What objects say of each other."""

import json
from pathlib import Path
from typing import Any

import yaml

from chart import Rendering, title
from faults import Fault

HOOK = "helm.sh/hook"
# Every kind that the chart can make.
KINDS = {
    "Cluster", "ConfigMap", "Deployment", "GRPCRoute", "HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy",
    "PersistentVolumeClaim", "PodDisruptionBudget", "PrometheusRule", "Service", "ServiceAccount", "ServiceMonitor",
}  # fmt: skip


def references(rendering: Rendering) -> None:
    """What a pod or a route names is made here, or is named in the values as made elsewhere."""
    elsewhere = texts(rendering.values)
    clusters = {f"{item['metadata']['name']}-app" for item in rendering.of("Cluster")}
    for who, template in rendering.pods():
        for kind, name in named(template["spec"]):
            made = rendering.find(kind, name) or (kind == "Secret" and name in clusters)
            if not made and name not in elsewhere and (kind, name) != ("ServiceAccount", "default"):
                raise Fault(f"{who} names the {kind} {name}, which does not exist")
    for item in rendering.of("HorizontalPodAutoscaler"):
        target = item["spec"]["scaleTargetRef"]
        deployment = rendering.find(target["kind"], target["name"])
        if deployment is None or "replicas" in deployment["spec"]:
            raise Fault(f"{title(item)} and the Deployment both say how many replicas, or scale nothing")


def named(pod: dict[str, Any]) -> list[tuple[str, str]]:
    """The kinds and names of what a pod needs."""
    needed = [("ServiceAccount", pod["serviceAccountName"])]
    for volume in pod["volumes"]:
        if "configMap" in volume:
            needed.append(("ConfigMap", volume["configMap"]["name"]))
        if "secret" in volume:
            needed.append(("Secret", volume["secret"]["secretName"]))
        if "persistentVolumeClaim" in volume:
            needed.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
    for container in pod["containers"]:
        for variable in container["env"]:
            if "valueFrom" in variable:
                needed.append(("Secret", variable["valueFrom"]["secretKeyRef"]["name"]))
    return needed


def hooks(rendering: Rendering) -> None:
    """The migration runs where nothing else of the release exists yet: what it needs are hooks with a lower weight."""
    for job in rendering.of("Job"):
        if job["metadata"]["annotations"].get(HOOK) != "pre-install,pre-upgrade":
            raise Fault(f"{title(job)} is no hook before an install and an upgrade")
        for kind, name in named(job["spec"]["template"]["spec"]):
            made = rendering.find(kind, name)
            if made is not None and weight(made) >= weight(job):
                raise Fault(f"{title(job)} needs {title(made)}, which comes later")
        if rendering.of("Cluster"):
            raise Fault(f"{title(job)} needs a database that comes later")
    kind = rendering.values["database"]["kind"]
    wanted = {"auto": kind == "existingSecret", "job": True, "start": False}[rendering.values["migration"]["mode"]]
    if bool(rendering.of("Job")) != wanted:
        raise Fault(f"a migration Job was {'' if wanted else 'not '}wanted")


def weight(item: dict[str, Any]) -> float:
    """When Helm makes an object; what is no hook comes last."""
    annotations = item["metadata"].get("annotations", {})
    return int(annotations["helm.sh/hook-weight"]) if HOOK in annotations else float("inf")


def selectors(rendering: Rendering) -> None:
    """Services and policies mean the servers, and never the migration's pods."""
    deployment = rendering.one("Deployment")
    server = deployment["spec"]["template"]["metadata"]["labels"]
    jobs = [job["spec"]["template"]["metadata"]["labels"] for job in rendering.of("Job")]
    chosen = [(deployment, deployment["spec"]["selector"]["matchLabels"])]
    chosen += [(item, item["spec"]["selector"]) for item in rendering.of("Service")]
    chosen += [(item, item["spec"]["selector"]["matchLabels"]) for item in rendering.of("PodDisruptionBudget")]
    for constraint in deployment["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
        chosen.append((deployment, constraint["labelSelector"]["matchLabels"]))
    for item, selector in chosen:
        if not matches(selector, server) or any(matches(selector, labels) for labels in jobs):
            raise Fault(f"{title(item)} selects other pods than the servers: {selector}")
    for item in rendering.of("NetworkPolicy"):
        pods = [server, *jobs]
        found = [labels for labels in pods if matches(item["spec"]["podSelector"]["matchLabels"], labels)]
        if len(found) != 1:
            raise Fault(f"{title(item)} selects {len(found)} kinds of pods, not one")
    for item in rendering.of("ServiceMonitor"):
        selector = item["spec"]["selector"]["matchLabels"]
        found = [service for service in rendering.of("Service") if matches(selector, service["metadata"]["labels"])]
        if len(found) != 1:
            raise Fault(f"{title(item)} selects {len(found)} Services: each replica would be asked as often")
        if item["spec"]["endpoints"][0]["port"] not in [port["name"] for port in found[0]["spec"]["ports"]]:
            raise Fault(f"{title(item)} names no port of {title(found[0])}")


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def ports(rendering: Rendering) -> None:
    """Services, routes and policies name ports that the servers have."""
    container = rendering.one("Deployment")["spec"]["template"]["spec"]["containers"][0]
    known = {port["name"]: port["containerPort"] for port in container["ports"]}
    named = [(item, port["targetPort"]) for item in rendering.of("Service") for port in item["spec"]["ports"]]
    for item in rendering.of("NetworkPolicy"):
        named += [(item, port["port"]) for rule in item["spec"].get("ingress", []) for port in rule["ports"]]
    for item, port in named:
        if port not in known:
            raise Fault(f"{title(item)} names the port {port}, which no container has")
    for item in rendering.of("Ingress"):
        for rule in item["spec"]["rules"]:
            backend = rule["http"]["paths"][0]["backend"]["service"]
            served(rendering, item, backend["name"], lambda port: port["name"] == backend["port"]["name"])
    for item in rendering.of("GRPCRoute"):
        backend = item["spec"]["rules"][0]["backendRefs"][0]
        served(rendering, item, backend["name"], lambda port: port["port"] == backend["port"])
    # Only the headless Service, which nothing outside can reach, may lead to the port without TLS.
    for item in rendering.of("Service"):
        exposed = any(port["targetPort"] == "http" for port in item["spec"]["ports"])
        if exposed and item["spec"].get("clusterIP") != "None":
            raise Fault(f"{title(item)} exposes the port of /metrics")


def served(rendering: Rendering, item: dict[str, Any], name: str, is_port: Any) -> None:
    service = rendering.find("Service", name)
    if service is None or not any(is_port(port) for port in service["spec"]["ports"]):
        raise Fault(f"{title(item)} leads to no port of a Service")


def monitoring(rendering: Rendering, chart: Path) -> None:
    """What is for Prometheus and Grafana arrives as it is: its braces are theirs, not Helm's."""
    for item in rendering.of("PrometheusRule"):
        if item["spec"] != yaml.safe_load((chart / "files/alerts.yaml").read_text()):
            raise Fault(f"{title(item)} differs from files/alerts.yaml")
    boards = [item for item in rendering.of("ConfigMap") if "echelon.json" in item["data"]]
    if bool(boards) != rendering.values["dashboard"]["enabled"]:
        raise Fault("there is a dashboard that was not wanted, or none")
    for item in boards:
        if json.loads(item["data"]["echelon.json"]) != json.loads((chart / "files/dashboard.json").read_text()):
            raise Fault(f"{title(item)} differs from files/dashboard.json")


def complete(renderings: list[Rendering]) -> None:
    """Nothing that the chart can make goes without a look."""
    seen = {item["kind"] for rendering in renderings for item in rendering.objects}
    if seen != KINDS:
        raise Fault(f"not rendered or not known: {', '.join(sorted(seen ^ KINDS))}")


def texts(value: Any) -> set[str]:
    """Every text in the values."""
    if isinstance(value, dict):
        return {text for element in value.values() for text in texts(element)}
    if isinstance(value, list):
        return {text for element in value for text in texts(element)}
    return {value} if isinstance(value, str) and value else set()
