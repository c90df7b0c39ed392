#!/usr/bin/env bash
# scripts/install.sh PYTHON FOLDER: install this version into a new folder, to be run without the source
# tree: exactly what requirements.lock lists, each file by its hash, and the wheel of this tree on top.
# Nothing is compiled and nothing else is fetched. The image is made by the same steps.
set -euo pipefail
umask 022
source=$(cd "$(dirname "$0")/.." && pwd)
python=${1:?python} folder=${2:?folder}

if [ -e "$folder" ]; then
    echo "$folder is there already: give each version a folder of its own" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# uv in the version and with the hashes of the lock, in an environment that is thrown away
sed -n '/^uv==/,/[^\\]$/p' "$source/requirements-dev.lock" >"$work/uv.lock"
"$source/scripts/venv.sh" "$python" "$work/tools" "$work/uv.lock" >/dev/null
uv() { UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy "$work/tools/bin/uv" --quiet --no-progress "$@"; }

uv build --wheel --python "$python" --build-constraint "$source/requirements-dev.lock" --require-hashes \
    --out-dir "$work/wheel" "$source"
trap 'status=$?; rm -rf "$work"; [ $status = 0 ] || rm -rf "$folder"; exit $status' EXIT
mkdir -p "$(dirname "$folder")"
uv venv --python "$python" "$folder"
uv pip sync --python "$folder/bin/python" --require-hashes --no-build --compile-bytecode "$source/requirements.lock"
uv pip install --python "$folder/bin/python" --no-deps --compile-bytecode "$work"/wheel/*.whl
"$folder/bin/puhui" --help >/dev/null
echo "$folder: puhui $("$folder/bin/python" -c 'from importlib.metadata import version; print(version("puhui"))')"
