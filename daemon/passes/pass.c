/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/pass.h"

/* Priorities in the main loop, by queue. */
static const int priorities[PASS_QUEUES] = {
    /* Before the bucket's own scans, which are idle work: the records below a moved folder must
     * have moved before the scan of the folder reports its objects as new. */
    [PASS_WALKS] = G_PRIORITY_DEFAULT + 10,
    /* Idle work, so that the kernel's events of the bucket are read first. */
    [PASS_FOLDERS] = G_PRIORITY_DEFAULT_IDLE,
    [PASS_SWEEPS] = G_PRIORITY_LOW,
    [PASS_JOBS] = G_PRIORITY_LOW,
};

typedef struct {
    const PassKind *kind;
    /* Owned. */
    void *work;
    bool is_begun;
    bool is_waiting;
    /* The pass was woken while its row was processed. */
    bool is_woken;
    bool is_lost;
} Pass;

typedef struct {
    Passes *passes;
    PassQueue queue;
    /* Pass, owned: in the order of their start. */
    GQueue waiting;
    guint source;
} Line;

struct Passes {
    PassCallbacks callbacks;
    Line lines[PASS_QUEUES];
    /* The store takes no changes now. */
    bool is_lost;
    /* A function of a pass is running. */
    bool is_running;
};

/* The part of a slice that is left. */
typedef struct {
    int64_t end_us;
    unsigned rows;
} Slice;

static void pass_free(Pass *pass)
{
    pass->kind->free(pass->work);
    g_free(pass);
}

static Pass *next_pass(const Line *line)
{
    for (const GList *at = line->waiting.head; at; at = at->next) {
        Pass *pass = at->data;
        if (!pass->is_waiting)
            return pass;
    }
    return NULL;
}

static bool is_over(const Passes *passes, Slice *slice)
{
    slice->rows -= slice->rows > 0;
    return slice->rows == 0 || passes->callbacks.now_us() >= slice->end_us;
}

static bool is_lost(const Passes *passes, const Pass *pass)
{
    return pass->is_lost || passes->is_lost;
}

/* Runs the next step of a pass; the first step is its `begin`, if it has one. */
static PassStep step(Pass *pass, GError **error)
{
    if (pass->is_begun || !pass->kind->begin)
        return pass->kind->next(pass->work, error);
    PassStep begun = pass->kind->begin(pass->work, error);
    pass->is_begun = begun == PASS_MORE;
    return begun;
}

/* Processes rows until the slice is over, or the pass waits or ends. */
static PassStep run_rows(const Passes *passes, Pass *pass, Slice *slice, GError **error)
{
    PassStep result = PASS_MORE;

    while (!is_lost(passes, pass) && result == PASS_MORE) {
        result = step(pass, error);
        if (is_over(passes, slice))
            break;
    }
    if (is_lost(passes, pass) || !pass->kind->end_slice || result == PASS_END ||
        result == PASS_FAILED)
        return result;
    return pass->kind->end_slice(pass->work, error) ? result : PASS_FAILED;
}

/* Reports that a function of the pass has failed: the whole batch is lost. */
static void fail(Passes *passes, Pass *pass, GError *error)
{
    pass->is_lost = true;
    if (error)
        passes->callbacks.failed(error, passes->callbacks.data);
}

/* Ends the pass. It leaves the queue before its `end` is called, which may read the queue and
 * start passes. */
static void end_pass(Line *line, Pass *pass)
{
    Passes *passes = line->passes;
    const PassKind *kind = pass->kind;
    GError *error = NULL;

    (void)g_queue_remove(&line->waiting, pass);
    bool is_whole = !is_lost(passes, pass);
    if (is_whole && kind->end && !kind->end(pass->work, &error)) {
        fail(passes, pass, error);
        is_whole = false;
    }
    if (!is_whole && kind->lost)
        kind->lost(pass->work);
    pass_free(pass);
}

/* Returns true if the slice is over before the pass has ended or waits. */
static bool run_pass(Line *line, Pass *pass, Slice *slice)
{
    GError *error = NULL;

    pass->is_woken = false;
    PassStep result = run_rows(line->passes, pass, slice, &error);
    if (result == PASS_FAILED)
        fail(line->passes, pass, error);
    if (is_lost(line->passes, pass) || result == PASS_END) {
        end_pass(line, pass);
        return false;
    }
    pass->is_waiting = result == PASS_WAIT && !pass->is_woken;
    return !pass->is_waiting;
}

