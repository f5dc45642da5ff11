/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_layout.h"

#include <glib.h>

/* Source: TIFF 6.0, sections 8, 15 and 22; TIFF technical note 1; DNG 1.4. */
#define TAG_NEW_SUBFILE_TYPE 254
#define TAG_SUBFILE_TYPE     255
#define TAG_IMAGE_WIDTH      256
#define TAG_IMAGE_LENGTH     257
#define TAG_BITS             258
#define TAG_COMPRESSION      259
#define TAG_PHOTOMETRIC      262
#define TAG_SAMPLES          277
#define TAG_PLANAR           284
#define TAG_TILE_WIDTH       322
#define TAG_SUB_IFDS         330
#define TAG_EXTRA_SAMPLES    338
#define TAG_SAMPLE_FORMAT    339

#define EXTRA_ASSOCIATED 1

/* Directories below a page that are examined. */
#define BELOW_MAX 16
/* Entries of all candidates that are read. A directory may be named any number of times. */
#define ENTRIES_MAX 100000

/* The search for the picture that is shown. */
typedef struct {
    const Tiff *tiff;
    /* Entries that may still be read. */
    uint64_t n_left;
    TiffChoice choice;
} Search;

enum { WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, CMYK, YCBCR, CIELAB = 8 };

static void read_bits(const Tiff *tiff, const TiffEntry *entry, TiffLayout *layout)
{
    layout->bits = tiff_value(tiff, entry, 0);
    for (uint64_t i = 1; i < MIN(entry->n, 16); i++)
        layout->is_mixed |= tiff_value(tiff, entry, i) != layout->bits;
}

static void read_extra_samples(const Tiff *tiff, const TiffEntry *entry, TiffLayout *layout)
{
    for (uint64_t i = 0; i < MIN(entry->n, 16); i++)
        layout->is_associated |= tiff_value(tiff, entry, i) == EXTRA_ASSOCIATED;
}

/* Sets the member of the layout that the entry stands for. */
static void read_entry(const Tiff *tiff, const TiffEntry *entry, TiffLayout *layout)
{
    uint64_t value = tiff_value(tiff, entry, 0);
    switch (entry->tag) {
    case TAG_NEW_SUBFILE_TYPE:
        layout->is_reduced |= (value & 1) != 0;
        break;
    case TAG_SUBFILE_TYPE:
        layout->is_reduced |= value == 2;
        break;
    case TAG_IMAGE_WIDTH:
        layout->width = value;
        break;
    case TAG_IMAGE_LENGTH:
        layout->height = value;
        break;
    case TAG_BITS:
        read_bits(tiff, entry, layout);
        break;
    case TAG_COMPRESSION:
        layout->compression = value;
        break;
    case TAG_PHOTOMETRIC:
        layout->photometric = value;
        layout->has_photometric = true;
        break;
    case TAG_SAMPLES:
        layout->samples = value;
        break;
    case TAG_PLANAR:
        layout->planar = value;
        break;
    case TAG_TILE_WIDTH:
        layout->is_tiled = true;
        break;
    case TAG_EXTRA_SAMPLES:
        read_extra_samples(tiff, entry, layout);
        break;
    case TAG_SAMPLE_FORMAT:
        layout->format = value;
        break;
    default:
        break;
    }
}

/*
 * Reads how the pixels of the directory at `at` lie. *ret_below: its entry for directories below
 * it.
 */
static bool read_layout(Search *search, uint64_t at, TiffLayout *ret_layout, TiffEntry *ret_below)
{
    const Tiff *tiff = search->tiff;
    TiffDirectory directory;
    TiffLayout layout = {.bits = 1, .samples = 1, .format = 1, .compression = 1, .planar = 1};
    if (!tiff_directory(tiff, at, &directory) || directory.n > search->n_left)
        return false;
    search->n_left -= directory.n;
    *ret_below = (TiffEntry){0};
    for (uint64_t i = 0; i < directory.n; i++) {
        const TiffEntry entry = tiff_entry(tiff, &directory, i);
        read_entry(tiff, &entry, &layout);
        if (entry.tag == TAG_SUB_IFDS)
            *ret_below = entry;
    }
    *ret_layout = layout;
    return true;
}

