#!/usr/bin/env bash
# scripts/venv.sh PYTHON FOLDER LOCK: an environment that holds exactly what the lock lists.
# pip brings uv, in the version and with the hashes of the lock; uv brings the rest, fast.
set -euo pipefail
python=${1:?python} venv=${2:?folder} lock=${3:?lock}

version() { "$1" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null || true; }

if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; then
    echo "puhui needs Python 3.11 to 3.13; $python is $(version "$python"): make env PYTHON=python3.11" >&2
    exit 1
fi
if [ "$(version "$python")" != "$(version "$venv/bin/python")" ]; then
    rm -rf "$venv"
    # Setting up a second pip takes longer than everything else: use the one that is there.
    "$python" -m venv --without-pip "$venv"
fi

pinned=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$lock")
if [ "$("$venv/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$pinned" ]; then
    uv_only=$(mktemp)
    trap 'rm -f "$uv_only"' EXIT
    sed -n '/^uv==/,/[^\\]$/p' "$lock" >"$uv_only"
    pip=("$python" -m pip --python "$venv/bin/python")
    if ! "${pip[@]}" --version >/dev/null 2>&1; then
        if ! "$python" -m venv "$venv"; then
            echo "$python has neither pip nor ensurepip (on Debian: apt-get install python3-venv)" >&2
            exit 1
        fi
        pip=("$venv/bin/python" -m pip)
    fi
    "${pip[@]}" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$uv_only"
fi
"$venv/bin/uv" --quiet --no-progress pip sync --python "$venv/bin/python" "$lock"
echo "$venv: Python $(version "$venv/bin/python") with what $lock lists"
