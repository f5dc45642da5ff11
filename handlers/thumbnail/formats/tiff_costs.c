/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_costs.h"

#include "base/error.h"

#include <string.h>

/* Source: TIFF 6.0, sections 8 and 15; Adobe's technical note 2 on TIFF (JPEG). */
#define TAG_COMPRESSION      259
#define TAG_STRIP_OFFSETS    273
#define TAG_STRIP_BYTES      279
#define TAG_TILE_WIDTH       322
#define TAG_TILE_OFFSETS     324
#define TAG_TILE_BYTES       325
#define TAG_JPEG_TABLES      347
#define COMPRESSION_OLD_JPEG 6
#define COMPRESSION_NEW_JPEG 7

/* The strips or tiles by the entries of the first directory. */
typedef struct {
    /* libtiff takes the first entry of a tag; it stores strips and tiles in one place. */
    TiffEntry offsets[2], lengths[2];
    bool has_tiles, has_jpeg, has_old_jpeg;
    /* Bytes. */
    uint64_t jpeg_tables;
} Blocks;

static uint64_t value_bytes(const Tiff *tiff, const TiffEntry *entry)
{
    return MIN(MIN(entry->n, tiff->size) * entry->bytes, tiff->size);
}

typedef struct {
    uint64_t n, entries, bytes;
} Chain;

/* Adds the entries of a directory, and the bytes of their values, to the chain's. */
static void add_directory(const Tiff *tiff, const TiffDirectory *directory, Chain *chain)
{
    chain->n++;
    chain->entries += directory->n;
    for (uint64_t i = 0; i < directory->n; i++) {
        const TiffEntry entry = tiff_entry(tiff, directory, i);
        if (entry.is_apart)
            chain->bytes += value_bytes(tiff, &entry);
    }
}

/* Fails if the directories have too many entries, or entries with too many bytes. */
static bool check_chain(const Tiff *tiff, const Chain *chain, GError **error)
{
    uint64_t most = TIFF_ENTRIES_MAX + chain->n * TIFF_ENTRIES_EACH_MAX;
    if (chain->entries > most)
        g_set_error(error, THUMBQ_ERROR, ERROR_DAMAGED,
                    "%" G_GUINT64_FORMAT
                    " entries in its directories, the limit is %" G_GUINT64_FORMAT,
                    chain->entries, most);
    else if (chain->bytes > tiff->size + TIFF_SHARED_BYTES_MAX)
        g_set_error(error, THUMBQ_ERROR, ERROR_DAMAGED,
                    "entries with %" G_GUINT64_FORMAT " bytes, in a file of %zu", chain->bytes,
                    tiff->size);
    else
        return true;
    return false;
}

/* Follows each directory to the next, until there is none, or one was there already. */
static bool check_directories(const Tiff *tiff, int max_pages, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autoptr(GArray) places = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), 16);
    uint64_t at = tiff_first(tiff);
    Chain chain = {0};
    TiffDirectory directory;
    g_array_set_size(places, (guint)max_pages);
    while (tiff_directory(tiff, at, &directory) && !g_hash_table_contains(seen, &at)) {
        /* Of a file with more pages, only the directory of the picture is read. */
        if (chain.n >= (uint64_t)max_pages)
            return true;
        uint64_t *place = &g_array_index(places, uint64_t, chain.n);
        *place = at;
        g_hash_table_add(seen, place);
        add_directory(tiff, &directory, &chain);
        if (!check_chain(tiff, &chain, error))
            return false;
        at = directory.next;
    }
    return true;
}

static void set_first(TiffEntry *place, const TiffEntry *entry)
{
    if (place->n == 0)
        *place = *entry;
}

static void read_blocks(const Tiff *tiff, const TiffDirectory *directory, Blocks *blocks)
{
    for (uint64_t i = 0; i < directory->n; i++) {
        const TiffEntry entry = tiff_entry(tiff, directory, i);
        switch (entry.tag) {
        case TAG_COMPRESSION:
            blocks->has_jpeg |= tiff_value(tiff, &entry, 0) == COMPRESSION_NEW_JPEG;
            blocks->has_old_jpeg |= tiff_value(tiff, &entry, 0) == COMPRESSION_OLD_JPEG;
            break;
        case TAG_STRIP_OFFSETS:
        case TAG_TILE_OFFSETS:
            set_first(&blocks->offsets[entry.tag == TAG_TILE_OFFSETS], &entry);
            break;
        case TAG_STRIP_BYTES:
        case TAG_TILE_BYTES:
            set_first(&blocks->lengths[entry.tag == TAG_TILE_BYTES], &entry);
            break;
        case TAG_TILE_WIDTH:
            blocks->has_tiles = true;
            break;
        case TAG_JPEG_TABLES:
            blocks->jpeg_tables = MAX(blocks->jpeg_tables, value_bytes(tiff, &entry));
            break;
        default:
            break;
        }
    }
}

