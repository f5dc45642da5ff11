/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/outcome.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "journal/journal.h"
#include "journal/place.h"
#include "queue/report_line.h"
#include "queue/spell.h"

#include <string.h>

/* Delay before an object under change is read again. */
#define CHANGED_DELAY_US (CLOCK_US_PER_SEC / 2)

/* Delay before the next try when the disk is full, or thumbnails may not be written. */
#define NO_SPACE_DELAY_US (5 * CLOCK_US_PER_SEC)

/*
 * Delays before the next try when the machine lacked something for the start of a further handler
 * program: as long as it has lacked it so far, within these limits.
 */
#define PROGRAM_DELAY_LEAST_US CLOCK_US_PER_SEC
#define PROGRAM_DELAY_MOST_US  (30 * CLOCK_US_PER_SEC)

/* Time without a start of a further program after which `run --once` gives up. */
#define ONCE_PROGRAM_US (10 * CLOCK_MINUTE_US)

/* Failures in a row after which `run --once` gives up on a machine that cannot do the work. */
#define ONCE_FAILURES_MAX 5

/* Faults of the machine for which no object is to blame. */
typedef enum {
    TROUBLE_NO_SPACE,
    /* Thumbnails may not be written. */
    TROUBLE_REFUSED,
    TROUBLE_SHORTAGE,
    TROUBLE_NO_HANDLER,
    TROUBLES,
} Trouble;

struct Outcomes {
    OutcomeOptions options;
    Brake *brake;
    /* Outcomes in a row that were the machine's fault. */
    int n_troubles;
    /*
     * Monotonic clock: since then each start of a further handler program has failed for want of
     * something; 0: it has not.
     */
    int64_t short_since_us;
    /* One spell per kind of trouble. */
    Spell spells[TROUBLES];
    /* key -> number of failures that were excused. */
    GHashTable *excuses;
    /* Ids of records (uint64_t, owned): borrowers have handed these objects back. */
    GHashTable *handed_back;
    uint64_t invocations;
};

Outcomes *outcomes_new(const OutcomeOptions *options, Brake *brake)
{
    Outcomes *outcomes = g_new0(Outcomes, 1);

    outcomes->options = *options;
    outcomes->brake = brake;
    outcomes->excuses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    outcomes->handed_back = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return outcomes;
}

void outcomes_free(Outcomes *outcomes)
{
    g_hash_table_unref(outcomes->excuses);
    g_hash_table_unref(outcomes->handed_back);
    g_free(outcomes);
}

bool outcomes_is_in_trouble(const Outcomes *outcomes)
{
    return outcomes->n_troubles > 0;
}

uint64_t outcomes_invocations(const Outcomes *outcomes)
{
    return outcomes->invocations;
}

static void retry_after(StoreOutcome *outcome, int64_t delay_us)
{
    outcome->state = STATE_PENDING;
    outcome->counts = false;
    outcome->due_us = outcome->now_us + delay_us;
}

static int64_t retry_delay_us(const Config *config, int attempts)
{
    return config->retry_delay_us << MIN(attempts - 1, 10);
}

int64_t outcome_longest_delay_us(const Config *config)
{
    return MAX(retry_delay_us(config, MAX(config->retries, 1)),
               MAX(NO_SPACE_DELAY_US, PROGRAM_DELAY_MOST_US));
}

/* A file that has used its whole time twice would do so a third time. */
#define TIMEOUT_RETRIES 1

/* Puts the object back into the queue for a later attempt, or makes it dead after its last one. */
static void set_retry(const WorkItem *item, StoreOutcome *outcome)
{
    int attempts = item->attempts + 1;
    int retries = item->state->config->retries;

    if (outcome->error == ERROR_TIMEOUT)
        retries = MIN(retries, TIMEOUT_RETRIES);
    if (attempts > retries) {
        outcome->state = STATE_DEAD;
        return;
    }
    outcome->state = STATE_PENDING;
    outcome->due_us = outcome->now_us;
    if (!item->outcomes->options.once)
        outcome->due_us += retry_delay_us(item->state->config, attempts);
}

/* True if the machine lacked something for the start of a further handler program. */
static bool lacks_start(const WorkItem *item, const StoreOutcome *outcome)
{
    return item->start_failed && outcome->error == ERROR_SHORTAGE && item->program != PROGRAM_FIRST;
}

