/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "edit.h"
#include "error.h"
#include "list.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    bool json;
} DeadOptions;

static const Option dead_options[] = {
    {"json", OPTION_FLAG, NULL, offsetof(DeadOptions, json), "with list: a JSON object per line"},
    {NULL},
};

static const char *const dead_choices[] = {"list", "retry", "drop", NULL};

const CommandUsage usage_dead = {
    .words = "[list|retry|drop]",
    .n_words = 1,
    .choices = dead_choices,
    .about = "Dead letters: objects that have been given up, those that the filters select.\n"
             "  list    prints them (the default)\n"
             "  retry   has them tried again; without a daemon, by the next 'thumbq run'\n"
             "  drop    gives them up for good: they count as skipped, until their bytes change",
    .examples = "thumbq dead photos\n"
                "thumbq dead retry --since 1d photos\n"
                "thumbq dead drop --match '*.psd' photos",
    .options = dead_options,
    .values_size = sizeof(DeadOptions),
};

static bool add_key(const Record *record, void *data)
{
    g_ptr_array_add(data, g_strdup(record->key));
    return true;
}

static int edit_dead(Context *context, EditAction action, GError **error)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    uint64_t changed;

    if (!store_query(context->snapshot, &context->filter, STORE_SORT_NAME, false, 0, add_key, keys,
                     error))
        return -1;
    /* The store is opened anew for writing where no daemon runs: once in a process. */
    context_close_store(context);
    if (!edit_objects(context->bucket, context->config, action, (const char *const *)keys->pdata,
                      keys->len, &changed, error))
        return -1;
    g_autofree char *count = terminal_count(changed, "object", "objects");
    printf("%s %s\n", count, action == EDIT_RETRY ? "queued" : "dropped");
    return 0;
}

int cmd_dead(Context *context, GError **error)
{
    const DeadOptions *dead = context->options;
    const ListOptions list = {.json = dead->json, .none = "nothing is dead here"};

    if (context->filter.states != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--state does not go with 'dead'");
        return -1;
    }
    context->filter.states = 1 << STATE_DEAD;
    if (strcmp(context->words[0], edit_action_name(EDIT_RETRY)) == 0)
        return edit_dead(context, EDIT_RETRY, error);
    if (strcmp(context->words[0], edit_action_name(EDIT_DROP)) == 0)
        return edit_dead(context, EDIT_DROP, error);
    return list_print(context, &list, error);
}
