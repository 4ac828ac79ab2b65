#!/usr/bin/env bash
# What is wrong with a model, a tensor, an artifact or the system, and how the command line says so: exit status and code.
# What the importer makes of damaged bytes is in tests/frontend. usage: bad_input_test.sh HMLC HML BAD_INPUTS DIGITS.onnx
set -u
hmlc=$1 hml=$2 bad_inputs=$3 digits=$4
place=$(mktemp -d)
trap 'chmod -R u+rwx "$place"; rm -rf "$place"' EXIT
passed=0 failed=0
models=$place/models
mkdir "$models" "$place/out"
"$bad_inputs" models "$models" || exit 1
head -c 16 /dev/zero >"$place/outside.bin"
head -c 8 /dev/zero >"$models/short.bin"
ln -s ../outside.bin "$models/link.bin"
mkfifo "$models/fifo.bin"
good=$models/good.onnx

# expect STATUS PATTERN COMMAND...: within 60 s, and never by a signal
expect() {
    local status=$1 pattern=$2 output found
    shift 2
    output=$(timeout 60 "$@" 2>&1)
    found=$?
    if [ "$found" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$output"; then
        echo "FAILED (status $found, expected $status and '$pattern'): $*"
        echo "$output" | head -5
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}
holds() {
    local what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "FAILED: $what"; failed=$((failed + 1)); fi
}
nothing_left() { [ -z "$(ls -A "$place/out")" ]; }

# Models: status, code, what is wrong
while read -r status code name; do
    expect "$status" "$code" "$hmlc" compile "$models/$name.onnx" -o "$place/out/bad.hml"
    holds "$name leaves nothing" nothing_left
done <<'EOF'
4 HML0104|HML0201 text
4 HML0201 truncated
4 HML0201 wire_types
3 HML0205 unknown_operator
3 HML0205|HML0206 unknown_domain
4 HML0208 missing_input
4 HML0208 cycle
4 HML0208 duplicate
4 HML0301 contradiction
4 HML02 overflow
4 HML0209 weights_short
4 HML0209 weights_long
4 HML0210 external_outside
4 HML0210 external_link
4 HML0210 external_fifo
4 HML0210 external_short
4 HML0210 external_missing
EOF
expect 4 'HML0101' "$hmlc" compile "$models/fifo.bin" -o "$place/out/bad.hml"
expect 4 'HML0101' "$hmlc" compile "$models" -o "$place/out/bad.hml"
expect 0 'warning' "$hmlc" compile "$models/future.onnx" -o "$place/future.hml"

# Inputs at run time
compile() { "$hmlc" compile "$models/$1.onnx" -o "$place/$1.hml" --target x86-64-v2 --quiet "${@:2}" || failed=$((failed + 1)); }
compile good && compile large && compile gather && compile equal && compile range --dim batch=1..8
run() { expect "$1" "$2" "$hml" run "$place/$3.hml" "${@:4}"; }
run 0 y good --input "x=$models/f32_2x4.npy"
run 2 HML1042 good --input "x=$models/i64_2x4.npy"
run 2 HML1043 good --input "x=$models/f32_8.npy"
run 2 HML1044 good --input "x=$models/f32_2x5.npy"
run 4 HML1102 good --input "x=$models/size.npy"
run 4 HML1102 good --input "x=$models/text.onnx"
run 4 HML1101 good --input "x=$models/nowhere.npy"
run 2 'HML1048|HML1044' range --input "x=$models/f32_9x4.npy"
run 2 'HML1048' range --dim batch=9
run 0 y equal --input "x=$models/f32_2x4.npy" --input "z=$models/f32_4x3.npy"
run 2 'HML1047|HML1044' equal --input "x=$models/f32_2x4.npy" --input "z=$models/f32_5x3.npy"
run 0 y gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_good.npy"
run 2 'HML1060.*Gather' gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_far.npy"
run 2 'HML1060.*Gather' gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_below.npy"

# Artifacts
for what in cpu format abi; do
    "$bad_inputs" edit "$what" "$place/good.hml" "$place/$what.hml" || failed=$((failed + 1))
done
run 3 HML1026 cpu
expect 0 'x86-64-v2' "$hml" inspect "$place/cpu.hml"
run 3 HML1004 format
run 3 HML1005 abi
cp "$place/good.hml" "$place/longer.hml" && echo >>"$place/longer.hml"
run 4 HML1007 longer

# Resources
expect 5 HML0601 bash -c "ulimit -f 100; trap '' XFSZ; '$hmlc' compile '$digits' -o '$place/out/full.hml'"
holds 'a full disk leaves nothing' nothing_left
expect 5 HML1104 bash -c "ulimit -f 8; trap '' XFSZ; '$hml' run '$place/large.hml' --output '$place/out'"
rm -f "$place"/out/*
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w "$place/out"
    expect 5 HML0601 "$hmlc" compile "$good" -o "$place/out/unwritable.hml"
    chmod u+w "$place/out"
fi
expect 5 HML0601 "$hmlc" compile "$good" -o /proc/unwritable.hml

# Memory: whatever the limit, an ordinary end (a loader that finds no memory for its libraries ends with 127)
for limit in 20000 100000 180000 220000 260000 300000; do
    output=$(bash -c "ulimit -v $limit; exec '$hmlc' compile '$digits' -o '$place/out/memory.hml' --jobs 1" 2>&1)
    status=$?
    case $status in
        0 | 5 | 70 | 127) passed=$((passed + 1)) ;;
        *) echo "FAILED: $limit KiB of memory: status $status: $output" && failed=$((failed + 1)) ;;
    esac
    [ "$status" -eq 0 ] || holds "no file with $limit KiB" nothing_left
    rm -f "$place"/out/*
done

# A child that aborts while it generates code is an internal error of ours, with a code and without a file.
child_of() { for ((k = 0; k < 400; k++)); do child=$(pgrep -P "$1" | head -1); [ -n "$child" ] && return 0; sleep 0.005; done; return 1; }
strike() {
    local signal=$1 whom=$2
    "$hmlc" compile "$digits" -o "$place/out/struck.hml" --jobs 1 2>"$place/stderr" >/dev/null &
    parent=$! child=
    child_of "$parent" || return 99
    [ "$whom" = child ] && kill -"$signal" "$child" || kill -"$signal" "$parent"
    wait "$parent" 2>/dev/null
}
strike ABRT child
struck=$?
holds "a child that aborts gives 70, not $struck" [ "$struck" -eq 70 ]
holds 'and HML0503' grep -q HML0503 "$place/stderr"
holds 'and no file' nothing_left
for signal in TERM INT KILL; do
    [ "$signal" = INT ] && continue # ignored by a shell's background jobs
    strike "$signal" parent
    struck=$?
    holds "SIG$signal ends with its number, not $struck" [ "$struck" -eq $((128 + $(kill -l "$signal"))) ]
    for ((k = 0; k < 100; k++)); do kill -0 "$child" 2>/dev/null || break; sleep 0.01; done
    holds "SIG$signal leaves no child" bash -c "! kill -0 $child 2>/dev/null || grep -q '^State:.*Z' /proc/$child/status"
    holds "SIG$signal leaves no file" nothing_left
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
