/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries the sandbox and the codecs, with real workers of the real fork server: what `thumbq doctor`
 * knows it from. Blocks, each step for a bounded time; needs no bucket and no daemon.
 */
#pragma once

#include "image.h"
#include "probe.h"
#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Prober Prober;

/* What the workers of a prober may use. */
#define PROBER_MEMORY_BYTES (INT64_C(96) << 20)
#define PROBER_OUTPUT_BYTES (INT64_C(4) << 20)

/*
 * Starts `program` (thumbq-thumbnail) and a first worker. Errors: ERROR_HANDLER_UNAVAILABLE.
 * Owner: prober_free.
 */
Prober *prober_open(const char *program, GError **error);
void prober_free(Prober *prober);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prober, prober_free)

/* True if workers become users of their own here. */
bool prober_has_users(void);

typedef enum {
    PROBER_CONTAINED, /* stopped as probe_rows says; or told, with PROBE_TOLD */
    PROBER_OPEN,      /* it could do it, or came further than it should have */
    PROBER_SHADOWED,  /* refused by a filter around this process, which comes before the worker's */
    PROBER_UNPROVEN,  /* something else ended the attempt: it says nothing */
} ProberVerdict;

typedef struct {
    ProberVerdict verdict;
    char text[PROBE_TEXT_MAX]; /* how it ended, for people; the answer, with PROBE_TOLD */
} ProberFinding;

/* False if the kernel lacks what would stop it, so that nothing can be said of it. */
bool prober_can_try(Probe probe);

/* Tries one thing, in a worker of its own. Errors: ERROR_HANDLER_UNAVAILABLE. */
bool prober_try(Prober *prober, Probe probe, ProberFinding *ret_finding, GError **error);

/* What the kernel says of the first worker, which is locked in and idle. */
typedef struct {
    pid_t pid;
    bool no_new_privileges;
    bool filtered;   /* by seccomp */
    bool told_from;  /* the daemon hears the names of forbidden calls */
    bool dumpable;   /* false also where it cannot be told: its user is root */
    bool privileged; /* it has a capability */
    uint32_t uid;
    int64_t descriptors_max, memory_max, output_max, core_max; /* -1: not limited */
} ProberWorker;

/* Errors: ERROR_HANDLER_UNAVAILABLE, if it is gone; ERROR_IO. */
bool prober_look(Prober *prober, ProberWorker *ret_worker, GError **error);

/*
 * Makes a thumbnail of `source` in the first worker; the facts are the source's. Errors: what the
 * worker says of it; ERROR_HANDLER_UNAVAILABLE. Owner: the caller.
 */
GBytes *prober_convert(Prober *prober, GBytes *source, Format format, ImageFacts *ret_facts,
                       GError **error);
