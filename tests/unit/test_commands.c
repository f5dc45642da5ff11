/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that read, as scripts see them: the real program on a store made here, its JSON
 * compared with what docs/commands.md promises, its exit statuses and where its words go.
 */
#include "clock.h"
#include "config.h"
#include "daemon.h"
#include "store.h"

#include <glib/gstdio.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* 2026-02-01T08:00:00.123Z; every object comes a second after the one before. */
#define START_US (INT64_C(1769932800) * CLOCK_US_PER_SEC + 123 * CLOCK_US_PER_MS)

static char *bucket; /* temporary folder */

/* ---- the store ----------------------------------------------------------------------------------
 */

typedef struct {
    const char *key;
    int64_t size;
    ObjectState state;
    ErrorCode error;
    const char *message;
    ImageFacts facts;
    size_t n_thumbnails;
} Upload;

static const Upload uploads[] = {
    {.key = "2026/trip/dune.png",
     .size = 123456,
     .state = STATE_DONE,
     .facts = {.type = IMAGE_PNG,
               .width = 4000,
               .height = 3000,
               .pages = 1,
               .orientation = 1,
               .has_date = true,
               .date_us = INT64_C(1769860800) * CLOCK_US_PER_SEC,
               .etag = {0x1122334455667788, 0x99aabbccddeeff00},
               .has_color = true,
               .color = 0x00bbcc,
               .thumbhash_len = 3,
               .thumbhash = {1, 2, 3}},
     .n_thumbnails = 2},
    {.key = "50% off, \"new\".jpg",
     .size = 2000,
     .state = STATE_DONE,
     .facts = {.type = IMAGE_JPEG,
               .width = 30,
               .height = 20,
               .pages = 1,
               .orientation = 6,
               .damaged = true},
     .n_thumbnails = 2},
    {.key = "caf\xe9.jpg",
     .size = 1000,
     .state = STATE_DEAD,
     .error = ERROR_TOO_MANY_PIXELS,
     .message = "20000x20000 is over max_pixels",
     .facts = {.type = IMAGE_JPEG, .width = 20000, .height = 20000}},
    {.key = "notes.txt",
     .size = 12,
     .state = STATE_SKIPPED,
     .error = ERROR_NOT_AN_IMAGE,
     .message = "no image"},
    {.key = "waiting.jpg", .size = 77, .state = STATE_PENDING},
};

static ObjectVersion version_of(const Upload *upload)
{
    return (ObjectVersion){
        .ino = 42,
        .size = upload->size,
        .mtime_ns = INT64_C(1767225600123456789), /* 2026-01-01T00:00:00.123456789Z */
        .ctime_ns = INT64_C(1767225600123456789),
    };
}

static StoreOutcome outcome_of(const Upload *upload, const Config *config, int64_t now_us)
{
    StoreOutcome outcome = {
        .state = upload->state,
        .version = version_of(upload),
        .counts = true,
        .now_us = now_us + 37 * CLOCK_US_PER_MS,
        .error = upload->error,
        .attempt = {.request_id = {0xab, [15] = 0xcd},
                    .start_us = now_us + 18 * CLOCK_US_PER_MS,
                    .duration_us = 18440,
                    .cpu_us = 9004,
                    .memory_bytes = 50 << 20,
                    .error = upload->error},
        .has_facts = true,
        .facts = upload->facts,
        .n_thumbnails = upload->n_thumbnails,
    };
    g_strlcpy(outcome.message, upload->message ? upload->message : "", sizeof(outcome.message));
    for (size_t i = 0; i < upload->n_thumbnails; i++) {
        RecordThumbnail *made = &outcome.thumbnails[i];
        g_strlcpy(made->rendition, config->renditions[i].name, sizeof(made->rendition));
        made->recipe = config->renditions[i].recipe;
        made->facts = (ThumbnailFacts){i ? IMAGE_JPEG : IMAGE_WEBP, 256, 192, 4321};
    }
    return outcome;
}

