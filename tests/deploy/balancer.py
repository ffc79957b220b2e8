"""The load balancer's configuration, and what it does before three servers."""

import re
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import grpc

from echelond import Echelond, free_port
from faults import Fault
from run import output, status, until

CALLS = 30
METHOD = "ListOrganizations"
COUNT = re.compile(rf'^echelon_rpc_requests_total\{{[^}}]*method="{METHOD}"[^}}]*\}} (\d+)', re.MULTILINE)


def accepted(root: Path, haproxy: Path) -> None:
    said = output(haproxy, "-c", "-f", root / "deploy/haproxy.cfg")
    if "warning" in said.lower() or "deprecated" in said.lower():
        raise Fault(said.strip())


def spreads(root: Path, haproxy: Path, server: Path, folder: Path) -> None:
    """One connection's calls go to all, to the others while one is away, and to it again when it is back."""
    with ExitStack() as stack:
        servers = [replica(server, folder, number) for number in range(3)]
        for each in servers[1:]:
            stack.enter_context(each)
        address, health = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        file = folder / "haproxy.cfg"
        file.write_text(configuration(root, servers, address, health))
        log = stack.enter_context((folder / "haproxy.log").open("wb"))
        process = subprocess.Popen([haproxy, "-f", file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(end, process)
        channel = stack.enter_context(grpc.insecure_channel(address))
        list_organizations = channel.unary_unary(f"/echelon.v1.OrganizationService/{METHOD}")

        def calls(wanted: list[bool]) -> None:
            """Makes calls, and finds them spread over the servers that are there."""
            before = [count(each) if there else 0 for each, there in zip(servers, wanted)]
            for _ in range(CALLS):
                list_organizations(b"", timeout=10)
            served = [count(each) - had if there else 0 for each, had, there in zip(servers, before, wanted)]
            least = CALLS // sum(wanted) // 2
            if sum(served) != CALLS or any(there and number < least for number, there in zip(served, wanted)):
                raise Fault(f"of {CALLS} calls the servers got {served}")

        def serves(each: Echelond) -> bool:
            """Whether a server is sent calls."""
            had = count(each)
            for _ in range(len(servers)):
                list_organizations(b"", timeout=10, wait_for_ready=True)
            return count(each) > had

        def is_ready() -> bool:
            if process.poll() is not None:
                raise Fault(f"haproxy has ended:\n{Path(log.name).read_text()}")
            return status(f"http://{health}/ready") == 200

        try:
            until("the balancer's readiness", is_ready)
            for each in servers[1:]:
                until("a share for each server", lambda: serves(each))
            with servers[0]:
                until("a share for the server that came", lambda: serves(servers[0]))
                calls([True, True, True])
            # It has ended a moment ago, in an orderly way: no call may be lost.
            calls([False, True, True])
            with servers[0]:
                until("a share for the server that is back", lambda: serves(servers[0]))
                calls([True, True, True])
        except grpc.RpcError as error:
            raise Fault(f"a call failed: {error}") from error


def replica(server: Path, folder: Path, number: int) -> Echelond:
    """A server with a database of its own: what is balanced does not depend on what is behind."""
    own = folder / f"replica-{number}"
    own.mkdir()
    return Echelond(server, f"sqlite://{own}/echelon.db", own)


def configuration(root: Path, servers: list[Echelond], address: str, health: str) -> str:
    """The configuration with these servers in place of those that Compose names."""
    text = (root / "deploy/haproxy.cfg").read_text()
    named = [
        f"  server replica{number} {each.address} check port {each.http_address.split(':')[1]}" for number, each in enumerate(servers)
    ]
    for old, new in [
        (r"^  server-template .*$", "\n".join(named)),
        (r"^  bind :7400 ", f"  bind {address} "),
        (r"^  bind :7402$", f"  bind {health}"),
    ]:
        text, times = re.subn(old, new, text, flags=re.MULTILINE)
        if times != 1:
            raise Fault(f"{old} is there {times} times")
    return text


def count(server: Echelond) -> int:
    """How many calls a server has answered."""
    with urllib.request.urlopen(f"http://{server.http_address}/metrics", timeout=10) as answer:
        return sum(int(found) for found in COUNT.findall(answer.read().decode()))


def end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait(30)
