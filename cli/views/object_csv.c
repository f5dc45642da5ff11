/* SPDX-License-Identifier: Apache-2.0 */
#include "views/object_csv.h"

#include "base/clock.h"
#include "views/csv.h"

#include <inttypes.h>
#include <stdio.h>

typedef enum {
    CSV_NAME,
    CSV_NAME_ENCODING,
    CSV_SIZE,
    CSV_DATE,
    CSV_DATE_SOURCE,
    CSV_STATE,
    CSV_TYPE,
    CSV_WIDTH,
    CSV_HEIGHT,
    CSV_PAGES,
    CSV_ORIENTATION,
    CSV_ALPHA,
    CSV_DAMAGED,
    CSV_UPLOADED,
    CSV_PROCESSED,
    CSV_DURATION_MS,
    CSV_ATTEMPTS,
    CSV_THUMBNAILS,
    CSV_THUMBNAIL_BYTES,
    CSV_ERROR,
    CSV_ERROR_MESSAGE,
    CSV_AWAY,
    CSV_COLUMNS,
} CsvColumn;

static const char *const csv_columns[CSV_COLUMNS] = {
    "name",
    "name_encoding",
    "size",
    "date",
    "date_source",
    "state",
    "type",
    "width",
    "height",
    "pages",
    "orientation",
    "alpha",
    "damaged",
    "uploaded",
    "processed",
    "duration_ms",
    "attempts",
    "thumbnails",
    "thumbnail_bytes",
    "error",
    "error_message",
    "away",
};

#define NUMBER_MAX 32
G_STATIC_ASSERT(NUMBER_MAX >= CLOCK_TEXT_MAX);

/* The fields of one row, and buffers for formatted numbers. NULL is an empty field. */
typedef struct {
    const char *fields[CSV_COLUMNS];
    char numbers[CSV_COLUMNS][NUMBER_MAX];
} CsvRow;

static void set_number(CsvRow *row, CsvColumn column, int64_t number)
{
    snprintf(row->numbers[column], NUMBER_MAX, "%" PRId64, number);
    row->fields[column] = row->numbers[column];
}

/* Sets a number for which 0 means unknown. */
static void set_known(CsvRow *row, CsvColumn column, int64_t number)
{
    if (number)
        set_number(row, column, number);
}

static void set_time(CsvRow *row, CsvColumn column, int64_t wall_us)
{
    if (wall_us)
        row->fields[column] = clock_format_millis(wall_us, row->numbers[column]);
}

static void set_object(CsvRow *row, const Record *record)
{
    int offset_min = 0;
    bool has_offset = record_date_offset(record, &offset_min);
    row->fields[CSV_DATE] =
        clock_format_wall(record_date_us(record), has_offset, offset_min, row->numbers[CSV_DATE]);
    row->fields[CSV_DATE_SOURCE] = image_date_source(&record->facts);
    row->fields[CSV_STATE] = state_name(record->state);
    row->fields[CSV_AWAY] = record->away ? "true" : "false";
    set_number(row, CSV_SIZE, record->version.size);
}

static void set_picture(CsvRow *row, const ImageFacts *facts)
{
    row->fields[CSV_TYPE] = image_type_name(facts->type);
    /* At least the header of the picture. */
    bool is_read = facts->width > 0;
    if (is_read)
        row->fields[CSV_ALPHA] = facts->alpha ? "true" : "false";
    row->fields[CSV_DAMAGED] = facts->damaged ? "true" : "false";
    set_known(row, CSV_WIDTH, facts->width);
    set_known(row, CSV_HEIGHT, facts->height);
    set_known(row, CSV_PAGES, facts->pages);
    set_known(row, CSV_ORIENTATION, is_read ? facts->orientation : 0);
}

static void set_work(CsvRow *row, const Record *record)
{
    set_time(row, CSV_UPLOADED, record->uploaded_us);
    set_time(row, CSV_PROCESSED, record->processed_us);
    if (record->duration_us) {
        snprintf(row->numbers[CSV_DURATION_MS], NUMBER_MAX, "%.2f",
                 (double)record->duration_us / CLOCK_US_PER_MS);
        row->fields[CSV_DURATION_MS] = row->numbers[CSV_DURATION_MS];
    }
    set_number(row, CSV_ATTEMPTS, record->attempts);
    set_number(row, CSV_THUMBNAILS, (int64_t)record->n_thumbnails);
    set_number(row, CSV_THUMBNAIL_BYTES, record_thumbnail_bytes(record));
    if (record->error != ERROR_NONE) {
        row->fields[CSV_ERROR] = error_name(record->error);
        row->fields[CSV_ERROR_MESSAGE] = record->message;
    }
}

void object_csv_print_heading(void)
{
    csv_print(csv_columns, CSV_COLUMNS);
}

void object_csv_print(const Record *record)
{
    CsvRow row = {0};
    bool encoded = false;
    g_autofree char *name = object_key_to_text(record->key, &encoded);
    row.fields[CSV_NAME] = name;
    row.fields[CSV_NAME_ENCODING] = encoded ? "percent" : NULL;
    set_object(&row, record);
    set_picture(&row, &record->facts);
    set_work(&row, record);
    csv_print(row.fields, CSV_COLUMNS);
}
