"""Runs programs that must succeed, and waits for what must come."""

import subprocess
import time
import urllib.error
import urllib.request
from typing import Any, Callable

from faults import Fault

PATIENCE_SECONDS = 30


def output(*command: Any, **options: Any) -> str:
    """What a program prints. A fault if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Fault(f"{command[0]} says: {(done.stdout + done.stderr).strip()}")
    return done.stdout + done.stderr


def until(what: str, holds: Callable[[], bool]) -> None:
    """Asks until it holds. A fault if it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise Fault(f"{what} did not come about in {PATIENCE_SECONDS}s")
        time.sleep(0.05)


def status(url: str) -> int:
    """The status that a URL answers with; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
