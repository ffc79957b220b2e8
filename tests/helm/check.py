"""Checks the chart with Helm's own engine; `cargo xtask helm` calls it.

Every file in `helm/echelon/ci/` is linted, rendered, held against the schemas of Kubernetes and of the custom resources, looked
through for what no schema tells, and its settings are given to the real `echelond config`. Every file in `helm/echelon/ci/bad/`
must be refused with the message in its first line. It ends at the first fault.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import documents
import pods
import schemas
import settings
import wiring
from chart import Release, Rendering, lint, load_values, packaged
from faults import Fault, check

# What a release's name may be at most.
LONGEST = "a" * 53


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", type=Path, required=True, help="the folder of the chart")
    parser.add_argument("--server", type=Path, required=True, help="the echelond binary")
    parser.add_argument("--models", type=Path, required=True, help="the node_modules with the custom resources' schemas")
    arguments = parser.parse_args()
    try:
        check("chart: README.md and values.schema.json tell every value", documents.compare, arguments.chart)
        check("chart: what the documents say to install can be rendered", documents.commands, arguments.chart)
        check("chart: its package holds all that it needs, and no more", packaged, arguments.chart)
        good(arguments)
        bad(arguments)
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    print(f"chart: {check.passed} checks passed")
    return 0


def good(arguments: argparse.Namespace) -> None:
    """What can be installed."""
    files = sorted(arguments.chart.glob("ci/*.yaml"))
    renderings = []
    for file in files:
        values = load_values(file)
        check(f"{file.stem}: lints", lint, arguments.chart, values)
        rendering = Release(arguments.chart, values).render()
        renderings.append(rendering)
        check(f"{file.stem}: renders the same again", same, Release(arguments.chart, values), rendering)
        for version in schemas.VERSIONS:
            check(f"{file.stem}: fits Kubernetes {version}", schemas.kubernetes, rendering, version)
        check(f"{file.stem}: custom resources have known fields", schemas.fields, rendering)
        check(f"{file.stem}: names fit, however long the release's", names, Release(arguments.chart, values, LONGEST))
        check(f"{file.stem}: pods are restricted", pods.restricted, rendering)
        check(f"{file.stem}: pods can be probed, stopped and restarted", pods.lifecycle, rendering)
        check(f"{file.stem}: what is named exists", wiring.references, rendering)
        check(f"{file.stem}: hooks need nothing that comes after them", wiring.hooks, rendering)
        check(f"{file.stem}: selectors match what they should", wiring.selectors, rendering)
        check(f"{file.stem}: ports are named alike", wiring.ports, rendering)
        check(f"{file.stem}: alerts and dashboard arrive as they are", wiring.monitoring, rendering, arguments.chart)
        check(f"{file.stem}: the notes say what to do next", documents.notes, rendering)
        check(f"{file.stem}: nothing secret is in a ConfigMap", settings.no_secrets, rendering)
        check(f"{file.stem}: echelond accepts its settings", settings.accepted, rendering, arguments.server)
        if values["database"]["kind"] == "sqlite":
            check(f"{file.stem}: one replica, never two", pods.single, rendering)
        other = {**values, "config": {**values.get("config", {}), "batch_size": 7}}
        check(f"{file.stem}: other settings make other pods", pods.renewed, rendering, Release(arguments.chart, other).render())
    check("every custom resource fits its schema", schemas.custom, renderings, arguments.models)
    check("every kind of object is rendered by some file", wiring.complete, renderings)


def bad(arguments: argparse.Namespace) -> None:
    """What must be refused, by Helm or, as for settings, by echelond before anything is replaced."""
    files = sorted(arguments.chart.glob("ci/bad/*.yaml"))
    if not files:
        raise Fault("ci/bad: there is no file")
    for file in files:
        check(f"bad/{file.stem}: is refused, and told why", refused, arguments, file)


def refused(arguments: argparse.Namespace, file: Path) -> None:
    first = file.read_text().splitlines()[0]
    wanted = first.removeprefix("# refused: ")
    if wanted == first:
        raise Fault("its first line is no `# refused: MESSAGE`")
    try:
        rendering = Release(arguments.chart, load_values(file)).render()
        settings.accepted(rendering, arguments.server)
    except Fault as fault:
        if wanted not in str(fault):
            raise Fault(f"wanted {wanted!r}, but it says {str(fault)!r}") from fault
        return
    raise Fault("it is accepted")


def same(release: Release, rendering: Rendering) -> None:
    if release.render().manifests != rendering.manifests:
        raise Fault("it renders something else")


def names(release: Release) -> None:
    for item in release.render().objects:
        for name in [item["metadata"]["name"], *item["metadata"].get("labels", {}).values()]:
            if len(name) > 63:
                raise Fault(f"{item['kind']}: {name} has {len(name)} characters")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="echelon-helm-") as folder:
        tempfile.tempdir = folder
        code = main()
    sys.exit(code)