/* Returns false if no work is left for now. */
static bool run_line(Line *line)
{
    Pass *pass = next_pass(line);
    Slice slice = {0};

    if (pass)
        slice = (Slice){.end_us = line->passes->callbacks.now_us() + pass->kind->budget.time_us,
                        .rows = pass->kind->budget.rows};
    for (; pass; pass = next_pass(line)) {
        if (run_pass(line, pass, &slice))
            return true;
        if (slice.rows == 0 || line->passes->callbacks.now_us() >= slice.end_us)
            return next_pass(line) != NULL;
    }
    return false;
}

/* Runs the passes of a queue for a slice of time; goes on when the daemon is idle. */
static gboolean run_slice(gpointer data)
{
    Line *line = data;
    const PassCallbacks *callbacks = &line->passes->callbacks;

    line->passes->is_running = true;
    bool again = run_line(line);
    line->passes->is_running = false;
    if (again)
        return G_SOURCE_CONTINUE;
    line->source = 0;
    if (callbacks->idle)
        callbacks->idle(callbacks->data);
    return G_SOURCE_REMOVE;
}

static void run_soon(Line *line)
{
    if (!line->source)
        line->source = g_idle_add_full(priorities[line->queue], run_slice, line, NULL);
}

Passes *passes_new(const PassCallbacks *callbacks)
{
    Passes *passes = g_new0(Passes, 1);

    passes->callbacks = *callbacks;
    for (PassQueue queue = 0; queue < PASS_QUEUES; queue++) {
        passes->lines[queue] = (Line){.passes = passes, .queue = queue};
        g_queue_init(&passes->lines[queue].waiting);
    }
    return passes;
}

void passes_free(Passes *passes)
{
    if (!passes)
        return;
    g_assert(!passes->is_running);
    for (Line *line = passes->lines; line < passes->lines + PASS_QUEUES; line++) {
        Pass *pass;
        g_clear_handle_id(&line->source, g_source_remove);
        while ((pass = g_queue_pop_head(&line->waiting)))
            pass_free(pass);
    }
    g_free(passes);
}

void pass_start(Passes *passes, const PassKind *kind, void *work)
{
    Line *line = &passes->lines[kind->queue];
    Pass *pass = g_new0(Pass, 1);

    pass->kind = kind;
    pass->work = work;
    g_queue_push_tail(&line->waiting, pass);
    run_soon(line);
}

/* Lets the passes of this queue that wait for something check again whether they can go on. */
static void wake(Line *line)
{
    for (GList *at = line->waiting.head; at; at = at->next) {
        Pass *pass = at->data;
        pass->is_waiting = false;
        pass->is_woken = true;
    }
    if (!g_queue_is_empty(&line->waiting))
        run_soon(line);
}

void passes_wake(Passes *passes, PassQueue queue)
{
    wake(&passes->lines[queue]);
}

void passes_lost(Passes *passes)
{
    passes->is_lost = true;
    for (Line *line = passes->lines; line < passes->lines + PASS_QUEUES; line++) {
        for (GList *at = line->waiting.head; at; at = at->next)
            ((Pass *)at->data)->is_lost = true;
        wake(line);
    }
}

void passes_resumed(Passes *passes)
{
    passes->is_lost = false;
}

bool passes_is_empty(const Passes *passes, PassQueue queue)
{
    return g_queue_is_empty((GQueue *)&passes->lines[queue].waiting);
}

bool passes_is_idle(const Passes *passes, PassQueue queue)
{
    return !next_pass(&passes->lines[queue]);
}

void *passes_find(const Passes *passes, const PassKind *kind,
                  bool (*is)(const void *work, const void *data), const void *data)
{
    for (const GList *at = passes->lines[kind->queue].waiting.head; at; at = at->next) {
        const Pass *pass = at->data;
        if (pass->kind == kind && !pass->is_lost && (!is || is(pass->work, data)))
            return pass->work;
    }
    return NULL;
}
