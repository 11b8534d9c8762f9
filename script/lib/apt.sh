# shellcheck shell=bash
# Sourced by script/setup: the packages of each level and how the missing ones are installed.

# level build: what the program needs; test: what script/test needs on top; checks: sanitizers, fuzzing, clang-tidy.
packages_build="ca-certificates cmake ninja-build g++ pkg-config python3-venv libonnx-dev libprotobuf-dev protobuf-compiler
  nlohmann-json3-dev libcli11-dev libfmt-dev libturbojpeg0-dev libpng-dev libsentencepiece-dev libssl-dev libxxhash-dev zlib1g-dev libhdf5-dev
  libboost-dev"
# The simulator; without these everything else builds (Ubuntu 22.04 has no libmujoco-dev).
packages_simulator="libmujoco-dev libosmesa6-dev"
# ROS 2 topics; without it everything else builds (Ubuntu 22.04 has 0.8, whose types are made otherwise).
packages_dds="cyclonedds-dev"
packages_test="libgtest-dev libgmock-dev ccache bash-completion git curl"
# The report's test looks at it in a browser; Ubuntu's package of this name is no browser, the test is skipped there.
packages_browser="chromium fonts-dejavu-core"
packages_checks="clang-14 libclang-rt-14-dev llvm-14 lld-14 clang-tidy-14 clang-format-14"

# Prints the packages of the arguments that are not installed. One dpkg-query for all: this runs on every build.
missing_packages() {
  local installed
  # dpkg-query fails when one of them is unknown, and still prints the others.
  installed=" $( (dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true) | sed -n 's/^installed //p' | tr '\n' ' ')"
  for package in "$@"; do
    case "$installed" in *" $package "*) ;; *) echo "$package" ;; esac
  done
}

# root COMMAND...: as root, with sudo if need be.
root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt() { root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

# Newest version of a package that apt can install, or nothing.
candidate_version() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '(none)' || true; }

check_system() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || die \
    "script/setup knows Debian and Ubuntu; this system has no apt-get." \
    "A container works everywhere: docker run -it -v \"\$PWD\":/vlaq -w /vlaq debian:bookworm script/test"
}

# install_packages PACKAGE...: installs those that are missing, in one call.
install_packages() {
  local missing unknown=""
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    die "These packages are missing, and there is neither root nor sudo to install them. As root:" \
      "  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  step "package lists" apt update
  for package in "${missing[@]}"; do
    [ -n "$(candidate_version "$package")" ] || unknown="$unknown $package"
  done
  [ -z "$unknown" ] || die "This system ($(. /etc/os-release && echo "$PRETTY_NAME")) has no package$unknown." \
    "vlaq is built and tested on Debian bookworm, and on Ubuntu 22.04 with 'universe' among its package sources" \
    "(add-apt-repository universe). Otherwise a container: docker run -it -v \"\$PWD\":/vlaq -w /vlaq debian:bookworm"
  step "${#missing[@]} packages: ${missing[*]}" apt install --no-install-recommends "${missing[@]}"
}
