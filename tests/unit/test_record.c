/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"
#include "tables/record_codec.h"

#include <glib.h>
#include <string.h>

#define SEED 42

/* Makes facts in which each field has its own value. */
static ImageFacts full_facts(void)
{
    ImageFacts facts = {
        .type = IMAGE_HEIC,
        .width = 16,
        .height = 17,
        .pages = 18,
        .orientation = 8,
        .alpha = true,
        .damaged = true,
        .has_date = true,
        .date_source = DATE_XMP,
        .date_us = -19,
        .has_offset = true,
        .offset_min = -570,
        .etag = {20, UINT64_MAX},
        .has_color = true,
        .color = 0xFFFEFD,
        .thumbhash_len = THUMBHASH_MAX,
    };

    memset(facts.thumbhash, 0xA5, THUMBHASH_MAX);
    return facts;
}

/* Makes a record in which each field has its own value. */
static Record full_record(const char *key)
{
    Record record = {
        .id = 1,
        .sequencer = 2,
        .state = STATE_DEAD,
        .priority = PRIORITY_BACKFILL,
        .version = {3, 4, 5, 6},
        .made = {7, 8, -9, -10},
        .uploaded_us = 11,
        .processed_us = 12,
        .due_us = -13,
        .duration_us = 14,
        .attempts = 15,
        .worker = "granite-16",
        .tried_revision = UINT16_MAX,
        .job = UINT32_MAX,
        .error = ERROR_TOO_MANY_PIXELS,
        .message = "too many",
        .facts = full_facts(),
        .n_thumbnails = RENDITIONS_MAX,
        .n_log = RECORD_ATTEMPTS_MAX,
        .mount = 21,
        .is_date_unsure = true,
        .is_bytes_unsure = true,
        .is_old = true,
        .zone_min = 780,
        .key = key,
    };

    for (size_t i = 0; i < RENDITIONS_MAX; i++) {
        Thumbnail *thumbnail = &record.thumbnails[i];
        memset(thumbnail->rendition, 'a' + (int)i, 1 + i * 2);
        thumbnail->facts = (ThumbnailFacts){IMAGE_WEBP, (int)i, (int)i + 1, 100 + (int64_t)i};
        thumbnail->recipe = UINT64_MAX - i;
        thumbnail->hash = UINT64_C(0xFFFFFFFFFFFF) - i;
    }
    for (size_t i = 0; i < RECORD_ATTEMPTS_MAX; i++) {
        int64_t n = (int64_t)i;
        record.log[i] = (Attempt){.start_us = n + 1,
                                  .duration_us = n + 2,
                                  .cpu_us = n + 3,
                                  .memory_bytes = n + 4,
                                  .error = ERROR_TIMEOUT};
        memset(record.log[i].request_id, (int)i, sizeof record.log[i].request_id);
    }
    return record;
}

static Record minimal_record(const char *key)
{
    return (Record){.id = 1, .state = STATE_PENDING, .key = key};
}

static GByteArray *encode(const Record *record)
{
    GByteArray *buffer = g_byte_array_new();

    record_encode(record, buffer);
    return buffer;
}

static void assert_equal(const Record *a, const Record *b)
{
    g_autoptr(GByteArray) left = encode(a);
    g_autoptr(GByteArray) right = encode(b);

    g_assert_cmpmem(left->data, left->len, right->data, right->len);
}

