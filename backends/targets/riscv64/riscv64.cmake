# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(riscv64 riscv64-unknown-linux-gnu FLAGS -march=rv64gc)
