#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Python environment of the yardstick. usage: yardstick_setup.sh [--nncf] FOLDER
set -euo pipefail
packages=(numpy onnx onnxruntime magika==0.5.1)
if [ "${1:-}" = --nncf ]; then
    packages+=(nncf)
    shift
fi
folder=${1:?usage: yardstick_setup.sh [--nncf] FOLDER}
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
"$folder/bin/python" -c 'import onnxruntime; print("onnxruntime", onnxruntime.__version__)'
