/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: what a file may say, what is said of a wrong one, and that it prints itself.
 */
#include "config.h"
#include "error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SEC INT64_C(1000000)
#define MIB (INT64_C(1) << 20)

static Config *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Config *config = config_parse(text, "thumbq.conf", &error);

    g_assert_no_error(error);
    g_assert_nonnull(config);
    return config;
}

/* As docs/commands.md promises. */
static void test_defaults(void)
{
    g_autoptr(Config) config = parse("");

    g_assert_null(config->path);
    g_assert_cmpstr(config->prefix, ==, "thumbnails");
    g_assert_cmpstr(config->state, ==, ".thumbq");
    g_assert_cmpuint(g_strv_length(config->ignore), ==, 11);
    g_assert_cmpint(config->concurrency, >=, 1);
    g_assert_cmpint(config->timeout_us, ==, 15 * SEC);
    g_assert_cmpint(config->memory_bytes, ==, 512 * MIB);
    g_assert_cmpint(config->max_pixels, ==, 150000000);
    g_assert_cmpint(config->max_file_size, ==, 512 * MIB);
    g_assert_cmpint(config->max_pages, ==, 200);
    g_assert_cmpint(config->max_output_size, ==, 64 * MIB);
    g_assert_cmpint(config->max_invocations, ==, 100);
    g_assert_cmpint(config->isolation, ==, ISOLATION_OWNER);
    g_assert_cmpint(config->retries, ==, 2);
    g_assert_cmpuint(config->n_renditions, ==, 2);
    g_assert_cmpstr(config->renditions[0].name, ==, "small");
    g_assert_cmpint(config->renditions[0].format, ==, FORMAT_WEBP);
    g_assert_cmpstr(config->renditions[1].name, ==, "large");
    g_assert_cmpint(config->renditions[1].width, ==, 1024);
    g_assert_cmpuint(config->n_schedules, ==, 1);
    g_assert_cmpstr(config->schedules[0].cron, ==, "0 3 * * *");
    g_assert_cmpstr(config->schedules[0].run, ==, "sweep all");
    g_assert_cmpint(config->schedules[0].line, ==, 0);
    g_assert_cmpint(config->schedules[0].catchup, ==, CATCHUP_ONCE);
    g_assert_cmpint(config->schedules[0].timeout_us, ==, 3600 * SEC);
    g_assert_cmpuint(config->n_lifecycle, ==, 0);
}

/* Every option with another value than its default, in untidy form. */
static const char full_text[] = "# a comment\n"
                                "; another\n"
                                "\n"
                                "  [bucket]  \r\n"
                                "prefix=/srv/thumbs\n"
                                "state =  my state\n"
                                "ignore = *.bak;*.old\n"
                                "rescan = 0\n"
                                "[ handler ]\n"
                                "concurrency = 3\n"
                                "timeout = 1.5s\n"
                                "memory = 1G\n"
                                "max_pixels = 1M\n"
                                "max_file_size = 10M\n"
                                "max_pages = 7\n"
                                "max_output_size = 2M\n"
                                "max_invocations = 1\n"
                                "isolation = file\n"
                                "retries = 0\n"
                                "[rendition  square]\n"
                                "size = 100x200\n"
                                "fit = attention\n"
                                "format = auto\n"
                                "quality = 1\n"
                                "background = #A0b0C0\n"
                                "animation = keep\n"
                                "max_frames = 12\n"
                                "keep = xmp, icc\n"
                                "[schedule hourly]\n"
                                "cron = @hourly\n"
                                "timezone = Europe/Berlin\n"
                                "run = exec printf 'a b' >> log\n"
                                "catchup = all\n"
                                "timeout = 5m\n"
                                "[lifecycle tmp]\n"
                                "prefix = tmp/\n"
                                "expire = 30d\n"
                                "target = objects";

