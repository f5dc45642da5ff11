/* SPDX-License-Identifier: Apache-2.0 */
/* The messages for configurations that are refused. */
#include "base/error.h"
#include "config/config.h"

#include <string.h>

typedef struct {
    const char *name;
    const char *text;
    /* The message, or its beginning if this ends in "...". */
    const char *message;
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
    {"no-name", "[rendition]\n", "thumbq.conf:1: [rendition NAME] needs a name..."},
    {"bad-name", "[rendition ../x]\n", "thumbq.conf:1: [rendition NAME] needs a name..."},
    {"hidden-name", "[rendition .x]\n", "thumbq.conf:1: [rendition NAME] needs a name..."},
    {"upper-name", "[rendition Big]\n", "thumbq.conf:1: [rendition NAME] needs a name..."},
    {"long-name", "[rendition abcdefghijklmnopqrstuvwxyzabcdef]\n",
     "thumbq.conf:1: [rendition NAME] needs a name of at most 31 letters..."},
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(invalid); i++) {
        g_autofree char *path = g_strdup_printf("/config/invalid/%s", invalid[i].name);
        g_test_add_data_func(path, &invalid[i], test_invalid);
    }
    g_test_add_func("/config/long-ignore", test_long_ignore);
    return g_test_run();
}
