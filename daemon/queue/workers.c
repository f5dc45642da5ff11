/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/workers.h"

#include "base/clock.h"
#include "handlers/user.h"

/* Idle workers that are kept for the next picture of their user and folder, beside the busy ones.
 * Each takes about 2 MB of its own. */
#define WORKERS_IDLE_MAX 32

/* An idle worker costs memory, a new one costs milliseconds. */
#define WORKER_IDLE_US (10 * CLOCK_US_PER_SEC)

/* Short invocations that may wait for a busy worker: as many as its socket holds. */
#define WORKER_AHEAD 7

/* Limit of an invocation's wall-clock time, as a multiple of its CPU time limit. */
#define WORKER_WALL_TIMES 10

/* Maximum number of lent invocations: those lost with the daemon are done again. */
#define LEND_WINDOW 1000

/* Time for the transfer to a borrower and back, beside the invocation itself. */
#define LEASE_BESIDES_US (30 * CLOCK_US_PER_SEC)

/* A worker that is busy for longer than this gets no further invocation. */
#define WORKER_PATIENCE_US (250 * CLOCK_US_PER_MS)

/* Adds the handler programs behind the first one. */
static void add_further(ExecutorOptions *options)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);

    for (size_t i = PROGRAM_FIRST + 1; i < n; i++)
        options->further[options->n_further++] =
            (FurtherProgram){.executable = rows[i].executable,
                             .memory_times = rows[i].memory_times,
                             .timeout_times = rows[i].timeout_times};
}

void workers_options(const Config *config, const char *handler_program, const Brake *brake,
                     ExecutorOptions *ret_options)
{
    bool keeps_idle = config->isolation == ISOLATION_OWNER && !brake_is_lowered(brake);

    *ret_options = (ExecutorOptions){
        .program = handler_program,
        .concurrency = brake_concurrency(brake),
        .idle_max = keeps_idle ? WORKERS_IDLE_MAX : 0,
        .max_invocations = config->max_invocations,
        .ahead = brake_is_careful(brake) ? 0 : WORKER_AHEAD,
        .patience_us = WORKER_PATIENCE_US,
        .timeout_us = config->timeout_us,
        .wall_us = WORKER_WALL_TIMES * config->timeout_us,
        .idle_us = WORKER_IDLE_US,
        .memory_bytes = config->memory_bytes,
        .max_output_size = config->max_output_size,
        .own_users = user_is_needed(),
        .window = LEND_WINDOW,
        .lease_us = WORKER_WALL_TIMES * config->timeout_us + LEASE_BESIDES_US,
    };
    add_further(ret_options);
}
