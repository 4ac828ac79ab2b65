# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(armv7 armv7-unknown-linux-gnueabihf SUPPORT ${CMAKE_CURRENT_SOURCE_DIR}/portable/aeabi/aeabi.c FLAGS -mfpu=neon-vfpv4)
