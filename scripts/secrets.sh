#!/usr/bin/env bash
# scripts/secrets.sh BIN [--accept]: no file under version control holds a key, a token or a random string. BIN has detect-secrets.
# What only looks like one stands, as a hash, in .secrets.baseline: --accept puts it there.
set -euo pipefail
bin=$(cd "${1:?folder of detect-secrets}" && pwd)
cd "$(dirname "$0")/.."
mapfile -d '' files < <(git ls-files -z)

if [ "${2:-}" = --accept ]; then
    exec "$bin/detect-secrets" scan --no-verify --baseline .secrets.baseline "${files[@]}"
fi
status=0
"$bin/detect-secrets-hook" --no-verify --baseline .secrets.baseline "${files[@]}" || status=$?
case $status in
    0) echo "no secrets in ${#files[@]} files" ;;
    3) ;; # known lines have moved: the baseline has been brought up to date
    *)
        echo "A secret: take it out, and change it wherever it is valid. None: make secrets ARGS=--accept" >&2
        exit "$status"
        ;;
esac
