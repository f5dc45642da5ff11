/* SPDX-License-Identifier: Apache-2.0 */
/* thumbq-gateway: the program that `thumbq gateway`, `thumbq key` and `thumbq sign` run. */
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/units.h"
#include "gateway_command.h"
#include "setup_config.h"
#include "state_folder.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const GatewayCommand *const commands[] = {&command_gateway, &command_key, &command_sign,
                                                 &command_setup, &command_check};

static void print_help(void)
{
    printf("Usage: thumbq COMMAND [options] ...\n\nCommands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
}

void command_place_clear(CommandPlace *place)
{
    g_free(place->state);
    g_free(place->root);
}

int command_parse(const GatewayCommand *command, const GOptionEntry *entries, char ***arguments,
                  CommandPlace *ret_place, GError **error)
{
    g_autofree char *state = NULL, *root = NULL;
    gboolean help = FALSE;
    const GOptionEntry common[] = {
        {"state", 0, 0, G_OPTION_ARG_FILENAME, &state, "the gateway's state folder", "DIR"},
        {"root", 0, 0, G_OPTION_ARG_FILENAME, &root, "the folder of the buckets", "DIR"},
        {"help", 'h', 0, G_OPTION_ARG_NONE, &help, "print this, and do nothing", NULL},
        G_OPTION_ENTRY_NULL,
    };
    GOptionContext *context = g_option_context_new(command->arguments);
    g_autoptr(GError) reason = NULL;
    g_autofree char *name = g_strconcat("thumbq ", command->name, NULL);
    g_autofree char *before = g_strdup_printf("%s.", command->summary);

    g_set_prgname(name);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_summary(context, before);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    /* The parser skips the first word, the name of a program. */
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, name);
    for (char **word = *arguments; *word; word++)
        g_ptr_array_add(words, *word);
    g_ptr_array_add(words, NULL);
    char **argv = g_strdupv((GStrv)words->pdata);
    bool ok = g_option_context_parse_strv(context, &argv, &reason);
    if (ok && help) {
        g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
        fputs(text, stdout);
    }
    g_option_context_free(context);
    if (!ok)
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "%s", reason->message);
    ret_place->state = state_folder_path(state, root);
    ret_place->is_default_state = !state && !root;
    ret_place->root = g_steal_pointer(&root);
    *arguments = argv;
    return help ? 0 : -1;
}

bool command_set_bucket(CommandPlace *place, const char *bucket, GError **error)
{
    g_autofree char *folder = bucket ? g_canonicalize_filename(bucket, NULL) : NULL;

    if (!bucket)
        return true;
    if (!place->is_default_state) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "'%s' and --state or --root both name the gateway; give one of them", bucket);
        return false;
    }
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "there is no folder '%s'", bucket);
        return false;
    }
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autofree char *beside = g_build_filename(parent, STATE_ROOT_FOLDER, NULL);
    const char *state = g_file_test(beside, G_FILE_TEST_IS_DIR)     ? beside
                        : setup_config_serves(SETUP_CONFIG, folder) ? SERVICE_STATE
                                                                    : place->state;
    char *chosen = g_strdup(state);
    g_free(place->state);
    place->state = chosen;
    return true;
}

Keys *command_open_keys(const char *state, int *ret_fd, GError **error)
{
    autofd fd = state_folder_open(state, error);
    Keys *keys = fd < 0 ? NULL : keys_open(fd, error);

    if (keys)
        *ret_fd = fd_steal(&fd);
    return keys;
}

static const GatewayCommand *find(const char *name)
{
    const char *names[G_N_ELEMENTS(commands)];

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        names[i] = commands[i]->name;
    }
    const char *nearest = units_nearest(name, names, G_N_ELEMENTS(names));
    if (nearest)
        log_error("unknown command '%s'; did you mean '%s'?", name, nearest);
    else
        log_error("unknown command '%s'; 'thumbq-gateway help' lists them", name);
    return NULL;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    /* The parent may have set SIGCHLD to be ignored: the kernel would then reap the children of
     * this process, and their ends would be unknown. */
    signal(SIGCHLD, SIG_DFL);
    fault_handle_signals();
    json_set_alloc_funcs(g_malloc, g_free);

    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_help();
        return fflush(stdout) == 0 ? 0 : error_exit_status(ERROR_IO);
    }
    g_autoptr(GError) error = NULL;
    const GatewayCommand *command = find(argv[1]);
    int status = command ? command->run(argv + 2, &error) : error_exit_status(ERROR_USAGE);
    if (error) {
        log_error("%s", error->message);
        if (error_code(error) == ERROR_USAGE)
            log_info("see 'thumbq %s --help'", argv[1]);
        status = error_exit_status(error_code(error));
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    log_error("cannot write to the standard output: %s", g_strerror(errno));
    return error_exit_status(ERROR_IO);
}
