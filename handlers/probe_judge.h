/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how an attempt of a worker has ended, for `thumbq doctor`. Private to handlers. */
#pragma once

#include "handlers/probe_finding.h"

#include <stdbool.h>
#include <stdint.h>

/* How an attempt has ended: one of these, or none if it still runs. */
typedef struct {
    /* The filter stopped it; `violation` is the number of the call, or -1. */
    bool violated;
    int violation;
    bool reported;
    ProbeReport report;
    bool ended;
    int wait_status;
    /* With none of these: the attempt got too little CPU time for its end. */
    bool starved;
    int64_t waited_us;
} ProbeEnding;

/* Says whether the attempt was stopped as its row states. */
void probe_judge(const ProbeRow *row, const ProbeEnding *ending, ProberFinding *ret_finding);
