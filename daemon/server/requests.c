/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of commands: sent to the daemon of a bucket or, if no daemon runs, done in this process
 * under its lock. The changes of the store are the same in both cases: changes.c. */
#include "daemon/requests.h"

#include "base/error.h"
#include "daemon/daemon.h"
#include "daemon/sweep.h"
#include "daemon/sweep_words.h"
#include "offline.h"
#include "server/changes.h"

typedef struct {
    const char *bucket;
    const Config *config;
    const ControlWait *wait;
    const ControlRequest *request;
    RequestProgress progress;
} Alone;

/* Carries out all steps of a change, as there is no daemon. */
static bool change_alone(const OfflineParts *parts, void *data, GError **error)
{
    Alone *alone = data;
    Triggers *none = NULL;
    const RequestParts used = {parts->backfill, &none};

    while (!alone->progress.has_ended && !run_error(parts->run)) {
        if (!request_step(&used, alone->request, &alone->progress, error))
            return false;
    }
    return true;
}

static bool note_item(const char *line, void *data)
{
    const ControlWait *wait = data;

    wait->item(line, wait->item_data);
    return true;
}

/* Sweeps the bucket in this process, as there is no daemon. */
static bool sweep_alone(const Alone *alone, ControlAnswer *ret_answer, GError **error)
{
    const ControlSweep *request = &alone->request->sweep;
    ControlWait wait = *alone->wait;
    SweepOptions sweep = {.dry_run = request->dry_run,
                          .include_away = request->include_away,
                          .note = request->is_verbose && wait.item ? note_item : NULL,
                          .note_data = &wait,
                          .progress = wait.progress,
                          .progress_data = wait.progress_data};
    SweepCounts counts;

    if (!sweep_kinds_from_name(request->kinds, &sweep.kinds)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown kind of sweep");
        return false;
    }
    if (!sweep_run(alone->bucket, alone->config, &sweep, &counts, error))
        return false;
    g_autofree char *text = sweep_describe(&counts, sweep.dry_run);
    g_strlcpy(ret_answer->sweep.text, text, sizeof ret_answer->sweep.text);
    return true;
}

/* Does the work of a request in this process, as there is no daemon. */
static bool work_alone(const ControlRequest *request, ControlAnswer *ret_answer, void *data,
                       GError **error)
{
    Alone *alone = data;

    if (request->type == CONTROL_SWEEP)
        return sweep_alone(alone, ret_answer, error);
    if (!offline_run(alone->bucket, alone->config, change_alone, alone, error))
        return false;
    *ret_answer = alone->progress.answer;
    return true;
}

bool daemon_request(const char *bucket, const Config *config, const ControlRequest *request,
                    const ControlWait *wait, ControlAnswer *ret_answer, GError **error)
{
    const ControlWait nothing = {0};
    g_autofree char *state = daemon_state_path(bucket, config);
    Alone alone = {
        .bucket = bucket, .config = config, .wait = wait ? wait : &nothing, .request = request};
    const ControlOrder order = {
        .request = *request, .wait = *alone.wait, .own_work = work_alone, .own_data = &alone};
    ControlDoer doer;

    return control_work(state, &order, &doer, ret_answer, error);
}
