/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of the gateway for `thumbq doctor`: prints a JSON object per line. Changes nothing. */
#include "base/error.h"
#include "base/file.h"
#include "gateway_command.h"
#include "gateway_config.h"
#include "http/server.h"
#include "serving.h"
#include "state_folder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Prints a row; `advice` may be NULL. `status` is ok, warning or failed. */
static void print_row(const char *name, const char *status, const char *advice, const char *format,
                      ...) G_GNUC_PRINTF(4, 5);

static void print_row(const char *name, const char *status, const char *advice, const char *format,
                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "status", status, "result",
                            valid, "advice", advice);
    char *line = json_dumps(row, JSON_COMPACT);
    puts(line);
    json_decref(row);
    free(line);
}

static void check_bucket(const char *name, const char *path)
{
    if (access(path, R_OK | X_OK) != 0)
        print_row("bucket", "failed", "make the folder, or correct the configuration",
                  "'%s': cannot read '%s': %s", name, path, g_strerror(errno));
    else if (access(path, W_OK) != 0)
        print_row("bucket", "warning", "give the user of the gateway the right to write",
                  "'%s': '%s' can be read only", name, path);
    else
        print_row("bucket", "ok", NULL, "'%s': '%s'", name, path);
}

static void check_buckets(const GatewayConfig *config)
{
    if (*config->root)
        check_bucket("root", config->root);
    for (size_t i = 0; i < config->n_buckets; i++)
        check_bucket(config->buckets[i].name, config->buckets[i].path);
    if (!*config->root && config->n_buckets == 0)
        print_row("bucket", "warning", "set 'root', or add a section [bucket NAME]",
                  "the configuration names no buckets");
}

static bool is_loopback(const char *listen)
{
    return g_str_has_prefix(listen, "127.") || g_str_has_prefix(listen, "[::1]");
}

/* Starts a server with the certificate at a free port, and ends it again. */
static void check_tls(const GatewayConfig *config)
{
    static const HttpHandler handler = {0};
    g_autoptr(GError) error = NULL;

    if (!*config->tls_certificate) {
        bool is_local = is_loopback(config->listen);
        print_row("tls", is_local ? "ok" : "warning",
                  is_local ? NULL : "set tls_certificate and tls_key, or use a proxy with TLS",
                  is_local ? "none, at '%s'" : "none, and '%s' can be reached from other machines",
                  config->listen);
        return;
    }
    int fd = http_listen("127.0.0.1:0", &error);
    Serving *serving = fd < 0 ? NULL : serving_new(fd, config, &handler, NULL, &error);
    if (serving)
        print_row("tls", "ok", NULL, "'%s' and its key work", config->tls_certificate);
    else
        print_row("tls", "failed", NULL, "%s", error->message);
    serving_free(serving);
}

/* Connects to the address of the configuration. */
static void check_listening(const GatewayConfig *config)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(config->listen, ':');
    g_autofree char *host =
        colon ? g_strndup(config->listen, (size_t)(colon - config->listen)) : NULL;
    struct addrinfo *info = NULL;

    g_strdelimit(host ? host : (host = g_strdup("")), "[]", ' ');
    if (!colon || getaddrinfo(g_strstrip(host), colon + 1, &hints, &info) != 0) {
        print_row("process", "failed", NULL, "'%s' is no address to listen at", config->listen);
        return;
    }
    autofd fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, info->ai_addr, info->ai_addrlen) == 0)
        print_row("process", "ok", NULL, "a process listens at '%s'", config->listen);
    else
        print_row("process", "warning", "systemctl start thumbq-gateway, or thumbq gateway",
                  "no process listens at '%s'", config->listen);
    freeaddrinfo(info);
}

static void check_keys(int state_fd, const GatewayConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Keys) keys = keys_open(state_fd, &error);
    size_t n_without = 0;

    if (!keys) {
        print_row("keys", "failed", NULL, "%s", error->message);
        return;
    }
    for (size_t i = 0; i < keys_count(keys); i++) {
        const char *plan = keys_get(keys, i)->plan;
        n_without += plan && !gateway_config_find_plan(config, plan);
    }
    if (keys_count(keys) == 0)
        print_row("keys", "warning", "thumbq key create", "there is none");
    else if (n_without > 0)
        print_row("keys", "warning", "add the [plan NAME] that 'thumbq key list' prints",
                  "%zu of %zu have a usage plan that the configuration does not have", n_without,
                  keys_count(keys));
    else
        print_row("keys", "ok", NULL, "%zu", keys_count(keys));
}

/* Opens the state folder, if it exists. -1: it does not, or this user may not enter. */
static int open_state(const char *state)
{
    g_autoptr(GError) error = NULL;

    if (!g_file_test(state, G_FILE_TEST_IS_DIR)) {
        print_row("state", "ok", NULL, "there is no '%s' yet", state);
        return -1;
    }
    int fd = state_folder_open(state, &error);
    if (fd >= 0)
        print_row("state", "ok", NULL, "'%s'", state);
    else
        print_row("state", error_code(error) == ERROR_ACCESS_DENIED ? "warning" : "failed",
                  "run doctor as root, or as the user of the gateway", "%s", error->message);
    return fd;
}

static int check(const CommandPlace *place, const char *chosen)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = gateway_config_find(chosen, place->state, place->is_default_state);
    const bool is_service = place->is_default_state && file && g_str_has_prefix(file, "/etc/") &&
                            g_file_test(SERVICE_STATE, G_FILE_TEST_IS_DIR);
    autofd fd = open_state(is_service ? SERVICE_STATE : place->state);

    if (!file && fd < 0) {
        print_row("configuration", "ok", NULL, "installed, and not set up");
        return 0;
    }
    g_autoptr(GatewayConfig) config = gateway_config_load(file, fd, &error);
    if (!config) {
        print_row("configuration", "failed", NULL, "%s", error->message);
        return 0;
    }
    print_row("configuration", "ok", NULL, "%s", file ? file : "defaults");
    if (place->root) {
        g_free(config->root);
        config->root = g_strdup(place->root);
    }
    check_buckets(config);
    check_tls(config);
    if (fd >= 0)
        check_keys(fd, config);
    check_listening(config);
    return 0;
}

static int run(char **arguments, GError **error)
{
    g_autofree char *chosen = NULL;
    const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &chosen,
         "the configuration, instead of gateway.conf in the state folder", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(CommandPlace) place = {0};
    int status = command_parse(&command_check, entries, &arguments, &place, error);
    g_auto(GStrv) words = arguments;

    if (status >= 0 || *error)
        return *error ? -1 : status;
    return check(&place, chosen);
}

const GatewayCommand command_check = {"check", "", "Checks the gateway, for 'thumbq doctor'", run};
