"""The systemd unit, looked at by systemd's own tools."""

from pathlib import Path

from faults import Fault
from run import output

UNIT = "deploy/echelond.service"
# In tenths of systemd's measure, which ends at 100: 20 and less it calls OK.
EXPOSURE = 15


def verify(root: Path, server: Path, folder: Path) -> None:
    """It is valid, with the program where this machine has it."""
    text = (root / UNIT).read_text()
    copy = folder / "echelond.service"
    copy.write_text(text.replace("ExecStart=/usr/local/bin/echelond", f"ExecStart={server}"))
    said = output("systemd-analyze", "verify", "--man=no", copy)
    if "echelond.service" in said:
        raise Fault(said.strip())


def exposure(root: Path) -> None:
    output("systemd-analyze", "--no-pager", "security", "--offline=true", f"--threshold={EXPOSURE}", root / UNIT)


def settings(root: Path, server: Path) -> None:
    """The file of defaults, which is installed as the settings, is one, and relative names in it lead into the state folder."""
    printed = output(server, "--config", root / "crates/server/config.default.toml", "config", env={})
    if 'database = "sqlite://echelon.db"' not in printed.splitlines():
        raise Fault(f"the database is not relative to the working directory:\n{printed}")
    lines = (root / UNIT).read_text().splitlines()
    state = ["DynamicUser=yes", "StateDirectory=echelon", "WorkingDirectory=%S/echelon"]
    for line in [*state, "Environment=ECHELON_CONFIG=%d/echelond.toml"]:
        if line not in lines:
            raise Fault(f"it lacks {line}")
