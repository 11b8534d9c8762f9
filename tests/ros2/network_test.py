"""A camera and a base in Python over Cyclone DDS's own package, and our node between them: network_test.py PEER HAVE_DDS"""
import os
import pathlib
import subprocess
import sys
import time

PEER, HAVE_DDS = sys.argv[1], sys.argv[2]
if HAVE_DDS != "1":
    print("skipped: this build has no Cyclone DDS (Debian: cyclonedds-dev)")
    sys.exit(77)
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "script/lib"))
try:
    from robot_dds import DEFAULT, SENSOR, Header, Image, Node, Time, Twist
except ImportError as error:
    print(f"skipped: {error}; script/setup --test installs it")
    sys.exit(77)

DOMAIN = 10 + os.getpid() % 90


def image(width, height, pixel):
    step = 3 * width + 5  # rows with padding
    row = bytes(pixel) * width + bytes(5)
    return Image(Header(Time(1, 2), "cam"), height, width, "bgr8", 0, step, list(row * height))


def answer(picture, wanted):
    """Shows the picture, as a camera does, until a command like `wanted` comes back."""
    for _ in range(100):
        camera.write(picture)
        time.sleep(0.05)
        for twist in base.take(10):
            if [twist.linear.x, twist.linear.y, twist.linear.z] == wanted[:3]:
                return [*wanted[:3], twist.angular.x, twist.angular.y, twist.angular.z]
    return None


node = Node(DOMAIN)
camera = node.publisher("/camera/image_raw", Image, SENSOR)
base = node.subscription("/cmd_vel", Twist, DEFAULT)
peer = subprocess.Popen([PEER, "drive", str(DOMAIN)], stdout=subprocess.PIPE, text=True)
failed = False
try:
    for width, height in ((4, 3), (320, 240)):  # one fragment, and many
        wanted = [width, height, 3.0, 30.0, 20.0, 10.0]
        got = answer(image(width, height, (10, 20, 30)), wanted)
        print(f"{width} x {height}: {got}")
        failed = failed or got != wanted
    while peer.poll() is None:
        camera.write(image(1, 1, (0, 0, 0)))
        time.sleep(0.05)
finally:
    peer.kill()
events = peer.stdout.read()
print(events, end="")
failed = failed or "/camera/image_raw: 1 publisher now" not in events or peer.returncode != 0
sys.exit(1 if failed else 0)
