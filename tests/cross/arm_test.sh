#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ARM without a board: hml is built by clang for it, artifacts are compiled here and run under qemu, each target on the oldest CPU that it is for.
# usage: arm_test.sh ARCHITECTURE HMLC HML CROSS_MODELS SOURCE ZOO BUILD   ARCHITECTURE: of the table below; HML: this machine's;
#        BUILD: folder for ARCHITECTURE's; status 77: a tool is missing
set -u
architecture=$1 hmlc=$2 hml=$3 models=$4 source=$5 zoo=$6 build=$7
source "$source/tests/cli/expect.sh"
source "$source/tests/zoo/tolerance_of.sh"

# architecture, target, qemu's program and CPU, the parts of the test (below): few where most code is that of another target
variants=(
    'aarch64 aarch64           qemu-aarch64 cortex-a53  own pages one_file products fixed_products bytes halves arithmetic zoo_models onnx_cases'
    'aarch64 aarch64-small     qemu-aarch64 cortex-a53  own products fixed_products bytes zoo_models'
    'aarch64 aarch64-dot       qemu-aarch64 cortex-a76  own bytes half_products'
    'aarch64 aarch64-dot-small qemu-aarch64 max,sve=off own bytes'
    'aarch64 aarch64-mm        qemu-aarch64 max,sve=off own bytes half_products rounded_products'
    'armv7   armv7             qemu-arm     cortex-a7   own pages one_file products fixed_products bytes halves arithmetic too_large zoo_models onnx_cases'
)
# architecture, elements, target, core, share of the bound of its products that the main loop of a product reaches, by arm_pipe.py: no board, no caches
bounds=(
    'aarch64 floats aarch64           cortex-a72=0.97 neoverse-n1=0.97 neoverse-v1=0.97 neoverse-v2=0.97'
    'aarch64 floats aarch64-dot       neoverse-n1=0.97'
    'aarch64 floats aarch64-mm        neoverse-v1=0.97 neoverse-v2=0.97'
    'aarch64 floats aarch64-small     cortex-a53=0.70'
    'aarch64 floats aarch64-dot-small cortex-a55=0.86'
    'aarch64 bytes  aarch64-dot       neoverse-n1=0.97 neoverse-v1=0.97 neoverse-v2=0.97'
    'aarch64 bytes  aarch64-mm        neoverse-n2=0.97 neoverse-v1=0.97 neoverse-v2=0.97'
    'aarch64 bytes  aarch64-small     cortex-a53=0.70'
    'aarch64 bytes  aarch64-dot-small cortex-a55=0.86'
)
# architecture, qemu's program and CPU, the variant that it takes of a file with code for small cores, too
choices=(
    'aarch64 qemu-aarch64 cortex-a53 aarch64-small'
    'aarch64 qemu-aarch64 cortex-a35 aarch64-small'
    'aarch64 qemu-aarch64 cortex-a72 aarch64'
    'aarch64 qemu-aarch64 cortex-a76 aarch64'
)
# architecture, qemu's program and CPU, a target that this CPU cannot run
unfit=(
    'aarch64 qemu-aarch64 cortex-a72 aarch64-dot'
    'aarch64 qemu-aarch64 cortex-a76 aarch64-mm'
    'armv7   qemu-arm     cortex-a9  armv7'
)
# architecture, triple, Debian packages without which clang links nothing for it, most bytes of libhml.so without symbols, larger pages that qemu
# takes, more of ONNX's cases
case $architecture in
aarch64) triple=aarch64-linux-gnu packages='libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross' qemu=qemu-aarch64 most=98304 larger_pages=(65536) numbers=() ;;
armv7)
    triple=arm-linux-gnueabihf packages='libc6-dev-armhf-cross, libgcc-12-dev-armhf-cross' qemu=qemu-arm most=81920
    larger_pages=() # qemu-arm aborts with 64 KiB
    # What indices and integers of another width may do otherwise.
    numbers=('quantizelinear*' 'dequantizelinear*' 'gather*' 'scatter*' 'onehot*' 'argmax_default*' 'resize_*' 'top_k*' 'nonzero*' 'range_*' 'tri?_*'
        'bitshift*' 'pow*' sin 'asinh*' 'slice*' 'constant_pad*' 'cumsum*' 'einsum*' '*empty*')
    ;;
*)
    echo "$0: no architecture '$architecture'"
    exit 2
    ;;
