"""The policy `vlaq`: observations go to a server, its chunks are played. It has no weights; a folder with its config.json is all of it."""
import os
from collections import deque
from pathlib import Path

import torch
from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.pretrained import PreTrainedPolicy

from .client import Client
from .configuration_vlaq import API_KEY_VARIABLE, VlaqConfig
from .local_server import LocalServer
from .observation import request
from .processor_vlaq import make_vlaq_pre_post_processors


def _api_key(config):
    return Path(config.api_key_file).read_text().partition("\n")[0].strip() if config.api_key_file else os.environ.get(API_KEY_VARIABLE)


class VlaqPolicy(PreTrainedPolicy):
    config_class = VlaqConfig
    name = "vlaq"

    # LeRobot's factory also hands over statistics and descriptions of data sets, which are of no use without weights.
    def __init__(self, config, **_):
        super().__init__(config)
        self._server = LocalServer(config.program, config.bundle) if config.bundle else None
        self._client = Client(self._server.url if self._server else config.server_url, _api_key(config), config.timeout_s)
        self._queue = deque()
        self._begins = True

    def reset(self):
        """An episode begins: the rest of a chunk is dropped, and the server's memory of the last one with it."""
        self._queue.clear()
        self._begins = True

    def close(self):
        self._client.close()
        if self._server:
            self._server.stop()

    @torch.no_grad()
    def predict_action_chunk(self, batch, **_):
        """float32 [1, chunk, dim], as the server gives it."""
        arrays = {name: value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value for name, value in batch.items()}
        message = request(arrays, self._pictures(arrays), self.config.keys, self.config.task)
        self._client.open()
        if self._begins and "input_keys" in self._client.metadata:
            message["reset"] = True  # vlaq's word; other servers have none, and keep nothing between observations
        answer = self._client.infer(message)
        self._begins = False
        return torch.from_numpy(answer["actions"]).to(torch.float32).unsqueeze(0)

    @torch.no_grad()
    def select_action(self, batch, **_):
        """float32 [1, dim]: the next of the chunk, or the first of a new one."""
        if not self._queue:
            chunk = self.predict_action_chunk(batch)[0]
            self._queue.extend(chunk[: self.config.n_action_steps or len(chunk)])
        return self._queue.popleft().unsqueeze(0).to(self.config.device)

    def forward(self, batch):
        raise NotImplementedError("a vlaq policy cannot be trained: train where its weights are")

    def get_optim_params(self):
        raise NotImplementedError("a vlaq policy has no parameters")

    def _pictures(self, arrays):
        """By the configured features or, where there are none, by name, as LeRobot itself tells pictures."""
        declared = set(self.config.image_features)
        return declared or {name for name in arrays if "image" in name}

    def _save_pretrained(self, save_directory, **_):
        """config.json, and the processors' files, which LeRobot's commands want to find beside it."""
        self.config._save_pretrained(save_directory)
        for processor in make_vlaq_pre_post_processors(self.config):
            processor.save_pretrained(save_directory)

    @classmethod
    def from_pretrained(cls, pretrained_name_or_path, *, config=None, **kwargs):
        if config is None:
            config = PreTrainedConfig.from_pretrained(pretrained_name_or_path, **kwargs)
        policy = cls(config)
        policy.eval()
        return policy
