#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Python package as it is installed. usage: python_test.sh SOURCE_FOLDER BUILD_FOLDER
set -euo pipefail
source=$1 build=$2
# The system's Python: what Debian's python3-numpy serves; else any that has numpy.
for python in /usr/bin/python3 python3; do
    "$python" -c 'import numpy' 2>/dev/null && break
    python=
done
[ -n "$python" ] || { echo "skipped: no Python with numpy is there"; exit 77; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cmake --install "$build" --prefix "$place/prefix" >/dev/null
"$build/tools/hmlc/hmlc" compile "$source/models/digits/digits.onnx" -o "$place/digits.hml" --quiet
export PYTHONPATH=$place/prefix/lib/python3/dist-packages PYTHONDONTWRITEBYTECODE=1
"$python" "$source/tests/package/python_test.py" "$place/digits.hml" "$source/models/digits"
