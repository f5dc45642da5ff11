/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_run.h"

#include "base/clock.h"
#include "rules/invoke_call.h"
#include "rules/rule_command.h"
#include "rules/trigger_payload.h"

#include <stdlib.h>
#include <string.h>

/* The longest wait for an answer: the receiver writes the batch to its disk. */
#define CALL_US (30 * CLOCK_US_PER_SEC)

struct TriggerRun {
    /* One of them is NULL. */
    CommandRun *command;
    InvokeCall *call;
    TriggerRunDone done;
    void *data;
};

bool trigger_run_is_command(const TriggerConfig *config)
{
    return rule_command_line(config->run) != NULL;
}

bool trigger_run_has_process(const TriggerRun *run)
{
    return run->command != NULL;
}

/* Takes `run`. */
static void end_run(TriggerRun *run, const TriggerRunOutcome *outcome)
{
    run->done(outcome, run->data);
    g_free(run);
}

static void end_command(const CommandOutcome *outcome, void *data)
{
    g_autofree char *text = command_outcome_describe(outcome);
    bool is_ok = command_outcome_is_ok(outcome);
    const TriggerRunOutcome ours = {.end = is_ok ? TRIGGER_RUN_OK : TRIGGER_RUN_FAILED,
                                    .text = text};

    end_run(data, &ours);
}

/* Called when the function has answered: ends the run of the batch accordingly. */
static void end_call(const InvokeOutcome *outcome, void *data)
{
    static const TriggerRunEnd ends[] = {
        [INVOKE_ACCEPTED] = TRIGGER_RUN_OK,
        [INVOKE_THROTTLED] = TRIGGER_RUN_PUT_OFF,
        [INVOKE_REFUSED] = TRIGGER_RUN_FAILED,
        [INVOKE_LOST] = TRIGGER_RUN_PUT_OFF,
    };
    const char *what = outcome->end == INVOKE_REFUSED     ? "the function was refused"
                       : outcome->end == INVOKE_THROTTLED ? "the function is throttled"
                                                          : "the function got no batch";
    g_autofree char *text =
        *outcome->text ? g_strconcat(what, ": ", outcome->text, NULL) : g_strdup(what);
    const TriggerRunOutcome ours = {
        .end = ends[outcome->end], .text = text, .retry_us = outcome->retry_us};

    end_run(data, &ours);
}

static bool start_command(TriggerRun *run, const TriggerRunBatch *batch, GError **error)
{
    const RuleCommand command = {.command = rule_command_line(batch->config->run),
                                 .bucket = batch->parts->bucket,
                                 .variable = "THUMBQ_TRIGGER",
                                 .name = batch->config->name,
                                 .input = batch->input,
                                 .timeout_us = batch->config->timeout_us};

    run->command = rule_command_start(&command, end_command, run, error);
    return run->command != NULL;
}

/* Sends the batch to the function that the trigger calls. */
static bool start_call(TriggerRun *run, const TriggerRunBatch *batch, GError **error)
{
    const Delivery *delivery = batch->delivery;
    char *payload = trigger_payload_text(batch->input);
    json_t *records = trigger_payload_records(batch->input);
    const ControlRequest request = {.type = CONTROL_INVOKE,
                                    .invoke = {.function = config_trigger_function(batch->config),
                                               .bucket = batch->parts->bucket,
                                               .trigger = batch->config->name,
                                               .epoch = batch->epoch,
                                               .first = delivery->first,
                                               .last = delivery->last,
                                               .generation = delivery->generation,
                                               .n_events = (uint32_t)delivery->n_events,
                                               .events_hash = trigger_payload_hash(records)},
                                    .payload = payload,
                                    .payload_len = strlen(payload) + 1};

    run->call =
        invoke_call_start(&request, MIN(batch->config->timeout_us, CALL_US), end_call, run, error);
    json_decref(records);
    free(payload);
    return run->call != NULL;
}

TriggerRun *trigger_run_start(const TriggerRunBatch *batch, TriggerRunDone done, void *data,
                              GError **error)
{
    TriggerRun *run = g_new(TriggerRun, 1);

    *run = (TriggerRun){.done = done, .data = data};
    if (trigger_run_is_command(batch->config) ? start_command(run, batch, error)
                                              : start_call(run, batch, error))
        return run;
    g_free(run);
    return NULL;
}

void trigger_run_cancel(TriggerRun *run)
{
    if (!run)
        return;
    command_run_cancel(run->command);
    invoke_call_cancel(run->call);
    g_free(run);
}
