"""Starts and stops a server for tests."""

import socket
import subprocess
from pathlib import Path

import grpc

START_PATIENCE_SECONDS = 60
STOP_PATIENCE_SECONDS = 30


class Echelond:
    """A running `echelond` on free ports of the loopback address; stopped at the end of the `with` block."""

    def __init__(self, binary: Path, database: str, folder: Path):
        self.address = f"127.0.0.1:{free_port()}"
        self.http_address = f"127.0.0.1:{free_port()}"
        self._log = folder / "echelond.log"
        self._command = [
            str(binary),
            *("--database", database),
            *("--listen", self.address),
            *("--http-listen", self.http_address),
        ]

    def __enter__(self) -> "Echelond":
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            with grpc.insecure_channel(self.address) as channel:
                ready = grpc.channel_ready_future(channel)
                self._wait(ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What the server said."""
        return self._log.read_text(errors="replace")

    def _wait(self, ready: grpc.Future) -> None:
        for _ in range(START_PATIENCE_SECONDS * 10):
            try:
                ready.result(timeout=0.1)
                return
            except grpc.FutureTimeoutError:
                if self._process.poll() is not None:
                    raise SystemExit(f"echelond ended at its start:\n{self.log()}") from None
        raise SystemExit(f"echelond does not answer:\n{self.log()}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
