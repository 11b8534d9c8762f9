# shellcheck shell=bash
# Sourced by script/setup: ONNX Runtime into .deps/ort/{include,lib}. The library is the one in the PyPI wheel, the headers
# are Debian trixie's (neither bookworm nor PyPI has them); the package is unpacked, never installed.

ort_version=1.32.0
ort_wheel_sha256_x86_64=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
ort_wheel_sha256_aarch64=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
ort_headers=libonnxruntime-dev
ort_headers_sha256=14f7d959d5deacbcf1504830d4189f91fc67382b399ed9ae9d3aa9c4050ced08
# The C API of 1.21 is what the code asks for (GetApi(21)); a newer package still has it.
ort_key="onnxruntime $ort_version, headers $ort_headers_sha256, $(uname -m)"

debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The mirror this machine already uses for Debian, or the public one.
debian_mirror() {
  local uri=""
  uri=$(cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' | sed -n 1p)
  [ -n "$uri" ] || uri=$(sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]\+\)\?\([^[:space:]]*\/debian\/\?\)[[:space:]].*/\2/p' \
    /etc/apt/sources.list 2>/dev/null | sed -n 1p)
  echo "${uri:-http://deb.debian.org/debian}"
}

# fetch_ort_headers FOLDER: leaves usr/include/onnxruntime under FOLDER/x. apt runs with lists and sources of its own, so
# nothing under /etc/apt or /var/lib/apt changes. The amd64 package serves every processor: the headers are the same.
fetch_ort_headers() {
  local work=$1 signed="Signed-By: $debian_keyring" package sum
  # Ubuntu has no Debian key. The pinned SHA-256 below is then the only judge, and a newer package is not taken.
  [ -f "$debian_keyring" ] || signed="Trusted: yes"
  mkdir -p "$work"/{etc,lists/partial,cache/archives/partial,deb}
  printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\nArchitectures: amd64\n%s\n' "$(debian_mirror)" "$signed" \
    >"$work/etc/trixie.sources"
  local apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/etc" -o Dir::State::lists="$work/lists"
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Dir::State::status=/dev/null)
  "${apt[@]}" update || return
  (cd "$work/deb" && "${apt[@]}" download "$ort_headers") || return
  package=$(echo "$work"/deb/*.deb)
  sum=$(sha256sum "$package" | cut -d' ' -f1)
  if [ "$sum" != "$ort_headers_sha256" ]; then
    echo "$package has SHA-256 $sum, not $ort_headers_sha256"
    [ -f "$debian_keyring" ] || { echo "and there is no Debian key to check a newer one with: apt-get install debian-archive-keyring"; return 1; }
    echo "taking it: Debian's signature on it is good, and newer headers still have the API that the code asks for"
  fi
  dpkg -x "$package" "$work/x"
}

# fetch_ort_library FOLDER [MACHINE]: leaves onnxruntime/capi/libonnxruntime.so.* under FOLDER/w.
fetch_ort_library() {
  local work=$1 machine=${2:-$(uname -m)} sum_name
  sum_name="ort_wheel_sha256_$machine"
  [ -n "${!sum_name:-}" ] || { echo "there is no ONNX Runtime wheel for $machine: put headers and library under .deps/ort by hand"; return 1; }
  "$deps/python/bin/pip" download -q --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi cp311 \
    --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" -d "$work/whl" "onnxruntime==$ort_version" || return
  echo "${!sum_name}  $(echo "$work"/whl/*.whl)" | sha256sum -c - || return
  "$deps/python/bin/python" -m zipfile -e "$work"/whl/*.whl "$work/w"
}

put_ort() {
  local work=$1
  mkdir -p "$work/ort/lib" && mv "$work/x/usr/include/onnxruntime" "$work/ort/include" &&
    mv "$work"/w/onnxruntime/capi/libonnxruntime.so.* "$work/ort/lib/" && echo "$ort_key" >"$work/ort/made-from" &&
    rm -rf "$deps/ort" && mv "$work/ort" "$deps/ort"
}

install_ort() {
  [ "$(cat "$deps/ort/made-from" 2>/dev/null)" = "$ort_key" ] && return
  local work="$deps/part.$$"
  rm -rf "$work" && mkdir -p "$work"
  step "ONNX Runtime $ort_version, headers from Debian trixie" fetch_ort_headers "$work"
  step "ONNX Runtime $ort_version, library from PyPI" fetch_ort_library "$work"
  step "ONNX Runtime into .deps/ort" put_ort "$work"
  rm -rf "$work"
}
