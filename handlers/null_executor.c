/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/null_executor.h"

typedef struct {
    Invocation invocation;
    InvocationDone done;
    void *data;
} Entry;

typedef struct {
    Executor executor;
    int concurrency;
    NullAnswer answer;
    void *answer_data;
    /* Entry, owned, in the order of submission. */
    GQueue entries;
    /* Answers the entries; 0: there are none. */
    guint source;
} NullExecutor;

static bool has_room(const Executor *executor)
{
    const NullExecutor *null = (const NullExecutor *)executor;

    return null->entries.length < (guint)null->concurrency;
}

static int busy(const Executor *executor)
{
    return (int)((const NullExecutor *)executor)->entries.length;
}

static void end_entry(const NullExecutor *null, Entry *entry)
{
    const InvocationUsage usage = {.duration_us = 1};
    Answer answer = {.serial = entry->invocation.serial, .message = "", .memory_fd = -1};
    bool is_answered = null->answer(&entry->invocation, &answer, null->answer_data);

    entry->done(is_answered ? &answer : NULL, &usage, entry->data);
    g_free(entry);
}

/* Answers the entries that are there when it begins: an InvocationDone may submit the next one. */
static gboolean answer_all(gpointer data)
{
    NullExecutor *null = data;
    guint n = null->entries.length;

    for (guint i = 0; i < n && null->entries.length > 0; i++)
        end_entry(null, g_queue_pop_head(&null->entries));
    if (null->entries.length > 0)
        return G_SOURCE_CONTINUE;
    null->source = 0;
    return G_SOURCE_REMOVE;
}

static void submit(Executor *executor, const Invocation *invocation, InvocationDone done,
                   void *data)
{
    NullExecutor *null = (NullExecutor *)executor;
    const Entry entry = {*invocation, done, data};

    g_queue_push_tail(&null->entries, g_memdup2(&entry, sizeof entry));
    if (null->source == 0)
        null->source = g_idle_add_full(G_PRIORITY_DEFAULT, answer_all, null, NULL);
}

/* Ends the invocation without an answer. Returns false if there is no such invocation. */
static bool cancel(Executor *executor, uint64_t serial)
{
    NullExecutor *null = (NullExecutor *)executor;
    const InvocationUsage nothing = {0};

    for (GList *at = null->entries.head; at; at = at->next) {
        Entry *entry = at->data;
        if (entry->invocation.serial != serial)
            continue;
        g_queue_delete_link(&null->entries, at);
        entry->done(NULL, &nothing, entry->data);
        g_free(entry);
        return true;
    }
    return false;
}

static void configure(Executor *executor, const ExecutorOptions *options)
{
    NullExecutor *null = (NullExecutor *)executor;

    null->concurrency = options->concurrency;
    executor_report_room(executor);
}

static void null_free(Executor *executor)
{
    NullExecutor *null = (NullExecutor *)executor;

    g_clear_handle_id(&null->source, g_source_remove);
    g_queue_clear_full(&null->entries, g_free);
    g_free(null);
}

static const ExecutorClass null_class = {
    .name = "null",
    .has_room = has_room,
    .submit = submit,
    .cancel = cancel,
    .configure = configure,
    .busy = busy,
    .free = null_free,
};

Executor *null_executor_new(const ExecutorOptions *options, NullAnswer answer, void *data)
{
    NullExecutor *null = g_new0(NullExecutor, 1);

    null->executor.class = &null_class;
    null->concurrency = options->concurrency;
    null->answer = answer;
    null->answer_data = data;
    return &null->executor;
}
