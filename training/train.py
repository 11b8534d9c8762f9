"""Trains a Mobile VLA policy by behavior cloning: single frames with auxiliary labels first, then windows end to end.

    python -m training.train EPISODES... -o OUT
"""
import dataclasses
import functools
import json
import math
import os
import pathlib
import sys
import time

# Threads that wait must not spin: on two cores they would take the time of those that work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402

from . import episodes as data  # noqa: E402
from . import losses, options, saving, tokenizer as tokens  # noqa: E402
from .batches import LossSettings, Sampler  # noqa: E402
from .labels import mirrored_text  # noqa: E402
from .pixels import Normalizer  # noqa: E402
from .policy import AuxiliaryHeads, ModelSettings, Prompts, make_policy  # noqa: E402
from .validation import Validation, episode_features  # noqa: E402

STATE = "training_state.pt"
BETAS = (0.9, 0.98)
CHECKED_EPISODES = 40  # for the labels' errors in the log


class Log:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)

    def __call__(self, text):
        line = f"{time.strftime('%H:%M:%S')} {text}"
        print(line, flush=True)
        self.file.write(line + "\n")


def make_optimizer(policy, heads, weight_decay):
    """Matrices decay, vectors do not; the heads are the last group, so that they can be left out of the checkpoint."""
    parameters = list(policy.parameters())
    return torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": weight_decay},
         {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
         {"params": list(heads.parameters()), "weight_decay": 0.0}], betas=BETAS)


def frame_rate(progress):
    return 0.3 + 0.7 * (1 - progress)


def window_rate(progress):
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress))


def model_settings(a):
    names = {f.name for f in dataclasses.fields(ModelSettings)}
    return ModelSettings(**{k: v for k, v in vars(a).items() if k in names})


