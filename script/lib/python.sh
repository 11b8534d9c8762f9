# shellcheck shell=bash
# Sourced by script/setup: the virtual environment .deps/python. It serves to fetch from PyPI and, with the packages of
# script/requirements.txt, to judge our files in tests.

make_environment() { rm -rf "$deps/python" && python3 -m venv "$deps/python"; }

install_python() {
  [ -x "$deps/python/bin/pip" ] && "$deps/python/bin/python" -c '' 2>/dev/null && return
  step "Python environment .deps/python" make_environment
}

# Clients of other people that the tests run; what they name is in the first list already, or not needed.
clients_requirements="$top/tests/serve/requirements.txt"

install_packages_of_python() {
  "$deps/python/bin/pip" install -q --only-binary=:all: -r "$top/script/requirements.txt" &&
    "$deps/python/bin/pip" install -q --only-binary=:all: --no-deps -r "$clients_requirements"
}

install_requirements() {
  local key
  key=$(cat "$top/script/requirements.txt" "$clients_requirements" | sha256sum)
  [ "$(cat "$deps/python/made-from" 2>/dev/null)" = "$key" ] && return
  step "Python packages for the tests" install_packages_of_python
  echo "$key" >"$deps/python/made-from"
}
