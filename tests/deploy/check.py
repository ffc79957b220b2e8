"""Checks what installs Echelon without Kubernetes; `cargo xtask deploy` calls it.

No container engine is needed: the Dockerfile and the Compose file are linted and held against the project, the image's entry is
run as the image says, the load balancer runs for real before three servers, and systemd's own tools look at the unit. It ends at the
first fault.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import balancer
import composition
import image
import unit
from faults import Fault, check


def main(folder: Path) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the root of the workspace")
    parser.add_argument("--server", type=Path, required=True, help="the echelond binary")
    parser.add_argument("--hadolint", type=Path, required=True, help="the linter of Dockerfiles")
    parser.add_argument("--dclint", type=Path, required=True, help="the linter of Compose files")
    parser.add_argument("--haproxy", type=Path, required=True, help="the haproxy binary")
    arguments = parser.parse_args()
    root, server = arguments.root, arguments.server
    try:
        check("image: hadolint has nothing to say", image.lint, root, arguments.hadolint)
        check("image: versions are the workspace's", image.versions, root)
        check("image: it is small, without root, and says what it is", image.shape, root)
        check("image: its context holds all that cargo needs", image.context, root, folder)
        check("image: its entry serves, from an empty folder, as an unprivileged user", image.entry, root, server, folder)
        check("compose: dclint has nothing to say, and the schema holds", composition.lint, root, arguments.dclint)
        check("compose: three replicas, health checks, restarts, no secret", composition.shape, root)
        check("compose: echelond accepts its settings", composition.settings, root, server, folder)
        check("balancer: haproxy accepts its configuration", balancer.accepted, root, arguments.haproxy)
        spread = "balancer: calls of one connection are spread, and go elsewhere when a replica ends"
        check(spread, balancer.spreads, root, arguments.haproxy, server, folder)
        check("systemd: the unit is valid", unit.verify, root, server, folder)
        check("systemd: the unit is exposed to little", unit.exposure, root)
        check("systemd: echelond accepts the settings that it is installed with", unit.settings, root, server)
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    print(f"deployment: {check.passed} checks passed")
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="echelon-deploy-") as scratch:
        code = main(Path(scratch))
    sys.exit(code)
