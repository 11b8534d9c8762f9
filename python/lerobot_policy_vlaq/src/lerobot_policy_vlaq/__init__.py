"""A LeRobot policy whose actions come from a vlaq server. LeRobot imports this package to have its configuration registered;
without LeRobot, the client alone is of use."""
import importlib.util

if importlib.util.find_spec("lerobot") is not None:
    from .configuration_vlaq import VlaqConfig  # noqa: F401  (importing it registers it)
