"""What is wrong, and the line that each check prints."""

from typing import Any, Callable


class Fault(Exception):
    """What does not hold, and where."""


class Check:
    """Runs one check, prints that it holds, and counts it."""

    def __init__(self) -> None:
        self.passed = 0

    def __call__(self, name: str, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Fault as fault:
            raise Fault(f"{name}: not so: {fault}") from fault
        self.passed += 1
        print(f"ok  {name}")


check = Check()
