# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(wasm32 wasm32-unknown-unknown)
