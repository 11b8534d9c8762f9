import pathlib
import stat
import sys

import pytest
from lerobot_policy_vlaq.client import Client
from lerobot_policy_vlaq.local_server import LocalServer

# Stands for `vlaq serve BUNDLE --host 127.0.0.1 --port N`.
PROGRAM = """#!{python}
import sys
sys.path[:0] = {path!r}
assert sys.argv[1] == "serve" and sys.argv[3:5] == ["--host", "127.0.0.1"] and sys.argv[5] == "--port"
if sys.argv[2] == "broken":
    sys.exit(3)
from lerobot_policy_vlaq import arrays
from websockets.sync.server import serve
with serve(lambda c: c.send(arrays.encode({{"bundle": sys.argv[2]}})), "127.0.0.1", int(sys.argv[6])) as server:
    server.serve_forever()
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "vlaq"
    path.write_text(PROGRAM.format(python=sys.executable, path=[p for p in sys.path if p]))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_it_runs_while_it_is_needed(program):
    server = LocalServer(str(program), "policy")
    client = Client(server.url)
    client.open()
    assert client.metadata == {"bundle": "policy"}
    client.close()
    process = server._process
    server.stop()
    assert process.poll() is not None
    server.stop()  # once more


def test_one_that_ends_at_once(program):
    with pytest.raises(RuntimeError, match="exit code 3"):
        LocalServer(str(program), pathlib.Path("broken"))
