# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(x86_64 x86_64-unknown-linux-gnu)
