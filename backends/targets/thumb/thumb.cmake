# SPDX-License-Identifier: Apache-2.0
hmlc_portable_bitcode(thumb thumbv7em-none-eabi
                      SUPPORT ${CMAKE_CURRENT_SOURCE_DIR}/portable/aeabi/aeabi.c ${CMAKE_CURRENT_SOURCE_DIR}/portable/aeabi/long_division.c
                      FLAGS -mfloat-abi=softfp -mfpu=fpv4-sp-d16)
