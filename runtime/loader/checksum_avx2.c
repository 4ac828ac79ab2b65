/* The checksum for CPUs with AVX2: the same function, compiled for them (see CMakeLists.txt). */
#include "loader/checksum.h"
#define XXH_INLINE_ALL
#define XXH_NO_STDLIB
#include <xxhash.h>

uint64_t hml_checksum_avx2(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}
