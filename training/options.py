"""The command line of `python -m training.train`."""
import argparse


def parse(arguments=None):
    p = argparse.ArgumentParser(prog="python -m training.train", formatter_class=argparse.ArgumentDefaultsHelpFormatter,
                                description="Train a small Mobile VLA policy from recorded episodes.")
    p.add_argument("episodes", nargs="+", help="folders of .h5 episodes")
    p.add_argument("-o", "--output", required=True, help="folder for the checkpoint and all beside it")
    p.add_argument("--validation", nargs="*", default=[], metavar="DIR",
                   help="folders of held-out episodes, used as recorded; none: some of the training episodes, with "
                        "frames lost at random; the first one chooses the best checkpoint")
    p.add_argument("--validation-fraction", type=float, default=0.04, help="without --validation")
    p.add_argument("--init", metavar="DIR", help="go on from the policy of a finished training (skips phase 1)")
    p.add_argument("--resume", action="store_true", help="go on with a run that was stopped, with the same options")
    p.add_argument("--cache", help="folder for resized frames (default: OUTPUT/cache)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)

    g = p.add_argument_group("policy")
    for name, value in (("width", 96), ("layers", 2), ("vision-width", 96), ("vision-layers", 3), ("ffn", 256),
                        ("heads", 4), ("image-size", 112), ("image-tokens", 16), ("lstm-hidden", 128),
                        ("lstm-layers", 4)):
        g.add_argument(f"--{name}", type=int, default=value)
    g.add_argument("--mlp", type=int, nargs=3, default=[128, 64, 32], help="widths of the hidden layers")
    g.add_argument("--normalise", choices=["clip", "imagenet", "none"], default="imagenet")
    g.add_argument("--window", type=int, default=8, help="frames that the LSTM sees at most")
    g.add_argument("--action-scale", type=float, default=0.6, help="m/s of a normalized action of 1")
    g.add_argument("--control-period", type=float, default=0.4, help="seconds between two frames")

    g = p.add_argument_group("schedule")
    g.add_argument("--frame-steps", type=int, help="steps of phase 1, single frames (default: 7000; 0 with --init)")
    g.add_argument("--frame-batch", type=int, default=64, help="frames a step")
    g.add_argument("--frame-rate", type=float, default=1e-3, help="learning rate of phase 1")
    g.add_argument("--window-steps", type=int, default=9000, help="steps of phase 2, windows end to end")
    g.add_argument("--window-batch", type=int, default=16, help="windows a step")
    g.add_argument("--window-rate", type=float, default=6e-4, help="learning rate of phase 2")
    g.add_argument("--warm-up", type=int, default=200, help="steps")
    g.add_argument("--weight-decay", type=float, default=0.02)
    g.add_argument("--clip", type=float, default=1.0, help="largest norm of the gradient")
    g.add_argument("--action-weight", type=float, default=3.0, help="of the action's loss in phase 2")
    g.add_argument("--frame-weight", type=float, default=0.5, help="of the auxiliary loss of frames in phase 2")
    g.add_argument("--memory-weight", type=float, default=0.25, help="of the auxiliary loss of the LSTM in phase 2")
    g.add_argument("--loss-start", type=float, default=0.15, help="probability that a burst of lost frames begins")
    g.add_argument("--loss-longest", type=int, default=4, help="frames of a burst at most")
    g.add_argument("--no-mirror", action="store_true", help="without left-right mirroring")
    g.add_argument("--log-every", type=int, default=100, help="steps")
    g.add_argument("--save-every", type=int, default=500, help="steps between states for --resume")
    g.add_argument("--validate-every", type=int, default=1000, help="steps")
    a = p.parse_args(arguments)
    if a.frame_steps is None:
        a.frame_steps = 0 if a.init else 7000
    if not a.resume and a.window_steps < 1:
        p.error("--window-steps must be at least 1")
    return a
