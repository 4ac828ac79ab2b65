# SPDX-License-Identifier: Apache-2.0
# Sourced: tolerance_of NAME prints the options of a model in tolerances.txt, nothing for others.
tolerance_of() {
    awk -v name="$1" '$1 == name { print "--rtol", $2, "--atol", $3 }' "$(dirname "${BASH_SOURCE[0]}")/tolerances.txt"
}
