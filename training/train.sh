#!/usr/bin/env bash
# Trains a policy: training/train.sh EPISODES... -o OUT [options of python -m training.train]
# Makes its own Python in .deps/training (pinned packages of requirements.txt from PyPI) the first time.
# VLAQ_TRAINING_PYTHON=/path/to/python uses that one as it is.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

python="${VLAQ_TRAINING_PYTHON:-}"
if [[ -z "$python" ]]; then
  venv="$root/.deps/training"
  python="$venv/bin/python"
  wanted="$(sha256sum "$root/training/requirements.txt" | cut -d' ' -f1)"
  if [[ "$(cat "$venv/requirements.sha256" 2>/dev/null || true)" != "$wanted" ]]; then
    python3 -m venv "$venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$root/training/requirements.txt"
    echo "$wanted" > "$venv/requirements.sha256"
  fi
fi
PYTHONPATH="$root" exec "$python" -m training.train "$@"