static void make_store(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(NULL, &error);
    g_assert_no_error(error);
    g_autofree char *path = daemon_store_path(folder, config);
    g_autoptr(Store) store = store_open(path, STORE_WRITE, &error);
    g_assert_no_error(error);
    store_set_renditions(store, config->renditions, config->n_renditions);
    for (size_t i = 0; i < G_N_ELEMENTS(uploads); i++) {
        const Upload *upload = &uploads[i];
        int64_t now_us = START_US + (int64_t)i * CLOCK_US_PER_SEC;
        ObjectVersion version = version_of(upload);
        StoreSeen seen;
        uint64_t id;
        store_seen(store, upload->key, &version, PRIORITY_UPLOAD, now_us, &seen, &id, &error);
        g_assert_no_error(error);
        if (upload->state == STATE_PENDING)
            continue;
        bool found;
        Record record;
        int64_t next_us;
        store_claim(store, now_us, &found, &record, &next_us, &error);
        g_assert_no_error(error);
        g_assert_true(found);
        StoreOutcome outcome = outcome_of(upload, config, now_us);
        store_finish(store, upload->key, &outcome, &found, &record, &error);
        g_assert_no_error(error);
    }
    store_commit(store, &error);
    g_assert_no_error(error);
}

static void remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_folder(child);
    }
    g_remove(path);
}

/* ---- running it ---------------------------------------------------------------------------------
 */

typedef struct {
    int status;
    char *out, *err;
} Run;

static void run_clear(Run *run)
{
    g_free(run->out);
    g_free(run->err);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* `line` is split as a shell does; "B" alone stands for the bucket's path. In the folder
 * `directory`. */
static void run_thumbq(const char *line, const char *directory, Run *ret_run)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = NULL;
    g_autofree char *whole = g_strconcat("thumbq ", line, NULL);
    g_assert_true(g_shell_parse_argv(whole, NULL, &words, NULL));
    g_free(words[0]);
    words[0] = g_strdup(THUMBQ_PROGRAM);
    for (size_t i = 1; words[i]; i++) {
        if (!strcmp(words[i], "B")) {
            g_free(words[i]);
            words[i] = g_strdup(bucket);
        }
    }
    int wait_status = 0;
    g_spawn_sync(directory, words, NULL, G_SPAWN_DEFAULT, NULL, NULL, &ret_run->out, &ret_run->err,
                 &wait_status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait_status));
    ret_run->status = WEXITSTATUS(wait_status);
}

/* What lies at `path` ("thumbnails/0/path"; "" is the whole) in a JSON text; borrowed, or NULL. */
static json_t *look_up(json_t *root, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 0);
    json_t *at = root;
    for (size_t i = 0; at && parts[i] && *path; i++) {
        at = json_is_array(at) ? json_array_get(at, g_ascii_strtoull(parts[i], NULL, 10))
                               : json_object_get(at, parts[i]);
    }
    return at;
}

/* ---- JSON ---------------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const char *line;
    size_t row; /* line of the output */
    const char *path;
    const char *json; /* what must be there */
} JsonCase;

