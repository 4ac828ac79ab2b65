# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of objects. $hmlc, $source and $place are set.
python=/usr/bin/python3 # the system's: what Debian's python3-numpy serves

# make_driver NAME [SIZE=N...]: $place/driver.c and its inputs for $place/NAME.json; sets `inputs` to the options of `hml run`
make_driver() {
    local name=$1
    shift
    read -ra inputs < <($python "$source/tests/object/make_driver.py" "$place/$name.json" "$place" "$@")
}

# same_outputs FOLDER: every output_<k>.npy there ends with the bytes of $place/output_<k>.bin, which has all of its elements
same_outputs() {
    local file bytes
    for file in "$1"/output_*.npy; do
        file=$(basename "$file" .npy)
        bytes=$(stat -c %s "$place/$file.bin") || return 1
        cmp -s <(tail -c "$bytes" "$1/$file.npy") "$place/$file.bin" || return 1
    done
}

# no_needs OBJECT: no undefined symbol, nothing that is written
no_needs() {
    [ -z "$(llvm-nm-19 -u "$1")" ] && llvm-size-19 -A "$1" | awk '$1 ~ /^\.(data|bss|tdata|tbss|init_array)/ && $2 > 0 { bad = 1 } END { exit bad }'
}
