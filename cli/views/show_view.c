/* SPDX-License-Identifier: Apache-2.0 */
#include "views/show_view.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "model/layout.h"
#include "model/object_json.h"
#include "store/store.h"
#include "views/cells.h"
#include "views/placeholder.h"
#include "views/story.h"
#include "views/table.h"
#include "views/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LABEL_CELLS 12

G_GNUC_PRINTF(2, 3) static void print_line(const char *label, const char *format, ...)
{
    va_list arguments;
    printf("%-*s", LABEL_CELLS, label);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* Prints a long text in as many indented lines as it needs. */
static void print_below(const char *text)
{
    size_t width = terminal_width();
    size_t room = width > LABEL_CELLS + 1 ? width - LABEL_CELLS : G_MAXSIZE;
    while (*text) {
        const char *end = cells_end_of_line(text, room);
        print_line("", "%.*s", (int)(end - text), text);
        text = end + strspn(end, " ");
    }
}

static void print_state(const Record *record)
{
    bool is_dead = record->state == STATE_DEAD;
    bool is_old = record->n_thumbnails > 0 && !record_is_current(record);
    print_line("state", "%s%s%s%s", is_dead ? terminal_red() : "", state_name(record->state),
               is_dead ? terminal_reset() : "", is_old ? ", thumbnails of an earlier version" : "");
    if (record->error != ERROR_NONE) {
        g_autofree char *message = terminal_safe(record->message);
        print_line("error", "%s (%s)", error_name(record->error),
                   error_class_name(record_error_class(record)));
        print_below(*message ? message : error_text(record->error));
    }
    if (*record->worker) {
        g_autofree char *worker = terminal_safe(record->worker);
        print_line("worker", "%s", worker);
    }
    if (record->state == STATE_PENDING) {
        g_autofree char *due = terminal_time(record_due_us(record));
        print_line("queued", "%s, due %s", priority_name(record->priority), due);
    }
}

static void print_file(const Record *record)
{
    g_autofree char *size = units_format_bytes(record->version.size);
    g_autofree char *count = terminal_count((uint64_t)record->version.size, "byte", "bytes");
    g_autofree char *bytes =
        record->version.size < 1024 ? g_strdup("") : g_strdup_printf(" (%s)", count);
    char date[CLOCK_TEXT_MAX];
    int offset_min = 0;
    bool has_offset = record_date_offset(record, &offset_min);
    (void)clock_format_wall(record_date_us(record), has_offset, offset_min, date);
    date[10] = ' ';
    print_line("size", "%s%s", size, bytes);
    static const char *const sources[DATE_SOURCES] = {"EXIF", "XMP", "PNG"};
    bool has_date = record->facts.has_date;
    print_line("date", "%s (%s%s)", date,
               has_date ? sources[record->facts.date_source] : "of the file",
               has_date && !has_offset ? ", without a time zone" : "");
}

/* Prints the colour, with a sample if the terminal can show one. */
static void print_color(uint32_t color)
{
    bool shows = terminal_has_truecolor();
    g_autofree char *swatch = shows
                                  ? g_strdup_printf("\033[48;2;%u;%u;%um  %s ", color >> 16 & 255,
                                                    color >> 8 & 255, color & 255, terminal_reset())
                                  : g_strdup("");
    print_line("color", "%s#%06" PRIx32, swatch, color);
}

static void print_picture(const ImageFacts *facts)
{
    if (facts->type == IMAGE_NONE)
        return;
    g_autofree char *pages =
        facts->pages > 1 ? g_strdup_printf(", %d pages", facts->pages) : g_strdup("");
    g_autofree char *orientation = facts->orientation > 1
                                       ? g_strdup_printf(", orientation %d", facts->orientation)
                                       : g_strdup("");
    print_line("picture", "%s, %dx%d%s%s%s%s%s%s", image_type_name(facts->type), facts->width,
               facts->height, pages, orientation, facts->alpha ? ", alpha" : "",
               facts->damaged ? terminal_red() : "", facts->damaged ? ", damaged" : "",
               facts->damaged ? terminal_reset() : "");
    if (facts->has_color)
        print_color(facts->color);
    g_autofree char *etag = image_etag(facts);
    if (etag)
        print_line("etag", "%s", etag);
}

/* Compares a thumbnail with the disk. Returns "yes", or what is wrong with the file. */
static const char *check_on_disk(const char *bucket, const char *key, int64_t size)
{
    /* `key` is an absolute path if the prefix lies outside of the bucket. */
    g_autofree char *path =
        g_path_is_absolute(key) ? g_strdup(key) : g_build_filename(bucket, key, NULL);
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? "gone" : g_strerror(errno);
    return st.st_size == size ? "yes" : "changed";
}

static void print_thumbnails(const Context *context, const Record *record)
{
    static const TableColumn columns[] = {{"thumbnail", TABLE_TEXT}, {"type", TABLE_TEXT},
                                          {"pixels", TABLE_FIGURE},  {"size", TABLE_FIGURE},
                                          {"on disk", TABLE_TEXT},   {"path", TABLE_NAME}};
    enum { COLUMN_ON_DISK = 4 };
    g_autoptr(TextTable) table = table_new(columns, G_N_ELEMENTS(columns));
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const Thumbnail *made = &record->thumbnails[i];
        g_autofree char *pixels = g_strdup_printf("%dx%d", made->facts.width, made->facts.height);
        g_autofree char *size = units_format_bytes(made->facts.size);
        g_autofree char *key =
            layout_thumbnail_key(context->prefix, made->rendition, record->key, made->facts.type);
        g_autofree char *path = object_key_to_text(key, NULL);
        const char *on_disk = check_on_disk(context->bucket, key, made->facts.size);
        const char *cells[] = {
            made->rendition, image_type_name(made->facts.type), pixels, size, on_disk, path};
        table_add(table, cells, strcmp(on_disk, "yes") ? COLUMN_ON_DISK : TABLE_NO_PROBLEM);
    }
    table_print_below(table);
}