static const JsonCase json_cases[] = {
    {"stats/objects", "stats --json B", 0, "objects",
     "{\"total\":5,\"pending\":1,\"running\":0,\"done\":2,\"skipped\":1,\"dead\":1,\"damaged\":1,"
     "\"away\":0}"},
    {"stats/source-bytes", "stats --json B", 0, "source_bytes", "126545"},
    {"stats/thumbnails", "stats --json B", 0, "thumbnails", "{\"count\":4,\"bytes\":17284}"},
    {"stats/by-type", "stats --json B", 0, "by_type",
     "[{\"type\":\"jpeg\",\"objects\":2,\"bytes\":3000},{\"type\":\"none\",\"objects\":2,\"bytes\":"
     "89},"
     "{\"type\":\"png\",\"objects\":1,\"bytes\":123456}]"},
    {"stats/invocations", "stats --json B", 0, "invocations/count", "4"},
    {"stats/filter", "stats --json --type png B", 0, "objects/total", "1"},
    {"stats/filter-scope", "stats --json --type png B", 0, "invocations/scope", "\"bucket\""},
    {"stats/by", "stats --by state --json B", 0, "groups/0",
     "{\"group\":\"dead\",\"objects\":1,\"source_bytes\":1000,\"thumbnails\":0,"
     "\"thumbnail_bytes\":0,\"done\":0,\"dead\":1}"},
    {"stats/by-name", "stats --by=month --json B", 0, "by", "\"month\""},
    {"list/name", "list --json B", 0, "name", "\"2026/trip/dune.png\""},
    {"list/size", "list --json B", 0, "size", "123456"},
    {"list/date-exif", "list --json B", 0, "date", "\"2026-01-31T12:00:00\""},
    {"list/date-utc-unknown", "list --json B", 0, "date_utc", "null"},
    {"list/date-utc", "list --json B", 1, "date_utc", "\"2026-01-01T00:00:00Z\""},
    {"list/date-source-exif", "list --json B", 0, "date_source", "\"exif\""},
    {"list/state", "list --json B", 0, "state", "\"done\""},
    {"list/type", "list --json B", 0, "type", "\"png\""},
    {"list/width", "list --json B", 0, "width", "4000"},
    {"list/alpha", "list --json B", 0, "alpha", "false"},
    {"list/uploaded", "list --json B", 0, "uploaded", "\"2026-02-01T08:00:00.123Z\""},
    {"list/processed", "list --json B", 0, "processed", "\"2026-02-01T08:00:00.160Z\""},
    {"list/duration", "list --json B", 0, "duration_ms", "18.4"},
    {"list/attempts", "list --json B", 0, "attempts", "1"},
    {"list/thumbhash", "list --json B", 0, "thumbhash", "\"AQID\""},
    {"list/color", "list --json B", 0, "color", "\"#00bbcc\""},
    {"list/thumbnail", "list --json B", 0, "thumbnails/0",
     "{\"rendition\":\"small\",\"path\":\"thumbnails/small/2026/trip/dune.png.webp\","
     "\"type\":\"webp\",\"width\":256,\"height\":192,\"size\":4321}"},
    {"list/thumbnail-extension", "list --json B", 0, "thumbnails/1/path",
     "\"thumbnails/large/2026/trip/dune.png.jpg\""},
    {"list/no-error", "list --json B", 0, "error", "null"},
    {"list/name-percent", "list --json B", 1, "name", "\"50% off, \\\"new\\\".jpg\""},
    {"list/name-plain-percent", "list --json B", 1, "name_encoding", NULL},
    {"list/date-mtime", "list --json B", 1, "date", "\"2026-01-01T00:00:00Z\""},
    {"list/date-source-mtime", "list --json B", 1, "date_source", "\"mtime\""},
    {"list/damaged", "list --json B", 1, "damaged", "true"},
    {"list/name-bytes", "list --json B", 2, "name", "\"caf%E9.jpg\""},
    {"list/name-encoding", "list --json B", 2, "name_encoding", "\"percent\""},
    {"list/error-dead", "list --json B", 2, "error",
     "{\"name\":\"too_many_pixels\",\"class\":\"reject\","
     "\"message\":\"20000x20000 is over max_pixels\"}"},
    {"list/error-skipped", "list --json B", 3, "error/name", "\"not_an_image\""},
    {"list/pending-null", "list --json B", 4, "processed", "null"},
    {"list/pending-width", "list --json B", 4, "width", "null"},
    {"list/pending-thumbnails", "list --json B", 4, "thumbnails", "[]"},
    {"list/sort", "list --json --sort size --reverse --limit 2 B", 1, "size", "2000"},
    {"list/filter", "list --json --state dead,skipped --match '*.txt' B", 0, "name",
     "\"notes.txt\""},
    {"show/list-fields", "show 2026/trip/dune.png --json B", 0, "thumbnails/0/size", "4321"},
    {"show/etag", "show --json 2026/trip/dune.png B", 0, "etag",
     "\"99aabbccddeeff001122334455667788\""},
    {"show/version", "show --json 2026/trip/dune.png B", 0, "version",
     "{\"inode\":42,\"size\":123456,\"mtime\":\"2026-01-01T00:00:00.123456789Z\","
     "\"ctime\":\"2026-01-01T00:00:00.123456789Z\"}"},
    {"show/attempt", "show --json 2026/trip/dune.png B", 0, "attempts_log/0",
     "{\"request_id\":\"ab000000-0000-0000-0000-0000000000cd\","
     "\"start\":\"2026-02-01T08:00:00.141Z\",\"duration_ms\":18.4,\"cpu_ms\":9.0,"
     "\"memory_bytes\":52428800,\"error\":null}"},
    {"show/events", "show --json 2026/trip/dune.png B", 0, "events/1/event", "\"done\""},
    {"show/encoded", "show --json caf%E9.jpg B", 0, "state", "\"dead\""},
    {"show/as-path", "show --json ./trip/dune.png --bucket B", 0, "name", "\"2026/trip/dune.png\""},
    {"show/pending", "show --json waiting.jpg B", 0, "priority", "\"upload\""},
    {"events/created", "events --json B", 0, "Records/0/eventName", "\"ObjectCreated:Put\""},
    {"events/version", "events --json B", 0, "Records/0/eventVersion", "\"2.1\""},
    {"events/time", "events --json B", 0, "Records/0/eventTime", "\"2026-02-01T08:00:00.123Z\""},
    {"events/size", "events --json B", 0, "Records/0/s3/object/size", "123456"},
    {"events/etag", "events --json B", 0, "Records/0/s3/object/eTag",
     "\"99aabbccddeeff001122334455667788\""},
    {"events/done", "events --json B", 1, "Records/0/eventName", "\"Thumbnail:Done\""},
    {"events/key", "events --json B", 2, "Records/0/s3/object/key",
     "\"50%25+off%2C+%22new%22.jpg\""},
    {"events/dead", "events --json --limit 4 B", 0, "Records/0/thumbq/error",
     "\"too_many_pixels\""},
    {"metrics/invocations", "metrics --json --since 2026-02-01T08:00Z B", 0, "metrics/Invocations",
     "{\"unit\":\"Count\",\"sum\":4}"},
    {"metrics/since", "metrics --json --since 2026-02-01T08:30Z B", 0, "since",
     "\"2026-02-01T08:30:00Z\""},
    {"schedule/name", "schedule --json B", 0, "0/name", "\"nightly\""},
    {"schedule/last", "schedule --json B", 0, "0/last", "null"},
};

