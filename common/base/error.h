/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every error that thumbq can report: one row each, with name, class and text.
 *
 * The names are part of the command contract (JSON, records); the numbers are stored in records and
 * are sent over the wire. Rows are added, never renumbered. Any code may include this header.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    ERROR_NONE = 0,
    /* Errors of an object; they are stored in its record. */
    ERROR_NOT_AN_IMAGE = 1,
    ERROR_UNSUPPORTED_TYPE = 2,
    ERROR_DAMAGED = 3,
    ERROR_TOO_MANY_PIXELS = 4,
    ERROR_TOO_MANY_PAGES = 5,
    ERROR_FILE_TOO_LARGE = 6,
    ERROR_EMPTY_FILE = 7,
    ERROR_TIMEOUT = 8,
    ERROR_OUT_OF_MEMORY = 9,
    ERROR_HANDLER_CRASHED = 10,
    ERROR_SANDBOX_VIOLATION = 11,
    ERROR_SOURCE_CHANGED = 12,
    ERROR_SOURCE_GONE = 13,
    ERROR_NO_SPACE = 14,
    ERROR_IO = 15,
    ERROR_ACCESS_DENIED = 16,
    ERROR_OUTPUT_TOO_LARGE = 17,
    ERROR_HANDLER_UNAVAILABLE = 18,
    ERROR_NAME_TAKEN = 19,
    ERROR_MADE_BY_THUMBQ = 20,
    ERROR_SHORTAGE = 21,
    /* Errors of a command or of the daemon. */
    ERROR_USAGE = 100,
    ERROR_CONFIG = 101,
    ERROR_NOT_FOUND = 102,
    ERROR_LOCKED = 103,
    ERROR_PROTOCOL = 104,
    ERROR_STORE = 105,
    ERROR_STORE_CORRUPT = 106,
    ERROR_INTERNAL = 107,
    ERROR_INTERRUPTED = 108,
    ERROR_NOT_TRUSTED = 109,
} ErrorCode;

/* Action of the daemon on an object that failed. */
typedef enum {
    /* The object is no image: there is nothing to make. */
    ERROR_CLASS_SKIP,
    /* These bytes can never work: the object is dead at once. */
    ERROR_CLASS_REJECT,
    /* A later attempt may work: the daemon retries with back-off, then the object is dead. */
    ERROR_CLASS_RETRY,
    /* The object changed during the work: the daemon handles it again and counts no attempt. */
    ERROR_CLASS_AGAIN,
    /* The error is not about an object: the command or the daemon cannot go on. */
    ERROR_CLASS_FATAL,
} ErrorClass;

/* The GError domain whose codes are ErrorCode. */
#define THUMBQ_ERROR (thumbq_error_quark())
GQuark thumbq_error_quark(void);

/*
 * Returns the name of a code as in JSON, such as "too_many_pixels"; "unknown" for a code that is
 * not in the table. Static.
 */
const char *error_name(ErrorCode code);

/* Returns the name: "skip", "reject", "retry", "again" or "fatal". Static. */
const char *error_class_name(ErrorClass class);

/* Class of a code; ERROR_CLASS_REJECT for a code that is not in the table. */
ErrorClass error_class(ErrorCode code);

/* Returns one sentence for people: what it means and what can be done. Static. */
const char *error_text(ErrorCode code);

/* Returns the exit status of a command that ends with this code, as in docs/commands.md. */
int error_exit_status(ErrorCode code);

/* Finds the code of a name; false if the table does not have the name. */
bool error_from_name(const char *name, ErrorCode *ret_code);

/*
 * Returns the code of a GError of any domain: G_FILE_ERROR and others map to ERROR_IO, NULL to
 * ERROR_NONE.
 */
ErrorCode error_code(const GError *error);

/*
 * Sets a GError from an errno value: "<what> '<subject>': <strerror>". ENOSPC, EDQUOT and EFBIG
 * become ERROR_NO_SPACE; EACCES, EPERM and EROFS ERROR_ACCESS_DENIED; ENOENT ERROR_NOT_FOUND;
 * EMFILE, ENFILE, ENOBUFS, ENOMEM and ETOOMANYREFS ERROR_SHORTAGE; every other value ERROR_IO.
 */
void error_set_errno(GError **error, int errnum, const char *what, const char *subject);
