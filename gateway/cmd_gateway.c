/* SPDX-License-Identifier: Apache-2.0 */
/* The command of the server: its options. */
#include "base/error.h"
#include "gateway_command.h"
#include "gateway_process.h"

#define DEFAULT_LISTEN "127.0.0.1:8333"

typedef struct {
    char *config, *listen, *log;
    gboolean print_config;
} GatewayOptions;

static void options_clear(GatewayOptions *options)
{
    g_free(options->config);
    g_free(options->listen);
    g_free(options->log);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GatewayOptions, options_clear)

static int run(char **arguments, GError **error)
{
    g_auto(GatewayOptions) options = {0};
    const GOptionEntry entries[] = {
        {"listen", 0, 0, G_OPTION_ARG_STRING, &options.listen,
         "where to listen: " DEFAULT_LISTEN " (default)", "ADDR:PORT"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config,
         "the configuration, instead of gateway.conf in the state folder", "FILE"},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &options.print_config,
         "print the configuration with the help of each option, and do nothing", NULL},
        {"access-log", 0, 0, G_OPTION_ARG_STRING, &options.log,
         "a line for each request on stdout: combined (default), json, none", "FORMAT"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(CommandPlace) place = {0};
    int status = command_parse(&command_gateway, entries, &arguments, &place, error);
    g_auto(GStrv) words = arguments;

    if (status >= 0 || *error)
        return *error ? -1 : status;
    const ProcessOptions process = {
        .config = options.config,
        .listen = options.listen,
        .root = place.root,
        .access_log = options.log,
        .state = place.state,
        .is_default_state = place.is_default_state,
        .buckets = words + 1,
    };
    return options.print_config ? gateway_process_print_config(&process, error)
                                : gateway_process_run(&process, error);
}

const GatewayCommand command_gateway = {"gateway", "[BUCKET...]",
                                        "Serves buckets over HTTP, as S3 does", run};
