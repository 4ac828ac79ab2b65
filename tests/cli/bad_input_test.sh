#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is wrong with a model, a tensor, an artifact or the system, and how the command line says so: exit status and code.
# What the importer makes of damaged bytes is in tests/frontend. usage: bad_input_test.sh HMLC HML BAD_INPUTS DIGITS.onnx
set -u
hmlc=$1 hml=$2 bad_inputs=$3 digits=$4
place=$(mktemp -d)
trap 'chmod -R u+rwx "$place"; rm -rf "$place"' EXIT
source "$(dirname "$0")/expect.sh"
models=$place/models
mkdir "$models" "$place/out"
"$bad_inputs" models "$models" || exit 1
head -c 16 /dev/zero >"$place/outside.bin"
head -c 8 /dev/zero >"$models/short.bin"
ln -s ../outside.bin "$models/link.bin"
ln "$place/outside.bin" "$models/hard.bin"
mkdir "$models/folder"
mkfifo "$models/fifo.bin"
good=$models/good.onnx

nothing_left() { [ -z "$(ls -A "$place/out")" ]; }

# says STATUS CODE PLACE WORDS COMMAND...: the exit status; the code, the place in the user's words and what was expected or
# found (each an extended regular expression); always a hint, never an escape sequence
says() {
    local status=$1 code=$2 where=$3 words=$4 output found missing=
    shift 4
    output=$(timeout 60 "$@" 2>&1)
    found=$?
    [ "$found" -eq "$status" ] || missing=" status $status instead of $found"
    for pattern in "error\[$code\]: ." "$where" "$words" '= help: .'; do
        grep -Eq -- "$pattern" <<<"$output" || missing="$missing '$pattern'"
    done
    grep -q $'\x1b' <<<"$output" && missing="$missing no escape sequences"
    if [ -n "$missing" ]; then
        echo "FAILED (expected$missing): $*"
        echo "$output" | head -5
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

# Models: status, code, place, what is said, the file
while IFS='|' read -r status code where words name; do
    says "$status" "$code" "$where" "$words" "$hmlc" compile "$models/$name" -o "$place/out/bad.hml"
    says "$status" "$code" "$where" "$words" "$hmlc" check "$models/$name"
    holds "$name leaves nothing" nothing_left
done <<'EOF'
4|HML0104|text.onnx|ONNX model: it is a text file|text.onnx
4|HML0201|truncated.onnx|byte [0-9]+: a field runs past the end|truncated.onnx
4|HML0201|wire_types.onnx|wire type|wire_types.onnx
4|HML0201|varint.onnx|varint|varint.onnx
4|HML0201|long_string.onnx|byte 2: a field runs past the end|long_string.onnx
4|HML0201|utf8.onnx|UTF-8|utf8.onnx
4|HML0203|nested.onnx|100|nested.onnx
3|HML0205|node '#0' .Frobnicate.|no operator is called 'Frobnicate'|unknown_operator.onnx
3|HML0205|Frob.x1b.2J.nerror|no operator is called|escape.onnx
3|HML020[56]|node '#0' .Relu.|com.example|unknown_domain.onnx
3|HML0302|strings.onnx|input 'x': .* string|strings.onnx
4|HML0208|node '#0' .Add.|'nowhere' is produced by no node|missing_input.onnx
4|HML0208|output_undefined.onnx|'y' is produced by no node|output_undefined.onnx
4|HML0208|node '#0' .Add.|reads its own output|cycle.onnx
4|HML0208|nodes '#1' .Relu. . '#0' .Add.|circle|circle.onnx
4|HML0208|duplicate.onnx|'y' is defined twice|duplicate.onnx
4|HML0208|input_twice.onnx|'x' is a graph input twice|input_twice.onnx
4|HML0301|node '#0' .MatMul.|4.*5|contradiction.onnx
4|HML0211|node '#0' .Relu.|declares element type i64 .* gives f32|declared.onnx
4|HML0301|dims_wrap.onnx|'x' is f32.4294967296, 4294967296|dims_wrap.onnx
4|HML0301|dims_most.onnx|dim 0 is 9223372036854775807; expected|dims_most.onnx
4|HML0209|'w' .initializer.|does not fit 64 bits|overflow.onnx
4|HML0209|'w' .initializer.|12.*16|weights_short.onnx
4|HML0209|'w' .initializer.|20.*16|weights_long.onnx
4|HML0210|'w' .initializer.|leaves the model's folder|external_outside.onnx
4|HML0210|'w' .initializer.|absolute path|external_absolute.onnx
4|HML0210|'w' .initializer.|symbolic link|external_link.onnx
4|HML0210|'w' .initializer.|hard link|external_hard.onnx
4|HML0210|'w' .initializer.|not a regular file|external_fifo.onnx
4|HML0210|'w' .initializer.|is a folder|external_folder.onnx
4|HML0210|'w' .initializer.|holds 8 bytes, but the tensor ends at byte 16|external_short.onnx
4|HML0210|'w' .initializer.|No such file|external_missing.onnx
4|HML0210|'w' .initializer.|holds 8 bytes, but the tensor ends at byte 4112|external_behind.onnx
4|HML0210|'w' .initializer.|holds 8 bytes, but the tensor ends at byte 18446744073709551615|external_wrap.onnx
2|HML1107|fifo.bin|not a regular file|fifo.bin
2|HML1107|folder|is a folder|folder
2|HML1107|nowhere.onnx|No such file|nowhere.onnx
EOF
expect 0 'warning.*IR version 99' "$hmlc" compile "$models/future.onnx" -o "$place/future.hml"
expect 0 supported "$hmlc" check "$models/dims_zero.onnx"
expect 0 supported "$hmlc" check "$models/dims_negative.onnx" # an unknown dim, as exporters write it
# --dim that a sound model cannot have are the command line's mistake.
says 2 HML1047 equal.onnx "contradicts itself: matmul" "$hmlc" check "$models/equal.onnx" --dim k=2 --dim m=3
expect 0 supported "$hmlc" check "$models/equal.onnx" --dim k=2 --dim m=2
# Nothing stops at the first problem.
for word in 'Relu .*2 inputs' 'circle' 'Frobnicate' "'nowhere'"; do
    expect 4 "$word" "$hmlc" check "$models/many.onnx"
done
# Every shorter file is refused with a code.
size=$(stat -c %s "$good")
for ((bytes = 0; bytes < size; bytes++)); do
    head -c "$bytes" "$good" >"$place/cut.onnx"
    expect 4 'error\[HML0' "$hmlc" check "$place/cut.onnx"
done

# Inputs at run time
compile() { "$hmlc" compile "$models/$1.onnx" -o "$place/$1.hml" --target x86-64-v2 --quiet "${@:2}" || failed=$((failed + 1)); }
compile good && compile large && compile gather && compile equal && compile range --dim batch=1..8 && compile escape_good &&
    "$hmlc" compile "$models/range.onnx" -o "$place/range_free.hml" --quiet
run() { expect "$1" "$2" "$hml" run "$place/$3.hml" "${@:4}"; }
refuse() { says "$1" "$2" "$3" "$4" "$hml" run "$place/$5.hml" "${@:6}"; }
run 0 y good --input "x=$models/f32_2x4.npy"
run 0 y good --input "$models/f32_2x4.npy"
refuse 2 HML1042 "input 'x'" 'is i64, the model wants f32' good --input "x=$models/i64_2x4.npy"
refuse 2 HML1043 "input 'x'" 'rank 1, the model wants rank 2' good --input "x=$models/f32_8.npy"
refuse 2 HML1044 "dim 1 of input 'x'" 'is 5, not 4' good --input "x=$models/f32_2x5.npy"
refuse 4 HML1102 size.npy '20' good --input "x=$models/size.npy"
refuse 4 HML1102 text.onnx . good --input "x=$models/text.onnx"
refuse 2 HML1107 nowhere.npy 'No such file' good --input "x=$models/nowhere.npy"
refuse 2 HML1107 fifo.bin 'not a regular file' good --input "x=$models/fifo.bin"
refuse 2 HML1107 folder 'is a folder' good --input "x=$models/folder"
refuse 2 HML1056 "'nonsense'" 'no such input' good --input "nonsense=$models/f32_2x4.npy"
refuse 2 HML1100 "input 'x'" 'given twice' good --input "x=$models/f32_2x4.npy" --input "x=$models/f32_2x4.npy"
refuse 2 HML1041 "$models has no input_0.pb" 'has 1 input$' good --test-data "$models"
run 0 '^y: f32.2, 3.' equal --input "x=$models/f32_2x4.npy" # the other one is random, with dims that fit
refuse 2 HML1048 "'batch' is 9" 'compiled for 1..8' range --input "x=$models/f32_9x4.npy"
refuse 2 HML1048 'batch=9' 'compiled for 1..8' range --dim batch=9
refuse 2 HML1052 bacht "dims are: batch; did you mean 'batch'" range --dim bacht=4
refuse 2 HML1100 "'--dim batch'" 'given twice, as 2 and as 3' range --dim batch=2 --dim batch=3
refuse 2 HML1044 'batch=3' 'it is 2 in the given inputs' range --dim batch=3 --input "x=$models/f32_2x4.npy"
run 0 y equal --input "x=$models/f32_2x4.npy" --input "z=$models/f32_4x3.npy"
refuse 2 'HML1047|HML1044' "node '#0' .MatMul." '4 and 5 must be equal' equal --input "x=$models/f32_2x4.npy" --input "z=$models/f32_5x3.npy"
run 0 y gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_good.npy"
refuse 2 HML1060 "node '#0' .Gather." 'index 4, limit 4' gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_far.npy"
refuse 2 HML1060 "node '#0' .Gather." 'index -[15], limit 4' gather --input "x=$models/f32_4x2.npy" --input "rows=$models/rows_below.npy"
# What is no memory: neither for an input nor for an output, at a limit or without one
refuse 5 HML1031 'out of memory' '[0-9]{14} bytes' range_free --dim batch=8000000000000
expect 5 HML1031 bash -c "ulimit -v 100000; exec '$hml' run '$place/range_free.hml' --dim batch=20000000 --threads 1"
# Names from a file move no cursor and start no line.
output=$("$hml" inspect "$place/escape_good.hml" --steps; "$hml" run "$place/escape_good.hml"; "$hml" bench "$place/escape_good.hml" --seconds 0 --profile)
holds 'names are printed on their line' bash -c '[[ $1 == *"a\\x1b[31m\\r\\nb"* && $1 != *$'"'\\x1b'"'* ]]' - "$output"

# Artifacts
for what in cpu format abi; do
    "$bad_inputs" edit "$what" "$place/good.hml" "$place/$what.hml" || failed=$((failed + 1))
done
refuse 4 HML1025 'code image is damaged' 'another CPU' cpu # the code tells its features itself
refuse 3 HML1004 'newer format' '65535' format
refuse 3 HML1005 'newer runtime' '4294967295' abi
cp "$place/good.hml" "$place/longer.hml" && echo >>"$place/longer.hml"
refuse 4 HML1007 'behind the end' '[0-9]+ bytes' longer
says 2 HML1107 "$good" 'ONNX model.*compile it first' "$hml" run "$good"
says 4 HML1002 'not an artifact' 'magic number' "$hml" run "$models/f32_8.npy"
says 2 HML1107 'folder' 'is a folder' "$hml" run "$models/folder"

# Resources
expect 5 HML1104 bash -c "ulimit -f 100; trap '' XFSZ; '$hmlc' compile '$digits' -o '$place/out/full.hml'"
holds 'a full disk leaves nothing' nothing_left
expect 5 HML1104 bash -c "ulimit -f 8; trap '' XFSZ; '$hml' run '$place/large.hml' --output '$place/out'"
holds 'nor does a tensor that finds no room' nothing_left
says 5 HML1104 /dev/full 'No space left' "$hmlc" compile "$good" -o /dev/full --emit ir
says 2 HML1107 "$place/no/where.hml" 'No such file' "$hmlc" compile "$good" -o "$place/no/where.hml"
timeout --kill-after 10 1 "$hmlc" compile "$good" -o "$models/fifo.bin" --emit ir
holds 'a pipe that nobody reads can be left by a signal' [ $? -eq 124 ]
says 2 HML1108 "$good" 'is read by this command' "$hmlc" compile "$good" -o "$good"
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w "$place/out"
    expect 5 HML1104 "$hmlc" compile "$good" -o "$place/out/unwritable.hml"
    chmod u+w "$place/out"
fi
expect 5 HML1104 "$hmlc" compile "$good" -o /proc/unwritable.hml

# Memory: whatever the limit, an ordinary end; LLVM is loaded late, so its lack is told, too
for limit in 20000 100000 195000 200000 205000 210000 220000 240000 300000; do
    output=$(bash -c "ulimit -v $limit; exec '$hmlc' compile '$models/chain.onnx' -o '$place/out/memory.hml' --jobs 1 --target x86-64-v3" 2>&1)
    status=$?
    case $status in
        0 | 5) passed=$((passed + 1)) ;;
        *) echo "FAILED: $limit KiB of memory: status $status: $output" && failed=$((failed + 1)) ;;
    esac
    [ "$status" -eq 0 ] || holds "no file with $limit KiB" nothing_left
    rm -f "$place"/out/*
done

# Signals. Nothing here depends on who is faster: the program is halted where it has a child, looked at, and struck while halted.
stat_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null; } # state and parent of a process, whatever its name holds
# halt PROCESS: stops it, and waits until it has stopped; 1 when it has ended
halt() {
    kill -STOP "$1" 2>/dev/null || return 1
    while :; do
        case $(stat_of "$1") in
            T*) return 0 ;;
            Z* | '') return 1 ;;
        esac
        sleep 0.002
    done
}
# Halts $parent, once it is hmlc (before, it is a shell and then env), at a time when it has a child that runs, and that $child too.
halt_with_child() {
    while kill -0 "$parent" 2>/dev/null && [[ $(stat_of "$parent") != Z* ]]; do
        if [ "$(cat "/proc/$parent/comm" 2>/dev/null)" = "$program" ] && child=$(pgrep -P "$parent" | head -1) && [ -n "$child" ]; then
            halt "$parent" || return 1
            halt "$child" && [[ $(stat_of "$child") == "T $parent "* ]] && return 0
            kill -CONT "$parent"
        fi
        sleep 0.005
    done
    return 1
}
program=$(basename "$hmlc")
# strike SIGNAL child|parent COMMAND...: the status of the command, which gets the signal while it has a child
strike() {
    local signal=$1 whom=$2
    shift 2
    for ((try = 0; try < 20; try++)); do
        TMPDIR=$place/tmp "$@" >"$place/stdout" 2>"$place/stderr" &
        parent=$! child=
        if halt_with_child; then
            [ "$whom" = child ] && kill -"$signal" "$child" || kill -"$signal" "$parent"
            kill -CONT "$child" "$parent" 2>/dev/null
            wait "$parent" 2>/dev/null
            return
        fi
        wait "$parent" # it was done before it was seen
    done
    echo "no child was seen of: $*"
    return 99
}
ends() { # within a minute, or as a zombie that whoever adopted it has not asked for
    for ((k = 0; k < 6000; k++)); do
        case $(stat_of "$1") in Z* | '') return 0 ;; esac
        sleep 0.01
    done
    return 1
}
mkdir "$place/tmp"
tests=$(dirname "$digits")
# Signals as a terminal gives them: a shell's background jobs ignore SIGINT, those of nohup SIGHUP.
compile_digits=(env --default-signal "$hmlc" compile "$digits" -o "$place/out/struck.hml" --jobs 1)
# A child that aborts while it generates code is an internal error of ours, with a code and without a file.
strike ABRT child "${compile_digits[@]}"
struck=$?
holds "a child that aborts gives 70, not $struck" [ "$struck" -eq 70 ]
holds 'and HML0503' grep -q HML0503 "$place/stderr"
holds 'and no file' nothing_left
for signal in TERM INT HUP KILL; do
    strike "$signal" parent "${compile_digits[@]}"
    struck=$?
    holds "SIG$signal ends with its number, not $struck" [ "$struck" -eq $((128 + $(kill -l "$signal"))) ]
    holds "SIG$signal leaves no child" ends "$child"
    holds "SIG$signal leaves no file" nothing_left
done
# hmlc test has a child and files of its own.
strike INT parent env --default-signal "$hmlc" test "$tests" --jobs 1
struck=$?
holds "SIGINT ends hmlc test with 130, not $struck" [ "$struck" -eq 130 ]
holds 'and its child' ends "$child"
holds 'and its files' [ -z "$(ls -A "$place/tmp")" ]
strike HUP parent env --ignore-signal=HUP "$hmlc" test "$tests"
struck=$?
holds "a signal that is ignored does not end hmlc test with $struck: $(tail -2 "$place/stdout")" [ "$struck" -eq 0 ]
expect 0 '1 passed' env --ignore-signal=CHLD "$hmlc" test "$tests"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