class Trainer:
    def __init__(self, a, log):
        self.a, self.log, self.out = a, log, pathlib.Path(a.output)
        cache = a.cache or self.out / "cache"
        load = functools.partial(data.load, size=a.image_size, scale=a.action_scale, cache=cache, workers=a.threads,
                                 log=log)
        self.normalizer = Normalizer(a.normalise)
        loss = LossSettings(a.loss_start, a.loss_longest)
        training = load(a.episodes)
        if a.validation:
            held_out = [(pathlib.Path(folder).name, load([folder])) for folder in a.validation]
        else:
            training, rest = data.split(training, a.validation_fraction, a.seed)
            held_out = [("held out", rest)]
        if not training.episodes or not all(s.episodes for _, s in held_out):
            raise data.EpisodeError("too few episodes: nothing is left for training or for validation")
        known = {e.name for e in training.episodes}
        for name, held in held_out:
            both = sorted(known & {e.name for e in held.episodes})
            if both:
                raise data.EpisodeError(f"{name}: {len(both)} episodes are also used for training, as {both[0]}")
        self.checked = data.EpisodeSet(held_out[0][1].episodes[:CHECKED_EPISODES], training.labels)
        self.validations = [Validation(name, s, a.window, a.seed, not a.validation, loss) for name, s in held_out]
        self.training, self.held_out = training, held_out
        self.sampler = Sampler(training, a.seed, a.window, loss, not a.no_mirror)
        log(f"{len(training.episodes)} episodes of {training.frames} frames; held out: "
            + ", ".join(f"{name} {len(s.episodes)} of {s.frames}" for name, s in held_out))
        self._make_policy()
        labels = training.labels
        self.frame_weights = torch.from_numpy(labels.frame_weights)
        self.memory_weights = torch.from_numpy(labels.memory_weights)
        self.phase, self.step, self.seconds, self.seen, self.best = 1, 0, 0.0, 0, None
        self.optimizer = make_optimizer(self.policy, self.heads, a.weight_decay)

    def _make_policy(self):
        a = self.a
        torch.manual_seed(a.seed)
        if a.init:
            self.policy, self.tokenizer, spec, _ = saving.load_policy(a.init)
            asked = {"window": a.window, "action_scale": a.action_scale,
                     "preprocess": {**spec["preprocess"], "normalise": a.normalise}}
            wrong = [k for k, v in asked.items() if spec[k] != v]
            if wrong:
                raise data.EpisodeError(f"{a.init} was trained with another {', '.join(wrong)}")
        else:
            text = {e.instruction for e in self.training.episodes}
            text |= {mirrored_text(t) for t in text}
            self.tokenizer = tokens.Tokenizer(tokens.train(text))
            self.policy = make_policy(model_settings(a), self.tokenizer.size)
        config = self.policy.kosmos_model.config
        self.heads = AuxiliaryHeads(config.text_config.embed_dim, self.policy.rnn.hidden_size,
                                    len(self.training.labels.names))
        if a.init:
            self.heads.load_state_dict(torch.load(pathlib.Path(a.init) / saving.HEADS, weights_only=True))
        self.image_tokens = config.latent_query_num
        self.prompt_of = functools.lru_cache(None)(lambda text: self.tokenizer.prompt(text, self.image_tokens))
        self.policy.train()
        count = sum(p.numel() for p in self.policy.parameters())
        self.log(f"{count} parameters, {self.tokenizer.pieces} pieces, vocabulary {self.tokenizer.size}")

    # One batch.

    def _features(self, batch, source=None):
        prompts = Prompts.stack([self.prompt_of(t) for t in batch.texts], self.image_tokens)
        return self.policy.features(torch.from_numpy(self.normalizer(batch.frames)), prompts, source)

    def _frame_loss(self):
        batch = self.sampler.frames(self.step, self.a.frame_batch)
        self.seen += len(batch.labels)
        predicted = self.heads.frame(self._features(batch))
        loss = losses.label_loss(predicted, torch.from_numpy(batch.labels), self.frame_weights)
        return loss, {"labels": loss.item()}

    def _window_loss(self):
        a, batch = self.a, self.sampler.windows(self.step, self.a.window_batch)
        self.seen += int(batch.valid.sum())
        features = self._features(batch, torch.from_numpy(batch.source))[torch.from_numpy(batch.feature)]
        actions, labels, valid, visible = map(torch.from_numpy, (batch.actions, batch.labels, batch.valid,
                                                                 batch.visible))
        memory = self.policy.remember(features)
        predicted = self.policy.actions(memory)
        of_action = losses.action_loss(predicted, actions, valid)
        of_frames = losses.label_loss(self.heads.frame(features), labels, self.frame_weights, visible)
        of_memory = losses.label_loss(self.heads.memory(memory), labels, self.memory_weights, valid)
        loss = a.action_weight * of_action + a.frame_weight * of_frames + a.memory_weight * of_memory
        return loss, {"mae": losses.action_error(predicted, actions, valid).item(), "labels": of_frames.item(),
                      "memory": of_memory.item()}

    # The loop.

    def run(self):
        phases = ((1, self.a.frame_steps, self.a.frame_rate, frame_rate, self._frame_loss),
                  (2, self.a.window_steps, self.a.window_rate, window_rate, self._window_loss))
        for phase, steps, rate, schedule, loss in phases:
            if phase < self.phase:
                continue
            if phase > self.phase:
                self.phase, self.step = phase, 0
                self.optimizer = make_optimizer(self.policy, self.heads, self.a.weight_decay)
            self._run_phase(steps, rate, schedule, loss)
        self._finish()

    def _run_phase(self, steps, rate, schedule, loss_of):
        a, sums, since = self.a, {}, time.monotonic()
        seen, logged = self.seen, self.step
        while self.step < steps:
            warm = min(1, (self.step + 1) / max(a.warm_up, 1))
            for group in self.optimizer.param_groups:
                group["lr"] = rate * warm * schedule(self.step / steps)
            loss, values = loss_of()
            self.optimizer.zero_grad()
            loss.backward()
            values["gradient"] = torch.nn.utils.clip_grad_norm_(
                [p for g in self.optimizer.param_groups for p in g["params"]], a.clip).item()
            if not math.isfinite(values["gradient"]):
                raise FloatingPointError(f"phase {self.phase}, step {self.step}: the gradient is not finite")
            self.optimizer.step()
            self.step += 1
            for k, v in values.items():
                sums[k] = sums.get(k, 0.0) + v
            last = self.step == steps
            if self.step % a.log_every == 0 or last:
                spent = time.monotonic() - since
                means = "  ".join(f"{k} {v / (self.step - logged):.4f}" for k, v in sums.items())
                self.log(f"phase {self.phase}  step {self.step}/{steps}  {(self.seen - seen) / spent:.0f} frames/s  "
                         + means)
                self.seconds += spent
                sums, since, seen, logged = {}, time.monotonic(), self.seen, self.step
            if self.step % a.validate_every == 0 or last:
                self._validate()
                self.seconds += time.monotonic() - since
                since = time.monotonic()
            if self.step % a.save_every == 0 or last:
                self._save_state()

    @torch.no_grad()
    def _label_errors(self):
        total, count = 0, 0
        for episode in self.checked.episodes:
            features = episode_features(self.policy, self.normalizer, self.prompt_of(episode.instruction),
                                        episode.frames)[torch.from_numpy(~episode.lost)]
            labels = torch.from_numpy(episode.labels[~episode.lost])
            total = total + (self.heads.frame(features) - labels).abs().sum(0)
            count += len(labels)
        errors = (total / count).tolist()
        return "  ".join(f"{n} {e:.3f}" for n, e, w in zip(self.training.labels.names, errors,
                                                           self.training.labels.frame_weights) if w > 0)

    def _validate(self):
        self.log(f"held-out label errors  {self._label_errors()}")
        if self.phase == 1:
            return
        found = {v.name: v(self.policy, self.normalizer, self.prompt_of) for v in self.validations}
        for name, result in found.items():
            self.log(f"{name}: " + "  ".join(f"{k} {v:.4f}" for k, v in result.items()))
        mae = next(iter(found.values()))["mae"]
        if self.best is None or mae < self.best["val_mae"]:
            copy = {k: v.detach().clone() for k, v in self.policy.state_dict().items()}
            self.best = {"val_mae": mae, "epoch": self.step * self.a.window_batch * self.a.window // max(
                self.training.frames, 1), "step": self.step, "model": copy,
                "heads": {k: v.clone() for k, v in self.heads.state_dict().items()},
                "optimizer": clone(saving.policy_optimizer_state(self.optimizer))}
            self._save_best()

    # Files.

    def _save_best(self):
        a, best = self.a, self.best
        saving.save_checkpoint(self.out / saving.CHECKPOINT, best["model"], best["optimizer"], best["epoch"],
                               best["val_mae"], {**vars(a), "step": best["step"]})
        torch.save(best["heads"], self.out / saving.HEADS)
        (self.out / saving.TOKENIZER).write_bytes(self.tokenizer.model)
        self.policy.kosmos_model.config.to_json_file(self.out / "config.json", use_diff=False)
        saving.write_json(self.out / "policy.json", saving.policy_json(
            self.policy, self.tokenizer, self.training.episodes[0].instruction, a.normalise, a.window, a.action_scale,
            a.control_period))

    def _save_state(self):
        state = {"options": json.dumps(vars(self.a), sort_keys=True), "policy": self.policy.state_dict(),
                 "heads": self.heads.state_dict(), "optimizer": self.optimizer.state_dict(), "phase": self.phase,
                 "step": self.step, "seconds": self.seconds, "seen": self.seen, "best": self.best}
        torch.save(state, self.out / (STATE + ".part"))
        os.replace(self.out / (STATE + ".part"), self.out / STATE)

    def restore(self):
        state = torch.load(self.out / STATE, weights_only=True)
        then, now = json.loads(state["options"]), json.loads(json.dumps(vars(self.a)))
        differ = [k for k in now if then.get(k) != now[k] and k not in ("resume", "threads", "cache")]
        if differ:
            raise data.EpisodeError(f"--resume: the stopped run had other {', '.join(differ)}")
        self.policy.load_state_dict(state["policy"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.phase, self.step, self.best = state["phase"], state["step"], state["best"]
        self.seconds, self.seen = state["seconds"], state["seen"]
        self.log(f"goes on at phase {self.phase}, step {self.step}")

    def _finish(self):
        self.policy.load_state_dict(self.best["model"])
        results = {v.name: v(self.policy, self.normalizer, self.prompt_of, (1, 2, 4)) for v in self.validations}
        metrics = {"best_step": self.best["step"], "validation": results, "frames_seen": self.seen,
                   "seconds": round(self.seconds), "parameters": sum(p.numel() for p in self.policy.parameters()),
                   "episodes": len(self.training.episodes), "training_frames": self.training.frames}
        saving.write_json(self.out / "metrics.json", metrics)
        saving.write_json(self.out / "held_out.json",
                          {name: [e.name for e in held.episodes] for name, held in self.held_out})
        self.log(f"done: {json.dumps(metrics)}")


def clone(value):
    """A deep copy of nested dicts and lists of tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {k: clone(v) for k, v in value.items()}
    return [clone(v) for v in value] if isinstance(value, list) else value


def main(arguments=None):
    a = options.parse(arguments)
    torch.set_num_threads(a.threads)
    out = pathlib.Path(a.output)
    out.mkdir(parents=True, exist_ok=True)
    if (out / STATE).exists() != a.resume:
        print(f"{out}: " + ("there is no stopped run to resume" if a.resume else
                            "holds a run: give --resume to go on with it, or another folder"), file=sys.stderr)
        return 2
    log = Log(out / "training.log")
    try:
        trainer = Trainer(a, log)
        if a.resume:
            trainer.restore()
        trainer.run()
    except (data.EpisodeError, ValueError, FloatingPointError) as error:
        log(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
