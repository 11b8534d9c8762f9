# shellcheck shell=bash
# Sourced by script/setup: what a build for the Jetson (preset jetson) needs, into .deps/jetson. Nothing of it is installed
# into the system, and no foreign architecture is added to it:
#   sysroot/   Debian's arm64 development packages, unpacked; of the libraries the static ones are kept, and of the shared
#              ones those that the package carries, or that the board has and the emulator needs
#   onnx/      libonnx built with the cross compiler, because Debian has only a shared one
#   ort/       ONNX Runtime's library for aarch64 from PyPI, for the tests; the board brings its own

packages_jetson="g++-aarch64-linux-gnu binutils qemu-user zstd git"
# libprotobuf32 holds the license of libprotobuf-dev. SentencePiece and Cyclone DDS come along as shared libraries (docs/decisions/0007,
# 0022); libssl3 is the board's own, for the emulator.
jetson_archives="libprotobuf-dev libprotobuf32 libfmt-dev nlohmann-json3-dev libcli11-dev libturbojpeg0-dev libpng-dev libssl-dev libxxhash-dev
  zlib1g-dev libhdf5-dev libaec-dev libgtest-dev libgmock-dev libsentencepiece-dev libsentencepiece0 libboost1.74-dev
  cyclonedds-dev libddsc0debian libssl3"
jetson="$deps/jetson"
jetson_triplet=aarch64-linux-gnu
jetson_onnx_flags="-O1 -DNDEBUG -ffunction-sections -fdata-sections"
jetson_key="$jetson_archives; onnx $onnx_version $onnx_sha256 $jetson_onnx_flags; onnxruntime $ort_version $ort_wheel_sha256_aarch64"

# fetch_jetson_packages WORK: leaves the .deb files in WORK/deb. apt runs with lists of its own, from the package sources
# of this system, and takes what Debian's key has signed.
fetch_jetson_packages() {
  local work=$1
  mkdir -p "$work"/{etc,lists/partial,cache/archives/partial,deb} || return
  if [ -f /etc/apt/sources.list.d/debian.sources ]; then
    grep -v '^Architectures:' /etc/apt/sources.list.d/debian.sources >"$work/etc/debian.sources" || return
  else
    sed 's/arch=[^] ]*//' /etc/apt/sources.list >"$work/etc/debian.list" || return
  fi
  local apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/etc" -o Dir::State::lists="$work/lists"
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::status=/dev/null)
  "${apt[@]}" update || return
  # shellcheck disable=SC2086  # a list of words
  (cd "$work/deb" && "${apt[@]}" download $jetson_archives)
}

# make_jetson_sysroot WORK: WORK/deb unpacked into WORK/jetson/sysroot, with a list of the packages and their versions.
make_jetson_sysroot() {
  local work=$1 package sysroot="$1/jetson/sysroot" libraries
  mkdir -p "$sysroot" || return
  for package in "$work"/deb/*.deb; do
    dpkg-deb -x "$package" "$sysroot" && dpkg-deb -W --showformat='${Package} ${Version}\n' "$package" >>"$sysroot/packages" || return
  done
  libraries="$sysroot/usr/lib/$jetson_triplet"
  find "$libraries" -name '*.so*' ! -name 'libsentencepiece*' ! -name 'libddsc.so*' ! -name libssl.so.3 ! -name libcrypto.so.3 -delete || return
  # What Debian's alternatives would have done on installation.
  ln -s hdf5-serial.pc "$libraries/pkgconfig/hdf5.pc"
}

# build_jetson_onnx WORK: into WORK/jetson/onnx. pip looks at the checksum before it runs anything of the package.
build_jetson_onnx() {
  local work=$1 source="$1/onnx-$onnx_version"
  echo "onnx==$onnx_version --hash=sha256:$onnx_sha256" >"$work/onnx.txt"
  "$deps/python/bin/pip" download -q --no-deps --no-binary=onnx --require-hashes -d "$work" -r "$work/onnx.txt" || return
  tar -C "$work" -xf "$work/onnx-$onnx_version.tar.gz" || return
  VLAQ_JETSON="$work/jetson" cmake -S "$source" -B "$work/build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$top/cmake/toolchains/aarch64-jetson.cmake" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="$jetson_onnx_flags -ffile-prefix-map=$work=." \
    -DCMAKE_INSTALL_PREFIX="$work/jetson/onnx" -DCMAKE_INSTALL_LIBDIR=lib -DONNX_ML=ON -DONNX_NAMESPACE=onnx -DBUILD_ONNX_PYTHON=OFF || return
  cmake --build "$work/build" -j "$(jobs_available)" --target onnx onnx_proto onnxifi_loader onnxifi_dummy onnxifi_wrapper || return
  cmake --install "$work/build" && cp "$source/LICENSE" "$work/jetson/onnx/"
}

# fetch_jetson_ort WORK: into WORK/jetson/ort; the headers are the same for every processor.
fetch_jetson_ort() {
  local work=$1
  mkdir -p "$work/jetson/ort/lib" && fetch_ort_library "$work" aarch64 && cp -RL "$deps/ort/include" "$work/jetson/ort/" &&
    mv "$work"/w/onnxruntime/capi/libonnxruntime.so.* "$work/jetson/ort/lib/"
}

put_jetson() { rm -rf "$jetson" && mv "$1/jetson" "$jetson" && echo "$jetson_key" >"$jetson/made-from"; }

install_jetson() {
  [ "$(cat "$jetson/made-from" 2>/dev/null)" = "$jetson_key" ] && return
  local work="$deps/part.$$"
  rm -rf "$work" && mkdir -p "$work/jetson"
  step "arm64 packages of Debian" fetch_jetson_packages "$work"
  step "arm64 packages into a folder" make_jetson_sysroot "$work"
  step "ONNX Runtime $ort_version for aarch64 from PyPI" fetch_jetson_ort "$work"
  step "libonnx $onnx_version for aarch64 from its source on PyPI" build_jetson_onnx "$work"
  step "all of it into .deps/jetson" put_jetson "$work"
  rm -rf "$work"
}