static void test_json(const void *data)
{
    const JsonCase *row = data;
    g_autofree char *directory = g_build_filename(bucket, "2026", NULL);
    g_auto(Run) run = {0};
    run_thumbq(row->line, directory, &run);
    g_assert_cmpstr(run.err, ==, "");
    g_assert_cmpint(run.status, ==, 0);
    g_auto(GStrv) lines = g_strsplit(run.out, "\n", 0);
    g_assert_cmpuint(g_strv_length(lines), >, row->row);
    json_error_t error;
    json_t *root = json_loads(lines[row->row], 0, &error);
    g_assert_nonnull(root);
    json_t *found = look_up(root, row->path);
    json_t *expected = row->json ? json_loads(row->json, JSON_DECODE_ANY, &error) : NULL;
    if (row->json)
        g_assert_nonnull(expected);
    char *found_text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    g_test_message("%s: %s", row->path, found_text ? found_text : "(nothing)");
    g_assert_true(found == expected || json_equal(found, expected));
    free(found_text);
    json_decref(expected);
    json_decref(root);
}

/* The keys of the contract, in its order: scripts may read columns off them. */
static void test_order(void)
{
    g_auto(Run) run = {0};
    run_thumbq("list --json --limit 1 B", "/", &run);
    static const char *const keys[] = {
        "name",    "size",       "date",      "date_utc",    "date_source", "state",
        "type",    "width",      "height",    "pages",       "orientation", "alpha",
        "damaged", "uploaded",   "processed", "duration_ms", "attempts",    "thumbhash",
        "color",   "thumbnails", "error",     "away"};
    json_t *root = json_loads(run.out, 0, NULL);
    g_assert_nonnull(root);
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        g_assert_cmpuint(i, <, G_N_ELEMENTS(keys));
        g_assert_cmpstr(key, ==, keys[i++]);
    }
    g_assert_cmpuint(i, ==, G_N_ELEMENTS(keys));
    json_decref(root);
}

/* ---- status and text ----------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const char *line;
    int status;
    const char *out; /* part of stdout; "" for nothing at all there */
    const char *err; /* part of stderr; likewise */
} TextCase;

