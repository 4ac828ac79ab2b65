#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles a model and lies about it: lie_test.sh HMLC LIE_ABOUT MODEL.onnx
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
"$1" compile "$3" -o "$folder/model.hml" --target x86-64-v2 >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
"$2" "$folder/model.hml"
