/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "base/error.h"
#include "base/units.h"
#include "base/wrap.h"

#include <string.h>

/* The help of an option with a longer name begins on the next line. */
#define NAME_MAX_WIDTH 24

/* Options of one command in all groups, at most. */
#define OPTIONS_MAX 64

/* Sets the error for an unknown option; it suggests the option that is spelled most like it. */
static bool fail_unknown(const OptionGroup *groups, size_t n_groups, const char *arg,
                         const char *name, GError **error)
{
    const char *names[OPTIONS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < n_groups; i++) {
        for (const CommandOption *option = groups[i].options; option->name && n < OPTIONS_MAX;
             option++)
            names[n++] = option->name;
    }
    const char *nearest = units_nearest(name, names, n);
    g_autoptr(GString) message = g_string_new(NULL);
    g_string_printf(message, "unknown option '%.*s'", (int)strcspn(arg, "="), arg);
    if (nearest)
        g_string_append_printf(message, "; did you mean '--%s'?", nearest);
    g_set_error_literal(error, THUMBQ_ERROR, ERROR_USAGE, message->str);
    return false;
}

static const CommandOption *find(const OptionGroup *groups, size_t n_groups, const char *name,
                                 void **ret_values)
{
    for (size_t i = 0; i < n_groups; i++) {
        for (const CommandOption *option = groups[i].options; option->name; option++) {
            if (!strcmp(option->name, name)) {
                *ret_values = groups[i].values;
                return option;
            }
        }
    }
    return NULL;
}

static bool set_count(const CommandOption *option, const char *text, uint64_t *ret_count,
                      GError **error)
{
    int64_t count = 0;
    if (!units_parse_count(text, &count, error)) {
        g_prefix_error(error, "--%s: ", option->name);
        return false;
    }
    if (count < 1) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--%s: '%s' is less than 1", option->name,
                    text);
        return false;
    }
    *ret_count = (uint64_t)count;
    return true;
}

/* Stores the value of an option, `text`, in the option's field of `values`. */
static bool set(const CommandOption *option, void *values, const char *text, GError **error)
{
    void *field = (char *)values + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_TEXT:
        *(const char **)field = text;
        return true;
    case OPTION_COUNT:
        return set_count(option, text, field, error);
    }
    g_return_val_if_reached(false);
}

/* Parses the option at *args and its value. *args is then the last argument used. */
static bool parse_option(const OptionGroup *groups, size_t n_groups, char *const **args,
                         GError **error)
{
    const char *arg = **args;
    const char *value = g_str_has_prefix(arg, "--") ? strchr(arg + 2, '=') : NULL;
    g_autofree char *name =
        value ? g_strndup(arg + 2, (size_t)(value - arg - 2)) : g_strdup(arg + 2);
    void *values = NULL;
    const CommandOption *option =
        g_str_has_prefix(arg, "--") ? find(groups, n_groups, arg + 2, &values) : NULL;
    /* The name of a flag may contain '='. */
    if (option && option->kind == OPTION_FLAG)
        return set(option, values, NULL, error);
    option = g_str_has_prefix(arg, "--") ? find(groups, n_groups, name, &values) : NULL;
    if (!option)
        return fail_unknown(groups, n_groups, arg, name, error);
    if (option->kind == OPTION_FLAG && value) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "option '--%s' takes no value", name);
        return false;
    }
    if (value) {
        value++;
    } else if (option->kind != OPTION_FLAG) {
        value = (*args)[1];
        if (!value) {
            g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "option '--%s' needs a value: --%s %s",
                        name, name, option->value);
            return false;
        }
        (*args)++;
    }
    return set(option, values, value, error);
}

bool options_parse(const OptionGroup *groups, size_t n_groups, char *const *args,
                   GPtrArray *arguments, GError **error)
{
    bool ended = false;
    for (; *args; args++) {
        if (ended || (*args)[0] != '-' || !(*args)[1])
            g_ptr_array_add(arguments, *args);
        else if (!strcmp(*args, "--"))
            ended = true;
        else if (!parse_option(groups, n_groups, &args, error))
            return false;
    }
    return true;
}

void options_print(const OptionGroup *group, FILE *out)
{
    size_t width = 0;
    for (const CommandOption *option = group->options; option->name; option++) {
        size_t len = strlen(option->name) + (option->value ? strlen(option->value) + 1 : 0);
        if (option->help && len <= NAME_MAX_WIDTH)
            width = MAX(width, len);
    }
    g_autofree char *indent = g_strnfill(strlen("  --") + width + strlen("  "), ' ');
    fprintf(out, "\n%s:\n", group->title);
    for (const CommandOption *option = group->options; option->name; option++) {
        if (!option->help)
            continue;
        g_autofree char *left =
            g_strjoin(option->value ? " " : NULL, option->name, option->value, NULL);
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_printf(text, "  --%-*s  ", (int)width, left);
        if (strlen(left) > width)
            g_string_printf(text, "  --%s\n%s", left, indent);
        wrap_append(text, strlen(indent), option->help, indent, WRAP_WIDTH);
        fprintf(out, "%s\n", text->str);
    }
}
