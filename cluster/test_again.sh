#!/usr/bin/env bash
# Runs the tests that failed in the last `make test` once more, one after the other and alone, and fails if there
# are more than a few or one fails again (docs/decisions/a-second-look.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# 1 is that tests failed: one that ended early has others that nobody has seen.
ended=$(cat .pytest_cache/v/bilten/ended 2>/dev/null || true)
if [ "$ended" != 1 ]; then
    echo "test again: the tests did not run to their end"
    exit 1
fi

few=3
list='import json, sys; sys.stdout.writelines(each + "\n" for each in json.load(open(sys.argv[1])))'
mapfile -t tests < <(.venv/bin/python -c "$list" .pytest_cache/v/cache/lastfailed)
if [ ${#tests[@]} = 0 ] || [ ${#tests[@]} -gt $few ]; then
    echo "test again: ${#tests[@]} tests failed, at most $few are looked at again"
    exit 1
fi
echo "test again: once more, alone: ${tests[*]}"
make test ARGS="-n 0 --last-failed --last-failed-no-failures none"
# Found again by whoever looks for it in the log: a test that fails now and then is a defect.
printf 'FLAKY %s\n' "${tests[@]}"
