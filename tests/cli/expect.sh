# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of the command line: checks that count into `passed` and `failed`.
passed=0 failed=0

# expect STATUS PATTERN COMMAND...: the exit status within two minutes, and an extended regular expression in stdout or stderr
expect() {
    local status=$1 pattern=$2 output found
    shift 2
    output=$(timeout 120 "$@" 2>&1)
    found=$?
    if [ "$found" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$output"; then
        echo "FAILED (status $found, expected $status and '$pattern'): $*"
        echo "$output" | head -5
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
}

# holds WHAT CONDITION...: a command that must succeed
holds() {
    local what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else echo "FAILED: $what"; failed=$((failed + 1)); fi
}
