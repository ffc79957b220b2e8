"""What the pods may do: the `restricted` level of Kubernetes' pod security standards, and a bit more."""

from typing import Any

from chart import Rendering
from faults import Fault

# The kinds of volumes that the level allows.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
# The spans in the files of values, in seconds: reckoned by hand, so as not to repeat the template's arithmetic.
GRACES = {"10s": 10, "20s": 20, "1m 30s": 90}
HOST = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"]


def restricted(rendering: Rendering) -> None:
    """Pods are at the level `restricted`, have a read-only root and no token."""
    for who, template in rendering.pods():
        pod = template["spec"]
        security = pod["securityContext"]
        demand(who, "runAsNonRoot", security.get("runAsNonRoot") is True)
        demand(who, "seccompProfile", security.get("seccompProfile", {}).get("type") == "RuntimeDefault")
        demand(who, "no sysctls", "sysctls" not in security)
        demand(who, "a user other than root", security.get("runAsUser") != 0)
        demand(who, "the user of the values", security.get("runAsUser") == rendering.values.get("user"))
        demand(who, "no namespace of the host", not any(pod.get(name) for name in HOST))
        demand(who, "no token", pod["automountServiceAccountToken"] is False)
        demand(who, "no variables of services", pod["enableServiceLinks"] is False)
        for volume in pod["volumes"]:
            demand(who, f"an allowed kind of volume for {volume['name']}", set(volume) - {"name"} <= VOLUMES)
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            in_container(f"{who}, {container['name']}", container)


def in_container(who: str, container: dict[str, Any]) -> None:
    security = container["securityContext"]
    demand(who, "allowPrivilegeEscalation: false", security.get("allowPrivilegeEscalation") is False)
    demand(who, "no privileges", not security.get("privileged", False))
    demand(who, "capabilities: drop ALL", security.get("capabilities") == {"drop": ["ALL"]})
    demand(who, "readOnlyRootFilesystem", security.get("readOnlyRootFilesystem") is True)
    demand(who, "nothing that undoes the pod's", not {"runAsNonRoot", "runAsUser", "seccompProfile", "procMount"} & set(security))
    demand(who, "no port of the host", not any("hostPort" in port for port in container.get("ports", [])))


def lifecycle(rendering: Rendering) -> None:
    """Probes ask what they should, and a pod has the time that its calls have to finish."""
    pod = rendering.one("Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    tls = bool(rendering.values["tls"]["existingSecret"])
    for name in ["startupProbe", "readinessProbe"]:
        probe = container[name]
        wanted = {"path": "/readyz", "port": "http"} if tls else {"port": 7400}
        demand(name, f"a question over {'HTTP' if tls else 'gRPC'}", probe.get("httpGet" if tls else "grpc") == wanted)
    # A database that is away must not have the pods killed.
    alive = container["livenessProbe"].get("httpGet")
    demand("livenessProbe", "a question that needs no database", alive == {"path": "/healthz", "port": "http"})
    startup = container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"]
    demand("startupProbe", "startupSeconds", startup >= rendering.values["startupSeconds"])
    deadline = rendering.one("Deployment")["spec"]["progressDeadlineSeconds"]
    demand("Deployment", "more time than a start may take", deadline > rendering.values["startupSeconds"])
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    demand("preStop", "preStopSleepSeconds", pause == rendering.values["preStopSleepSeconds"])
    grace = rendering.values["config"].get("shutdown_grace", "10s")
    demand("this test", f"the seconds of {grace}, in GRACES", grace in GRACES)
    demand("Pod", f"more time than {pause}s and {grace}", pod["terminationGracePeriodSeconds"] > pause + GRACES[grace])


def single(rendering: Rendering) -> None:
    """One server at a time has the file."""
    deployment = rendering.one("Deployment")["spec"]
    demand("Deployment", "one replica", deployment["replicas"] == 1)
    demand("Deployment", "the old pod's end before the new one's start", deployment["strategy"] == {"type": "Recreate"})
    demand("release", "nothing for many replicas", not rendering.of("HorizontalPodAutoscaler", "PodDisruptionBudget"))
    mounts = deployment["template"]["spec"]["containers"][0]["volumeMounts"]
    demand("Deployment", "the file on a volume", any(mount["mountPath"] == "/var/lib/echelon" for mount in mounts))


def renewed(before: Rendering, after: Rendering) -> None:
    """A change of settings changes the pods' template, and nothing else does."""
    annotations = [rendering.one("Deployment")["spec"]["template"]["metadata"]["annotations"] for rendering in (before, after)]
    demand("Deployment", "another checksum", annotations[0]["checksum/config"] != annotations[1]["checksum/config"])


def demand(who: str, what: str, holds: bool) -> None:
    if not holds:
        raise Fault(f"{who} lacks {what}")
