#!/usr/bin/env bash
# Copies the libraries that the pages use from their npm packages, and writes README.md with what was copied.
# Two things are changed in each file: imports by package name become imports by file name (a browser finds those
# without a build step or an import map, which a strict content security policy would not allow inline), and the
# pointer to a source map that is not here is dropped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

packages=(preact@11.2.0 htm@3.1.1 @preact/signals-core@1.14.5 @preact/signals@2.11.4 swagger-ui-dist@5.35.0
    axe-core@4.14.1)
(cd "$temporary" && npm init -y >/dev/null && npm install --silent --ignore-scripts --no-save "${packages[@]}")
modules=$temporary/node_modules

copy() { # from (inside node_modules) to (a file name here)
    sed -E -e 's#from"preact"#from"./preact.js"#g' \
        -e 's#from"preact/hooks"#from"./preact-hooks.js"#g' \
        -e 's#from"@preact/signals-core"#from"./signals-core.js"#g' \
        -e '/^\/\/# sourceMappingURL=/d' -e 's#/\*\# sourceMappingURL=.*\*/##' "$modules/$1" >"$2"
}
copy preact/dist/preact.mjs preact.js
copy preact/hooks/dist/hooks.mjs preact-hooks.js
copy htm/dist/htm.mjs htm.js
copy @preact/signals-core/dist/signals-core.mjs signals-core.js
copy @preact/signals/dist/signals.mjs signals.js
copy swagger-ui-dist/swagger-ui-bundle.js swagger-ui-bundle.js
copy swagger-ui-dist/swagger-ui.css swagger-ui.css
mkdir -p licences
cp "$modules/preact/LICENSE" licences/preact.txt
cp "$modules/htm/LICENSE" licences/htm.txt
cp "$modules/@preact/signals-core/LICENSE" licences/preact-signals-core.txt
cp "$modules/@preact/signals/LICENSE" licences/preact-signals.txt
cat "$modules/swagger-ui-dist/LICENSE" "$modules/swagger-ui-dist/NOTICE" \
    "$modules/swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt" >licences/swagger-ui.txt
# What only the tests need does not lie where the gateway serves it.
tests=$here/../../tests/browser/vendor
mkdir -p "$tests"
cp "$modules/axe-core/axe.min.js" "$tests/axe.min.js"
cp "$modules/axe-core/LICENSE" "$tests/axe-licence.txt"

row() { # package, file of it, file here, licence
    local version
    version=$(sed -nE 's/^ *"version": "([^"]+)".*/\1/p' "$modules/$1/package.json" | head -1)
    echo "| \`$1\` $version | \`$2\` | \`${3##*/}\` | $4 | \`$(sha256sum "$3" | cut -d' ' -f1)\` |"
}
{
    cat <<'TEXT'
# Copied libraries

Made by `update.sh`, which says what it changes in them (import addresses, nothing else). The `.d.ts` files are ours:
they describe the part that the pages use. Licences are in `licences/`.

| package | file of it | here | licence | sha256 of the file here |
| --- | --- | --- | --- | --- |
TEXT
    row preact dist/preact.mjs preact.js MIT
    row preact hooks/dist/hooks.mjs preact-hooks.js MIT
    row htm dist/htm.mjs htm.js Apache-2.0
    row @preact/signals-core dist/signals-core.mjs signals-core.js MIT
    row @preact/signals dist/signals.mjs signals.js MIT
    row swagger-ui-dist swagger-ui-bundle.js swagger-ui-bundle.js Apache-2.0
    row swagger-ui-dist swagger-ui.css swagger-ui.css Apache-2.0
    echo
    echo 'For the tests only, in `tests/browser/vendor`:'
    echo
    echo '| package | file of it | here | licence | sha256 of the file here |'
    echo '| --- | --- | --- | --- | --- |'
    row axe-core axe.min.js "$tests/axe.min.js" MPL-2.0
} >README.md
