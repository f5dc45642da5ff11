/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that are likely to fail without a network or without rights. */
#include "rules/command_needs.h"

#include <string.h>

static void test_network(void)
{
    static const struct {
        const char *text;
        bool has;
    } rows[] = {
        {"", false},
        {"Inter-| Receive | Transmit\n face |bytes packets\n", false},
        {"Inter-|\n face |bytes\n    lo: 12 3 0\n", false},
        {"Inter-|\n face |bytes\n    lo: 12 3 0\n  eth0: 12 3 0\n", true},
        {"    lo:12\nveth-lo: 1", true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(command_rights_has_network(rows[i].text), ==, rows[i].has);
}

typedef struct {
    const char *command;
    /* Program that the result names for a missing network; NULL: none. */
    const char *without_network;
    /* Program that the result names for missing rights; NULL: none. */
    const char *without_privileges;
} Row;

static const Row rows[] = {
    {"wc -l", NULL, NULL},
    {"rsync -a . backup:photos", "'rsync'", NULL},
    {"/usr/bin/rsync -a . backup:photos", "'rsync'", NULL},
    {"cd x&&curl -d @- http://localhost", "'curl'", NULL},
    {"date|mail -s thumbq root", "'mail'", "'mail'"},
    {"sudo -u ada /usr/local/bin/note", NULL, "'sudo'"},
    {"test \"$(ssh host true)\"", "'ssh'", NULL},
    {"echo mailbox curly.sh rsyncd", NULL, NULL},
    {"./my-rsync-less-script", NULL, NULL},
    {"", NULL, NULL},
};

static void check(const char *command, CommandRights rights, const char *expected)
{
    g_autofree char *found = command_needs_describe(command, rights);

    if (!expected)
        g_assert_null(found);
    else
        g_assert_nonnull(strstr(found, expected));
}

static void test_commands(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        check(rows[i].command, (CommandRights){.network = true, .privileges = true}, NULL);
        check(rows[i].command, (CommandRights){.privileges = true}, rows[i].without_network);
        check(rows[i].command, (CommandRights){.network = true}, rows[i].without_privileges);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command_needs/network", test_network);
    g_test_add_func("/command_needs/commands", test_commands);
    return g_test_run();
}
