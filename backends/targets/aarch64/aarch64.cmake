# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(aarch64 aarch64-unknown-linux-gnu)
