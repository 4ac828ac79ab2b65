#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the private Python environment of the comparison scripts (build/peers). hmlc itself never needs Python.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 -m venv build/peers
build/peers/bin/pip install --quiet 'onnxruntime==1.31.*' 'onnx==1.23.2' 'openvino==2026.4.*' 'MNN==3.6.*' numpy
build/peers/bin/python -c 'import onnxruntime; print("onnxruntime", onnxruntime.__version__)'