static void test_full(void)
{
    g_autoptr(Config) config = parse(full_text);
    const Rendition *rendition = &config->renditions[0];

    g_assert_cmpstr(config->prefix, ==, "/srv/thumbs");
    g_assert_cmpstr(config->state, ==, "my state");
    g_assert_cmpuint(g_strv_length(config->ignore), ==, 2);
    g_assert_cmpstr(config->ignore[1], ==, "*.old");
    g_assert_cmpint(config->rescan_us, ==, 0);
    g_assert_cmpint(config->concurrency, ==, 3);
    g_assert_cmpint(config->timeout_us, ==, 3 * SEC / 2);
    g_assert_cmpint(config->memory_bytes, ==, 1024 * MIB);
    g_assert_cmpint(config->max_pixels, ==, 1000000);
    g_assert_cmpint(config->max_file_size, ==, 10 * MIB);
    g_assert_cmpint(config->max_pages, ==, 7);
    g_assert_cmpint(config->max_output_size, ==, 2 * MIB);
    g_assert_cmpint(config->max_invocations, ==, 1);
    g_assert_cmpint(config->isolation, ==, ISOLATION_FILE);
    g_assert_cmpint(config->retries, ==, 0);
    g_assert_cmpuint(config->n_renditions, ==, 1);
    g_assert_cmpstr(rendition->name, ==, "square");
    g_assert_cmpint(rendition->width, ==, 100);
    g_assert_cmpint(rendition->height, ==, 200);
    g_assert_cmpint(rendition->fit, ==, FIT_ATTENTION);
    g_assert_cmpint(rendition->format, ==, FORMAT_AUTO);
    g_assert_cmpint(rendition->quality, ==, 1);
    g_assert_cmphex(rendition->background, ==, 0xa0b0c0);
    g_assert_cmpint(rendition->animation, ==, ANIMATION_KEEP);
    g_assert_cmpint(rendition->max_frames, ==, 12);
    g_assert_cmphex(rendition->keep, ==, KEEP_ICC | KEEP_XMP);
    g_assert_cmpuint(config->n_schedules, ==, 1);
    g_assert_cmpstr(config->schedules[0].name, ==, "hourly");
    g_assert_cmpstr(config->schedules[0].timezone, ==, "Europe/Berlin");
    g_assert_cmpstr(config->schedules[0].run, ==, "exec printf 'a b' >> log");
    g_assert_cmpint(config->schedules[0].line, ==, 29);
    g_assert_cmpint(config->schedules[0].catchup, ==, CATCHUP_ALL);
    g_assert_cmpint(config->schedules[0].timeout_us, ==, 300 * SEC);
    g_assert_cmpuint(config->n_lifecycle, ==, 1);
    g_assert_cmpstr(config->lifecycle[0].prefix, ==, "tmp/");
    g_assert_cmpint(config->lifecycle[0].expire_us, ==, 30 * 86400 * SEC);
    g_assert_cmpint(config->lifecycle[0].target, ==, LIFECYCLE_OBJECTS);
}

typedef struct {
    const char *name;
    const char *text;
    const char *message; /* whole, or its beginning when it ends in "..." */
} InvalidCase;

