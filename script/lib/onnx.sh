# shellcheck shell=bash
# Sourced by script/setup: libonnx into .deps/onnx, only where the system's own is too old (Ubuntu 22.04 has 1.7, which
# knows neither IR 8 nor opset 17). Built from the source package on PyPI with the compiler and protobuf of the system.

onnx_version=1.12.0
onnx_sha256=13b3e77d27523b9dbf4f30dfc9c959455859d5e34e921c44f712d69b8369eff9
onnx_key="onnx $onnx_version $onnx_sha256 $(uname -m)"

# True on Ubuntu 22.04 and what derives from it.
system_is_jammy() { (. /etc/os-release && [ "${UBUNTU_CODENAME:-}" = jammy ]); }

build_onnx() {
  local work="$deps/part.$$"
  rm -rf "$work" && mkdir -p "$work" || return
  "$deps/python/bin/pip" download -q --no-deps --no-binary=:all: --no-build-isolation -d "$work" "onnx==$onnx_version" || return
  echo "$onnx_sha256  $work/onnx-$onnx_version.tar.gz" | sha256sum -c - || return
  tar -C "$work" -xf "$work/onnx-$onnx_version.tar.gz" || return
  cmake -S "$work/onnx-$onnx_version" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/onnx" \
    -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DONNX_ML=ON -DONNX_NAMESPACE=onnx \
    -DBUILD_ONNX_PYTHON=OFF -DONNX_USE_PROTOBUF_SHARED_LIBS=ON || return
  cmake --build "$work/build" -j "$(jobs_available)" || return
  cmake --install "$work/build" || return
  echo "$onnx_key" >"$work/onnx/made-from"
  rm -rf "$deps/onnx" && mv "$work/onnx" "$deps/onnx" && rm -rf "$work"
}

install_onnx() {
  [ "$(cat "$deps/onnx/made-from" 2>/dev/null)" = "$onnx_key" ] && return
  step "libonnx $onnx_version from its source on PyPI (the system's is too old)" build_onnx
}
