/* SPDX-License-Identifier: Apache-2.0 */
/* The command `config`: prints the configuration in force, or the defaults. */
#include "base/log.h"
#include "command.h"
#include "daemon/daemon.h"
#include "handler_path.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool defaults;
} ConfigOptions;

static const CommandOption options[] = {
    {"defaults", OPTION_FLAG, NULL, offsetof(ConfigOptions, defaults),
     "print the built-in defaults; needs no bucket"},
    {NULL},
};

const CommandUsage usage_config = {
    .about =
        "Prints the effective configuration of the bucket as a thumbq.conf that explains every\n"
        "option. If there are files in conf.d, a comment names the file of each section.\n"
        "With --config, checks and prints that file alone; no bucket is needed then.",
    .examples = "thumbq config --defaults\n"
                "thumbq config photos",
    .options = options,
    .values_size = sizeof(ConfigOptions),
};

/* Applies the checks that the daemon applies at its start, and prints its warnings, too. `bucket`
 * NULL: the configuration may name the bucket. */
static bool check(const char *bucket, const Config *config, GError **error)
{
    /* Formats cannot be tried without a handler. */
    g_autofree char *handler = handler_path(NULL);

    if (!bucket && *config->bucket)
        bucket = config->bucket;
    if (!daemon_check_config(bucket, config, handler, error))
        return false;
    for (size_t i = 0; i < config->n_lifecycle; i++) {
        const LifecycleConfig *rule = &config->lifecycle[i];
        if (strpbrk(rule->prefix, "*?["))
            log_warning("[lifecycle %s] prefix: '%s' is no pattern: '*' stands for itself in it",
                        rule->name, rule->prefix);
    }
    return true;
}

int cmd_config(Context *context, GError **error)
{
    const ConfigOptions *chosen = context->options;
    if (!chosen->defaults && !context->config_path) {
        if (!context_open_bucket(context, error) || !check(context->bucket, context->config, error))
            return -1;
        if (context->unread)
            log_warning("files in conf.d of the state are not read: %s", context->unread->message);
        config_print(context->config, stdout);
        return 0;
    }
    g_autoptr(Config) config = chosen->defaults ? config_load(NULL, error)
                                                : context_load_file(context->config_path, error);
    if (!config || !check(NULL, config, error))
        return -1;
    config_print(config, stdout);
    return 0;
}
