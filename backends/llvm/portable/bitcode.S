/* The bitcode of the portable kernels, embedded. */
    .section .rodata
    .balign 16
    .globl hmlc_bitcode_kernels, hmlc_bitcode_kernels_end
    .hidden hmlc_bitcode_kernels, hmlc_bitcode_kernels_end
hmlc_bitcode_kernels:
    .incbin "portable_kernels.bc"
hmlc_bitcode_kernels_end:
    .balign 16
    .globl hmlc_bitcode_memory, hmlc_bitcode_memory_end
    .hidden hmlc_bitcode_memory, hmlc_bitcode_memory_end
hmlc_bitcode_memory:
    .incbin "portable_memory.bc"
hmlc_bitcode_memory_end:
    .section .note.GNU-stack, "", %progbits
