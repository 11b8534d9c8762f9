"""The settings of the policy `vlaq`. LeRobot finds the rest by this file's name: modeling_vlaq.VlaqPolicy and
processor_vlaq.make_vlaq_pre_post_processors."""
from dataclasses import dataclass, field

from lerobot.configs.policies import PreTrainedConfig

API_KEY_VARIABLE = "VLAQ_API_KEY"


@PreTrainedConfig.register_subclass("vlaq")
@dataclass
class VlaqConfig(PreTrainedConfig):
    # Where a server listens ("ws://HOST:PORT", "wss://..."), or a bundle on this machine, for which one is started.
    server_url: str = "ws://127.0.0.1:8000"
    bundle: str = ""
    program: str = "vlaq"  # what starts a server for `bundle`

    # The server's key is in this file, or in the variable VLAQ_API_KEY; never in config.json, which people publish.
    api_key_file: str = ""

    # The instruction where LeRobot gives none.
    task: str = ""
    # LeRobot's names -> the server's, "" for what the server does not take: {"observation.images.front": "observation/image"}.
    keys: dict[str, str] = field(default_factory=dict)
    # Actions of a chunk to play before the server is asked again; 0: as many as it gives.
    n_action_steps: int = 0
    timeout_s: float = 30.0

    device: str | None = "cpu"  # nothing is computed here
    push_to_hub: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.n_action_steps < 0:
            raise ValueError("n_action_steps is negative")
        if not self.bundle and not self.server_url.startswith(("ws://", "wss://")):
            raise ValueError(f"server_url is '{self.server_url}'; it begins with ws:// or wss://")

    def validate_features(self):
        """The server knows what it takes, and says what is wrong with an observation."""

    def get_optimizer_preset(self):
        raise NotImplementedError("a vlaq policy has no weights here to train")

    def get_scheduler_preset(self):
        return None

    @property
    def observation_delta_indices(self):
        return None

    @property
    def action_delta_indices(self):
        return None

    @property
    def reward_delta_indices(self):
        return None
