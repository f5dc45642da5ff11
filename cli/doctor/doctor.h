/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of `thumbq doctor`, in groups, and their results. Each group has a file,
 * doctor_<group>.c. A check is one row. Checks change nothing.
 */
#pragma once

#include "context.h"

#include <glib.h>
#include <jansson.h>

typedef enum {
    DOCTOR_OK,
    /* Works, but less well than it could, or not for all users. */
    DOCTOR_WARNING,
    /* Does not work, or breaks a promise. */
    DOCTOR_FAILED,
} DoctorStatus;

typedef struct Doctor Doctor;

/* Creates an empty list of checks. Owner: doctor_free. */
Doctor *doctor_new(void);
void doctor_free(Doctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Doctor, doctor_free)

/* Adds a row. `group` and `name` are borrowed for ever. Control characters in the text are
 * replaced. */
void doctor_add(Doctor *doctor, const char *group, const char *name, DoctorStatus status,
                const char *format, ...) G_GNUC_PRINTF(5, 6);

/*
 * Sets the advice of the row added last: a command or a sentence. Control characters are replaced.
 */
void doctor_advise(Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);

unsigned doctor_count(const Doctor *doctor, DoctorStatus status);

/* Gets row `i`, in the order of addition. Returns false after the last row. Borrowed. */
typedef struct {
    const char *group, *name;
    DoctorStatus status;
    const char *text;
    /* NULL means none. */
    const char *advice;
} DoctorRow;
bool doctor_row(const Doctor *doctor, unsigned i, DoctorRow *ret_row);

/* Prints the checks for people, within the width of the terminal: passed checks in brief or, with
 * `all`, one row each; then the other checks, with advice. */
void doctor_print(const Doctor *doctor, bool all);

/* Returns {"ok":...,"checks":[...]}. Owner: the caller has the reference. */
json_t *doctor_json(const Doctor *doctor);

/* Checks the kernel and its features for sandboxes. */
void doctor_check_machine(Doctor *doctor);

/* Checks the limits of inotify for a bucket with `n_folders` folders; -1 means any bucket. */
void doctor_check_inotify(Doctor *doctor, int64_t n_folders);

/* Checks a worker: its process as the kernel reports it, its sandbox, libraries and formats. */
void doctor_check_handler(Doctor *doctor);

/* Checks file systems, free space and limits of the bucket, which is open. */
void doctor_check_bucket(Doctor *doctor, Context *context);

/* Checks the bucket's store: size, readers, last error; and whether a daemon runs. */
void doctor_check_store(Doctor *doctor, Context *context);

/* Checks the gateway, if its package is installed. */
void doctor_check_gateway(Doctor *doctor);
