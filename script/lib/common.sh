# shellcheck shell=bash
# Sourced by the scripts of this folder: where the project is, and how a step is shown, timed, logged and allowed to fail.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deps="$top/.deps"
log="$deps/setup.log"

# Hardware threads this process may use (nproc respects the affinity mask).
jobs_available() { echo "${VLAQ_JOBS:-$(nproc)}"; }

say() { printf '%s\n' "$*"; }

die() {
  printf '%s\n' "$@" >&2
  exit 1
}

# step TEXT COMMAND...: runs the command with its output in $log; one line with the time it took, or the log's end.
step() {
  local text=$1 begin=$SECONDS status=0
  shift
  mkdir -p "$(dirname "$log")"
  printf '  %s ... ' "$text"
  { printf '\n=== %s: %s\n' "$(date '+%F %T')" "$text"; } >>"$log"
  ("$@") >>"$log" 2>&1 || status=$?
  if [ $status -eq 0 ]; then
    say "$((SECONDS - begin)) s"
    return
  fi
  say "failed"
  tail -n 25 "$log" >&2
  die "" "$text: failed with $status; the lines above are the end of ${log#"$top"/}"
}

# timed TEXT COMMAND...: the same for a command whose output is to be seen.
timed() {
  local text=$1 begin=$SECONDS status=0
  shift
  printf '\n--- %s\n' "$text"
  "$@" || status=$?
  printf -- '--- %s: %s after %d s\n' "$text" "$([ $status -eq 0 ] && echo ok || echo "failed with $status")" $((SECONDS - begin))
  return $status
}
