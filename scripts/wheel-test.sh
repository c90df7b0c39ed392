#!/usr/bin/env bash
# scripts/wheel-test.sh VENV: build the wheel and run the quick tests against it in a fresh
# environment, away from the source tree. So what the wheel lacks is found, as the tests cannot find it
# in the tree. VENV holds the tools (uv, build, hatchling).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$(cd "$root" && cd "${1:?environment with the tools}" && pwd)/bin
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT

"$tools/python" -m build --wheel --no-isolation --outdir "$elsewhere/wheel" "$root" >"$elsewhere/log" 2>&1 ||
    { cat "$elsewhere/log" >&2; exit 1; }

"$tools/uv" --quiet venv --python "$tools/python" "$elsewhere/venv"
python=$elsewhere/venv/bin/python
"$tools/uv" --quiet --no-progress pip sync --python "$python" "$root/requirements-dev.lock"
"$tools/uv" --quiet --no-progress pip install --python "$python" --no-deps "$elsewhere"/wheel/*.whl

mkdir "$elsewhere/tree"
cp -r "$root/tests" "$root/pyproject.toml" "$elsewhere/tree"
if [ -f "$root/README.md" ]; then cp "$root/README.md" "$elsewhere/tree"; fi
echo "testing $(basename "$elsewhere"/wheel/*.whl)"
cd "$elsewhere/tree"
"$python" -m pytest -q -p no:cacheprovider -m "not parts and not slow"