static int64_t program_delay_us(const Outcomes *outcomes)
{
    int64_t since_us = outcomes->short_since_us;
    int64_t lacking_us = since_us == 0 ? 0 : clock_monotonic_us() - since_us;

    return CLAMP(lacking_us, PROGRAM_DELAY_LEAST_US, PROGRAM_DELAY_MOST_US);
}

/* Sets the next state of the object. The class of the error decides, with some exceptions. */
static void judge(const WorkItem *item, StoreOutcome *outcome)
{
    outcome->counts = outcome->error != ERROR_NONE || outcome->attempt.start_us != 0;
    if (outcome->error == ERROR_NONE) {
        outcome->state = STATE_DONE;
        return;
    }
    if (item->is_away) {
        retry_after(outcome, 0);
        outcome->due_us = STORE_NEVER_US;
        return;
    }
    if (item->excused) {
        retry_after(outcome, item->excuse_delay_us);
        return;
    }
    if (outcome->error == ERROR_NO_SPACE || item->refused) {
        retry_after(outcome, NO_SPACE_DELAY_US);
        return;
    }
    if (outcome->error == ERROR_UNSUPPORTED_TYPE && outcome->has_facts &&
        (item->lacks_program || !image_type_is_read(outcome->facts.type))) {
        /* This is no failure: no file of that type is supported here. */
        outcome->state = STATE_SKIPPED;
        return;
    }
    if (lacks_start(item, outcome)) {
        retry_after(outcome, program_delay_us(item->outcomes));
        return;
    }
    switch (error_class(outcome->error)) {
    case ERROR_CLASS_SKIP:
        outcome->state = STATE_SKIPPED;
        break;
    case ERROR_CLASS_REJECT:
        outcome->state = STATE_DEAD;
        break;
    case ERROR_CLASS_AGAIN:
        retry_after(outcome, outcome->error == ERROR_SOURCE_CHANGED ? CHANGED_DELAY_US : 0);
        break;
    case ERROR_CLASS_RETRY:
    case ERROR_CLASS_FATAL:
        set_retry(item, outcome);
        break;
    }
}

/* Returns the fault of the machine that caused the failure; TROUBLES: none. */
static Trouble trouble_of(const WorkItem *item, const StoreOutcome *outcome)
{
    switch (outcome->error) {
    case ERROR_NO_SPACE:
        return TROUBLE_NO_SPACE;
    case ERROR_SHORTAGE:
        return TROUBLE_SHORTAGE;
    case ERROR_HANDLER_UNAVAILABLE:
        return TROUBLE_NO_HANDLER;
    default:
        return item->refused ? TROUBLE_REFUSED : TROUBLES;
    }
}

/* Logs once a spell, even if other objects succeed in between. */
static void log_trouble(Spell *spell, Trouble trouble, const StoreOutcome *outcome)
{
    bool has_place = trouble == TROUBLE_NO_SPACE || trouble == TROUBLE_REFUSED;
    int64_t now_us = clock_monotonic_us();

    spell_lapse(spell, now_us);
    if (spell_note(spell, now_us))
        log_error("%s; %s%s", outcome->message, error_text(outcome->error),
                  has_place ? PLACE_HINT : "");
}

/* Logs that a further program fails to start, and ends a run with --once after ten minutes of that.
 * One failed start fails all work that waits for that program, so the number of failures says
 * nothing: their time counts. Work of the first program goes on meanwhile. */
static void time_program_failure(const WorkItem *item, const StoreOutcome *outcome)
{
    Outcomes *outcomes = item->outcomes;
    int64_t now_us = clock_monotonic_us();

    log_trouble(&outcomes->spells[TROUBLE_SHORTAGE], TROUBLE_SHORTAGE, outcome);
    if (outcomes->short_since_us == 0)
        outcomes->short_since_us = now_us;
    if (now_us - outcomes->short_since_us >= ONCE_PROGRAM_US && outcomes->options.once)
        run_fail(outcomes->options.run,
                 g_error_new(THUMBQ_ERROR, (gint)outcome->error,
                             "given up after ten minutes without a process of a handler program"));
}

