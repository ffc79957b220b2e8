"""The chart, rendered by Helm's engine."""

import copy
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import helm_python
import yaml

from faults import Fault

NAMESPACE = "teams"
# Helm's own severities of what its linter finds.
WARNING = 2


class Rendering:
    """The objects of one release, and the values that it was made with."""

    def __init__(self, values: dict[str, Any], manifests: dict[str, str]):
        self.values = values
        self.manifests = manifests
        self.objects = []
        for name, text in manifests.items():
            if name.endswith("NOTES.txt"):
                self.notes = text
                continue
            try:
                self.objects += [item for item in yaml.safe_load_all(text) if item]
            except yaml.YAMLError as error:
                raise Fault(f"{name} is no YAML: {error}") from error

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """The objects of some kinds."""
        return [item for item in self.objects if item["kind"] in kinds]

    def one(self, kind: str) -> dict[str, Any]:
        """The only object of a kind."""
        found = self.of(kind)
        if len(found) != 1:
            raise Fault(f"there are {len(found)} objects of the kind {kind}, not one")
        return found[0]

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object of a kind with a name."""
        return next((item for item in self.of(kind) if item["metadata"]["name"] == name), None)

    def pods(self) -> list[tuple[str, dict[str, Any]]]:
        """The pod templates, each with what makes its pods."""
        return [(title(item), item["spec"]["template"]) for item in self.of("Deployment", "Job")]


class Release:
    """A chart with values and a name."""

    def __init__(self, chart: Path, values: dict[str, Any], name: str = "demo"):
        self.chart = chart
        self.values = values
        self.name = name

    def render(self) -> Rendering:
        try:
            with helm_python.Chart.load(self.chart) as chart:
                merged = chart.merge_values(copy.deepcopy(self.values))
                return Rendering(merged, chart.render(self.values, name=self.name, namespace=NAMESPACE))
        except helm_python.HelmError as error:
            raise Fault(str(error)) from error


def title(item: dict[str, Any]) -> str:
    """How messages call an object."""
    return f"{item['kind']} {item['metadata']['name']}"


def load_values(file: Path) -> dict[str, Any]:
    """A file of values, read by Helm's own reader."""
    return helm_python.values_from_yaml(file.read_text())


def lint(chart: Path, values: dict[str, Any]) -> None:
    """Helm's own linter finds nothing."""
    report = helm_python.lint(chart, values, strict=True, namespace=NAMESPACE)
    found = [f"{message['path']}: {message['error']}" for message in report["messages"] if message["severity"] >= WARNING]
    if found or report["errors"]:
        raise Fault("; ".join([*found, *report["errors"]]))


def packaged(chart: Path) -> None:
    """The archive that `helm package` makes holds the chart, without what only tests read."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            archive = helm_python.package(chart, destination=folder)
        except helm_python.HelmError as error:
            raise Fault(f"the chart cannot be packaged: {error}") from error
        with tarfile.open(archive) as files:
            found = set(files.getnames())
    wanted = {f"{chart.name}/{file.relative_to(chart)}" for file in chart.rglob("*") if file.is_file()}
    wanted = {name for name in wanted if not name.startswith(f"{chart.name}/ci/")}
    if found != wanted:
        raise Fault(f"missing or too much: {', '.join(sorted(found ^ wanted))}")
