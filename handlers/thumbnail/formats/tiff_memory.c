/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_memory.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static tmsize_t read_memory(thandle_t handle, void *to, tmsize_t n)
{
    TiffMemory *memory = handle;
    size_t left = memory->at < memory->size ? memory->size - (size_t)memory->at : 0;
    size_t taken = MIN((size_t)MAX(n, 0), left);
    if (taken > 0)
        memcpy(to, memory->data + memory->at, taken);
    memory->at += taken;
    return (tmsize_t)taken;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle;
    (void)from;
    (void)n;
    return -1;
}

static toff_t seek_memory(thandle_t handle, toff_t offset, int whence)
{
    TiffMemory *memory = handle;
    memory->at = whence == SEEK_SET   ? offset
                 : whence == SEEK_CUR ? memory->at + offset
                                      : memory->size + offset;
    return memory->at;
}

static int close_memory(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of_memory(thandle_t handle)
{
    const TiffMemory *memory = handle;
    return memory->size;
}

static int map_memory(thandle_t handle, void **ret_at, toff_t *ret_size)
{
    const TiffMemory *memory = handle;
    /* libtiff only reads it: the file is opened for reading. */
    *ret_at = (void *)(uintptr_t)memory->data;
    *ret_size = memory->size;
    return 1;
}

static void unmap_memory(thandle_t handle, void *at, toff_t size)
{
    (void)handle;
    (void)at;
    (void)size;
}

TIFF *tiff_memory_open(TiffMemory *memory)
{
    /* "h": no directory is read yet. */
    return TIFFClientOpen("tiff", "rh", memory, read_memory, write_nothing, seek_memory,
                          close_memory, size_of_memory, map_memory, unmap_memory);
}

/* True if JPEG begins at this place. */
static bool has_jpeg(const TiffMemory *memory, uint64_t at)
{
    return at < memory->size && memory->size - at >= 2 && memory->data[at] == 0xff &&
           memory->data[at + 1] == 0xd8;
}

void tiff_memory_place_old_jpeg(const TiffMemory *memory, TIFF *tiff)
{
    uint64_t stated, strip = TIFFGetStrileOffset(tiff, 0);
    if (TIFFGetField(tiff, TIFFTAG_JPEGIFOFFSET, &stated) == 1 && !has_jpeg(memory, stated) &&
        has_jpeg(memory, strip))
        TIFFSetField(tiff, TIFFTAG_JPEGIFOFFSET, (uint64_t)0);
}
