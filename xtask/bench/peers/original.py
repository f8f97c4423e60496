"""Runs the Python original's operations on files, one at a time, as requested on stdin.

A line of stdin is a request in JSON, a line of stdout its answer with the nanoseconds that one of its `times` took. The
program that measures the other side runs the two in turn, so that both meet the same machine in the same state.
"""

import importlib.metadata
import json
import sys
import time

from pydantic_ai_backends import FilesystemBackend, StateBackend


class Peer:
    def __init__(self) -> None:
        self.backend = StateBackend()

    def open_state(self, files: dict[str, str]) -> int:
        self.backend = StateBackend()
        for path, text in files.items():
            self.backend.write(path, text)
        return len(self.backend.files)

    def open_files(self, root: str) -> int:
        self.backend = FilesystemBackend(root)
        return 0

    def read(self, path: str) -> str:
        return self.backend.read(path)

    def write(self, path: str, text: str) -> None:
        assert self.backend.write(path, text).error is None

    def edit(self, path: str, old: str, new: str) -> int:
        """Edits back and forth, as the other side does."""
        for one, two in ((old, new), (new, old)):
            result = self.backend.edit(path, one, two)
            assert result.error is None
        return result.occurrences

    def ls(self, path: str) -> list[str]:
        return [entry["path"] for entry in self.backend.ls_info(path)]

    def glob(self, pattern: str, path: str) -> list[str]:
        return [entry["path"] for entry in self.backend.glob_info(pattern, path)]

    def grep(self, pattern: str) -> list[list]:
        return [[match["path"], match["line_number"]] for match in self.backend.grep_raw(pattern)]


def versions() -> dict[str, str]:
    name = "pydantic-ai-backend"
    return {name: importlib.metadata.version(name), "Python": sys.version.split()[0]}


def main() -> None:
    peer = Peer()
    print(json.dumps({"versions": versions()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            operation = getattr(peer, request["operation"])
            started = time.perf_counter_ns()
            for _ in range(request["times"]):
                answer = operation(*request["args"])
            elapsed = time.perf_counter_ns() - started
            reply = {"ns": elapsed / request["times"], "answer": answer}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
