#!/usr/bin/env bash
# scripts/secrets.sh BIN [--accept]: no file under version control holds a key, a token or a random string.
# BIN has detect-secrets.
# What only looks like one stands, as a hash, in .secrets.baseline: --accept puts it there.
set -euo pipefail
bin=$(cd "${1:?folder of detect-secrets}" && pwd)
cd "$(dirname "$0")/.."
mapfile -d '' files < <(git ls-files -z -- ':!.secrets.baseline')

if [ "${2:-}" = --accept ]; then
    exec "$bin/detect-secrets" scan --no-verify --baseline .secrets.baseline "${files[@]}"
fi
# A copy, for it is rewritten wherever a known line has moved; the status is 3 then.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp .secrets.baseline "$work/known"
status=0
"$bin/detect-secrets-hook" --no-verify --baseline "$work/known" "${files[@]}" >"$work/said" 2>&1 || status=$?
case $status in
    0 | 3) echo "no secrets in ${#files[@]} files" ;;
    *)
        cat "$work/said" >&2
        echo "A secret: take it out, and change it wherever it is valid. None: make secrets ARGS=--accept" >&2
        exit "$status"
        ;;
esac