/* True if the picture may be readable: no samples behind a filter of colours, as in camera raw. */
static bool is_readable(const TiffLayout *layout)
{
    return layout->photometric <= 10 && layout->compression != 34892 &&
           layout->compression != 52546 && layout->width > 0 && layout->height > 0;
}

/* Returns how good a candidate is. */
static uint64_t rank(const TiffLayout *layout)
{
    uint64_t pixels =
        MIN(layout->width, UINT64_C(1) << 30) * MIN(layout->height, UINT64_C(1) << 30);
    if (!is_readable(layout))
        return 0;
    return layout->is_reduced ? pixels : pixels | UINT64_C(1) << 62;
}

/*
 * Reads the directory at `at`, and chooses it if its picture is better than the one chosen before.
 */
static void consider(Search *search, uint64_t at, int page, int below, TiffEntry *ret_below)
{
    TiffChoice *choice = &search->choice;
    TiffLayout layout;
    if (read_layout(search, at, &layout, ret_below) && rank(&layout) > rank(&choice->layout)) {
        choice->at = at;
        choice->page = page;
        choice->below = below;
        choice->layout = layout;
    }
}

/* Examines a page and the directories below it. */
static void consider_page(Search *search, uint64_t at, int page)
{
    TiffEntry below = {0}, deeper;
    consider(search, at, page, -1, &below);
    for (int i = 0; i < BELOW_MAX && (uint64_t)i < below.n; i++)
        consider(search, tiff_pointer(search->tiff, &below, (uint64_t)i), page, i, &deeper);
}

void tiff_choose(const Tiff *tiff, TiffChoice *ret_choice)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    Search search = {
        .tiff = tiff, .n_left = ENTRIES_MAX, .choice = {.at = tiff_first(tiff), .below = -1}};
    TiffChoice *choice = &search.choice;
    TiffEntry below;
    bool is_first = read_layout(&search, choice->at, &choice->layout, &below) &&
                    !choice->layout.is_reduced && is_readable(&choice->layout);
    uint64_t at = choice->at;
    TiffDirectory directory;
    while (choice->n_pages < TIFF_PAGES_MAX && tiff_directory(tiff, at, &directory) &&
           g_hash_table_add(seen, g_memdup2(&at, sizeof at))) {
        if (!is_first && choice->n_pages < TIFF_CANDIDATES_MAX)
            consider_page(&search, at, choice->n_pages);
        choice->n_pages++;
        at = directory.next;
    }
    *ret_choice = *choice;
}

static bool has_common_samples(const TiffLayout *layout)
{
    /*
     * libvips takes the alpha of float numbers for one of 255 when it divides by it, and does not
     * invert them.
     */
    if (layout->format == 3)
        return layout->bits == 32 && !layout->is_associated && layout->photometric != WHITE_IS_ZERO;
    if (layout->format != 1 && layout->format != 4 /* undefined */)
        return false;
    return layout->bits == 8 || layout->bits == 16 ||
           (layout->samples == 1 && (layout->bits == 1 || layout->bits == 2 || layout->bits == 4));
}

bool tiff_layout_is_common(const TiffLayout *layout)
{
    if (layout->is_mixed || !layout->has_photometric ||
        layout->compression == 6 /* JPEG of TIFF 6.0 */ ||
        (layout->planar == 2 && layout->is_tiled))
        return false;
    /* libvips takes planes of grey and alpha for pixels of both. */
    if (layout->planar == 2 && layout->samples > 1 && layout->photometric <= BLACK_IS_ZERO)
        return false;
    switch (layout->photometric) {
    case WHITE_IS_ZERO:
    case BLACK_IS_ZERO:
    case RGB:
        return has_common_samples(layout);
    case CMYK:
        /* libvips takes alpha for one of 255 when it divides by it. */
        return has_common_samples(layout) && (layout->bits == 8 || !layout->is_associated);
    case PALETTE:
        return layout->format == 1 && layout->bits <= 8 && layout->samples == 1;
    case YCBCR:
        return layout->compression == 7 /* JPEG */ && layout->planar == 1;
    case CIELAB:
        /*
         * libvips takes alpha beside 16 bits for a signed number. Float numbers are those that it
         * writes itself.
         */
        return layout->samples == 3 && layout->planar == 1 &&
               (layout->format == 3 ? layout->bits == 32 : layout->bits == 8 || layout->bits == 16);
    default:
        return false;
    }
}
