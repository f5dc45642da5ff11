/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: its values, and its printed form. */
#include "base/error.h"
#include "config/config.h"

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

/* The defaults are those that docs/commands.md promises. */
static void test_defaults(void)
{
    g_autoptr(Config) config = parse("");

    g_assert_null(config->path);
    g_assert_cmpstr(config->prefix, ==, "thumbnails");
    g_assert_cmpstr(config->state, ==, ".thumbq");
    g_assert_cmpuint(g_strv_length(config->ignore), ==, 11);
    g_assert_cmpfloat(config->reserve.percent, ==, 1);
    g_assert_cmpint(config->reserve.bytes, ==, 0);
    g_assert_cmpint(config->concurrency.most, >=, 1);
    g_assert_cmpint(config->timeout_us, ==, 15 * SEC);
    g_assert_cmpint(config->memory_bytes, ==, 512 * MIB);
    g_assert_cmpint(config->max_pixels, ==, 250000000);
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

/* Every option has another value than its default, in untidy form. */
static const char full_text[] = "# a comment\n"
                                "; another\n"
                                "\n"
                                "  [bucket]  \r\n"
                                "prefix=/srv/thumbs\n"
                                "state =  my state\n"
                                "ignore = *.bak;*.old\n"
                                "rescan = 0\n"
                                "reserve = 500M\n"
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
    g_assert_cmpfloat(config->reserve.percent, ==, 0);
    g_assert_cmpint(config->reserve.bytes, ==, 500 * MIB);
    g_assert_cmpint(config->concurrency.most, ==, 3);
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
    g_assert_cmpint(config->schedules[0].line, ==, 30);
    g_assert_cmpint(config->schedules[0].catchup, ==, CATCHUP_ALL);
    g_assert_cmpint(config->schedules[0].timeout_us, ==, 300 * SEC);
    g_assert_cmpuint(config->n_lifecycle, ==, 1);
    g_assert_cmpstr(config->lifecycle[0].prefix, ==, "tmp/");
    g_assert_cmpint(config->lifecycle[0].expire_us, ==, 30 * 86400 * SEC);
    g_assert_cmpint(config->lifecycle[0].target, ==, LIFECYCLE_OBJECTS);
}

/* The maximum number of each is accepted, and one more is refused. */
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

/* A printed configuration can be parsed, and prints the same again. */
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

/* The configuration is unchanged. */
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
    g_assert_cmpint(config->concurrency.most, ==, 7);
    g_assert_false(config_set_jobs(config, "0", &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_cmpint(config->concurrency.most, ==, 7);
    g_assert_true(config_set_jobs(config, "auto", NULL));
    g_assert_cmpint(config->concurrency.most, >=, 1);
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

static const IgnoreCase kinds[] = {
    {"name", true},  {"names", false}, {"nam", false},   {"ab", true},    {"a-b", true},
    {"aXbc", false}, {"a", false},     {"b", false},     {"begin", true}, {"begins", true},
    {"begi", false}, {"end", true},    {"an end", true}, {"ends", false}, {"q1", true},
    {"q12", false},  {"s2", true},     {"s3", false},    {"t*", true},    {"tx", false},
    {"u1u2u", true}, {"u1u", false},
};

/* Patterns that are compared directly, and those of fnmatch. */
static void test_kinds_of_patterns(void)
{
    g_autoptr(Config) config =
        parse("[bucket]\nignore = name;a*b;begin*;*end;q?;s[12];t\\*;u*u*u\n");

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_test_message("%s", kinds[i].key);
        g_assert_cmpint(config_ignores(config, kinds[i].key), ==, kinds[i].ignored);
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
    /* The changes that are reported; NULL: none. */
    const char *changes;
    /* The settings that stay until a restart; NULL: none. */
    const char *kept;
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
    g_autofree char *kept = config_restore_fixed(config, old);
    g_autofree char *found = config_changes(config, old);
    g_autofree char *again = config_restore_fixed(config, old);

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
    g_test_add_func("/config/counts", test_counts);
    g_test_add_data_func("/config/print/defaults", "", test_print);
    g_test_add_data_func("/config/print/full", full_text, test_print);
    g_test_add_func("/config/sizes", test_sizes);
    g_test_add_func("/config/wrong-sizes", test_wrong_sizes);
    g_test_add_func("/config/jobs", test_jobs);
    g_test_add_func("/config/ignores", test_ignores);
    g_test_add_func("/config/ignored_paths", test_ignored_paths);
    g_test_add_func("/config/kinds_of_patterns", test_kinds_of_patterns);
    g_test_add_func("/config/load", test_load);
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *path = g_strdup_printf("/config/changes/%s", changes[i].name);
        g_test_add_data_func(path, &changes[i], test_changes);
    }
    return g_test_run();
}
