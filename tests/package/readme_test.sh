#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the commands of README.md's sh blocks, but those that set the project up, in a folder with a model.onnx and an in.npy;
# installs from BUILD into that folder. usage: readme_test.sh SOURCE_FOLDER BUILD_FOLDER
set -euo pipefail
source=$1 build=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp "$source/models/digits/digits.onnx" "$place/model.onnx"
ln -s "$source/models" "$place/models"
mkdir "$place/build"
ln -s "$build" "$place/build/release"
export HOME=$place

# Commands of the blocks, and a check that there are any: an empty script would pass.
awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside && !/^tools\// { print }' "$source/README.md" >"$place/commands.sh"
count=$(grep -c hmlc "$place/commands.sh")
[ "$count" -ge 10 ] || { echo "README.md has $count hmlc commands, 10 and more are expected"; exit 1; }

# A 1x1x28x28 float picture under the name that the README gives its input.
input=$(awk '$0 ~ /hmlc run .*--input/ { sub(/.*--input /, ""); sub(/=.*/, ""); print }' "$place/commands.sh")
python=$(command -v python3 || true)
[ -n "$python" ] || { echo "skipped: python3 is not there to write in.npy"; exit 77; }
cd "$place"
"$python" - <<'PY'
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 28, 28), }"
header += " " * (63 - (10 + len(header)) % 64) + "\n"
with open("in.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(4 * 784))
PY
[ "$input" = image ] || { echo "the README names the input '$input', the model 'image'"; exit 1; }
bash -euxo pipefail commands.sh >output.log 2>&1 || { tail -20 output.log; echo "0 passed, 1 failed"; exit 1; }

# The C lines compile between the declarations that they leave out.
{
    sed -n '/^```c$/,/^```$/p' "$source/README.md" | grep '#include'
    printf 'int main(void)\n{\nhml_model *model = 0;\nhml_session *session = 0;\nhml_tensor input = {0}, output;\n'
    sed -n '/^```c$/,/^```$/p' "$source/README.md" | grep -v '^```\|#include' | sed 's/^hml_/(void)!hml_/'
    printf 'return 0;\n}\n'
} >use.c
cc -std=c17 -Wall -Werror -I"$place/.local/include" -c use.c -o use.o
echo "1 passed, 0 failed"
