/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "daemon.h"
#include "handler_path.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool defaults;
} ConfigOptions;

static const Option options[] = {
    {"defaults", OPTION_FLAG, NULL, offsetof(ConfigOptions, defaults),
     "print the built-in defaults; needs no bucket"},
    {NULL},
};

const CommandUsage usage_config = {
    .about =
        "Prints the configuration that holds for the bucket, as a thumbq.conf with every option\n"
        "explained. With --config, checks and prints that file; a bucket is not needed then.",
    .examples = "thumbq config --defaults\n"
                "thumbq config photos",
    .options = options,
    .values_size = sizeof(ConfigOptions),
};

/* What the daemon would refuse at its start is refused here; what it would warn of, too. */
static bool check(const Config *config, GError **error)
{
    g_autofree char *handler = handler_path(NULL); /* without it the formats cannot be tried */

    if (!daemon_check_config(config, handler, error))
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
        if (!context_open_bucket(context, error) || !check(context->config, error))
            return -1;
        config_print(context->config, stdout);
        return 0;
    }
    g_autoptr(Config) config = chosen->defaults ? config_load(NULL, error)
                                                : context_load_file(context->config_path, error);
    if (!config || !check(config, error))
        return -1;
    config_print(config, stdout);
    return 0;
}
