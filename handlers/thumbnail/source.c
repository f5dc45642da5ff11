/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include "base/error.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xxhash.h>

bool source_open(int fd, int64_t max_bytes, Source *ret_source, GError **error)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        error_set_errno(error, errno, "cannot examine", "source");
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_NOT_AN_IMAGE, "not a regular file");
        return false;
    }
    if (st.st_size == 0) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_EMPTY_FILE, "the file has no bytes");
        return false;
    }
    if (st.st_size > max_bytes) {
        g_set_error(error, THUMBQ_ERROR, ERROR_FILE_TOO_LARGE,
                    "%" G_GINT64_FORMAT " bytes, the limit is %" G_GINT64_FORMAT,
                    (gint64)st.st_size, (gint64)max_bytes);
        return false;
    }
    /*
     * Maps all pages at once, as all of the file is read for the hash: a fault for every few pages
     * costs more.
     */
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED) {
        error_set_errno(error, errno, "cannot map", "source");
        return false;
    }
    XXH128_hash_t hash = XXH3_128bits(data, (size_t)st.st_size);
    *ret_source =
        (Source){.data = data, .size = (size_t)st.st_size, .etag = {hash.low64, hash.high64}};
    return true;
}

void source_clear(Source *source)
{
    /* The call fails only for a wrong address. */
    if (source->data != NULL)
        (void)munmap((void *)source->data, source->size);
    *source = (Source){0};
}