/* Counts troubles in a row: `run --once` does not wait forever. */
static void count_machine_failure(const WorkItem *item, const StoreOutcome *outcome)
{
    Outcomes *outcomes = item->outcomes;
    Trouble trouble = trouble_of(item, outcome);

    if (lacks_start(item, outcome)) {
        time_program_failure(item, outcome);
        return;
    }
    /* A shortage beside the start of the program shows nothing of its start. */
    if (item->program != PROGRAM_FIRST && trouble != TROUBLE_SHORTAGE)
        outcomes->short_since_us = 0;

    if (trouble == TROUBLES) {
        outcomes->n_troubles = 0;
        /* The memory or disk space that the work item held is free. */
        brake_resume(outcomes->brake);
        return;
    }
    if (trouble == TROUBLE_SHORTAGE)
        brake_pause(outcomes->brake);
    log_trouble(&outcomes->spells[trouble], trouble, outcome);
    if (++outcomes->n_troubles >= ONCE_FAILURES_MAX && outcomes->options.once)
        run_fail(outcomes->options.run,
                 g_error_new(THUMBQ_ERROR, (gint)outcome->error,
                             "given up after %d failed tries in a row", outcomes->n_troubles));
}

/* True for an object whose file system is not mounted, or may not be: a missing file is then not
 * taken for a removed one. */
static bool is_away(const WorkItem *item, ErrorCode error)
{
    const OutcomeOptions *options = &item->outcomes->options;

    return (error == ERROR_SOURCE_GONE && objects_seem_unmounted(options->objects)) ||
           away_is_key(options->away, item->key);
}

/* Records the outcome. Takes `item`. */
static void conclude(WorkItem *item, StoreOutcome *outcome)
{
    const OutcomeOptions *options = &item->outcomes->options;
    const BucketState *state = item->state;
    Journal *journal = state->journal;
    Record record;
    bool found;

    /* A removed state or thumbnail folder is not the object's fault. */
    if (outcome->error != ERROR_NONE && !journal_holds(journal)) {
        work_item_free(item);
        return;
    }
    /* A machine in trouble cannot examine the mount either. */
    item->is_away = outcome->error != ERROR_NONE && trouble_of(item, outcome) == TROUBLES &&
                    is_away(item, outcome->error);
    judge(item, outcome);
    outcome->throttled =
        item->throttled || outcome->error == ERROR_NO_SPACE || outcome->error == ERROR_SHORTAGE;
    count_machine_failure(item, outcome);
    if (journal_check(journal, store_finish(state->store, item->key, outcome, &found, &record,
                                            journal_error(journal)))) {
        item->kind->settle(item, outcome, found ? &record : NULL);
        if (found && record.state == outcome->state) {
            options->concluded(item, &record, options->data);
            news_report_outcome(&options->news, item, outcome, &record);
        }
        /* If the batch is lost, the object is due again. */
        (void)journal_change(journal, true);
    }
    work_item_free(item);
}

static void init_outcome(const WorkItem *item, StoreOutcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->version = item->version;
    outcome->now_us = clock_wall_us();
    outcome->memory_mb = (int)units_mebibytes(work_item_memory_bytes(item));
    outcome->concurrency = item->concurrency;
}

/* Releases the claim of a work item without a result: its object waits as before. Takes `item`. */
static void release_claim(WorkItem *item)
{
    const BucketState *state = item->state;
    Journal *journal = state->journal;

    /* A claim of an earlier generation is lost together with its batch. */
    if (item->generation == journal_generation(journal))
        (void)journal_change(journal, store_release_claim(state->store, item->key, item->id,
                                                          journal_error(journal)));
    work_item_free(item);
}

/*
 * A shortage of the machine is not the picture's failure. With too few processors the work item
 * reached its time limit after little CPU time; with too little memory the kernel killed it beside
 * other work items. A file that does this to every handler must fail in the end: the number of
 * excuses is limited.
 */
#define EXCUSES_MAX 2

/* Keys that are remembered at the most; then all are forgotten. */
#define EXCUSED_MAX 10000

/* Counts that a failed attempt of the object is excused. Returns false if that was so too often. */
static bool count_excuse(GHashTable *excuses, const char *key)
{
    if (g_hash_table_size(excuses) >= EXCUSED_MAX)
        g_hash_table_remove_all(excuses);
    int n = GPOINTER_TO_INT(g_hash_table_lookup(excuses, key));
    if (n >= EXCUSES_MAX)
        return false;
    g_hash_table_insert(excuses, g_strdup(key), GINT_TO_POINTER(n + 1));
    return true;
}

/* Checks that a failed attempt does not count, as the machine may be the reason: it had no
 * processor time or memory for it. */
