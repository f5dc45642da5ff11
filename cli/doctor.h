/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of `thumbq doctor`: what is looked at, in groups, and what came of it. Each group is a
 * file of its own, doctor_<group>.c; a check is one row, and none of them changes anything.
 */
#pragma once

#include "context.h"

#include <glib.h>
#include <jansson.h>

typedef enum {
    DOCTOR_OK,
    DOCTOR_WARNING, /* it works, but not as well as it could, or not for everyone */
    DOCTOR_FAILED,  /* it does not work, or does not hold what it should */
} DoctorStatus;

typedef struct Doctor Doctor;

/* Owner: doctor_free. */
Doctor *doctor_new(void);
void doctor_free(Doctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Doctor, doctor_free)

/* Adds a row; group and name are borrowed for good. The text is made safe to print. */
void doctor_add(Doctor *doctor, const char *group, const char *name, DoctorStatus status,
                const char *format, ...) G_GNUC_PRINTF(5, 6);

/* What to do about the row added last: a command, or a sentence. Made safe to print. */
void doctor_advise(Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);

unsigned doctor_count(const Doctor *doctor, DoctorStatus status);

/* The row `i`, in the order in which they were added; false if there are no more. Borrowed. */
typedef struct {
    const char *group, *name;
    DoctorStatus status;
    const char *text;
    const char *advice; /* NULL: none */
} DoctorRow;
bool doctor_row(const Doctor *doctor, unsigned i, DoctorRow *ret_row);

/*
 * For people, within the width of the terminal: what is fine in brief or, with `all`, a row for
 * each check; then what is not, and what to do about it.
 */
void doctor_print(const Doctor *doctor, bool all);

/* {"ok":...,"checks":[...]}. Owner: the caller. */
json_t *doctor_json(const Doctor *doctor);

/* ---- the groups */

/* Kernel, its means to lock processes in. */
void doctor_check_machine(Doctor *doctor);

/* The limits of inotify, for a bucket of so many folders; -1: for any. */
void doctor_check_inotify(Doctor *doctor, int64_t n_folders);

/* A worker as the kernel sees it; everything that it must not be able to do; libraries, formats. */
void doctor_check_handler(Doctor *doctor);

/* File system, space and limits for the bucket, which is open. */
void doctor_check_bucket(Doctor *doctor, Context *context);

/* Its store: size, readers, the last error; and whether a daemon runs. */
void doctor_check_store(Doctor *doctor, Context *context);
