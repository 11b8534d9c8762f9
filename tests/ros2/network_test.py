"""A camera and a base in Python over Cyclone DDS's own package, and our node between them: network_test.py PEER HAVE_DDS"""
import os
import subprocess
import sys
import time
from dataclasses import dataclass

PEER, HAVE_DDS = sys.argv[1], sys.argv[2]
if HAVE_DDS != "1":
    print("skipped: this build has no Cyclone DDS (Debian: cyclonedds-dev)")
    sys.exit(77)
try:
    import cyclonedds.idl.annotations as annotate
    import cyclonedds.idl.types as types
    from cyclonedds.core import Policy, Qos
    from cyclonedds.domain import Domain, DomainParticipant
    from cyclonedds.idl import IdlStruct
    from cyclonedds.pub import DataWriter
    from cyclonedds.sub import DataReader
    from cyclonedds.topic import Topic
    from cyclonedds.util import duration
except ImportError as error:
    print(f"skipped: {error}; script/setup --test installs it")
    sys.exit(77)


# As ROS's own generator names them: module pkg::msg::dds_, struct Type_.
@dataclass
@annotate.final
class Time(IdlStruct, typename="builtin_interfaces::msg::dds_::Time_"):
    sec: types.int32
    nanosec: types.uint32


@dataclass
@annotate.final
class Header(IdlStruct, typename="std_msgs::msg::dds_::Header_"):
    stamp: Time
    frame_id: str


@dataclass
@annotate.final
class Image(IdlStruct, typename="sensor_msgs::msg::dds_::Image_"):
    header: Header
    height: types.uint32
    width: types.uint32
    encoding: str
    is_bigendian: types.uint8
    step: types.uint32
    data: types.sequence[types.uint8]


@dataclass
@annotate.final
class Vector3(IdlStruct, typename="geometry_msgs::msg::dds_::Vector3_"):
    x: types.float64
    y: types.float64
    z: types.float64


@dataclass
@annotate.final
class Twist(IdlStruct, typename="geometry_msgs::msg::dds_::Twist_"):
    linear: Vector3
    angular: Vector3


DOMAIN = 10 + os.getpid() % 90
LOOPBACK = """<Domain id="any"><General><AllowMulticast>false</AllowMulticast>
<Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces></General>
<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>
<Peers><Peer address="127.0.0.1"/></Peers></Discovery></Domain>"""
BEST_EFFORT = Qos(Policy.Reliability.BestEffort, Policy.History.KeepLast(5))
RELIABLE = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.History.KeepLast(10))


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


domain = Domain(DOMAIN, LOOPBACK)
participant = DomainParticipant(DOMAIN)
camera = DataWriter(participant, Topic(participant, "rt/camera/image_raw", Image), qos=BEST_EFFORT)
base = DataReader(participant, Topic(participant, "rt/cmd_vel", Twist), qos=RELIABLE)
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
