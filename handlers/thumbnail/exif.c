#include "exif.h"

#include <glib.h>
#include <libexif/exif-data.h>
#include <string.h>

static const char exif_prefix[6] = "Exif\0";

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExifData, exif_data_unref)

typedef struct {
    ExifIfd ifd;
    ExifTag date, offset;
} DateTags;

static const DateTags date_tags[] = {
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_ORIGINAL, EXIF_TAG_OFFSET_TIME_ORIGINAL},
    {EXIF_IFD_EXIF, EXIF_TAG_DATE_TIME_DIGITIZED, EXIF_TAG_OFFSET_TIME_DIGITIZED},
    {EXIF_IFD_0, EXIF_TAG_DATE_TIME, EXIF_TAG_OFFSET_TIME},
};

/* An ASCII entry's bytes are not always ended by a NUL, and may hold anything. */
static bool entry_text(ExifData *exif, ExifIfd ifd, ExifTag tag, char *text, size_t size)
{
    const ExifEntry *entry = exif_content_get_entry(exif->ifd[ifd], tag);
    if (entry == NULL || entry->data == NULL || entry->format != EXIF_FORMAT_ASCII)
        return false;
    size_t len = MIN((size_t)entry->size, size - 1);
    memcpy(text, entry->data, len);
    text[len] = '\0';
    return true;
}

/* The number of exactly `n` digits at `text`, or -1. */
static int digits(const char *text, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isdigit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "2024:01:31 12:34:56". Separators vary between writers, so only their places count. */
static bool parse_date(const char *text, int64_t *ret_us)
{
    if (strlen(text) < 19)
        return false;
    int year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    int hour = digits(text + 11, 2), minute = digits(text + 14, 2), second = digits(text + 17, 2);
    /* One year short of the calendar's ends, so that no offset leaves it. */
    if (year < 1 || year > 9998 || hour < 0 || minute < 0 || second < 0)
        return false;
    /* GDateTime, as timegm() would look for the machine's time zone file. */
    g_autoptr(GDateTime) date =
        g_date_time_new_utc(year, month, day, hour, minute, MIN(second, 59));
    if (date == NULL)
        return false;
    *ret_us = g_date_time_to_unix(date) * G_USEC_PER_SEC;
    return true;
}

/* "+02:00", "-09:30" or "Z". */
static bool parse_offset(const char *text, int64_t *ret_us)
{
    if (text[0] == 'Z') {
        *ret_us = 0;
        return true;
    }
    if (strlen(text) < 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    int hours = digits(text + 1, 2), minutes = digits(text + 4, 2);
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59)
        return false;
    int64_t offset_us = (hours * 60 + minutes) * INT64_C(60) * G_USEC_PER_SEC;
    *ret_us = text[0] == '-' ? -offset_us : offset_us;
    return true;
}

static void read_date(ExifData *exif, ExifFacts *facts)
{
    for (size_t i = 0; i < G_N_ELEMENTS(date_tags) && !facts->has_date; i++) {
        const DateTags *tags = &date_tags[i];
        char text[32];
        int64_t date_us, offset_us = 0;
        if (!entry_text(exif, tags->ifd, tags->date, text, sizeof text) ||
            !parse_date(text, &date_us))
            continue;
        if (entry_text(exif, EXIF_IFD_EXIF, tags->offset, text, sizeof text) &&
            parse_offset(text, &offset_us))
            date_us -= offset_us;
        facts->has_date = true;
        facts->date_us = date_us;
    }
}

static void read_orientation(ExifData *exif, ExifFacts *facts)
{
    const ExifEntry *entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry == NULL || entry->data == NULL || entry->format != EXIF_FORMAT_SHORT ||
        entry->size < 2)
        return;
    int orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif));
    if (orientation >= 1 && orientation <= 8)
        facts->orientation = orientation;
}

void exif_read(const void *data, size_t size, ExifFacts *ret_facts)
{
    *ret_facts = (ExifFacts){.orientation = 1};
    if (data == NULL || size < 8 || size > EXIF_SIZE_MAX)
        return;

    /* libexif wants the prefix, which containers other than JPEG leave out. */
    g_autofree uint8_t *prefixed = NULL;
    if (memcmp(data, exif_prefix, sizeof exif_prefix) != 0) {
        prefixed = g_malloc(size + sizeof exif_prefix);
        memcpy(prefixed, exif_prefix, sizeof exif_prefix);
        memcpy(prefixed + sizeof exif_prefix, data, size);
        data = prefixed;
        size += sizeof exif_prefix;
    }
    g_autoptr(ExifData) exif = exif_data_new_from_data(data, (unsigned)size);
    if (exif == NULL)
        return;
    read_orientation(exif, ret_facts);
    read_date(exif, ret_facts);
}
