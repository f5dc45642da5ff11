/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fail points: named places around every call that changes data on disk. At a fail point a test can
 * end the process or make the call fail. Only the test build (THUMBQ_FAILPOINTS, the target
 * thumbq-failpoints) has fail points; in other builds the macros expand to the call alone.
 *
 * FAILPOINT("publish.link", linkat(...)) makes two fail points. At `publish.link.before` the call
 * is not made; at `publish.link.after` the call was made, but its failure is reported. Both set
 * errno and return -1. FAILPOINT_HERE is a place where the process can only end. These environment
 * variables control them:
 *
 *   THUMBQ_FAILPOINT=NAME=ACTION[@FIRST][xTIMES][,...]
 *     ACTION: crash (as by kill -9), EIO, ENOSPC, EINTR, EMFILE, ENFILE, ENOMEM,
 *     EAGAIN or EOPNOTSUPP. FIRST: the first hit that fails, from 1.
 *     TIMES: how many hits fail (default: 1).
 *   THUMBQ_FAILPOINT=list: prints all names and ends.
 *   THUMBQ_FAILPOINT_LOG=FILE: each hit appends a line with its name.
 *   THUMBQ_CLOCK_FILE=FILE: seconds in this file are added to the wall clock.
 *   THUMBQ_BOOT_FILE=FILE: the same for CLOCK_BOOTTIME.
 */
#pragma once

#ifdef THUMBQ_FAILPOINTS

#include <stdbool.h>
#include <stdint.h>

/* Returns true and sets errno if this hit of the fail point `name` has to fail. */
bool failpoint(const char *name);

/* Microseconds to add to the wall clock and to CLOCK_BOOTTIME. */
int64_t failpoint_clock_offset_us(void);
int64_t failpoint_boot_offset_us(void);

/*
 * The linker collects the names in a section of their own, so that THUMBQ_FAILPOINT=list can print
 * them.
 */
#define FAILPOINT_AT(name)                                                                         \
    (__extension__({                                                                               \
        static const char failpoint_name_[] __attribute__((section("failpoints"), used)) = name;   \
        failpoint(failpoint_name_);                                                                \
    }))

#define FAILPOINT(name, call)                                                                      \
    (__extension__({                                                                               \
        __typeof__(call) failpoint_result_ = -1;                                                   \
        if (!FAILPOINT_AT(name ".before")) {                                                       \
            failpoint_result_ = (call);                                                            \
            if (FAILPOINT_AT(name ".after"))                                                       \
                failpoint_result_ = -1;                                                            \
        }                                                                                          \
        failpoint_result_;                                                                         \
    }))

#define FAILPOINT_HERE(name) ((void)FAILPOINT_AT(name))

#else

#define FAILPOINT(name, call) (call)
#define FAILPOINT_HERE(name)  ((void)0)

#endif