/* Returns the number of values of an entry, no more than fit into the file. */
static uint64_t values_of(const Tiff *tiff, const TiffEntry *entry)
{
    return entry->bytes > 0 ? MIN(entry->n, tiff->size / entry->bytes) : 0;
}

/*
 * Returns the bytes of strip or tile `i` that are read. libtiff reads one of JPEG of TIFF 6.0 whose
 * length is 0 or missing up to the end of the file.
 */
static uint64_t bytes_of_block(const Tiff *tiff, const Blocks *blocks, const TiffEntry *lengths,
                               uint64_t i)
{
    uint64_t bytes =
        i < values_of(tiff, lengths) ? MIN(tiff_value(tiff, lengths, i), tiff->size) : 0;
    return bytes == 0 && blocks->has_old_jpeg ? tiff->size : bytes;
}

/*
 * Checks the bytes of all strips or tiles, and the tables of JPEG, which are read for each.
 * `lengths`: those of strips, or of tiles.
 */
static bool check_bytes(const Tiff *tiff, const Blocks *blocks, const TiffEntry *lengths,
                        GError **error)
{
    const TiffEntry *offsets = &blocks->offsets[lengths - blocks->lengths];
    uint64_t n = values_of(tiff, lengths);
    if (blocks->has_old_jpeg)
        n = MAX(n, values_of(tiff, offsets));
    uint64_t left = tiff->size + TIFF_SHARED_BYTES_MAX;
    uint64_t tables = blocks->has_jpeg ? blocks->jpeg_tables : 0;
    /* Each comparison is made before the sum: the sum of a large file may be beyond 64 bits. */
    bool fits = tables == 0 || n <= left / tables;
    if (fits)
        left -= n * tables;
    for (uint64_t i = 0; fits && i < n; i++) {
        uint64_t bytes = bytes_of_block(tiff, blocks, lengths, i);
        fits = bytes <= left;
        left -= bytes;
    }
    if (!fits)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "strips or tiles with more than %" G_GUINT64_FORMAT
                    " bytes to decode, in a file of %zu",
                    (uint64_t)tiff->size + TIFF_SHARED_BYTES_MAX, tiff->size);
    return fits;
}

/* Counts the scans of a JPEG inside the TIFF. Returns true if there are more than allowed. */
static bool has_many_scans(const Tiff *tiff, uint64_t at, uint64_t size)
{
    if (at >= tiff->size)
        return false;
    const uint8_t *mark = tiff->data + at, *end = mark + MIN(size, tiff->size - at);
    int scans = 0;
    /* A start of scan. In coded data a 0 stands behind each 0xff. */
    while (end - mark >= 2 && (mark = memchr(mark, 0xff, (size_t)(end - mark) - 1)) != NULL) {
        scans += mark[1] == 0xda;
        mark++;
        if (scans > TIFF_TILE_SCANS_MAX)
            return true;
    }
    return false;
}

/* Fails if a strip or tile is a JPEG of too many scans. */
static bool check_scans(const Tiff *tiff, const TiffEntry *offsets, const TiffEntry *lengths,
                        GError **error)
{
    uint64_t n = values_of(tiff, offsets);
    /* libtiff takes a missing length for zero. */
    uint64_t n_read = n > 1 ? MIN(n, values_of(tiff, lengths)) : n;
    for (uint64_t i = 0; i < n_read; i++) {
        /* libtiff may read a single strip or tile up to the end of the file. */
        uint64_t size = n > 1 ? tiff_value(tiff, lengths, i) : tiff->size;
        if (has_many_scans(tiff, tiff_value(tiff, offsets, i), size)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                        "more than %d scans in a tile, which is the limit", TIFF_TILE_SCANS_MAX);
            return false;
        }
    }
    return true;
}

/* Fails if the strips or tiles of the directory at `at` cost too much to decode. */
static bool check_blocks(const Tiff *tiff, uint64_t at, GError **error)
{
    TiffDirectory directory;
    Blocks blocks = {0};
    Chain below = {0};
    if (!tiff_directory(tiff, at, &directory))
        return true;
    add_directory(tiff, &directory, &below);
    if (!check_chain(tiff, &below, error))
        return false;
    read_blocks(tiff, &directory, &blocks);
    for (int i = 0; i < 2; i++) {
        if (!check_bytes(tiff, &blocks, &blocks.lengths[i], error))
            return false;
    }
    for (int i = 0; blocks.has_jpeg && blocks.has_tiles && i < 4; i++) {
        if (!check_scans(tiff, &blocks.offsets[i / 2], &blocks.lengths[i % 2], error))
            return false;
    }
    return true;
}

bool tiff_costs_check(const Tiff *tiff, uint64_t at, int max_pages, GError **error)
{
    return check_directories(tiff, max_pages, error) && check_blocks(tiff, at, error);
}