/* Decodes records and compares the fields for which the encoding alone could hide a loss. */
static void test_round_trip(void)
{
    Record record = full_record("2026/trip/dune.png");
    Record decoded;
    g_autoptr(GByteArray) buffer = encode(&record);
    g_autoptr(GError) error = NULL;

    memset(&decoded, 0xEE, sizeof decoded);
    g_assert_true(record_decode(buffer->data, buffer->len, &decoded, &error));
    g_assert_no_error(error);
    assert_equal(&record, &decoded);
    g_assert_cmpstr(decoded.key, ==, record.key);
    g_assert_true((const uint8_t *)decoded.key > buffer->data);
    g_assert_cmpstr(decoded.message, ==, "too many");
    g_assert_cmpint(decoded.state, ==, STATE_DEAD);
    g_assert_cmpint(decoded.priority, ==, PRIORITY_BACKFILL);
    g_assert_cmpint(decoded.due_us, ==, -13);
    g_assert_cmpuint(decoded.job, ==, UINT32_MAX);
    g_assert_cmpuint(decoded.mount, ==, 21);
    g_assert_cmpstr(decoded.worker, ==, "granite-16");
    g_assert_cmpint(decoded.tried_revision, ==, UINT16_MAX);
    g_assert_cmpint(decoded.made.ctime_ns, ==, -10);
    g_assert_cmpint(decoded.facts.date_us, ==, -19);
    g_assert_true(decoded.facts.has_offset && decoded.is_date_unsure);
    g_assert_true(decoded.is_bytes_unsure && decoded.is_old);
    g_assert_cmpint(decoded.facts.offset_min, ==, -570);
    g_assert_cmpint(decoded.zone_min, ==, 780);
    g_assert_cmphex(decoded.facts.color, ==, 0xFFFEFD);
    g_assert_true(decoded.facts.alpha && decoded.facts.damaged);
    g_assert_cmpmem(decoded.facts.thumbhash, THUMBHASH_MAX, record.facts.thumbhash, THUMBHASH_MAX);
    for (size_t i = 0; i < RECORD_ATTEMPTS_MAX; i++) {
        g_assert_cmpmem(decoded.log[i].request_id, 16, record.log[i].request_id, 16);
        g_assert_cmpint(decoded.log[i].start_us, ==, record.log[i].start_us);
        g_assert_cmpint(decoded.log[i].memory_bytes, ==, record.log[i].memory_bytes);
        g_assert_cmpint(decoded.log[i].error, ==, ERROR_TIMEOUT);
    }
    for (size_t i = 0; i < RENDITIONS_MAX; i++) {
        g_assert_cmpstr(decoded.thumbnails[i].rendition, ==, record.thumbnails[i].rendition);
        g_assert_cmpuint(decoded.thumbnails[i].recipe, ==, record.thumbnails[i].recipe);
        g_assert_cmphex(decoded.thumbnails[i].hash, ==, record.thumbnails[i].hash);
        g_assert_cmpint(decoded.thumbnails[i].facts.size, ==, 100 + (int)i);
    }
}

/* The binary form is on the disks of users. */
static void test_layout(void)
{
    Record record = minimal_record("k");
    g_autoptr(GByteArray) buffer = encode(&record);

    record.id = 0x0102030405060708;
    record.error = ERROR_IO;
    g_byte_array_set_size(buffer, 0);
    record_encode(&record, buffer);
    g_assert_cmpuint(buffer->len, ==, 176 + 8 + 2);
    /* Layout. */
    g_assert_cmpuint(buffer->data[0], ==, 2);
    /* Length of the key. */
    g_assert_cmpuint(buffer->data[2], ==, 2);
    /* Error. */
    g_assert_cmpuint(buffer->data[6], ==, 15);
    /* State. */
    g_assert_cmpuint(buffer->data[8], ==, 1);
    /* Id, its lowest byte first. */
    g_assert_cmpuint(buffer->data[40], ==, 8);
    g_assert_cmpstr((char *)buffer->data + 184, ==, "k");
}

