/* SPDX-License-Identifier: Apache-2.0 */
#include "object_csv.h"

#include "clock.h"
#include "csv.h"

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
};

#define NUMBER_MAX 32
G_STATIC_ASSERT(NUMBER_MAX >= CLOCK_TEXT_MAX);

/* The fields of one row, and room for those that are no text yet. NULL is empty. */
typedef struct {
    const char *fields[CSV_COLUMNS];
    char numbers[CSV_COLUMNS][NUMBER_MAX];
} Row;

static void set_number(Row *row, CsvColumn column, int64_t number)
{
    snprintf(row->numbers[column], NUMBER_MAX, "%" PRId64, number);
    row->fields[column] = row->numbers[column];
}

/* For what is 0 where it is not known. */
static void set_known(Row *row, CsvColumn column, int64_t number)
{
    if (number)
        set_number(row, column, number);
}

static void set_time(Row *row, CsvColumn column, int64_t wall_us)
{
    if (wall_us)
        row->fields[column] = clock_format_millis(wall_us, row->numbers[column]);
}

static void set_object(Row *row, const Record *record)
{
    int offset_min = 0;
    bool has_offset = record_date_offset(record, &offset_min);
    row->fields[CSV_DATE] =
        clock_format_wall(record_date_us(record), has_offset, offset_min, row->numbers[CSV_DATE]);
    row->fields[CSV_DATE_SOURCE] = record->facts.has_date ? "exif" : "mtime";
    row->fields[CSV_STATE] = state_name(record->state);
    set_number(row, CSV_SIZE, record->version.size);
}

static void set_picture(Row *row, const ImageFacts *facts)
{
    row->fields[CSV_TYPE] = image_type_name(facts->type);
    bool is_read = facts->width > 0; /* its header, at least */
    if (is_read)
        row->fields[CSV_ALPHA] = facts->alpha ? "true" : "false";
    row->fields[CSV_DAMAGED] = facts->damaged ? "true" : "false";
    set_known(row, CSV_WIDTH, facts->width);
    set_known(row, CSV_HEIGHT, facts->height);
    set_known(row, CSV_PAGES, facts->pages);
    set_known(row, CSV_ORIENTATION, is_read ? facts->orientation : 0);
}

static void set_work(Row *row, const Record *record)
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
    Row row = {0};
    bool encoded = false;
    g_autofree char *name = object_key_to_text(record->key, &encoded);
    row.fields[CSV_NAME] = name;
    row.fields[CSV_NAME_ENCODING] = encoded ? "percent" : NULL;
    set_object(&row, record);
    set_picture(&row, &record->facts);
    set_work(&row, record);
    csv_print(row.fields, CSV_COLUMNS);
}
