"""The image: its file, and what it runs."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from echelond import free_port
from faults import Fault
from run import output, status, until

# Programs that are in the image only because a build put them there.
SHELLS = re.compile(r"^(RUN|ADD|SHELL|HEALTHCHECK)\b", re.MULTILINE)


class Stage:
    """The last stage of the Dockerfile: the image."""

    def __init__(self, root: Path):
        text = re.sub(r"^\s*#.*\n", "", (root / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
        self.text = text[text.rindex("\nFROM ") + 1 :]
        self.base = self.one("FROM")
        self.entrypoint: list[str] = json.loads(self.one("ENTRYPOINT"))
        self.workdir = self.one("WORKDIR")
        self.user = self.one("USER")
        self.environment = dict(part.split("=", 1) for part in shlex.split(self.one("ENV")))
        self.labels = dict(part.split("=", 1) for part in shlex.split(self.one("LABEL")))

    def one(self, instruction: str) -> str:
        """What the only instruction of this name says."""
        found = re.findall(rf"^{instruction} +(.*)$", self.text, re.MULTILINE)
        if len(found) != 1:
            raise Fault(f"the last stage has {len(found)} times {instruction}, not once")
        return found[0].strip()


def workspace(root: Path, key: str) -> str:
    """A text of the workspace's package in Cargo.toml."""
    found = re.search(rf'^{key} = "(.+)"$', (root / "Cargo.toml").read_text(), re.MULTILINE)
    if found is None:
        raise Fault(f"Cargo.toml has no {key}")
    return found[1]


def lint(root: Path, hadolint: Path) -> None:
    output(hadolint, "--no-color", "--failure-threshold", "style", root / "Dockerfile")


def versions(root: Path) -> None:
    """What is written down twice is the same."""
    text = (root / "Dockerfile").read_text()
    wanted = f"rust:{workspace(root, 'rust-version')}-"
    if f"FROM {wanted}" not in text:
        raise Fault(f"the builder is not {wanted}…")
    version = workspace(root, "version")
    chart = (root / "helm/echelon/Chart.yaml").read_text()
    for where, said in [
        ("Dockerfile", Stage(root).labels["org.opencontainers.image.version"]),
        ("compose.yaml", re.findall(r"image: echelond:(\S+)", (root / "compose.yaml").read_text())[0]),
        ("helm/echelon/Chart.yaml", re.findall(r'^appVersion: "(.+)"$', chart, re.MULTILINE)[0]),
    ]:
        if said != version:
            raise Fault(f"{where} says {said}, but the workspace's version is {version}")
    # The user of the image is the one that pods run as.
    user = re.findall(r"^user: (\d+)$", (root / "helm/echelon/values.yaml").read_text(), re.MULTILINE)[0]
    if Stage(root).user != f"{user}:{user}":
        raise Fault(f"the image's user is {Stage(root).user}, and the chart's {user}")


def shape(root: Path) -> None:
    stage = Stage(root)
    if "distroless" not in stage.base or not stage.base.endswith(":nonroot"):
        raise Fault(f"it is made of {stage.base}")
    if SHELLS.search(stage.text):
        raise Fault("the last stage runs a program, and there is none to run")
    if int(stage.user.split(":")[0]) == 0:
        raise Fault("it runs as root")
    if stage.one("VOLUME") != stage.workdir:
        raise Fault("files relative to the working directory are not on the volume")
    if stage.one("EXPOSE").split() != ["7400", "7401"]:
        raise Fault("it exposes other ports than 7400 and 7401")
    if stage.labels["org.opencontainers.image.licenses"] != workspace(root, "license"):
        raise Fault("its licence is not the workspace's")
    # The Debian of the builder and of the runtime have the same C library.
    debian = {"bookworm": "12", "trixie": "13"}
    builder = re.findall(r"^FROM rust:\S+-slim-(\w+) AS build$", (root / "Dockerfile").read_text(), re.MULTILINE)
    if not builder or f"-debian{debian[builder[0]]}:" not in stage.base:
        raise Fault(f"the builder is Debian {builder}, and the image {stage.base}")


def context(root: Path, folder: Path) -> None:
    """What .dockerignore lets through is enough: cargo finds every crate, and every file that is compiled in."""
    target = folder / "context"
    ignored = [line.strip() for line in (root / ".dockerignore").read_text().splitlines()]
    at_root = [line[1:] for line in ignored if line.startswith("/")]
    listed = output("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        if not name or not (root / name).is_file() or any(name == path or name.startswith(f"{path}/") for path in at_root):
            continue
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, copy)
    metadata = json.loads(output("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1", cwd=target))
    if not any(package["name"] == "echelon-server" for package in metadata["packages"]):
        raise Fault("echelon-server is not in it")
    for name in ["Cargo.lock", "LICENSE", "crates/server/config.default.toml", "proto/echelon/v1/blocker.proto"]:
        if not (target / name).exists():
            raise Fault(f"{name} is not in it")


def entry(root: Path, server: Path, folder: Path) -> None:
    """What the image says, with other ports and another folder, without the rights of whoever runs this."""
    stage = Stage(root)
    if Path(stage.entrypoint[0]).name != server.name:
        raise Fault(f"the entry is {stage.entrypoint}")
    place = folder / "image"
    work = place / "work"
    work.mkdir(parents=True)
    program = shutil.copy(server, place)
    command = [program, *stage.entrypoint[1:]]
    if os.geteuid() == 0:
        user, group = stage.user.split(":")
        os.chown(work, int(user), int(group))
        for parent in [folder, place]:
            parent.chmod(0o755)
        command = ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", "--bounding-set=-all", *command]
    ports = {"7400": free_port(), "7401": free_port()}
    environment = {}
    for name, value in stage.environment.items():
        for port, free in ports.items():
            value = value.replace(f"0.0.0.0:{port}", f"127.0.0.1:{free}")
        environment[name] = value.replace(stage.workdir, str(work))
    log = place / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def is_ready() -> bool:
        if process.poll() is not None:
            raise Fault(f"it ends with {process.returncode} at its start:\n{log.read_text()}")
        return status(f"http://127.0.0.1:{ports['7401']}/readyz") == 200

    try:
        until("readiness", is_ready)
    finally:
        process.terminate()
        code = process.wait(30)
    if code != 0:
        raise Fault(f"it ends with {code} at SIGTERM:\n{log.read_text()}")
    if not (work / "echelon.db").is_file():
        raise Fault("the database is not in the working directory")
    for line in log.read_text().splitlines():
        json.loads(line)