static bool visit_event(const Event *event, void *story)
{
    story_add_event(story, event);
    return true;
}

static void print_story(const Story *story)
{
    static const TableColumn columns[] = {
        {"time", TABLE_TEXT}, {"after", TABLE_FIGURE}, {"what happened", TABLE_NAME}};
    enum { COLUMN_TEXT = 2 };
    g_autoptr(TextTable) table = table_new(columns, G_N_ELEMENTS(columns));
    for (size_t i = 0; i < story_length(story); i++) {
        const Moment *moment = story_moment(story, i);
        g_autofree char *time = terminal_time(moment->time_us);
        int64_t after_us = i > 0 ? moment->time_us - story_moment(story, i - 1)->time_us : 0;
        g_autofree char *after = after_us > 0 ? terminal_duration(after_us) : g_strdup("");
        const char *cells[] = {time, after, moment->text};
        table_add(table, cells, moment->is_problem ? COLUMN_TEXT : TABLE_NO_PROBLEM);
    }
    table_print(table);
}

bool show_view_print(const Context *context, const Record *record, GError **error)
{
    g_autoptr(Story) story = story_new();
    if (!store_events(context->snapshot, 0, record->id, 0, visit_event, story, error))
        return false;
    for (size_t i = 0; i < record->n_log; i++)
        story_add_attempt(story, &record->log[i]);
    story_sort(story);

    g_autofree char *name = object_key_to_text(record->key, NULL);
    printf("%s%s%s\n\n", terminal_bold(), name, terminal_reset());
    placeholder_print(&record->facts);
    print_state(record);
    print_picture(&record->facts);
    print_file(record);
    print_thumbnails(context, record);
    if (story_length(story) > 0)
        putchar('\n');
    print_story(story);
    return true;
}
