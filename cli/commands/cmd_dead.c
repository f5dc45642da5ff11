/* SPDX-License-Identifier: Apache-2.0 */
/* The command `dead`: lists dead letters, of objects and of triggers; retries or drops them. */
#include "asking.h"
#include "base/error.h"
#include "command.h"
#include "daemon/requests.h"
#include "model/json_value.h"
#include "store/filter_text.h"
#include "store/store_triggers.h"
#include "views/json_out.h"
#include "views/list.h"
#include "views/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bool json;
    bool triggers;
} DeadOptions;

static const CommandOption dead_options[] = {
    {"json", OPTION_FLAG, NULL, offsetof(DeadOptions, json), "with list: a JSON object per line"},
    {"triggers", OPTION_FLAG, NULL, offsetof(DeadOptions, triggers),
     "the batches of events that triggers could not deliver, instead of objects; takes no filters"},
    {NULL},
};

static const char *const dead_choices[] = {"list", "retry", "drop", NULL};

const CommandUsage usage_dead = {
    .words = "[list|retry|drop]",
    .n_words = 1,
    .choices = dead_choices,
    .about = "Works on dead letters: the objects that were given up and that the filters select.\n"
             "  list    prints them (the default)\n"
             "  retry   tries them again; without a daemon, the next 'thumbq run' does it\n"
             "  drop    gives them up for good: they count as skipped, until their bytes change",
    .examples = "thumbq dead photos\n"
                "thumbq dead retry --since 1d photos\n"
                "thumbq dead drop --match '*.psd' photos",
    .options = dead_options,
    .values_size = sizeof(DeadOptions),
};

/* Prints one delivery of a trigger that waits, was skipped, or has failed for good. */
static bool print_letter(const char *trigger, const Delivery *delivery, void *data)
{
    const DeadOptions *dead = data;
    bool is_waiting = delivery->state == DELIVERY_WAITING;
    const char *state = is_waiting                          ? "waiting"
                        : delivery->state == DELIVERY_RANGE ? "skipped"
                                                            : "dead";
    json_t *time = json_value_millis(delivery->time_us);

    if (dead->json) {
        json_out_print(json_pack(
            "{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:s, s:s}", "trigger", trigger, "state", state,
            "time", time, "events", (json_int_t)delivery->n_events, "attempts",
            (json_int_t)delivery->attempts, "first", json_sprintf("%016" PRIX64, delivery->first),
            "last", json_sprintf("%016" PRIX64, delivery->last), "error", delivery->error, "input",
            delivery->input));
        return !ferror(stdout);
    }
    g_autofree char *count = terminal_count(delivery->n_events, "event", "events");
    g_autofree char *error = terminal_safe(delivery->error);
    printf("%s  %s  %s  %s: %s\n", json_string_value(time), trigger, state, count, error);
    json_decref(time);
    return !ferror(stdout);
}

/* Lists the dead letters of triggers, and the failed batches that wait. */
static int list_letters(Context *context, const DeadOptions *dead, GError **error)
{
    if (!context->snapshot && !context_open_store(context, error))
        return -1;
    return store_deliveries(context->snapshot, NULL, 0, print_letter, (void *)dead, error) ? 0 : -1;
}

/* Retries or drops all dead letters of triggers. */
static int edit_letters(Context *context, bool drops, GError **error)
{
    const ControlRequest request = {
        .type = CONTROL_TRIGGER,
        .trigger = {.action = drops ? CONTROL_TRIGGER_DROP : CONTROL_TRIGGER_RETRY, .name = ""}};
    ControlAnswer answer;

    if (context->page) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "a query socket changes no dead letters");
        return -1;
    }
    context->changes = true;
    if (!context_try_store(context, error))
        return -1;
    context_close_store(context);
    if (!daemon_request(context->bucket, context->config, &request, NULL, &answer, error))
        return -1;
    g_autofree char *count = terminal_count(answer.trigger.changed, "dead letter", "dead letters");
    printf("%s %s\n", count, drops ? "dropped" : "queued");
    return 0;
}

/* Retries, drops or lists dead letters, as the first word of the command says. */
static int work_on_letters(Context *context, const DeadOptions *dead, GError **error)
{
    bool retries = strcmp(context->words[0], "retry") == 0;

    if (retries || strcmp(context->words[0], "drop") == 0)
        return edit_letters(context, !retries, error);
    /* The reader answers in one page. */
    return context->asking ? asking_print(context->asking, error)
                           : list_letters(context, dead, error);
}

/* Retries or drops the dead objects that the filter selects. The daemon selects the objects: a user
 * who may change them need not be able to open the store. */
static int edit_dead(Context *context, ControlEditAction action, GError **error)
{
    g_autofree char *filter = filter_text_format(&context->filter);
    const ControlRequest request = {.type = CONTROL_EDIT,
                                    .edit = {.action = (uint32_t)action, .filter = filter}};
    ControlAnswer answer;

    if (context->page) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "a query socket changes no dead letters");
        return -1;
    }
    context->changes = true;
    if (!context_try_store(context, error))
        return -1;
    /*
     * Without a daemon the store is opened for writing here, and a process can open it only once.
     */
    context_close_store(context);
    if (!daemon_request(context->bucket, context->config, &request, NULL, &answer, error))
        return -1;
    g_autofree char *count = terminal_count(answer.edit.changed, "object", "objects");
    printf("%s %s\n", count, action == CONTROL_EDIT_RETRY ? "queued" : "dropped");
    return 0;
}

int cmd_dead(Context *context, GError **error)
{
    const DeadOptions *dead = context->options;
    const ListOptions list = {.json = dead->json, .none = "nothing is dead here"};

    if (context->filter.states != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--state cannot be used with 'dead'");
        return -1;
    }
    if (dead->triggers && !store_filter_is_empty(&context->filter)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--triggers takes no filters");
        return -1;
    }
    if (dead->triggers)
        return work_on_letters(context, dead, error);
    if (strcmp(context->words[0], "retry") == 0)
        return edit_dead(context, CONTROL_EDIT_RETRY, error);
    if (strcmp(context->words[0], "drop") == 0)
        return edit_dead(context, CONTROL_EDIT_DROP, error);
    if (!context->asking && !context_open_store(context, error))
        return -1;
    context->filter.states = 1 << STATE_DEAD;
    return list_print(context, &list, error);
}