/* An older thumbq wrote these records: the date may be in UTC, so it is to be read again. */
static void test_old_layout(void)
{
    Record record = full_record("k"), decoded;
    record.state = STATE_DONE;
    for (int has_date = 0; has_date < 2; has_date++) {
        record.facts.has_date = has_date;
        g_autoptr(GByteArray) buffer = encode(&record);
        buffer->data[0] = 1;
        g_byte_array_remove_range(buffer, 176, 8);
        g_assert_true(record_decode(buffer->data, buffer->len, &decoded, NULL));
        g_assert_cmpint(decoded.facts.date_us, ==, -19);
        g_assert_false(decoded.facts.has_offset);
        g_assert_cmpint(decoded.zone_min, ==, 0);
        g_assert_true(decoded.is_date_unsure == has_date);
        g_assert_cmpint(decoded.n_thumbnails, ==, RENDITIONS_MAX);
        g_assert_cmpuint(decoded.mount, ==, 21);
    }
    const Rendition wanted = {.name = "small", .recipe = 1};
    Record old = {.state = STATE_DONE, .key = "k", .n_thumbnails = 1, .is_date_unsure = true};
    old.thumbnails[0] = (Thumbnail){.rendition = "small", .recipe = 1};
    g_assert_true(record_is_stale(&old, &wanted, 1));
    old.is_date_unsure = false;
    g_assert_false(record_is_stale(&old, &wanted, 1));
}

static void test_long_key(void)
{
    char key[OBJECT_KEY_MAX + 1];
    Record decoded;

    memset(key, 'x', OBJECT_KEY_MAX);
    key[OBJECT_KEY_MAX] = '\0';

    Record record = minimal_record(key);
    g_autoptr(GByteArray) buffer = encode(&record);
    g_assert_true(record_decode(buffer->data, buffer->len, &decoded, NULL));
    g_assert_cmpstr(decoded.key, ==, key);
}

/* Decodes every prefix of a record in a block of its own, so that a sanitizer detects each read
 * beyond it. */
static void test_truncated(void)
{
    Record record = full_record("2026/trip/dune.png");
    g_autoptr(GByteArray) buffer = encode(&record);

    for (size_t len = 0; len < buffer->len; len++) {
        g_autofree uint8_t *copy = g_malloc(len);
        g_autoptr(GError) error = NULL;
        Record decoded;
        if (len > 0)
            memcpy(copy, buffer->data, len);
        g_assert_false(record_decode(copy, len, &decoded, &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
    }

    Record decoded;
    g_byte_array_append(buffer, (const guint8 *)"", 1);
    g_assert_false(record_decode(buffer->data, buffer->len, &decoded, NULL));
}

/* Asserts the properties of any decoded record, whatever its bytes were. */
static void assert_within_limits(const Record *record)
{
    g_assert_true(object_key_is_valid(record->key));
    g_assert_true(record->state >= STATE_PENDING && record->state < STATES_END);
    g_assert_true(record->priority <= PRIORITY_BACKFILL);
    g_assert_true(record->facts.type < IMAGE_TYPES);
    g_assert_cmpint(record->facts.width, >=, 0);
    g_assert_cmpint(record->facts.height, >=, 0);
    g_assert_cmpint(record->facts.orientation, <=, 8);
    g_assert_cmpint(record->facts.thumbhash_len, <=, THUMBHASH_MAX);
    g_assert_cmpint(record->version.size, >=, 0);
    g_assert_cmpint(record->attempts, >=, 0);
    g_assert_cmpuint(record->n_thumbnails, <=, RENDITIONS_MAX);
    g_assert_cmpuint(record->n_log, <=, RECORD_ATTEMPTS_MAX);
    g_assert_cmpuint(strnlen(record->message, RECORD_MESSAGE_MAX), <, RECORD_MESSAGE_MAX);
    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const char *name = record->thumbnails[i].rendition;
        g_assert_cmpuint(strnlen(name, RENDITION_NAME_MAX), <, RENDITION_NAME_MAX);
        g_assert_null(strchr(name, '/'));
        g_assert_cmpstr(name, !=, "..");
        g_assert_cmpint(record->thumbnails[i].facts.size, >=, 0);
    }
}

static void decode_damaged(const GByteArray *bytes)
{
    g_autofree uint8_t *copy = g_memdup2(bytes->data, bytes->len);
    g_autoptr(GError) error = NULL;
    Record decoded;

    if (!record_decode(copy, bytes->len, &decoded, &error)) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_STORE_CORRUPT);
        return;
    }
    assert_within_limits(&decoded);
    /* An accepted record encodes to the same bytes, except for bytes without a meaning. */
    g_autoptr(GByteArray) again = encode(&decoded);
    g_assert_cmpuint(again->len, ==, bytes->len);
}

