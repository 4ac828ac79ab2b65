#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds hmlc, compiles the digit classifier of models/ and shows its answer. Needs nothing but Debian 12.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/packages.sh

echo "[1/4] packages"
install_packages "${build_packages[@]}"

echo "[2/4] building (build/release)"
cmake --preset release -DHMLC_TESTS=OFF >build-quickstart.log 2>&1 || { cat build-quickstart.log; exit 1; }
cmake --build --preset release >>build-quickstart.log 2>&1 || { tail -40 build-quickstart.log; exit 1; }
rm -f build-quickstart.log

echo "[3/4] compiling models/digits/digits.onnx"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
build/release/tools/hmlc/hmlc compile models/digits/digits.onnx -o "$out/digits.hml"

echo "[4/4] running it"
build/release/models/digits/show_digit "$out/digits.hml" models/digits/digit_7.pgm
build/release/tools/hml/hml bench "$out/digits.hml" --dim batch=1 --seconds 1
