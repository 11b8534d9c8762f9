"""What a robot is on ROS 2 topics, over Cyclone DDS's own Python package and loopback alone. For script/robot-soak, script/robot-baselines and tests."""
import time
from dataclasses import dataclass

import cyclonedds.idl.annotations as annotate
import cyclonedds.idl.types as types
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

LOOPBACK = """<Domain id="any"><General><AllowMulticast>false</AllowMulticast>
<Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces></General>
<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>32</MaxAutoParticipantIndex>
<Peers><Peer address="127.0.0.1"/></Peers></Discovery></Domain>"""
SENSOR = Qos(Policy.Reliability.BestEffort, Policy.History.KeepLast(5))
DEFAULT = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.History.KeepLast(10))
COMMANDS = Qos(Policy.Reliability.Reliable(duration(seconds=1)), Policy.History.KeepLast(500))


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
class LaserScan(IdlStruct, typename="sensor_msgs::msg::dds_::LaserScan_"):
    header: Header
    angle_min: types.float32
    angle_max: types.float32
    angle_increment: types.float32
    time_increment: types.float32
    scan_time: types.float32
    range_min: types.float32
    range_max: types.float32
    ranges: types.sequence[types.float32]
    intensities: types.sequence[types.float32]


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


@dataclass
@annotate.final
class String(IdlStruct, typename="std_msgs::msg::dds_::String_"):
    data: str


def header():
    now = time.time_ns()
    return Header(Time(now // 10**9, now % 10**9), "camera")


def picture(number, width, height):
    """Unlike that of any other number."""
    row = bytes(((number >> (i % 8)) + 5 * i) % 256 for i in range(3 * width))
    return Image(header(), height, width, "rgb8", 0, 3 * width, list(row * height))


class Node:
    """One participant of a domain; the names are ROS's."""

    def __init__(self, domain):
        self.domain = Domain(domain, LOOPBACK)
        self.participant = DomainParticipant(domain)

    def topic(self, name, kind):
        return Topic(self.participant, "rt" + name, kind)

    def publisher(self, name, kind, qos=DEFAULT):
        return DataWriter(self.participant, self.topic(name, kind), qos=qos)

    def subscription(self, name, kind, qos=COMMANDS):
        return DataReader(self.participant, self.topic(name, kind), qos=qos)


class World:
    """A camera and a range sensor at 20 Hz, an operator who says nothing, and a base that takes commands."""

    PERIOD_S = 0.05

    def __init__(self, domain, width=64, height=48):
        self.node = Node(domain)
        self.size = width, height
        self.camera = self.node.publisher("/camera/image_raw", Image, SENSOR)
        self.range = self.node.publisher("/scan", LaserScan, SENSOR)
        self.operator = self.node.publisher("/vlaq/operator", String)
        self.base = self.node.subscription("/cmd_vel", Twist)
        self.pictures, self.next = 0, time.monotonic()
        self.last, self.longest_pause_ms = self.next, 0.0

    def turn(self):
        """Sends what is due and gives the commands that came: [(when it was sent in ns, whether it moves)]. To be called every few ms."""
        now = time.monotonic()
        self.longest_pause_ms, self.last = max(self.longest_pause_ms, 1000 * (now - self.last)), now
        if now >= self.next:
            self.next = max(self.next + self.PERIOD_S, now)  # one that is late is left out, as a camera does
            self.pictures += 1
            self.camera.write(picture(self.pictures, *self.size))
            self.range.write(LaserScan(header(), 0, 0, 0, 0, 0, 0.05, 10, [3, 2, 3], []))
        return [(twist.sample_info.source_timestamp, moves(twist)) for twist in self.base.take(500) if isinstance(twist, Twist)]


def moves(twist):
    return any((twist.linear.x, twist.linear.y, twist.linear.z, twist.angular.x, twist.angular.y, twist.angular.z))
