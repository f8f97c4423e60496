"""Lists and calls every tool of `agent-backends mcp` with the official Python client.

Arguments: the program, and a directory in which it may work. It prints a line for each way to connect that went well, and
fails at the first thing that did not.
"""

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

PROGRAM, PLACE = sys.argv[1], Path(sys.argv[2])

# Far longer than anything here takes: a longer wait is a hang.
DEADLINE = 120

ENDLESS = "setsid sh -c 'trap \"\" TERM INT HUP; echo $$ > pid; exec sleep 600' & wait"

PATCH = """*** Begin Patch
*** Update File: a.txt
 two
-three
+drei
*** End Patch"""

# Calls that work, in an order in which each finds what it needs, with a part of the reply.
STEPS = [
    ("write_file", {"path": "a.txt", "content": "one\ntwo\nthree\n"}, "created /a.txt"),
    ("ls", {}, "a.txt"),
    ("read_file", {"path": "a.txt"}, "\tone"),
    ("read_many", {"paths": ["a.txt"]}, "==> "),
    ("glob", {"pattern": "*.txt"}, "/a.txt"),
    ("grep", {"pattern": "t[wh]"}, "two"),
    ("edit_file", {"path": "a.txt", "old_string": "one", "new_string": "eins"}, "+eins"),
    ("apply_patch", {"patch": PATCH}, "a.txt"),
    ("move", {"from": "a.txt", "to": "b.txt"}, "b.txt"),
    ("execute", {"command": "cat b.txt"}, "eins\ntwo\ndrei\n"),
    ("delete", {"path": "b.txt"}, "b.txt"),
    ("write_file", {"path": "h.txt", "content": "x\ny\n"}, "h.txt"),
]


async def until(condition):
    with anyio.fail_after(DEADLINE):
        while not condition():
            await asyncio.sleep(0.01)


def runs(pid):
    with contextlib.suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


async def every_tool(client):
    """Calls each. The client itself holds what is structured to the schema of the tool."""
    listed = await client.list_tools()
    names = {tool.name for tool in listed.tools}
    called = set()

    async def ok(name, arguments, want=""):
        called.add(name)
        result = await client.call_tool(name, arguments)
        text = result.content[0].text
        assert not result.is_error, (name, text)
        assert want in text, (name, text)
        assert result.structured_content is not None, name
        return result

    for step in STEPS:
        await ok(*step)
    read = await ok("read_file", {"path": "h.txt", "hashes": True})
    line = read.content[0].text.splitlines()[0].split("|")[0].strip()
    edits = [{"op": "replace", "line": line, "text": "z"}]
    await ok("hashline_edit", {"path": "h.txt", "edits": edits}, "+z")
    started = await ok("start_process", {"command": "cat"}, "started")
    process = started.structured_content["process"]
    await ok("list_processes", {}, process)
    await ok("write_process", {"process": process, "text": "hello\n"})
    await ok("read_process", {"process": process, "wait": 60}, "hello")
    await ok("stop_process", {"process": process})
    await ok("delete", {"path": "h.txt"})
    assert called == names, called ^ names
    for tool in listed.tools:
        assert tool.annotations.read_only_hint is not None, tool
        assert tool.output_schema["type"] == "object", tool


async def errors(client):
    for name, arguments, want in [
        ("read_file", {"path": "no"}, "not found"),
        ("read_file", {"path": "../../etc/passwd"}, "'..'"),
        ("read_file", {"file": 1}, "`path`"),
        ("no_such_tool", {}, "unknown tool"),
    ]:
        result = await client.call_tool(name, arguments)
        assert result.is_error, name
        assert want in result.content[0].text, result.content[0].text


async def resources(client):
    await client.call_tool("write_file", {"path": "r.txt", "content": "R\n"})
    listed = await client.list_resources()
    assert "workspace:///r.txt" in {str(found.uri) for found in listed.resources}, listed
    templates = await client.list_resource_templates()
    assert templates.resource_templates[0].uri_template == "workspace:///{+path}"
    read = await client.read_resource("workspace:///r.txt")
    assert read.contents[0].text == "R\n"
    try:
        await client.read_resource("workspace:///no")
    except MCPError as error:
        assert "not found" in str(error), error
    else:
        raise AssertionError("a file that is not there was read")
    await client.call_tool("delete", {"path": "r.txt"})


async def concurrency(client):
    async def echo(number):
        result = await client.call_tool("execute", {"command": f"echo {number}"})
        return result.content[0].text.splitlines()[0]

    answers = await asyncio.gather(*(echo(number) for number in range(20)))
    assert answers == [str(number) for number in range(20)], answers


async def progress_and_cancellation(client):
    told = asyncio.Event()

    async def progress(*_):
        told.set()

    call = asyncio.create_task(
        client.call_tool("execute", {"command": ENDLESS}, progress_callback=progress)
    )
    pid_file = PLACE / "pid"
    await until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
    pid = pid_file.read_text().strip()
    assert runs(pid)
    await asyncio.wait_for(told.wait(), DEADLINE)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    await until(lambda: not runs(pid))
    pid_file.unlink()
    await client.call_tool("ls", {})


async def everything(server, mode, how):
    async with Client(server, mode=mode) as client:
        with anyio.fail_after(DEADLINE):
            await every_tool(client)
            await errors(client)
            await resources(client)
            await concurrency(client)
            await progress_and_cancellation(client)
        print(f"{how}, {client.protocol_version}: every tool was called")


async def over_stdio():
    arguments = ["mcp", "--root", str(PLACE), "--no-isolation"]
    for mode in ["legacy", "auto"]:
        server = StdioServerParameters(command=PROGRAM, args=arguments)
        await everything(server, mode, "standard streams")


async def over_http():
    arguments = ["mcp", "--root", str(PLACE), "--no-isolation", "--http", "0", "--json"]
    child = await asyncio.create_subprocess_exec(
        PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    try:
        told = json.loads(await child.stdout.readline())
        headers = {"Authorization": f"Bearer {told['token']}"}
        for mode in ["legacy", "auto"]:
            async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE) as http:
                transport = streamable_http_client(told["url"], http_client=http)
                await everything(transport, mode, "HTTP")
        async with httpx2.AsyncClient() as http:
            refused = await http.post(told["url"], json={})
            assert refused.status_code == 401, refused
    finally:
        child.terminate()
        assert await child.wait() == 0


async def main():
    await over_stdio()
    await over_http()


asyncio.run(main())
