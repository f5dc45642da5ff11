/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries the sandbox and the codecs for `thumbq doctor`, with real workers of the real fork server.
 * Blocks, each step for a bounded time; needs no bucket and no daemon.
 */
#pragma once

#include "handlers/probe.h"
#include "handlers/probe_finding.h"
#include "model/image.h"
#include "model/rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Prober Prober;

/* Limits of a prober's workers. */
#define PROBER_MEMORY_BYTES (INT64_C(96) << 20)
#define PROBER_OUTPUT_BYTES (INT64_C(4) << 20)

/*
 * Starts the handler program at `path` and a first worker. `calls` is the profile that the program
 * should have (bits of CallProfile, programs.h). Errors: ERROR_HANDLER_UNAVAILABLE. Owner:
 * prober_free.
 */
Prober *prober_open(const char *path, unsigned calls, GError **error);
void prober_free(Prober *prober);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prober, prober_free)

/* True if workers become users of their own on this machine. */
bool prober_has_users(void);

/*
 * False if the kernel lacks the feature that would stop the probe, so that it would prove nothing.
 */
bool prober_can_try(Probe probe);

/* Tries one probe, in a worker of its own. Errors: ERROR_HANDLER_UNAVAILABLE. */
bool prober_try(Prober *prober, Probe probe, ProberFinding *ret_finding, GError **error);

/* The state of the first worker, which is idle in its sandbox, as the kernel reports it. */
typedef struct {
    pid_t pid;
    bool no_new_privileges;
    /* By seccomp. */
    bool filtered;
    /* The daemon gets the name of each forbidden call. */
    bool reports_violations;
    /* False also if it cannot be known: the worker's user is root. */
    bool dumpable;
    /* The worker has a capability. */
    bool privileged;
    uint32_t uid;
    /* -1: not limited. */
    int64_t descriptors_max, memory_max, output_max, core_max;
} ProberWorker;

/*
 * Reads the state of the first worker. Errors: ERROR_HANDLER_UNAVAILABLE, if it is gone; ERROR_IO.
 */
bool prober_read_worker(Prober *prober, ProberWorker *ret_worker, GError **error);

/*
 * Makes a thumbnail of `source` in the first worker; the facts are those of the source. Errors:
 * those in the worker's answer; ERROR_HANDLER_UNAVAILABLE. Owner: the caller.
 */
GBytes *prober_convert(Prober *prober, GBytes *source, Format format, ImageFacts *ret_facts,
                       GError **error);