static const InvalidCase invalid[] = {
    {"unknown-key", "[rendition small]\nqualty = 3\n",
     "thumbq.conf:2: unknown key 'qualty' in [rendition]; did you mean 'quality'?"},
    {"unknown-key-far", "[bucket]\nzzzzzzzzzzz = 3\n",
     "thumbq.conf:2: unknown key 'zzzzzzzzzzz' in [bucket]"},
    {"unknown-section", "\n[handlr]\n",
     "thumbq.conf:2: unknown section 'handlr'; did you mean 'handler'?"},
    {"unknown-value", "[rendition a]\nformat = wepb\n",
     "thumbq.conf:2: format: unknown value 'wepb'; did you mean 'webp'?"},
    {"no-section", "quality = 1\n", "thumbq.conf:1: 'quality' stands before any section"},
    {"no-equals", "[bucket]\nprefix\n",
     "thumbq.conf:2: 'prefix' is neither [section] nor key = value"},
    {"open-section", "[bucket\n", "thumbq.conf:1: a section is written [name]"},
    {"after-section", "[bucket] x\n", "thumbq.conf:1: a section is written [name]"},
    {"named-bucket", "[bucket x]\n", "thumbq.conf:1: the section 'bucket' takes no name"},
    {"no-name", "[rendition]\n", "thumbq.conf:1: [rendition NAME] wants a name..."},
    {"bad-name", "[rendition ../x]\n", "thumbq.conf:1: [rendition NAME] wants a name..."},
    {"hidden-name", "[rendition .x]\n", "thumbq.conf:1: [rendition NAME] wants a name..."},
    {"upper-name", "[rendition Big]\n", "thumbq.conf:1: [rendition NAME] wants a name..."},
    {"long-name", "[rendition abcdefghijklmnopqrstuvwxyzabcdef]\n",
     "thumbq.conf:1: [rendition NAME] wants a name of at most 31 letters..."},
    {"two-renditions", "[rendition a]\n[rendition a]\n",
     "thumbq.conf:2: there are two renditions named 'a'"},
    {"two-schedules", "[schedule a]\ncron=@daily\nrun=sweep all\n[schedule a]\n",
     "thumbq.conf:4: there are two schedules named 'a'"},
    {"not-utf8", "[bucket]\nprefix = \xff\n", "thumbq.conf:2: the line is not UTF-8"},
    {"no-cron", "[schedule x]\nrun = sweep all\n", "thumbq.conf:1: [schedule x] has no 'cron'"},
    {"no-run", "[schedule x]\ncron = @daily\n", "thumbq.conf:1: [schedule x] has no 'run'"},
    {"no-run-before-another", "\n[schedule x]\ncron = @daily\n[schedule y]\nrun = sweep all\n",
     "thumbq.conf:2: [schedule x] has no 'run'"},
    {"catchup", "[schedule x]\ncatchup = onse\n",
     "thumbq.conf:2: catchup: unknown value 'onse'; did you mean 'once'?"},
    {"no-timeout", "[schedule x]\ntimeout = 0\n",
     "thumbq.conf:2: timeout: '0' is not between 1 s and 604800 s"},
    {"no-lifecycle-prefix", "[lifecycle x]\nexpire = 1d\n",
     "thumbq.conf:1: [lifecycle x] has no 'prefix'"},
    {"no-expire", "\n[lifecycle x]\nprefix =\n", "thumbq.conf:2: [lifecycle x] has no 'expire'"},
    {"expire-without-unit", "[lifecycle x]\nprefix = tmp/\nexpire = 30\ntarget = objects\n",
     "thumbq.conf:3: expire: '30' has no unit; write 30s (seconds), 30m (minutes), 30h (hours) or "
     "30d (days)"},
    {"rescan-without-unit", "[bucket]\nrescan = 3600\n",
     "thumbq.conf:2: rescan: '3600' has no unit..."},
    {"keep-without-unit", "[store]\nminutes_keep = 15\n",
     "thumbq.conf:2: minutes_keep: '15' has no unit..."},
    {"period-without-unit", "[alarm x]\nperiod = 60\n",
     "thumbq.conf:2: period: '60' has no unit..."},
    {"objects-within-a-day", "\n[lifecycle x]\nprefix = tmp/\nexpire = 23h\ntarget = objects\n",
     "thumbq.conf:2: [lifecycle x] expire: 'target = objects' would delete the files themselves "
     "after 23 h 00 min; write at least 1d, or add 'expire_confirm = yes'"},
    {"confirm", "[lifecycle x]\nexpire_confirm = true\n",
     "thumbq.conf:2: expire_confirm: 'true' is neither yes nor no"},
    {"comment-behind", "[lifecycle x]\nprefix = tmp/  # scratch\n",
     "thumbq.conf:2: prefix: a comment stands behind the value 'tmp/  # scratch'; comments are "
     "lines of their own"},
    {"comment-behind-number", "[handler]\nretries = 3 ; three\n",
     "thumbq.conf:2: retries: a comment stands behind the value '3 ; three'..."},
    {"prefix-from-the-root", "[lifecycle x]\nprefix = /tmp/\nexpire = 30d\n",
     "thumbq.conf:1: [lifecycle x] prefix: no name begins with '/tmp/'; names begin at the bucket, "
     "without '/' or './': write 'tmp/'"},
    {"prefix-from-here", "[lifecycle x]\nprefix = ./tmp/\nexpire = 30d\n",
     "thumbq.conf:1: [lifecycle x] prefix: no name begins with './tmp/'..."},
    {"target", "[lifecycle x]\ntarget = object\n",
     "thumbq.conf:2: target: unknown value 'object'; did you mean 'objects'?"},
    {"empty-prefix", "[bucket]\nprefix =\n", "thumbq.conf:2: prefix: the value is empty"},
    {"path-relative", "[bucket]\npath = photos\n", "thumbq.conf: path: 'photos' must be..."},
    {"path-dots", "[bucket]\npath = /srv/../photos\n", "thumbq.conf: path: '/srv/../photos'..."},
    {"prefix-is-state", "[bucket]\nprefix = .thumbq\n", "thumbq.conf: 'prefix' and 'state'..."},
    {"prefix-in-state", "[bucket]\nprefix = .thumbq/t\n", "thumbq.conf: 'prefix' and 'state'..."},
    {"prefix-dots", "[bucket]\nprefix = ../t\n", "thumbq.conf: prefix: '../t' must be a folder..."},
    {"prefix-slash", "[bucket]\nprefix = t/\n", "thumbq.conf: prefix: 't/' must be a folder..."},
    {"state-root", "[bucket]\nstate = /\n", "thumbq.conf: state: '/' must be a folder..."},
    {"size-text", "[rendition a]\nsize = big\n", "thumbq.conf:2: size: 'big' is no size..."},
    {"size-one", "[rendition a]\nsize = 256\n", "thumbq.conf:2: size: '256' is no size..."},
    {"size-sign", "[rendition a]\nsize = -1x5\n", "thumbq.conf:2: size: '-1x5' is no size..."},
    {"size-zero", "[rendition a]\nsize = 0x5\n", "thumbq.conf:2: size: '0x5' is not between..."},
    {"size-large", "[rendition a]\nsize = 16385x5\n", "thumbq.conf:2: size: '16385x5' is not..."},
    {"size-three", "[rendition a]\nsize = 1x2x3\n", "thumbq.conf:2: size: '1x2x3' is no size..."},
    {"quality-zero", "[rendition a]\nquality = 0\n",
     "thumbq.conf:2: quality: '0' is not between 1 and 100"},
    {"quality-large", "[rendition a]\nquality = 101\n",
     "thumbq.conf:2: quality: '101' is not between 1 and 100"},
    {"animation", "[rendition a]\nanimation = kepe\n",
     "thumbq.conf:2: animation: unknown value 'kepe'; did you mean 'keep'?"},
    {"keep", "[rendition a]\nkeep = icc,exfi\n",
     "thumbq.conf:2: keep: unknown value 'exfi'; did you mean 'exif'?"},
    {"keep-avif", "[rendition a]\nkeep = exif\nformat = avif\n",
     "thumbq.conf: [rendition a] avif thumbnails carry no metadata; leave out 'keep', or choose "
     "webp, jpeg or png"},
    {"keep-none-and-more", "[rendition a]\nkeep = none,exif\n",
     "thumbq.conf:2: keep: unknown value 'none'"},
    {"colour", "[rendition a]\nbackground = white\n",
     "thumbq.conf:2: background: 'white' is no colour; write #ffffff"},
    {"memory-small", "[handler]\nmemory = 1M\n",
     "thumbq.conf:2: memory: '1M' is not between 64.0 MiB and 1.0 TiB"},
    {"timeout-long", "[handler]\ntimeout = 1h\n",
     "thumbq.conf:2: timeout: '1h' is not between 0.1 s and 900 s"},
    {"concurrency", "[handler]\nconcurrency = 0\n", "thumbq.conf:2: concurrency: '0' is not..."},
    {"negative", "[handler]\nretries = -1\n", "thumbq.conf:2: retries: '-1' is no number..."},
};