esac

for tool in "$qemu:qemu-user" llvm-mca-19:llvm-19 clang-19:clang-19 ld.lld-19:lld-19 python3:python3; do
    command -v "${tool%:*}" >/dev/null || {
        echo "skipped: no ${tool%:*} (Debian package ${tool#*:})"
        exit 77
    }
done
if ! echo 'int main(void) { return 0; }' | clang-19 --target=$triple -fuse-ld=lld -static -x c - -o /dev/null 2>/dev/null; then
    echo "skipped: clang-19 links nothing for $triple (Debian packages $packages)"
    exit 77
fi
# A Python with numpy, which Debian's own has (python3-numpy).
for python in python3 /usr/bin/python3 ''; do
    [ -z "$python" ] || ! "$python" -c 'import numpy' 2>/dev/null || break
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset HML_VARIANT

# What `cmake --workflow --preset ARCHITECTURE` does, in a folder of the test's.
(cd "$source" && cmake --preset "$architecture" -B "$build" && cmake --build "$build" --target hml_program hml_shared) >"$place/build.log" 2>&1 || {
    echo "FAILED: hml is not built for $architecture"
    tail -20 "$place/build.log"
    exit 1
}
size=$(llvm-strip-19 -o "$place/libhml.so" "$build/runtime/libhml.so" && stat -c %s "$place/libhml.so")
holds "libhml.so has at most $most bytes: ${size:-?}" [ "${size:-$((most + 1))}" -le "$most" ]
# The program of the other machine; $qemu and $cpu say which, $pages is the size of its pages.
far() { "$qemu" -cpu "$cpu" ${pages:+-p $pages} "$build/tools/hml/hml" "$@"; }
export -f far
export build
# far_expect STATUS PATTERN WORDS...: expect, of that program
far_expect() {
    local status=$1 pattern=$2
    shift 2
    expect "$status" "$pattern" bash -c 'far "$@"' far "$@"
}

