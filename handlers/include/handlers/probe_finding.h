/* SPDX-License-Identifier: Apache-2.0 */
/* How an attempt of a worker ended, and what that shows. */
#pragma once

#include "handlers/probe.h"

typedef enum {
    /* Stopped as probe_rows says; with PROBE_ANSWERED: answered. */
    PROBER_CONTAINED,
    /* The worker could do it, or came further than it should have. */
    PROBER_OPEN,
    /* A filter around this process refused it before the worker's own filter. */
    PROBER_SHADOWED,
    /* Another cause ended the attempt: it proves nothing. */
    PROBER_UNPROVEN,
} ProberVerdict;

typedef struct {
    ProberVerdict verdict;
    /* How the attempt ended, for people; with PROBE_ANSWERED the answer. */
    char text[PROBE_TEXT_MAX];
} ProberFinding;
