# shellcheck shell=bash
# Sourced by script/setup: the virtual environment .deps/python. It serves to fetch from PyPI and, with the packages of
# script/requirements.txt, to judge our files in tests.

make_environment() { rm -rf "$deps/python" && python3 -m venv "$deps/python"; }

install_python() {
  [ -x "$deps/python/bin/pip" ] && "$deps/python/bin/python" -c '' 2>/dev/null && return
  step "Python environment .deps/python" make_environment
}

install_requirements() {
  local key
  key=$(sha256sum <"$top/script/requirements.txt")
  [ "$(cat "$deps/python/made-from" 2>/dev/null)" = "$key" ] && return
  step "Python packages for the tests" "$deps/python/bin/pip" install -q --only-binary=:all: -r "$top/script/requirements.txt"
  echo "$key" >"$deps/python/made-from"
}
