"""Runs the Python client's tests against a real `echelond`; `cargo xtask test` calls it once for each database.

It does what a platform team does in its first hour: generate a client from `proto/` with standard tools, start the
server, call it. The calls themselves are in test_cascade.py.
"""

import argparse
import sys
import tempfile
import time
import unittest
from pathlib import Path

from grpc_tools import protoc

from echelond import Echelond


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", type=Path, required=True, help="the echelond binary")
    parser.add_argument("--proto", type=Path, required=True, help="the folder of the protos")
    parser.add_argument("--postgres", help="URL of an empty database; without it, SQLite in a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echelon-python-") as folder:
        client = Path(folder, "client")
        generate(arguments.proto, client)
        sys.path.insert(0, str(client))
        import test_cascade

        database = arguments.postgres or f"sqlite://{folder}/echelon.db"
        with Echelond(arguments.server, database, Path(folder)) as server:
            test_cascade.SERVER = server
            suite = unittest.defaultTestLoader.loadTestsFromModule(test_cascade)
            result = Result("postgres" if arguments.postgres else "sqlite")
            suite.run(result)
            result.close()
            if not result.wasSuccessful():
                print(server.log(), file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


def generate(proto: Path, client: Path) -> None:
    """Generates the client, as the documentation tells platform teams to."""
    client.mkdir()
    files = sorted(str(file) for file in proto.glob("echelon/v1/*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    command = ["protoc", f"-I{proto}", f"-I{well_known}", f"--python_out={client}", f"--grpc_python_out={client}"]
    if protoc.main(command + files) != 0:
        raise SystemExit("cannot generate the client")


class Result(unittest.TestResult):
    """Prints results as cargo's runner does, so that they can be counted together."""

    def __init__(self, database: str):
        super().__init__()
        self.database = database
        self.passed = 0
        self.began = time.monotonic()

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1
        self.say(test, "ok")

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self.say(test, "FAILED")

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self.say(test, "FAILED")

    def say(self, test: unittest.TestCase, outcome: str) -> None:
        name = test.id().rsplit(".", 1)[-1].removeprefix("test_")
        print(f"test python::{self.database}::{name} ... {outcome}")

    def close(self) -> None:
        faults = self.failures + self.errors
        for test, trace in faults:
            print(f"\n---- {test.id()} ({self.database}) ----\n{trace}")
        outcome = "ok" if self.wasSuccessful() else "FAILED"
        seconds = time.monotonic() - self.began
        print(
            f"\ntest result: {outcome}. {self.passed} passed; {len(faults)} failed; {len(self.skipped)} ignored; "
            f"0 measured; 0 filtered out; finished in {seconds:.2f}s\n"
        )


if __name__ == "__main__":
    sys.exit(main())
