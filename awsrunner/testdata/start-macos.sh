#!/bin/bash
# Runs one GitHub Actions job on this machine and shuts it down: when the job ends, when none comes,
# when the runner can't register, when anything here fails, and at the end of its lifetime. It needs
# root, curl and tar, and no instance metadata.
set -euo pipefail
set -m # every background job is a process group of its own
umask 077
PATH="$PATH:/usr/sbin:/sbin"

runner_name='grp-linux-1-1'
runner_user='ec2-user'
runner_dir='/opt/actions-runner'
state_dir='/usr/local/aws/ec2-macos-init' # where the system keeps copies of this script
runner_url='https://example.com/runner.tar.gz'
runner_sha256='abababababababababababababababababababababababababababababababab'
lifetime=21600     # seconds
idle_timeout=600 # seconds
configuration='SECRETCONFIGURATIONxxxxxxxxxxxxxxxxxxxxxxxxxxx=='

be_runner() { # runs a command as the runner's user, with this environment
  if [ "$(id -un)" = "$runner_user" ]; then
    exec "$@"
  fi
  exec sudo --preserve-env --set-home --user "$runner_user" "$@"
}

make_user() { id "$runner_user" > /dev/null; } # EC2's images have it

home_of() { eval "printf '%s' ~$1"; }

sum_of() { shasum -a 256 "$1" | cut -d' ' -f1; }

install_dependencies() { :; }

forget_user_data() { rm -rf "$state_dir"/instances/*/userdata 2> /dev/null || true; }
say() { echo "runner $runner_name: $*" >&2; }

power_off() { shutdown -h now || poweroff -f || { echo o > /proc/sysrq-trigger; }; }

finish() {
  status=$?
  trap - EXIT
  [ -z "${runner_pid:-}" ] || kill -KILL -- "-$runner_pid" 2> /dev/null || true
  say "ends with status $status; the machine shuts down"
  power_off
}

fetch() {
  curl --fail --silent --show-error --location --proto '=https' --retry 6 --retry-all-errors --retry-delay 2 \
    --connect-timeout 10 --max-time 300 --output "$2" "$1"
}

install_runner() {
  mkdir -p "$runner_dir"
  cd "$runner_dir"
  fetch "$runner_url" runner.tar.gz
  sum=$(sum_of runner.tar.gz)
  if [ "$sum" != "$runner_sha256" ]; then
    say "the runner's SHA-256 is $sum, not $runner_sha256"
    return 1
  fi
  tar -xzf runner.tar.gz
  rm runner.tar.gz
  install_dependencies
  # The runner calls this when it has got a job, before the job's first step.
  printf '#!/bin/sh\n: > %s/job-started\n' "'$runner_dir'" > job-started.sh
  chmod 0755 job-started.sh
  if [ "$(id -un)" != "$runner_user" ]; then
    chown -R "$runner_user" "$runner_dir"
  fi
  chmod 0755 "$runner_dir"
}

run_runner() { # in the background; the configuration is in the environment of the runner alone, and in no file or argument
  (
    export ACTIONS_RUNNER_INPUT_JITCONFIG="$configuration" ACTIONS_RUNNER_HOOK_JOB_STARTED="$runner_dir/job-started.sh"
    export HOME="$runner_home" USER="$runner_user" LOGNAME="$runner_user"
    umask 022
    be_runner ./run.sh
  ) < /dev/null &
  runner_pid=$!
}

has_job() { [ -e "$runner_dir/job-started" ] || pgrep -g "$runner_pid" -f Runner.Worker > /dev/null 2>&1; }

await_job() { # ends the runner if it has no job in time
  (
    waited=0
    while [ "$waited" -lt "$idle_timeout" ]; do
      sleep 1
      waited=$((waited + 1))
      ! has_job || exit 0
    done
    say "no job came within $idle_timeout s"
    kill -INT -- "-$runner_pid" 2> /dev/null || true
    sleep 5
    has_job || kill -KILL -- "-$runner_pid" 2> /dev/null || true
  ) &
}

main() {
  # First of all, so that it holds whatever follows; it outlives this script.
  (
    trap '' HUP TERM
    sleep "$lifetime"
    say "the lifetime of $lifetime s is over"
    power_off
  ) < /dev/null &
  trap finish EXIT
  trap 'exit 143' TERM INT HUP
  forget_user_data
  make_user
  runner_home=$(home_of "$runner_user")
  install_runner
  run_runner
  configuration=''
  await_job
  status=0
  wait "$runner_pid" || status=$?
  runner_pid=''
  return "$status"
}

main
