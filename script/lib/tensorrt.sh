# shellcheck shell=bash
# Sourced by script/setup: NVIDIA's TensorRT-RTX importer into the virtual environment .deps/tensorrt, for the tests with
# the label "tensorrt". Where there is no wheel those tests are skipped, and ctest says so.

tensorrt_requirements="$top/tests/tensorrt/requirements.txt"

make_tensorrt() {
  rm -rf "$deps/tensorrt" && python3 -m venv "$deps/tensorrt" &&
    "$deps/tensorrt/bin/pip" install -q --no-deps --only-binary=:all: -r "$tensorrt_requirements" &&
    "$deps/tensorrt/bin/python" -c 'import tensorrt_rtx_bindings'
}

tensorrt_has_wheel() {
  [ "$(uname -m)" = x86_64 ] && "$deps/python/bin/python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'
}

install_tensorrt() {
  local key
  tensorrt_has_wheel || { say "  no wheel of NVIDIA's importer for this machine: the tests with the label tensorrt are skipped"; return 0; }
  key="$("$deps/python/bin/python" --version) $(sha256sum <"$tensorrt_requirements")"
  [ "$(cat "$deps/tensorrt/made-from" 2>/dev/null)" = "$key" ] && return
  step "NVIDIA's importer (TensorRT-RTX, 90 MB)" make_tensorrt
  echo "$key" >"$deps/tensorrt/made-from"
}