static bool is_excused(WorkItem *item, ErrorCode error, const InvocationUsage *usage)
{
    Outcomes *outcomes = item->outcomes;
    bool among_others = usage->killed && !item->is_alone;

    if (usage->killed)
        brake_lower(outcomes->brake);
    if (error == ERROR_NONE)
        /* The key may have no excuse. */
        (void)g_hash_table_remove(outcomes->excuses, item->key);
    /* A killed work item is tried again at once, without others; a starved one later. */
    if (usage->starved && !outcomes->options.once)
        item->excuse_delay_us = item->state->config->retry_delay_us;
    return (usage->starved || among_others) && count_excuse(outcomes->excuses, item->key);
}

/* Ids that are remembered at the most; then all are forgotten. */
#define HANDED_BACK_MAX 10000

/*
 * Remembers work that was lent and handed back: it is done on this machine. Otherwise a borrower
 * that hands everything back would get the same work again and again.
 */
static void note_returned(const WorkItem *item)
{
    GHashTable *ids = item->outcomes->handed_back;

    if (g_hash_table_size(ids) >= HANDED_BACK_MAX)
        g_hash_table_remove_all(ids);
    g_hash_table_add(ids, g_memdup2(&item->id, sizeof item->id));
}

bool outcomes_is_local(const Outcomes *outcomes, const WorkItem *item)
{
    return g_hash_table_contains(outcomes->handed_back, &item->id);
}

/* False if no worker could be started for the work item, or the machine lacked something to send
 * the work item to a worker. */
static bool has_run(const Answer *answer, const StoreOutcome *outcome)
{
    return outcome->error != ERROR_HANDLER_UNAVAILABLE && answer->error != ERROR_SHORTAGE;
}

void outcome_done(const Answer *answer, const InvocationUsage *usage, void *data)
{
    WorkItem *item = data;
    StoreOutcome outcome;

    if (!answer && item->is_lent)
        note_returned(item);
    if (!answer || item->generation != journal_generation(item->state->journal)) {
        release_claim(item);
        return;
    }
    /* The id may be unknown. */
    (void)g_hash_table_remove(item->outcomes->handed_back, &item->id);
    /* The work item was lent: if the object is another version by now, the source stays closed. */
    if (item->source_fd < 0)
        item->source_fd = work_item_open_source(item);
    item->start_failed = answer->start_failed;
    item->excused = is_excused(item, answer->error, usage);
    init_outcome(item, &outcome);
    item->kind->judge(item, answer, &outcome);
    /* The machine works, as the first program did: the work item is retried, and given up in the
     * end. */
    if (outcome.error == ERROR_HANDLER_UNAVAILABLE && item->program != PROGRAM_FIRST)
        outcome.error = ERROR_HANDLER_CRASHED;
    /* Memory that an invocation used elsewhere does not predict the use on this machine. */
    if (!item->is_lent && (usage->killed || item->is_worked))
        brake_learn(item->outcomes->brake, usage->memory_bytes);
    if (has_run(answer, &outcome)) {
        memcpy(outcome.attempt.request_id, item->request_id, sizeof item->request_id);
        outcome.attempt.start_us = item->start_us;
        outcome.attempt.duration_us = usage->duration_us;
        outcome.attempt.cpu_us = usage->cpu_us;
        outcome.attempt.memory_bytes = usage->memory_bytes;
        outcome.attempt.error = outcome.error;
        g_strlcpy(outcome.worker, usage->worker ? usage->worker : "", sizeof outcome.worker);
        item->outcomes->invocations++;
        if (!item->outcomes->options.quiet)
            report_line(item, work_item_memory_bytes(item), usage, outcome.error, outcome.message);
    }
    conclude(item, &outcome);
}

void outcome_nothing_to_make(WorkItem *item)
{
    StoreOutcome outcome;

    init_outcome(item, &outcome);
    item->kind->judge(item, NULL, &outcome);
    conclude(item, &outcome);
}

void outcome_failed_early(WorkItem *item, const GError *error)
{
    const OutcomeOptions *options = &item->outcomes->options;
    StoreOutcome outcome;

    if (!journal_is_open(item->state->journal)) {
        work_item_free(item);
        return;
    }
    if (error_code(error) == ERROR_SOURCE_GONE && !is_away(item, ERROR_SOURCE_GONE)) {
        /* If the batch is lost, the next try detects the missing file again. */
        (void)objects_remove_missing(options->objects, item->key);
        work_item_free(item);
        return;
    }
    init_outcome(item, &outcome);
    outcome.error = error_code(error);
    g_strlcpy(outcome.message, error->message, sizeof outcome.message);
    conclude(item, &outcome);
}
