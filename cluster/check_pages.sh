#!/usr/bin/env bash
# Checks the types of the pages' JavaScript. Node is needed for nothing else, so a machine without it skips
# this one check and says so; CI (BILTEN_REQUIRE_NODE=1) may not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skip() {
    if [ -n "${BILTEN_REQUIRE_NODE:-}" ]; then echo "tsc: $1, and BILTEN_REQUIRE_NODE is set" >&2; exit 1; fi
    echo "tsc: SKIPPED, $1; the types of web/**/*.js are not checked (on Debian: apt-get install nodejs npm)"
    exit 0
}

if [ -z "$(find web -name '*.js' -not -path 'web/vendor/*' 2>/dev/null | head -n 1)" ]; then
    echo "tsc: no pages to check yet"
    exit 0
fi
command -v node >/dev/null || skip "Node is missing"
command -v npm >/dev/null || skip "npm is missing"

if ! cmp -s package-lock.json node_modules/.installed-lock; then
    (
        flock 9
        cmp -s package-lock.json node_modules/.installed-lock && exit 0
        echo "tsc: installing TypeScript into node_modules"
        npm ci --no-audit --no-fund --loglevel=error
        cp package-lock.json node_modules/.installed-lock
    ) 9>.setup.lock || skip "npm ci failed"
fi
node_modules/.bin/tsc --project jsconfig.json
echo "tsc: the pages' types are right"
