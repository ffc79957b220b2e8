"""The chart's documents, held beside its values."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from chart import Release, Rendering
from faults import Fault

ROW = re.compile(r"^\| `([A-Za-z.]+)` \| `([^`]*)` \| (.+) \|$", re.MULTILINE)


def compare(chart: Path) -> None:
    """Every value is in the schema and in the README, with its default, and nothing else is."""
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema = json.loads((chart / "values.schema.json").read_text())
    wanted = dict(leaves(values, schema, ""))
    told = {name: yaml.safe_load(default) for name, default, _ in ROW.findall((chart / "README.md").read_text())}
    for name in sorted(wanted.keys() | told.keys()):
        if name not in told:
            raise Fault(f"README.md does not tell {name}")
        if name not in wanted:
            raise Fault(f"README.md tells {name}, which is no value")
        if told[name] != wanted[name]:
            raise Fault(f"README.md says that {name} is {told[name]!r}, but it is {wanted[name]!r}")


def commands(chart: Path) -> None:
    """What the documents say to install can be rendered."""
    found = 0
    for document in [chart / "README.md", chart.parent.parent / "docs/operations.md"]:
        for line in document.read_text().replace("\\\n", " ").splitlines():
            words = line.split()
            if words[:2] != ["helm", "install"]:
                continue
            values: dict[str, Any] = {}
            for option, setting in zip(words, words[1:]):
                if option == "--set":
                    path, _, value = setting.partition("=")
                    put(values, path.split("."), yaml.safe_load(value))
            Release(chart, values, words[2]).render()
            found += 1
    if found < 2:
        raise Fault(f"there are {found} commands")


def notes(rendering: Rendering) -> None:
    """What Helm tells after an install leads to the release, in the right way."""
    service = rendering.of("Service")[0]["metadata"]["name"]
    scheme = "https" if rendering.values["tls"]["existingSecret"] else "http"
    hosts = [rule["host"] for item in rendering.of("Ingress") for rule in item["spec"]["rules"]]
    for wanted in [f"deployment/{service}", f"service/{service}", f"--address {scheme}://", *hosts]:
        if wanted not in rendering.notes:
            raise Fault(f"NOTES.txt does not say {wanted}")
    if any("<no value>" in text for text in rendering.manifests.values()):
        raise Fault("a template names a value that does not exist")


def put(values: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) == 1:
        values[path[0]] = value
    else:
        put(values.setdefault(path[0], {}), path[1:], value)


def leaves(values: dict[str, Any], schema: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """The values that the schema does not take apart any further, by their paths."""
    known = schema["properties"]
    # Helm gives `global` to charts that are part of another one.
    unknown = (values.keys() ^ known.keys()) - {"global"}
    if unknown:
        raise Fault(f"values.yaml and values.schema.json differ in {', '.join(prefix + name for name in sorted(unknown))}")
    found = []
    for name, value in values.items():
        if "properties" in known[name]:
            found += leaves(value, known[name], f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found