static const TextCase text_cases[] = {
    {"help/none", "", 0, "Commands:", ""},
    {"help/word", "help", 0, "Commands:", ""},
    {"help/option", "--help", 0, "Commands:", ""},
    {"help/of-command", "help list", 0, "Usage: thumbq list", ""},
    {"help/command-option", "list --help", 0, "--min-size", ""},
    {"help/unknown", "help lst", 2, "", "did you mean 'list'?"},
    {"version", "--version", 0, "thumbq " THUMBQ_VERSION "\n", ""},
    {"usage/command", "stat B", 2, "", "did you mean 'stats'?"},
    {"usage/option", "stats --jsn B", 2, "", "did you mean '--json'?"},
    {"usage/value", "list --sort colour B", 2, "", "'colour'"},
    {"usage/filter", "list --type jpge B", 2, "", "did you mean 'jpeg'?"},
    {"usage/by", "stats --by typ B", 2, "", "did you mean 'type'?"},
    {"usage/both-formats", "list --json --csv B", 2, "", "--json and --csv"},
    {"usage/too-many", "stats B extra", 2, "", "'extra'"},
    {"usage/bucket-twice", "stats B --bucket B", 2, "", "one argument too many"},
    {"usage/bucket-empty", "stats ''", 2, "", "empty"},
    {"usage/no-key", "show", 2, "", "KEY"},
    {"usage/config", "stats --config /dev/null/none B", 74, "", "none"},
    {"missing/bucket", "stats /nonexistent-bucket", 3, "", "/nonexistent-bucket"},
    {"missing/store", "stats /usr", 3, "", "thumbq run"},
    {"missing/config", "stats --config /nonexistent.conf B", 3, "", "/nonexistent.conf"},
    {"missing/object", "show nothing.jpg B", 3, "", "nothing.jpg"},
    {"sync/no-time", "sync --timeout 0 B", 2, "", "--timeout"},
    {"stats", "stats B", 0, "2 done, 1 skipped, 1 dead", ""},
    {"stats/plain", "stats B", 0, "\nobjects               5   1 pending", ""},
    {"stats/by", "stats --by prefix B", 0, "2026/", ""},
    {"stats/csv", "stats --csv B", 0, "\n5,1,0,2,1,1,1,126545,4,17284,0\n", ""},
    {"stats/by-csv", "stats --by type --csv B", 0, "\npng,1,123456,2,8642,1,0\n", ""},
    {"list", "list B", 0, "4000x3000", ""},
    {"list/bytes", "list B", 0, "caf%E9.jpg", ""},
    {"list/csv", "list --csv B", 0, "\n\"50% off, \"\"new\"\".jpg\",,2000,", ""},
    {"show", "show 2026/trip/dune.png B", 0, "\npicture     png, 4000x3000\n", ""},
    {"show/error", "show caf%E9.jpg B", 0, "too_many_pixels (reject)\n            20000x20000", ""},
    {"show/story", "show 2026/trip/dune.png B", 0, "  uploaded: ", ""},
    {"events", "events --limit 1 B", 0, "waiting.jpg", ""},
    {"metrics/prometheus", "metrics --prometheus B", 0, "\nthumbq_invocations_total{bucket=\"", ""},
    {"config/defaults", "config --defaults", 0, "[rendition small]", ""},
    {"config/bucket", "config B", 0, "max_pixels", ""},
    {"check/zone",
     "schedule --check '0 3 * * *' --tz Europe/Berlin --from 2026-03-28T12:00 --next 1", 0,
     "2026-03-29T03:00:00+02:00\n", ""},
    {"check/from-in-zone",
     "schedule --check '30 * * * *' --tz Asia/Tokyo --from 2026-01-01T00:00 --next 1", 0,
     "2026-01-01T00:30:00+09:00\n", ""},
    {"check/wrong", "schedule --check '61 * * * *'", 2, "", "61"},
    {"check/never", "schedule --check '0 0 30 2 *'", 1, "", "never"},
    {"check/only", "schedule --tz Europe/Berlin B", 2, "", "--check"},
};

static void assert_says(const char *text, const char *part)
{
    g_test_message("'%s' in '%s'", part, text);
    if (*part)
        g_assert_nonnull(strstr(text, part));
    else
        g_assert_cmpstr(text, ==, "");
}

static void test_text(const void *data)
{
    const TextCase *row = data;
    g_auto(Run) run = {0};
    run_thumbq(row->line, "/", &run);
    assert_says(run.out, row->out);
    assert_says(run.err, row->err);
    g_assert_cmpint(run.status, ==, row->status);
    g_assert_null(strchr(run.out, '\033')); /* no colour: this is no terminal */
}

/* `thumbq list | head` and `thumbq list > /dev/full`. */
static void test_output_errors(void)
{
    static const struct {
        const char *redirection;
        int status;
    } rows[] = {{"| true; exit ${PIPESTATUS[0]}", 0}, {"> /dev/full 2> /dev/null", 74}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *program = g_shell_quote(THUMBQ_PROGRAM);
        g_autofree char *folder = g_shell_quote(bucket);
        g_autofree char *script =
            g_strdup_printf("%s list --json %s %s", program, folder, rows[i].redirection);
        char *words[] = {(char *)"bash", (char *)"-c", script, NULL};
        g_autofree char *err = NULL;
        int wait_status = 0;
        g_assert_true(g_spawn_sync(NULL, words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &err,
                                   &wait_status, NULL));
        g_assert_cmpstr(err, ==, "");
        g_assert_cmpint(WEXITSTATUS(wait_status), ==, rows[i].status);
    }
}

