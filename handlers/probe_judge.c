/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_judge.h"

#include "base/clock.h"
#include "base/file.h"
#include "handlers/tasks.h"
#include "handlers/user.h"
#include "pool/process.h"
#include "pool/violation.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void set_finding(ProberFinding *finding, ProberVerdict verdict, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void set_finding(ProberFinding *finding, ProberVerdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finding->verdict = verdict;
    g_vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
}

/*
 * True if a filter of a container or a service manager around this process has refused the call.
 * The kernel prefers an error to a notice for the daemon: a call that such a filter refuses with an
 * error never gets to the worker's own filter. The call is not done, but the worker lives on.
 */
static bool is_shadowed(const ProbeRow *row, int errnum)
{
    g_autofree char *status = file_read("/proc/self/status", 1 << 16, NULL, NULL);
    bool filtered = status && process_status_number(status, "\nSeccomp:", 10) == 2;
    return filtered && (row->end == PROBE_FORBIDDEN || row->landlock > 0) &&
           (errnum == EPERM || errnum == ENOSYS || errnum == EAFNOSUPPORT);
}

/*
 * True if the worker has started more threads than its limit allows. Memory and the limits of the
 * user also end threads some time, but are no limit of the worker.
 */
static bool is_too_much(const ProbeRow *row, const ProbeReport *report)
{
    /* Some tasks end in the meantime. */
    int64_t most = user_is_needed() ? TASKS_ALONE : tasks_count() + 2 * TASKS_MORE;
    return row == &probe_rows[PROBE_THREADS] && report->amount > most;
}

/* Judges an attempt whose worker lives on and has reported its outcome. */
static void judge_report(const ProbeRow *row, const ProbeReport *report, ProberFinding *finding)
{
    const char *reason = g_strerror(report->errnum);
    bool as_said = report->errnum == row->number;
    switch (report->outcome) {
    case PROBE_ANSWER:
        set_finding(finding, row->end == PROBE_ANSWERED ? PROBER_CONTAINED : PROBER_UNPROVEN, "%s",
                    report->text);
        break;
    case PROBE_STOPPED:
        if (is_too_much(row, report))
            set_finding(finding, PROBER_OPEN, "only after %" G_GINT64_FORMAT,
                        (gint64)report->amount);
        else
            set_finding(finding,
                        row->end == PROBE_LIMITED && as_said ? PROBER_CONTAINED : PROBER_UNPROVEN,
                        "limited: after %" G_GINT64_FORMAT ", %s", (gint64)report->amount, reason);
        break;
    case PROBE_FAILED:
        /* A call that the filter should have stopped has reached the kernel's own checks. */
        if (row->end == PROBE_REFUSED && as_said)
            set_finding(finding, PROBER_CONTAINED, "refused: %s", reason);
        else if (is_shadowed(row, report->errnum))
            set_finding(finding, PROBER_SHADOWED,
                        "refused by a filter around thumbq, so that the "
                        "handler's own could not end it");
        else
            set_finding(finding, row->end == PROBE_FORBIDDEN ? PROBER_OPEN : PROBER_UNPROVEN,
                        "not stopped by the filter: %s", reason);
        break;
    default:
        set_finding(finding, PROBER_OPEN, "it could do it");
    }
}

/* Judges an attempt by the way in which its process has ended. */
static void judge_end(const ProbeRow *row, int wait_status, ProberFinding *finding)
{
    char message[WIRE_MESSAGE_MAX];
    int number = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
    (void)process_death_reason(wait_status, message);
    if (row->end == PROBE_ENDED && number == row->number)
        set_finding(finding, PROBER_CONTAINED, "killed: %s", message);
    else if (row->end == PROBE_FORBIDDEN && number == SIGSYS)
        set_finding(finding, PROBER_CONTAINED, "killed: %s", message);
    /* A program that the worker could execute ends like this, too. */
    else
        set_finding(finding, number != 0 ? PROBER_UNPROVEN : PROBER_OPEN, "it ended: %s", message);
}

void probe_judge(const ProbeRow *row, const ProbeEnding *ending, ProberFinding *ret_finding)
{
    char message[WIRE_MESSAGE_MAX];
    if (ending->violated) {
        violation_describe(ending->violation, message);
        bool as_said = row->end == PROBE_FORBIDDEN && ending->violation == row->number;
        set_finding(ret_finding, as_said ? PROBER_CONTAINED : PROBER_UNPROVEN, "killed: %s",
                    message);
    } else if (ending->reported) {
        judge_report(row, &ending->report, ret_finding);
    } else if (ending->ended) {
        judge_end(row, ending->wait_status, ret_finding);
    } else if (ending->starved) {
        set_finding(ret_finding, PROBER_UNPROVEN, "it got too little of a processor in %d seconds",
                    (int)(ending->waited_us / CLOCK_US_PER_SEC));
    } else {
        set_finding(ret_finding, PROBER_OPEN, "it still runs after %d seconds",
                    (int)(ending->waited_us / CLOCK_US_PER_SEC));
    }
}
