"""Measures the Python original's operations on a container, one at a time, as requested on stdin.

A line of stdin is an operation, a line of stdout the nanoseconds that it took, or the error. The program that measures
the other side runs the two in turn, so that both meet the same engine in the same state.
"""

import importlib.metadata
import json
import sys
import time

import docker
from pydantic_ai_backends import DockerSandbox

FILE = "/workspace/bench/peer.txt"
TEXT = "a line of some thirty characters\n" * 31


class Peer:
    def __init__(self) -> None:
        self.client = docker.from_env()
        self.image = ""
        self.sandbox = DockerSandbox()
        self.started = None

    def attach(self, name: str, image: str) -> None:
        """Uses an existing container, as if this one had made it."""
        self.image = image
        self.sandbox._container = self.client.containers.get(name)

    def execute(self) -> None:
        assert self.sandbox.execute("true").exit_code == 0

    def write(self) -> None:
        assert self.sandbox.write(FILE, TEXT).error is None

    def read(self) -> None:
        assert self.sandbox.read(FILE).startswith("a line of")

    def stat(self) -> None:
        """The original has no such operation; this is the cheapest that its client offers."""
        stream, stat = self.sandbox._container.get_archive(FILE)
        stream.close()
        assert stat["size"] >= len(TEXT)

    def ls(self) -> None:
        """What the original has instead."""
        assert self.sandbox.ls_info("/workspace/bench")

    def start(self) -> None:
        self.started = DockerSandbox(image=self.image)
        self.started._ensure_container()

    def end(self) -> None:
        if self.started is not None and self.started._container is not None:
            self.started._container.remove(force=True, v=True)
        self.started = None


def versions() -> dict[str, str]:
    names = ["pydantic-ai-backend", "docker"]
    return {name: importlib.metadata.version(name) for name in names} | {"python": sys.version.split()[0]}


def main() -> None:
    peer = Peer()
    print(json.dumps({"versions": versions()}), flush=True)
    for line in sys.stdin:
        operation, *arguments = line.split()
        try:
            started = time.perf_counter_ns()
            getattr(peer, operation)(*arguments)
            answer = {"ns": time.perf_counter_ns() - started}
        except Exception as error:
            answer = {"error": f"{operation}: {type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    peer.end()


if __name__ == "__main__":
    main()