static void test_bit_flips(void)
{
    Record record = full_record("2026/trip/dune.png");
    g_autoptr(GByteArray) buffer = encode(&record);

    for (size_t bit = 0; bit < (size_t)buffer->len * 8; bit++) {
        buffer->data[bit / 8] ^= (guint8)(1 << bit % 8);
        decode_damaged(buffer);
        buffer->data[bit / 8] ^= (guint8)(1 << bit % 8);
    }
}

static void test_random_damage(void)
{
    Record record = full_record("2026/trip/dune.png");
    g_autoptr(GByteArray) good = encode(&record);
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);

    for (int round = 0; round < 20000; round++) {
        g_autoptr(GByteArray) bad = g_byte_array_new();
        guint len = (guint)g_rand_int_range(rand, 1, (gint32)good->len + 1);
        g_byte_array_append(bad, good->data, len);
        for (int i = g_rand_int_range(rand, 1, 8); i > 0; i--)
            bad->data[g_rand_int_range(rand, 0, (gint32)len)] = (guint8)g_rand_int(rand);
        decode_damaged(bad);
    }
}

/* Fields outside of the limits in the header, each written over a good record. */
static void test_out_of_range(void)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"layout", 0, 3},
        {"state 0", 8, 0},
        {"state beyond", 8, STATES_END},
        {"priority", 9, 3},
        {"thumbnails", 10, 17},
        {"attempts kept", 11, 5},
        {"type", 12, IMAGE_TYPES},
        {"orientation", 13, 9},
        {"flags", 14, 0x40},
        {"mount without a number", 14, 0x20},
        {"thumbhash", 15, 26},
        {"attempts", 19, 0x80},
        {"width", 23, 0x80},
        {"height", 27, 0x80},
        {"pages", 31, 0x80},
        {"color", 35, 1},
        {"size", 71, 0x80},
        {"more flags", 178, 0x40},
        {"two sources of a date", 178, 0x0c},
        {"offset", 177, 0x7f},
        {"zone", 181, 0x7f},
        {"key: NUL inside", 184, 0},
        {"key: leading /", 184, '/'},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Record record = minimal_record("a/b");
        Record decoded;
        g_autoptr(GByteArray) buffer = encode(&record);
        g_assert_true(record_decode(buffer->data, buffer->len, &decoded, NULL));
        buffer->data[cases[i].at] = cases[i].value;
        if (record_decode(buffer->data, buffer->len, &decoded, NULL))
            g_error("'%s' was accepted", cases[i].name);
    }
}

static void test_rendition_names(void)
{
    static const char *const names[] = {"", ".", "..", "a/b"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Record record = minimal_record("k");
        Record decoded;
        record.n_thumbnails = 1;
        g_strlcpy(record.thumbnails[0].rendition, names[i], RENDITION_NAME_MAX);
        g_autoptr(GByteArray) buffer = encode(&record);
        if (record_decode(buffer->data, buffer->len, &decoded, NULL))
            g_error("a rendition named '%s' was accepted", names[i]);
    }
}

/* A lifecycle rule has expired the object: nothing is to be made, whatever the renditions are. */
static void test_expired(void)
{
    const Rendition wanted = {.name = "small", .recipe = 1};
    Record record = minimal_record("k"), decoded;

    record.state = STATE_DONE;
    g_assert_true(record_is_stale(&record, &wanted, 1));
    record.expired = true;
    g_autoptr(GByteArray) buffer = encode(&record);
    g_assert_true(record_decode(buffer->data, buffer->len, &decoded, NULL));
    g_assert_true(decoded.expired);
    g_assert_false(record_is_stale(&decoded, &wanted, 1));
}

