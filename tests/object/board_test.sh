#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Objects on Cortex-M boards of an emulator: results, arena, stack, flash and instructions.
# usage: board_test.sh HMLC HML CROSS_MODELS OBJECT_MODELS SOURCE     status 77: a tool is missing
set -u
hmlc=$1 hml=$2 cross_models=$3 models=$4 source=$5
source "$source/tests/cli/expect.sh"
source "$source/tests/object/object_lib.sh"
for tool in qemu-system-arm:qemu-system-arm clang-19:clang-19 ld.lld-19:lld-19; do
    command -v "${tool%:*}" >/dev/null || {
        echo "skipped: no ${tool%:*} (Debian package ${tool#*:})"
        exit 77
    }
done
$python -c 'import numpy' 2>/dev/null || {
    echo "skipped: no numpy (Debian package python3-numpy)"
    exit 77
}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
expect 0 '' "$models" "$place"
cp "$source/models/digits/digits.onnx" "$place/digits.onnx"
expect 0 '' "$hmlc" quantize "$place/digits.onnx" --calib "$source/models/digits" -o "$place/digits_int8.onnx" --quiet

# target, machine, triple, where code and data lie
boards=(
    'cortex-m4 mps2-an386 thumbv7em-none-eabihf 0 0x20000000'
    'cortex-m7 mps2-an500 thumbv7em-none-eabihf 0 0x20000000'
    'cortex-m33 mps2-an505 thumbv8m.main-none-eabihf 0x10000000 0x38000000'
    'cortex-m55 mps3-an547 thumbv8.1m.main-none-eabihf 0 0x20000000'
    'cortex-m85 mps3-an547 thumbv8.1m.main-none-eabihf 0 0x20000000' # of the instructions of M55
)
# Most ticks of a run, per board in that order: 1.6 an instruction on the first two, less on the others.
declare -A most_ticks=(
    [digits]='470000 355000 380000 130000 130000'
    [mlp]='28500 23500 22500 11500 11500'
    [depthwise]='298000 228000 237000 91000 91000'
    [branches]='3600 3200 2800 1700 1700'
    [repeat]='3600 3200 2800 2200 2200'
    [bytes]='650000 640000 520000 410000 410000'
    [divide]='150000 150000 120000 135000 135000'
    [digits_int8]='530000 530000 425000 420000 420000'
)

# link OUTPUT SOURCE OBJECT: a program for the board at hand
link() {
    clang-19 --target="$triple" -mcpu="$target" -mfloat-abi=hard -Os -std=gnu11 -ffreestanding -nostdlib -fuse-ld=lld \
        -ffunction-sections -I"$place" -I"$source/tests/object" "$2" "$source/tests/object/host_board.c" "$3" -Wl,--gc-sections \
        -Wl,-T,"$source/tests/object/board.ld" -Wl,-e,board_start -Wl,--defsym=board_code="$code" -Wl,--defsym=board_ram="$data" \
        -Wl,--defsym=board_ram_bytes=0x80000 -o "$1"
}
board() {
    (cd "$place" && timeout 100 qemu-system-arm -M "$machine" -kernel "$1" -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -icount shift=6 2>&1)
}
said() { awk -v word="$1" '$1 == word { print $2 }' <<<"$figures"; }
close_to() {
    $python - "$place" <<'P'
import glob, sys
import numpy
for name in glob.glob(sys.argv[1] + "/ref/output_*.npy"):
    expected = numpy.load(name)
    found = numpy.fromfile(f"{sys.argv[1]}/{name[name.rindex('/') + 1:-4]}.bin", expected.dtype).reshape(expected.shape)
    numpy.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
P
}

