#!/usr/bin/env bash
# Makes .venv from requirements.lock, with the console script `bilten` in it. `make up`, `make test` and
# `make check` all come through here, alone or side by side: the first one works under a lock, the others
# wait for it, and a finished setup is recognised by its stamp in a few milliseconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# The stamp covers the directory as well: a moved checkout has scripts that point to where it was.
stamp_now() { { cat requirements.lock cluster/setup.sh; pwd -P; } | sha256sum | cut -d' ' -f1; }
stamp=.venv/.setup-stamp
finished() { [ -x .venv/bin/bilten ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(stamp_now)" ]; }

finished && exit 0

if command -v flock >/dev/null; then
    exec 9>.setup.lock
    if ! flock --nonblock 9; then
        say "another setup is at work in this checkout; waiting for it"
        flock 9
    fi
    finished && exit 0
fi

started=$SECONDS
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
[ -n "$python" ] || fail "there is no Python. On Debian: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old, 3.11 or newer is needed. Name another one with PYTHON=/path/to/python3"

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python cannot make virtual environments. On Debian: apt-get install python3-venv, then run this again"
    say "1/4 making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || fail "making .venv failed; the lines above say why"
else
    say "1/4 using the .venv that is here"
fi

log=.venv/setup.log
total=$(grep -cE '^[A-Za-z0-9._-]+==' requirements.lock)
say "2/4 installing $total locked packages (a minute or two the first time)"
progress() {
    # One line that counts on a terminal, a line every twenty packages elsewhere.
    local name count=0
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        case $line in
        "Collecting "*) ;;
        "Requirement already satisfied: "*) ;;
        "Installing collected packages"*) if [ -t 1 ]; then printf '\r\033[K    unpacking'; else echo "    unpacking"; fi; continue ;;
        *) continue ;;
        esac
        count=$((count + 1))
        name=${line#*: }; name=${name#Collecting }; name=${name%%=*}
        if [ -t 1 ]; then printf '\r\033[K    %d/%d %s' "$count" "$total" "$name"
        elif [ $((count % 20)) = 0 ]; then printf '    %d/%d\n' "$count" "$total"; fi
    done
    if [ -t 1 ]; then printf '\r\033[K'; fi
}
: >"$log"
# The lock is complete, so dependencies need no resolving; bytecode is compiled below on all cores instead.
if ! .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps --no-compile \
    --require-hashes -r requirements.lock 2>&1 | progress; then
    tail -n 20 "$log" >&2
    fail "pip could not install requirements.lock; the whole log is in $log"
fi

say "3/4 compiling bytecode"
# A few packages ship templates that are no valid Python: their errors mean nothing.
.venv/bin/python -m compileall -q -j 0 .venv/lib >>"$log" 2>&1 || true

say "4/4 installing the console script bilten"
# A path entry and a script of two lines do what an editable install does, without a build backend and
# without an absolute path in them. -P keeps a folder named like one of our packages out of the way.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '../../../..\n' >"$site/bilten.pth"
printf '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -P -m cluster "$@"\n' >.venv/bin/bilten
chmod +x .venv/bin/bilten

stamp_now >"$stamp"
say "ready after $((SECONDS - started)) s"
