"""The Compose file."""

import re
from pathlib import Path

import yaml

from faults import Fault
from image import Stage
from run import output

# Their order is ours, and the replicas are built and named, so that they can be pushed.
RULES = ["service-keys-order", "services-alphabetical-order", "top-level-properties-order", "no-build-and-image"]


def lint(root: Path, dclint: Path) -> None:
    rules = [part for rule in RULES for part in ("--disable-rule", rule)]
    output("node", dclint, root / "compose.yaml", "--max-warnings", "0", *rules)


def services(root: Path) -> dict:
    return yaml.safe_load((root / "compose.yaml").read_text())["services"]


def shape(root: Path) -> None:
    composed = services(root)
    replicas = composed["echelond"]
    if replicas["deploy"]["replicas"] != 3:
        raise Fault("there are not three replicas")
    for name, service in composed.items():
        if service.get("restart") != "unless-stopped":
            raise Fault(f"{name} does not start again")
        if "no-new-privileges:true" not in service.get("security_opt", []):
            raise Fault(f"{name} may gain privileges")
        # Replicas have no program to ask with: the balancer asks them.
        if name != "echelond" and "healthcheck" not in service:
            raise Fault(f"{name} has no health check")
        published = service.get("ports", [])
        if any(not port.startswith("127.0.0.1:") for port in published) or (published and name != "balancer"):
            raise Fault(f"{name} is published: {published}")
        for key, value in service.get("environment", {}).items():
            if "password" in key.lower() and not key.endswith("_FILE"):
                raise Fault(f"{name}: {key} holds a secret")
            if "password" in str(value).lower() and "${" not in value and not key.endswith("_FILE"):
                raise Fault(f"{name}: {key} holds a secret")
    for name in ["echelond", "balancer"]:
        if composed[name]["cap_drop"] != ["ALL"] or composed[name]["read_only"] is not True:
            raise Fault(f"{name} may do more than it needs")
    if set(composed["postgres"]["networks"]) & set(composed["balancer"]["networks"]):
        raise Fault("the balancer reaches the database")


def settings(root: Path, server: Path, folder: Path) -> None:
    """The image's variables and Compose's together are settings that are understood as they are meant."""
    environment = Stage(root).environment | services(root)["echelond"]["environment"]
    environment = {name: re.sub(r"\$\{\w+:\?[^}]*\}", "hunter2", value) for name, value in environment.items()}
    printed = output(server, "config", env=environment, cwd=folder)
    for wanted in ['database = "postgres://echelon:***@postgres/echelon"', 'listen = "0.0.0.0:7400"', 'http_listen = "0.0.0.0:7401"']:
        if wanted not in printed.splitlines():
            raise Fault(f"it is not understood that {wanted}:\n{printed}")
