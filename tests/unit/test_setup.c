/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of a set-up: the name of a unit, and the configuration to be written. */
#include "setup/setup.h"

static void test_escape(void)
{
    /* The results of `systemd-escape --path`. */
    static const struct {
        const char *path, *escaped;
    } rows[] = {
        {"/srv/photos", "srv-photos"},
        {"/srv/my photos", "srv-my\\x20photos"},
        {"/srv/a-b", "srv-a\\x2db"},
        {"/srv//photos/", "srv-photos"},
        {"/", "-"},
        {"/.hidden/x", "\\x2ehidden-x"},
        {"/srv/.hidden", "srv-.hidden"},
        {"/srv/\xc3\xa9t\xc3\xa9", "srv-\\xc3\\xa9t\\xc3\\xa9"},
        {"/a:b_c.d/100%", "a:b_c.d-100\\x25"},
        {"/srv/back\\slash", "srv-back\\x5cslash"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *escaped = setup_escape_path(rows[i].path);
        g_assert_cmpstr(escaped, ==, rows[i].escaped);
    }
}

#define PLACES "[bucket]\npath = /srv/p\nstate = /var/lib/thumbq/srv-p\n"

static void test_config(void)
{
    static const struct {
        const char *text, *config;
    } rows[] = {
        {"", PLACES},
        {"# mine\n[rendition small]\nsize = 9x9\n",
         "# mine\n[rendition small]\nsize = 9x9\n" PLACES},
        {"[rendition small]\nsize = 9x9", "[rendition small]\nsize = 9x9\n" PLACES},
        {"[bucket]\nprefix = t\n", PLACES "prefix = t\n"},
        {"[bucket]\nstate = .thumbq\n state=x\npath = /y\nprefix = t\n[handler]\nmemory = 1G\n",
         PLACES "prefix = t\n[handler]\nmemory = 1G\n"},
        /* Keys of other sections, and other keys with the same beginning, stay as they are. */
        {"[bucket]\nstateful = 1\n[x]\nstate = 2\n", PLACES "stateful = 1\n[x]\nstate = 2\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *config =
            setup_config_text(rows[i].text, "/srv/p", "/var/lib/thumbq/srv-p");
        g_assert_cmpstr(config, ==, rows[i].config);
    }
    g_autofree char *fresh = setup_config_text(NULL, "/srv/p", "/var/lib/thumbq/srv-p");
    g_assert_true(g_str_has_prefix(fresh, "# thumbq over /srv/p."));
    g_assert_true(g_str_has_suffix(fresh, PLACES));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/setup/escape", test_escape);
    g_test_add_func("/setup/config", test_config);
    return g_test_run();
}
