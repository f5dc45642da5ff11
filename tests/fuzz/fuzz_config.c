/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files, and the options that stand for settings. An accepted configuration is
 * printed, and the text must parse to the same configuration. */
#include "base/error.h"
#include "config/config.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static char *print(const Config *config)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    g_assert_nonnull(out);
    config_print(config, out);
    g_assert_cmpint(fclose(out), ==, 0);
    return text;
}

static void check_print(const Config *config)
{
    g_autoptr(GError) error = NULL;
    char *text = print(config);
    g_autoptr(Config) again = config_parse(text, "printed", &error);

    g_assert_no_error(error);
    char *text_again = print(again);
    g_assert_cmpstr(text, ==, text_again);
    free(text);
    free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) usage = NULL;
    g_autoptr(Config) config = config_parse(text, "fuzz.conf", &error);

    if (config)
        check_print(config);
    else
        g_assert_error(error, THUMBQ_ERROR, ERROR_CONFIG);

    g_autoptr(Config) defaults = config_parse("", "defaults", NULL);
    if (!config_set_sizes(defaults, text, &usage))
        g_assert_error(usage, THUMBQ_ERROR, ERROR_USAGE);
    (void)config_set_jobs(defaults, text, NULL);
    (void)config_ignores(defaults, text);
    check_print(defaults);
    return 0;
}
