"""What echelond is told: the ConfigMap and the variables, read by the real `echelond config`."""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from chart import Rendering, title
from faults import Fault

FILE = "echelond.toml"
# What stands in the Secrets, so to say.
SECRETS = {"ECHELON_DATABASE": "postgres://echelon:hunter2@db/echelon", "ECHELON_OTLP_HEADERS": "authorization=Bearer hunter2"}


def no_secrets(rendering: Rendering) -> None:
    """Secrets come by reference: none is rendered, and no ConfigMap holds what belongs into one."""
    if rendering.of("Secret"):
        raise Fault("the chart renders a Secret")
    for item in rendering.of("ConfigMap"):
        for name, text in item.get("data", {}).items():
            if re.search(r"^(database|otlp_headers) *=", text, re.MULTILINE) or re.search(r"://[^/\s\"]*:[^/\s\"]*@", text):
                raise Fault(f"{title(item)}: {name} holds a secret")


def accepted(rendering: Rendering, server: Path) -> None:
    """echelond takes the settings of each pod, and understands them as they are meant."""
    for who, template in rendering.pods():
        pod = template["spec"]
        container = pod["containers"][0]
        name = next(volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "config")
        config = rendering.find("ConfigMap", name)
        if config is None:
            raise Fault(f"{who} has no ConfigMap")
        understood = read(server, config["data"][FILE], container)
        wanted = dict(rendering.values["config"])
        if who.startswith("Deployment"):
            wanted |= served(rendering, container)
        for setting, value in wanted.items():
            if understood.get(setting) != value:
                raise Fault(f"{who}: {setting} is understood as {understood.get(setting)!r}, not as {value!r}")


def served(rendering: Rendering, container: dict[str, Any]) -> dict[str, Any]:
    """What the chart itself must tell a server."""
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    address = rendering.values["bindAddress"]
    address = f"[{address}]" if ":" in address else address
    sqlite = rendering.values["database"]["kind"] == "sqlite"
    tls = rendering.values["tls"]
    folder = next((mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "tls"), "")
    return {
        "listen": f"{address}:{ports['grpc']}",
        "http_listen": f"{address}:{ports['http']}",
        "migrate_at_start": not rendering.of("Job"),
        "database": "sqlite:///var/lib/echelon/echelon.db" if sqlite else "postgres://echelon:***@db/echelon",
        "tls_certificate": f"{folder}/{tls['certificateKey']}" if folder else "",
        "tls_key": f"{folder}/{tls['keyKey']}" if folder else "",
        "tls_client_ca": f"{folder}/{tls['clientCaKey']}" if tls["clientCaKey"] else "",
    }


def read(server: Path, text: str, container: dict[str, Any]) -> dict[str, Any]:
    """The settings in force for a container, as `echelond config` prints them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_text(text)
        environment = {}
        for variable in container["env"]:
            name = variable["name"]
            if "valueFrom" in variable:
                environment[name] = SECRETS[name]
            else:
                environment[name] = variable["value"]
        mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
        if environment["ECHELON_CONFIG"] not in mounted:
            raise Fault(f"ECHELON_CONFIG names {environment['ECHELON_CONFIG']}, which is not mounted")
        environment["ECHELON_CONFIG"] = str(file)
        done = subprocess.run([server, "config"], env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Fault(f"echelond refuses the settings: {done.stderr.strip()}")
    if "hunter2" in done.stdout:
        raise Fault("echelond shows a secret")
    lines = [line.partition(" = ") for line in done.stdout.splitlines() if " = " in line and not line.startswith("#")]
    return {name: json.loads(value) for name, _, value in lines if not value.startswith("{")}
