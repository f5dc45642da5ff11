/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fail points: named places around every call that changes what is on disk, where a test makes the
 * process die or the call fail. Only the test build (THUMBQ_FAILPOINTS, the target
 * thumbq-failpoints) has them; elsewhere the macros are the call itself and nothing else.
 *
 * FAILPOINT("publish.link", linkat(...)) makes two of them: `publish.link.before`, at which the
 * call does not take place, and `publish.link.after`, at which it has, and says that it has not.
 * Both set errno and give -1. FAILPOINT_HERE is a place to die at only. They are chosen by the
 * environment:
 *
 *   THUMBQ_FAILPOINT=NAME=WHAT[@FIRST][xTIMES][,...]
 *       WHAT: crash (as by kill -9), EIO, ENOSPC, EINTR, EMFILE, ENFILE, ENOMEM, EAGAIN or
 *       EOPNOTSUPP; FIRST: the hit at which it begins, from 1; TIMES: how many hits fail (default:
 * 1) THUMBQ_FAILPOINT=list      prints all names and ends THUMBQ_FAILPOINT_LOG=FILE  gets a line
 * with the name at each hit THUMBQ_CLOCK_FILE=FILE     holds seconds, read by each look at the wall
 * clock and added to it THUMBQ_BOOT_FILE=FILE      the same for CLOCK_BOOTTIME
 */
#pragma once

#ifdef THUMBQ_FAILPOINTS

#include <stdbool.h>
#include <stdint.h>

/* True, with errno set, if the place is to fail now. */
bool failpoint(const char *name);

/* What is to be added to the wall clock, and to that of the boot, in microseconds. */
int64_t failpoint_clock_offset_us(void);
int64_t failpoint_boot_offset_us(void);

/* The name goes into a section of its own, so that all of them can be listed. */
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