static void test_date(void)
{
    static const struct {
        bool has_date;
        int64_t date_us, mtime_ns, expected_us;
    } cases[] = {
        {true, 77, 5000, 77},
        {true, -77, 5000, -77},
        {false, 77, 5999, 5},
        {false, 0, -1, -1},
        {false, 0, -1000, -1},
        {false, 0, -1001, -2},
        {false, 0, INT64_MIN, INT64_MIN / 1000 - 1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Record record = minimal_record("k");
        record.facts.has_date = cases[i].has_date;
        record.facts.date_us = cases[i].date_us;
        record.version.mtime_ns = cases[i].mtime_ns;
        g_assert_cmpint(record_date_us(&record), ==, cases[i].expected_us);
    }
}

/* Tests the time that the clock showed, under which the index has the record, and the instant. */
static void test_clocks(void)
{
    const int64_t minute = 60 * INT64_C(1000000);
    Record record = minimal_record("k");
    int offset_min = 0;

    /* Summer time in Auckland. */
    g_setenv("TZ", "NZDT-13", TRUE);
    zone_refresh();
    record.facts = (ImageFacts){
        .has_date = true, .date_us = 600 * minute, .has_offset = true, .offset_min = 60};
    g_assert_cmpint(record_date_us(&record), ==, 600 * minute);
    g_assert_cmpint(record_indexed_date_us(&record), ==, 600 * minute);
    g_assert_cmpint(record_date_instant_us(&record), ==, 540 * minute);
    g_assert_true(record_date_offset(&record, &offset_min));
    g_assert_cmpint(offset_min, ==, 60);
    record.facts.has_offset = false;
    g_assert_cmpint(record_date_us(&record), ==, 600 * minute);
    g_assert_cmpint(record_date_instant_us(&record), ==, -180 * minute);
    g_assert_false(record_date_offset(&record, &offset_min));
    record.facts.has_date = false;
    /* The record was indexed in Berlin. */
    record.zone_min = 60;
    record.version.mtime_ns = 600 * minute * 1000;
    g_assert_cmpint(record_date_us(&record), ==, 1380 * minute);
    g_assert_cmpint(record_indexed_date_us(&record), ==, 660 * minute);
    g_assert_cmpint(record_date_instant_us(&record), ==, 600 * minute);
    g_assert_true(record_date_offset(&record, &offset_min));
    g_assert_cmpint(offset_min, ==, 780);
    g_setenv("TZ", "UTC", TRUE);
    zone_refresh();
}

static void test_state_names(void)
{
    static const char *const names[] = {"pending", "running", "done", "skipped", "dead"};
    ObjectState state;

    for (int i = 0; i < 5; i++) {
        g_assert_cmpstr(state_name((ObjectState)(i + 1)), ==, names[i]);
        g_assert_true(state_from_name(names[i], &state));
        g_assert_cmpint(state, ==, i + 1);
    }
    g_assert_false(state_from_name("unknown", &state));
    g_assert_false(state_from_name("", &state));
    g_assert_cmpstr(state_name((ObjectState)0), ==, "unknown");
    g_assert_cmpstr(state_name(STATES_END), ==, "unknown");
}

static void test_is_current(void)
{
    Record record = minimal_record("k");

    record.version = (ObjectVersion){1, 2, 3, 4};
    g_assert_false(record_is_current(&record));
    record.made = record.version;
    g_assert_true(record_is_current(&record));
    record.version.ctime_ns++;
    g_assert_false(record_is_current(&record));
}

int main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/round_trip", test_round_trip);
    g_test_add_func("/record/layout", test_layout);
    g_test_add_func("/record/old_layout", test_old_layout);
    g_test_add_func("/record/clocks", test_clocks);
    g_test_add_func("/record/expired", test_expired);
    g_test_add_func("/record/long_key", test_long_key);
    g_test_add_func("/record/truncated", test_truncated);
    g_test_add_func("/record/bit_flips", test_bit_flips);
    g_test_add_func("/record/random_damage", test_random_damage);
    g_test_add_func("/record/out_of_range", test_out_of_range);
    g_test_add_func("/record/rendition_names", test_rendition_names);
    g_test_add_func("/record/date", test_date);
    g_test_add_func("/record/state_names", test_state_names);
    g_test_add_func("/record/is_current", test_is_current);
    return g_test_run();
}
