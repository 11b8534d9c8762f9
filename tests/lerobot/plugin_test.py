"""The tests of python/lerobot_policy_vlaq, from its sources, with what this Python has; those that need LeRobot say so and are skipped.

    plugin_test.py PACKAGE
"""
import pathlib
import sys

try:
    import msgpack  # noqa: F401
    import pytest
    import websockets  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}: script/setup --test installs it")
    sys.exit(77)

package = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path[:0] = [str(package / "src"), str(package / "tests")]
sys.exit(pytest.main(["-q", "-rs", "-p", "no:cacheprovider", str(package / "tests")]))