# model FOLDER: compiles, runs each recorded case
model() {
    local name artifact=$place/model.hml set tolerance
    name=$(basename "$1")
    read -ra tolerance < <(tolerance_of "$name")
    expect 0 '' "$hmlc" compile "$1"/*.onnx -o "$artifact" --target "$target" --quiet
    for set in "$1"/test_data_set_*; do
        far_expect 0 'equal' run "$artifact" --test-data "$set" "${tolerance[@]}"
    done
}

# -- the parts of the test -------------------------------------------------------------------------

own() {
    model "$digits"
    local batch
    for batch in 1 3; do
        far_expect 0 'probabilities' run "$place/model.hml" --dim batch=$batch --threads 2
    done
}

# Weights in halves, which each machine widens by instructions of its own.
halves() {
    local half
    for half in f16 bf16; do
        expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/halves.hml" --weights $half --target "x86-64-v3,$target" --quiet
        rm -rf "$place/x86" "$place/arm"
        expect 0 '' "$hml" run "$place/halves.hml" --dim batch=3 --output "$place/x86"
        far_expect 0 '' run "$place/halves.hml" --dim batch=3 --output "$place/arm"
        [ -z "$python" ] || holds "halves in $half give what they give on x86" "$python" "$source/tests/cross/near.py" "$place/x86" "$place/arm"
    done
}

# Products in f16: near what f32 gives, but not the same; the main loop reaches what it does in f32.
half_products() {
    local words
    read -r _ _ _ words < <(printf '%s\n' "${bounds[@]}" | grep " floats *$target ")
    expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/half.s" --emit asm --precision f16 --target "$target" --dim batch=48 --quiet
    holds "$target multiplies f16" grep -q 'fmla.*\.8h' "$place/half.s"
    # shellcheck disable=SC2086
    expect 0 'of the bound' python3 "$source/tests/cross/arm_pipe.py" "$place/half.s" $words
    expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/half.hml" --precision f16 --target "$target" --quiet
    far_expect 0 'equal' run "$place/half.hml" --test-data "$digits/test_data_set_0" --rtol 0.02 --atol 0.01
    far_expect 1 'HML1106' run "$place/half.hml" --test-data "$digits/test_data_set_0" --rtol 1e-6 --atol 1e-7
}

# Products of rounded numbers, by float64: bf16 of which each sum is right to its last place, f16. Rows in pairs and a single one, groups of steps
# in pairs and a single one, several partial sums, columns that end within a vector; the main loop of bf16, whose rows come in pairs.
rounded_products() {
    local half m k n
    if [ -z "$python" ]; then
        echo 'skipped: products of rounded numbers: no numpy (Debian package python3-numpy)'
        return
    fi
    for half in 'bf16 1 16 5' 'bf16 3 20 33' 'bf16 13 300 40' 'bf16 49 64 48' 'f16 13 300 40'; do
        read -r half m k n <<<"$half"
        rm -rf "$place/rounded" && mkdir "$place/rounded"
        expect 0 '' "$models" "$place/rounded.onnx" "$m" "$k" "$n" rounded
        "$python" "$source/tests/cross/rounded_products.py" make "$place/rounded" "$m" "$k" "$n"
        expect 0 '' "$hmlc" compile "$place/rounded.onnx" -o "$place/rounded.hml" --precision "$half" --target "$target" --quiet
        far_expect 0 'output_1' run "$place/rounded.hml" --input "a=$place/rounded/a.npy" --input "x=$place/rounded/x.npy" --output "$place/rounded/out"
        expect 0 'output 1' "$python" "$source/tests/cross/rounded_products.py" check "$half" "$place/rounded" "$place/rounded/out" "$m" "$k" "$n"
    done
    expect 0 '' "$models" "$place/rounded.onnx" 48 256 64 rounded
    expect 0 '' "$hmlc" compile "$place/rounded.onnx" -o "$place/rounded.s" --emit asm --precision bf16 --target "$target" --quiet
    expect 0 '48 products in 6[0-9] ' python3 "$source/tests/cross/arm_pipe.py" "$place/rounded.s" neoverse-n2=0.97 neoverse-v1=0.97 neoverse-v2=0.97
}

# Systems of all sizes of pages: where they are larger than the image's, it is copied.
pages() {
    for pages in 4096 16384 "${larger_pages[@]}"; do
        export pages
        far_expect 0 'equal' run "$place/model.hml" --test-data "$digits/test_data_set_0"
    done
    pages=
}

# One file for all: each machine takes its own variant, and the weights are there once.
one_file() {
    local any=$place/any.hml plain=$place/plain.hml weights
    expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$plain" --target x86-64-v2,x86-64-v3,x86-64-v4 --quiet
    expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$any" --target any --quiet
    far_expect 0 "  $target .*; chosen\$" inspect "$any"
    expect 0 '  x86-64-v[234] .*; chosen$' "$hml" inspect "$any"
    far_expect 0 'equal' run "$any" --test-data "$digits/test_data_set_0"
    expect 0 'equal' "$hml" run "$any" --test-data "$digits/test_data_set_0"
    weights=$(python3 "$source/tests/cross/weights_of.py" "$plain")
    holds 'an artifact has one section of weights' [ "${weights%% *}" = 1 ]
    holds 'the weights of both are those of one' [ "$(python3 "$source/tests/cross/weights_of.py" "$any")" = "$weights" ]
    # What a machine cannot run it refuses, each variant with its reason.
    far_expect 3 "HML1026.*'x86-64-v2' is for x86-64; 'x86-64-v3' is for x86-64" run "$plain"
    expect 3 "HML1026.*'$target' is for $architecture" "$hml" run "$place/model.hml"
    expect 3 "HML1028.*'x86-64-v3' is for x86-64" bash -c 'HML_VARIANT=x86-64-v3 far "$@"' far run "$any"
    # What a device does not need can be dropped.
    expect 0 '' "$hmlc" strip "$any" --keep "$target" -o "$place/stripped.hml" --quiet
    far_expect 0 'equal' run "$place/stripped.hml" --test-data "$digits/test_data_set_0"
}

# Preferences order what runs.
choices_of_cpus() {
    local row only wanted
    printf '%s\n' "${choices[@]}" | grep -q "^$architecture " || return
    expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/small.hml" --target "$architecture" --tune small --quiet
    for row in "${choices[@]}"; do
        read -r only qemu cpu wanted <<<"$row"
        [ "$only" = "$architecture" ] || continue
        export qemu cpu
        far_expect 0 "  $wanted \(.*; chosen\$" inspect "$place/small.hml"
        far_expect 0 'equal' run "$place/small.hml" --test-data "$digits/test_data_set_0"
    done
}

# Main loops against what their products alone would take.
bounds_of_cores() {
    local row only elements target words
    expect 0 '' "$models" "$place/floats.onnx" 120 256 64
    expect 0 '' "$models" "$place/bytes.onnx" 120 256 64 bytes
    for row in "${bounds[@]}"; do
        read -r only elements target words <<<"$row"
        [ "$only" = "$architecture" ] || continue
        expect 0 '' "$hmlc" compile "$place/$elements.onnx" -o "$place/product.s" --emit asm --target "$target" --quiet
        # shellcheck disable=SC2086
        expect 0 'of the bound' python3 "$source/tests/cross/arm_pipe.py" "$place/product.s" $words
    done
}

# Targets that a CPU lacks a feature of: refused, also where they are asked for.
unfit_cpus() {
    local row foreign only
    for row in "${unfit[@]}"; do
        read -r only qemu cpu foreign <<<"$row"
        [ "$only" = "$architecture" ] || continue
        export qemu cpu
        expect 0 '' "$hmlc" compile "$digits/digits.onnx" -o "$place/unfit.hml" --target "x86-64-v2,$foreign" --quiet
        far_expect 3 "HML1026.*'x86-64-v2' is for x86-64; '$foreign' needs CPU features that this CPU lacks \\(0x" run "$place/unfit.hml"
        expect 3 "HML1028.*'$foreign' needs CPU features that this CPU lacks" bash -c "HML_VARIANT=$foreign"' far "$@"' far run "$place/unfit.hml"
        far_expect 0 "  $foreign .*; this CPU does not run it" inspect "$place/unfit.hml"
    done
}

# Outputs of both machines: bit for bit, but on ARMv7, which rounds products before it adds them.
same_products() {
    if [ "$architecture" != armv7 ]; then
        holds "products of $1 have the same bits" diff -r "$place/x86" "$place/arm"
    elif [ -n "$python" ]; then
        holds "products of $1 are near" "$python" "$source/tests/cross/near.py" "$place/x86" "$place/arm"
    fi
}

# Sizes that the run alone knows: all columns that may be left over, with the bits of x86-64-v3, which computes in the same order.
products() {
    local size m k n dims
    expect 0 '' "$models" "$place/products.onnx"
    expect 0 '' "$hmlc" compile "$place/products.onnx" -o "$place/products.hml" --target "x86-64-v3,$target" --quiet
    expect 0 '' "$hmlc" compile "$place/products.onnx" -o "$place/products.ll" --emit llvm-ir --target "$target" --quiet
    holds 'no masked access, which would be a branch a lane' bash -c "! grep -q 'llvm.masked' '$place/products.ll'"
    if ! "$hml" inspect "$place/products.hml" | grep -q '  x86-64-v3 .*; chosen$'; then
        echo "skipped: products of sizes that the run knows: no AVX2 here to compare with"
        return
    fi
    for size in 1,1,1 1,7,2 2,64,3 3,5,17 5,3,6 6,258,7 7,301,31 13,9,45 9,4,100; do
        IFS=, read -r m k n <<<"$size"
        dims=(--dim m="$m" --dim k="$k" --dim n="$n")
        expect 0 'output_3' "$hml" run "$place/products.hml" "${dims[@]}" --output "$place/x86"
        far_expect 0 'output_3' run "$place/products.hml" "${dims[@]}" --output "$place/arm"
        same_products "$size"
    done
}

# Sizes that the compiler knows: steps of one, two and more passes of the loop, over and under a partial sum, and those that are left over;
# rows of all tiles, and 1024 elements apart; columns that end within a vector.
fixed_products() {
    local size
    "$hml" inspect "$place/products.hml" | grep -q '  x86-64-v3 .*; chosen$' || {
        echo "skipped: products of known sizes: no AVX2 here to compare with"
        return
    }
    for size in '8 4 8' '8 11 16' '16 8 24' '24 259 40' '9 1024 64' '38 300 68' '4 64 12' '12 33 4'; do
        # shellcheck disable=SC2086
        expect 0 '' "$models" "$place/fixed.onnx" $size
        expect 0 '' "$hmlc" compile "$place/fixed.onnx" -o "$place/fixed.hml" --target "x86-64-v3,$target" --quiet
        expect 0 'output_0' "$hml" run "$place/fixed.hml" --output "$place/x86"
        far_expect 0 'output_0' run "$place/fixed.hml" --output "$place/arm"
        same_products "$size"
        rm -r "$place/x86" "$place/arm"
    done
}

# Products of bytes: exact, so the same everywhere, on 32 bits too.
bytes() {
    local rows
    [ -f "$place/sums.hml" ] || {
        expect 0 '' "$models" "$place/sums.onnx" bytes
        expect 0 '' "$hmlc" compile "$place/sums.onnx" -o "$place/sums.hml" --target x86-64-v2 --quiet
        mkdir "$place/sums"
        for rows in 1 13 50; do
            expect 0 'output_83' "$hml" run "$place/sums.hml" --dim rows=$rows --output "$place/sums/$rows"
        done
    }
    expect 0 '' "$hmlc" compile "$place/sums.onnx" -o "$place/bytes.hml" --target "$target" --quiet
    mkdir "$place/arm"
    for rows in 1 13 50; do
        far_expect 0 'output_83' run "$place/bytes.hml" --dim rows=$rows --output "$place/arm/$rows"
    done
    holds "$target adds up bytes exactly" diff -r "$place/sums" "$place/arm"
    rm -r "$place/arm"
}

# Rounding, conversions, divisions and quantization, bit for bit as numpy has them.
arithmetic() {
    local name inputs=()
    [ -n "$python" ] || {
        echo "skipped: rounding, conversions and divisions: no python3 with numpy"
        return
    }
    mkdir -p "$place/numbers"
    expect 0 '' "$models" "$place/numbers.onnx" numbers
    holds 'numbers are made' "$python" "$source/tests/cross/whole_numbers.py" make "$place/numbers"
    for name in x y s a b c d; do inputs+=(--input "$name=$place/numbers/$name.npy"); done
    expect 0 '' "$hmlc" compile "$place/numbers.onnx" -o "$place/numbers.hml" --target "$target" --quiet
    far_expect 0 'output_20' run "$place/numbers.hml" "${inputs[@]}" --output "$place/numbers/out"
    holds 'rounding, conversions and divisions' "$python" "$source/tests/cross/whole_numbers.py" check "$place/numbers" "$place/numbers/out"
}

# Sizes that addresses of 32 bits do not reach.
too_large() {
    far_expect 2 'HML1049' run "$place/products.hml" --dim m=60000 --dim k=1 --dim n=60000
}

# The zoo's smallest models.
zoo_models() {
    local name
    [ -d "$zoo/onnx" ] || {
        echo "skipped: no models at $zoo; digits alone"
        return
    }
    for name in tract_deconv_group tract_lgbm_classifier_tensor mnist_cntk_v1 cnn_mnist_pytorch gpt2_past_tiny bert_toy_optimized; do
        model "$zoo/onnx/$name"
    done
}

# ONNX's own cases of the operators whose code is the architecture's own.
onnx_cases() {
    local cases=$zoo/onnx-backend-tests.tar.zst refused=0 folder compiled before=$passed more=()
    [ ${#numbers[@]} -eq 0 ] || mapfile -t more < <(printf '*/node/test_%s/*\n' "${numbers[@]}")
    tar --zstd -xf "$cases" -C "$place" --wildcards '*/test_matmul_*' '*/test_gemm_*' '*/test_*conv*' '*/test_maxpool*' '*/test_averagepool*' \
        '*/test_lstm_*' '*/test_gru_*' '*/test_softmax_*' '*/test_reduce_m*' '*/test_attention_4d*' "${more[@]}" 2>/dev/null || {
        echo "skipped: no cases of ONNX at $cases, or no zstd"
        return
    }
    while read -r folder; do
        compiled=$("$hmlc" compile "$folder/model.onnx" -o "$place/case.hml" --target "$target" --quiet 2>&1)
        case $? in
        0) far_expect 0 'equal' run "$place/case.hml" --test-data "$folder/test_data_set_0" ;;
        3) refused=$((refused + 1)) ;;
        *) holds "$(basename "$folder"): $compiled" false ;;
        esac
    done < <(find "$place" -name model.onnx -path '*/node/*' -printf '%h\n' | sort)
    echo "$target: $refused cases refused"
    holds 'ONNX has such cases' [ $((passed - before)) -gt 50 ]
}

digits=$source/models/digits
for row in "${variants[@]}"; do
    read -r only target qemu cpu parts <<<"$row"
    [ "$only" = "$architecture" ] || continue
    export qemu cpu
    for part in $parts; do
        "$part"
    done
done
choices_of_cpus
unfit_cpus
bounds_of_cores
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
