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

unsigned doctor_count(const Doctor *doctor, DoctorStatus status);

/* A table for people, and what it comes to. */
void doctor_print(const Doctor *doctor);

/* {"ok":...,"checks":[...]}. Owner: the caller. */
json_t *doctor_json(const Doctor *doctor);

/* ---- the groups */

/* Kernel, its means to lock processes in, inotify. */
void doctor_check_machine(Doctor *doctor);

/* A worker as the kernel sees it; everything that it must not be able to do; libraries, formats. */
void doctor_check_handler(Doctor *doctor);

/* File system, space and store of the bucket, which is open. */
void doctor_check_bucket(Doctor *doctor, Context *context);