static void test_invalid(const void *data)
{
    const InvalidCase *row = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *beginning = g_strdup(row->message);

    g_assert_null(config_parse(row->text, "thumbq.conf", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    if (g_str_has_suffix(beginning, "...")) {
        beginning[strlen(beginning) - 3] = '\0';
        if (strlen(error->message) > strlen(beginning))
            error->message[strlen(beginning)] = '\0';
    }
    g_assert_cmpstr(error->message, ==, beginning);
}

static void test_long_ignore(void)
{
    g_autofree char *pattern = g_strnfill(1025, '*');
    g_autofree char *text = g_strdup_printf("[bucket]\nignore = %s\n", pattern);
    g_autoptr(GError) error = NULL;

    g_assert_null(config_parse(text, "thumbq.conf", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
}

/* As many as there may be, and one more. */
static void test_counts(void)
{
    g_autoptr(GString) renditions = g_string_new(NULL);
    g_autoptr(GString) schedules = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < RENDITIONS_MAX; i++)
        g_string_append_printf(renditions, "[rendition r%d]\n", i);
    for (int i = 0; i < CONFIG_SCHEDULES_MAX; i++)
        g_string_append_printf(schedules, "[schedule s%d]\ncron = @daily\nrun = sweep all\n", i);
    g_autoptr(Config) config = parse(renditions->str);
    g_assert_cmpuint(config->n_renditions, ==, RENDITIONS_MAX);
    g_autoptr(Config) other = parse(schedules->str);
    g_assert_cmpuint(other->n_schedules, ==, CONFIG_SCHEDULES_MAX);

    g_string_append(renditions, "[rendition more]\n");
    g_assert_null(config_parse(renditions->str, "thumbq.conf", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    g_clear_error(&error);
    g_string_append(schedules, "[schedule more]\n");
    g_assert_null(config_parse(schedules->str, "thumbq.conf", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
}

static char *print(const Config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    config_print(config, out);
    g_assert_cmpint(fclose(out), ==, 0);
    return text;
}

/* What is printed can be read, and prints the same again. */
static void test_print(const void *data)
{
    g_autoptr(Config) config = parse(data);
    char *text = print(config);
    g_autoptr(Config) again = parse(text);
    char *text_again = print(again);

    g_assert_cmpstr(text, ==, text_again);
    g_assert_cmpuint(again->n_renditions, ==, config->n_renditions);
    for (size_t i = 0; i < config->n_renditions; i++)
        g_assert_cmphex(again->renditions[i].recipe, ==, config->renditions[i].recipe);
    free(text);
    free(text_again);
}

static void test_sizes(void)
{
    g_autoptr(Config) config = parse("");
    g_autoptr(GError) error = NULL;

    g_assert_true(config_set_sizes(config, "64x64,1024x768", &error));
    g_assert_no_error(error);
    g_assert_cmpuint(config->n_renditions, ==, 2);
    g_assert_cmpstr(config->renditions[0].name, ==, "64x64");
    g_assert_cmpint(config->renditions[1].height, ==, 768);
    g_assert_cmpint(config->renditions[1].quality, ==, 80);
    g_assert_cmphex(config->renditions[0].recipe, !=, config->renditions[1].recipe);
}

static const char *const wrong_sizes[] = {
    "",
    ",",
    "64x64,",
    "64",
    "64x64x64",
    "64x64,64x64",
    "64x64,064x64",
    "0x0",
    "1x1,2x1,3x1,4x1,5x1,6x1,7x1,8x1,9x1,10x1,11x1,12x1,13x1,14x1,15x1,16x1,17x1",
};

/* And the configuration is as it was. */
static void test_wrong_sizes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(wrong_sizes); i++) {
        g_autoptr(Config) config = parse("");
        g_autoptr(GError) error = NULL;

        g_assert_false(config_set_sizes(config, wrong_sizes[i], &error));
        g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
        g_assert_cmpuint(config->n_renditions, ==, 2);
        g_assert_cmpstr(config->renditions[0].name, ==, "small");
    }
}

static void test_jobs(void)
{
    g_autoptr(Config) config = parse("");
    g_autoptr(GError) error = NULL;

    g_assert_true(config_set_jobs(config, "7", NULL));
    g_assert_cmpint(config->concurrency, ==, 7);
    g_assert_false(config_set_jobs(config, "0", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_cmpint(config->concurrency, ==, 7);
    g_assert_true(config_set_jobs(config, "auto", NULL));
    g_assert_cmpint(config->concurrency, >=, 1);
}

typedef struct {
    const char *key;
    bool ignored;
} IgnoreCase;

static const IgnoreCase ignores[] = {
    {"a.jpg", false},      {".a.jpg", true},           {"x/.git/a.jpg", true},
    {"a.part", true},      {"a.part/b", true},         {"a.partial", false},
    {"a.jpg~", true},      {"x/y/z.crdownload", true}, {"x/y/z.tmp", true},
    {"tmp/a.jpg", false},  {"x/@eaDir/a.jpg", true},   {"#recycle/a.jpg", true},
    {"#snapshot", true},   {"lost+found/a.jpg", true}, {"$RECYCLE.BIN/a.jpg", true},
    {"x/Thumbs.db", true},
};

static const IgnoreCase paths[] = {
    {"private/a.jpg", true},    {"private/x/y/a.jpg", true}, {"private", false},
    {"x/private/a.jpg", false}, {"2025/raw/a.jpg", true},    {"2025/x/raw/a.jpg", false},
    {"raw/a.jpg", false},       {"old/a.jpg", true},         {"x/old/a.jpg", false},
    {"new/x/a.jpg", true},      {"x/new/a.jpg", false},      {"a.txt", true},
};

static void test_ignored_paths(void)
{
    g_autoptr(Config) config = parse("[bucket]\nignore = private/*;*/raw;/old;new/;*.txt\n");

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_test_message("%s", paths[i].key);
        g_assert_cmpint(config_ignores(config, paths[i].key), ==, paths[i].ignored);
    }
}

static void test_ignores(void)
{
    g_autoptr(Config) config = parse("");
    g_autoptr(Config) nothing = parse("[bucket]\nignore =\n");

    for (size_t i = 0; i < G_N_ELEMENTS(ignores); i++) {
        g_assert_cmpint(config_ignores(config, ignores[i].key), ==, ignores[i].ignored);
        g_assert_false(config_ignores(nothing, ignores[i].key));
    }
}

static void test_load(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("thumbq-config-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "thumbq.conf", NULL);

    g_assert_null(config_load(path, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND);
    g_clear_error(&error);

    g_assert_true(g_file_set_contents(path, "[handler]\nretries = 5\n", -1, NULL));
    g_autoptr(Config) config = config_load(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(config->path, ==, path);
    g_assert_cmpint(config->retries, ==, 5);

    g_assert_true(g_file_set_contents(path, "[handler]\0\n", 11, NULL));
    g_assert_null(config_load(path, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);
    g_clear_error(&error);

    g_assert_cmpint(truncate(path, CONFIG_FILE_MAX + 1), ==, 0);
    g_assert_null(config_load(path, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_FILE_TOO_LARGE);
    g_clear_error(&error);

    g_assert_null(config_load(folder, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED);
    (void)g_unlink(path);
    (void)g_rmdir(folder);
}

typedef struct {
    const char *name;
    const char *old, *new;
    const char *changes; /* NULL: none */
    const char *kept;    /* NULL: nothing */
} ChangeCase;

static const ChangeCase changes[] = {
    {"nothing", "", "[bucket]\n", NULL, NULL},
    {"order-and-spelling", "[rendition a]\nsize=1x1\n[rendition b]\n",
     "# x\n[rendition b]\n[rendition a]\nsize = 01x1\n", NULL, NULL},
    {"options", "", "[handler]\nretries = 5\n[bucket]\nignore = *.x\n", "ignore, retries", NULL},
    {"rows", "",
     "[rendition small]\nsize = 9x9\n[rendition new]\n[schedule nightly]\n"
     "cron = @daily\nrun = sweep all\n",
     "[rendition small], [rendition new], no [rendition large], [schedule nightly]", NULL},
    {"fixed", "[handler]\nretries = 1\n",
     "[bucket]\nprefix = t\nstate = s\ndurability = none\n[handler]\nretries = 2\n", "retries",
     "prefix, state, durability"},
    {"lifecycle", "[lifecycle x]\nprefix=a\nexpire=1d\n", "", "no [lifecycle x]", NULL},
};

static void test_changes(const void *data)
{
    const ChangeCase *row = data;
    g_autoptr(Config) old = parse(row->old);
    g_autoptr(Config) config = parse(row->new);
    g_autofree char *kept = config_keep_fixed(config, old);
    g_autofree char *found = config_changes(config, old);
    g_autofree char *again = config_keep_fixed(config, old);

    g_assert_cmpstr(kept, ==, row->kept);
    g_assert_cmpstr(found, ==, row->changes);
    g_assert_null(again);
    g_assert_cmpstr(config->prefix, ==, old->prefix);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/defaults", test_defaults);
    g_test_add_func("/config/full", test_full);
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autofree char *path = g_strdup_printf("/config/invalid/%s", invalid[i].name);
        g_test_add_data_func(path, &invalid[i], test_invalid);
    }
    g_test_add_func("/config/long-ignore", test_long_ignore);
    g_test_add_func("/config/counts", test_counts);
    g_test_add_data_func("/config/print/defaults", "", test_print);
    g_test_add_data_func("/config/print/full", full_text, test_print);
    g_test_add_func("/config/sizes", test_sizes);
    g_test_add_func("/config/wrong-sizes", test_wrong_sizes);
    g_test_add_func("/config/jobs", test_jobs);
    g_test_add_func("/config/ignores", test_ignores);
    g_test_add_func("/config/ignored_paths", test_ignored_paths);
    g_test_add_func("/config/load", test_load);
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *path = g_strdup_printf("/config/changes/%s", changes[i].name);
        g_test_add_data_func(path, &changes[i], test_changes);
    }
    return g_test_run();
}