# Quotients toward zero, remainders of the divisor's sign, and both of the same bits without a sign, of Python's integers.
whole_quotients() {
    $python - "$place" <<'P'
import sys
import numpy
load = lambda name: numpy.load(f"{sys.argv[1]}/{name}.npy").ravel()
found = [numpy.fromfile(f"{sys.argv[1]}/output_{k}.bin", "int64") for k in range(4)]
ends = 2**63
start = [0, 100, -100, ends - 11, -ends + 10, 2**32 - 1, -(2**45), 81985529216486895]
by = [10, -10, 1000, 2**31, 2**32 + 5, -77, -(2**40), 2**62, ends - 11, -ends + 10]
a = [int(x) + s for x, s in zip(load("input_0"), start) for _ in by]
b = [int(z) + s for _ in start for z, s in zip(load("input_1"), by)]
signed = lambda n: (n + ends) % 2**64 - ends
for k, (p, q) in enumerate(zip(a, b)):
    toward_zero = abs(p) // abs(q) * (1 if (p < 0) == (q < 0) else -1)
    u, v = p % 2**64, q % 2**64
    assert [int(f[k]) for f in found] == [toward_zero, p % q, signed(u // v), signed(u % v)], (p, q)
P
}

for k in "${!boards[@]}"; do
    read -r target machine triple code data <<<"${boards[$k]}"
    for name in digits mlp depthwise branches repeat bytes divide digits_int8; do
        dims=()
        [[ $target = cortex-m85 && $name != depthwise && $name != bytes ]] && continue
        [[ $name = digits* ]] && dims=(--dim batch=1)
        read -ra ticks <<<"${most_ticks[$name]}"
        expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target "$target" "${dims[@]}" --quiet
        make_driver $name
        holds "$name for $target links" link "$place/board.elf" "$place/driver.c" "$place/$name.o"
        figures=$(board board.elf) || holds "$name on $machine: status $? after $figures" false
        holds "$name for $target: stack $(said stack), bound $(said stack_bound)" [ "$(said stack_bound)" -le $(($(said stack) + 16)) ]
        holds "$name for $target: $(said ticks) ticks, ${ticks[$k]} at most" [ "$(said ticks)" -le "${ticks[$k]}" ]
        holds "$name for $target needs nothing and writes no global" no_needs "$place/$name.o"
        # The same numbers as here, as far as rounding goes; M4 and M33 round alike.
        [ -f "$place/$name.hml" ] || expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name.hml" --target native "${dims[@]}" --quiet
        rm -rf "$place/ref"
        expect 0 'output_0' "$hml" run "$place/$name.hml" "${inputs[@]}" --output "$place/ref"
        [ $name != divide ] || holds "$name for $target: what integers of any size give" whole_quotients
        if [[ $name = bytes || $name = divide || $name = digits_int8 ]]; then # whole numbers, and f32 that rounds alike
            holds "$name for $target: bits of this machine" same_outputs "$place/ref"
        else
            holds "$name for $target: results" close_to
        fi
        [ "$target" = cortex-m4 ] && cp "$place/output_0.bin" "$place/$name.m4"
        [ "$target" = cortex-m33 ] && holds "$name: bits of M4 and M33" cmp "$place/output_0.bin" "$place/$name.m4"
        echo "$name for $target: $(tr '\n' ' ' <<<"$figures")"
    done
done

# Main loops of products: no more instructions than the tile needs, none of them on the stack.
# target, instructions, products, model, which instructions multiply
expect 0 '' "$cross_models" "$place/products.onnx"
for most in 'cortex-m4 44 16 products vmla|vmul' 'cortex-m7 28 16 products vfma' 'cortex-m33 44 16 products vmla|vmul' \
    'cortex-m55 12 6 products vfma' 'cortex-m4 84 32 bytes smlad' 'cortex-m7 84 32 bytes smlad' 'cortex-m33 84 32 bytes smlad' 'cortex-m55 12 4 bytes vmlava'; do
    read -r target instructions products name multiplies <<<"$most"
    sizes=()
    [ "$name" = products ] && sizes=(--dim m=64 --dim k=64 --dim n=64)
    expect 0 '' "$hmlc" compile "$place/$name.onnx" -o "$place/$name" --emit object --target "$target" "${sizes[@]}" --quiet
    read -r found_instructions found_products stack < <(llvm-objdump-19 -d --no-show-raw-insn --mcpu="$target" "$place/$name.o" |
        $python "$source/tests/object/leanest_loop.py" "$multiplies")
    holds "a loop for $target has $found_instructions instructions for $found_products products, $stack on the stack" \
        [ "$found_products" -ge "$products" -a "$found_instructions" -le "$instructions" -a "$stack" = 0 ]
done

# Flash beside the weights, and memory beside arena and stack, for a program that runs all steps.
read -r target machine triple code data <<<"${boards[0]}"
expect 0 '' "$hmlc" compile "$place/digits.onnx" -o "$place/digits" --emit object --target cortex-m4 --dim batch=1 --selftest --quiet
flash=$(llvm-size-19 -A "$place/digits.o" | awk '/^\.(text|rodata)/ && !/_weights|run_steps/ { sum += $2 } END { print sum }')
holds "digits on M4 takes $flash bytes of flash beside its weights, at most 6144" [ "$flash" -le 6144 ]
echo "digits for cortex-m4: $flash bytes of flash beside the weights"

# The self-test on a board.
printf '#define DIGITS_NO_MAIN\n#include "digits_test.c"\n#include "host.h"\nint object_test_main(void)\n{\n    return digits_selftest();\n}\n' >"$place/self.c"
holds 'the self-test links' link "$place/self.elf" "$place/self.c" "$place/digits.o"
self() { board self.elf >/dev/null; }
holds 'the self-test passes on a board' self

# The same processor by its triple, and the other way of passing floats, which the linker tells apart.
expect 0 '' "$hmlc" compile "$place/digits.onnx" -o "$place/digits" --emit object --target thumbv7em-none-eabihf --cpu cortex-m4 --dim batch=1 \
    --selftest --quiet
holds 'the self-test of a triple links' link "$place/self.elf" "$place/self.c" "$place/digits.o"
holds 'the self-test of a triple passes' self
holds 'it links with programs of both conventions' bash -c "grep -B1 'ABI_VFP_args' <<<'$(llvm-readelf-19 -A "$place/digits.o")' | grep -q 'Value: 3'"
expect 0 '' "$hmlc" compile "$place/digits.onnx" -o "$place/digits" --emit object --target cortex-m4 --float-abi softfp --dim batch=1 --quiet
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