/* ---- following ----------------------------------------------------------------------------------
 */

typedef struct {
    GPid pid;
    FILE *out;
} Follower;

static Follower start_follower(const char *folder)
{
    g_autoptr(GError) error = NULL;
    Follower follower = {0};
    int out = -1;
    char *words[] = {(char *)THUMBQ_PROGRAM, (char *)"events", (char *)"--follow",
                     (char *)"--limit=1",    (char *)folder,   NULL};
    g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                             &follower.pid, NULL, &out, NULL, &error);
    g_assert_no_error(error);
    follower.out = fdopen(out, "r");
    g_assert_nonnull(follower.out);
    return follower;
}

/* Waits for the next line, which has `part` in it. */
static void expect_line(const Follower *follower, const char *part)
{
    char line[512];
    g_assert_nonnull(fgets(line, sizeof(line), follower->out));
    g_test_message("'%s' in '%s'", part, line);
    g_assert_nonnull(strstr(line, part));
}

static int wait_for_end(const Follower *follower)
{
    int wait_status = 0;
    g_assert_cmpint(waitpid(follower->pid, &wait_status, 0), ==, follower->pid);
    g_assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

static void add_object(const char *folder, const char *key)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(NULL, &error);
    g_autofree char *path = daemon_store_path(folder, config);
    g_autoptr(Store) store = store_open(path, STORE_WRITE, &error);
    g_assert_no_error(error);
    ObjectVersion version = {.ino = 43, .size = 5};
    StoreSeen seen;
    uint64_t id;
    store_seen(store, key, &version, PRIORITY_UPLOAD, START_US, &seen, &id, &error);
    g_assert_no_error(error);
    store_commit(store, &error);
    g_assert_no_error(error);
}

/* What is committed later appears; a reader that leaves ends it, quietly. */
static void test_follow(void)
{
    g_autofree char *folder = g_dir_make_tmp("thumbq-follow-XXXXXX", NULL);
    make_store(folder);
    Follower follower = start_follower(folder);
    expect_line(&follower, "time");
    expect_line(&follower, "waiting.jpg");
    add_object(folder, "first.jpg");
    expect_line(&follower, "first.jpg");
    add_object(folder, "second.jpg");
    expect_line(&follower, "second.jpg");
    fclose(follower.out);
    g_assert_cmpint(wait_for_end(&follower), ==, 0);
    remove_folder(folder);
}

/* A store that is deleted will never change again. */
static void test_follow_gone(void)
{
    g_autofree char *folder = g_dir_make_tmp("thumbq-follow-XXXXXX", NULL);
    make_store(folder);
    Follower follower = start_follower(folder);
    expect_line(&follower, "time");
    expect_line(&follower, "waiting.jpg");
    add_object(folder, "first.jpg"); /* its line says that the store is watched by now */
    expect_line(&follower, "first.jpg");
    remove_folder(folder);
    g_assert_cmpint(wait_for_end(&follower), ==, 3);
    fclose(follower.out);
}

int main(int argc, char **argv)
{
    g_unsetenv("THUMBQ_BUCKET");
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    bucket = g_dir_make_tmp("thumbq-commands-XXXXXX", NULL);
    g_assert_nonnull(bucket);
    g_autofree char *folder = g_build_filename(bucket, "2026", NULL);
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    make_store(bucket);
    for (size_t i = 0; i < G_N_ELEMENTS(json_cases); i++) {
        g_autofree char *path = g_strconcat("/commands/json/", json_cases[i].name, NULL);
        g_test_add_data_func(path, &json_cases[i], test_json);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(text_cases); i++) {
        g_autofree char *path = g_strconcat("/commands/text/", text_cases[i].name, NULL);
        g_test_add_data_func(path, &text_cases[i], test_text);
    }
    g_test_add_func("/commands/json/order", test_order);
    g_test_add_func("/commands/output-errors", test_output_errors);
    g_test_add_func("/commands/follow/new", test_follow);
    g_test_add_func("/commands/follow/gone", test_follow_gone);
    int status = g_test_run();
    remove_folder(bucket);
    g_free(bucket);
    return status;
}
