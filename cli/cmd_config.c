#include "command.h"

#include <stdio.h>

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

int cmd_config(Context *context, GError **error)
{
    const ConfigOptions *chosen = context->options;
    if (!chosen->defaults && !context->config_path) {
        if (!context_open_bucket(context, error))
            return -1;
        config_print(context->config, stdout);
        return 0;
    }
    g_autoptr(Config) config = chosen->defaults ? config_load(NULL, error)
                                                : context_load_file(context->config_path, error);
    if (!config)
        return -1;
    config_print(config, stdout);
    return 0;
}
