/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
G_DEFINE_QUARK(thumbq-error-quark, thumbq_error)
/* clang-format on */

typedef struct {
    ErrorCode code;
    ErrorClass class;
    int exit_status;
    const char *name;
    const char *text;
} ErrorRow;

static const ErrorRow rows[] = {
    {ERROR_NONE, ERROR_CLASS_SKIP, 0, "none", "no error"},
    {ERROR_NOT_AN_IMAGE, ERROR_CLASS_SKIP, 1, "not_an_image", "the file holds no image"},
    {ERROR_UNSUPPORTED_TYPE, ERROR_CLASS_REJECT, 1, "unsupported_type",
     "no handler can read images of this type; convert it to jpeg, png, webp, gif, tiff, heic or "
     "avif"},
    {ERROR_DAMAGED, ERROR_CLASS_REJECT, 1, "damaged",
     "the image cannot be decoded; upload it again if the original is whole"},
    {ERROR_TOO_MANY_PIXELS, ERROR_CLASS_REJECT, 1, "too_many_pixels",
     "width x height is over the limit; see 'max_pixels'"},
    {ERROR_TOO_MANY_PAGES, ERROR_CLASS_REJECT, 1, "too_many_pages",
     "more frames to decode than the limit; see 'max_pages'"},
    {ERROR_FILE_TOO_LARGE, ERROR_CLASS_REJECT, 1, "file_too_large",
     "more bytes than the limit; see 'max_file_size'"},
    {ERROR_EMPTY_FILE, ERROR_CLASS_SKIP, 1, "empty_file", "the file has no bytes"},
    {ERROR_TIMEOUT, ERROR_CLASS_RETRY, 1, "timeout",
     "the handler took longer than the limit; see 'timeout'"},
    {ERROR_OUT_OF_MEMORY, ERROR_CLASS_RETRY, 1, "out_of_memory",
     "the handler needed more memory than the limit; see 'memory'"},
    {ERROR_HANDLER_CRASHED, ERROR_CLASS_RETRY, 1, "handler_crashed",
     "the handler process died while it worked on the file"},
    {ERROR_SANDBOX_VIOLATION, ERROR_CLASS_REJECT, 1, "sandbox_violation",
     "the handler tried a system call that its sandbox forbids; the file may be hostile"},
    {ERROR_SOURCE_CHANGED, ERROR_CLASS_AGAIN, 1, "source_changed",
     "the file changed while it was read; it is done again"},
    {ERROR_SOURCE_GONE, ERROR_CLASS_AGAIN, 1, "source_gone", "the file no longer exists"},
    {ERROR_NO_SPACE, ERROR_CLASS_RETRY, 74, "no_space",
     "no space left on the disk; free some, work resumes by itself"},
    {ERROR_IO, ERROR_CLASS_RETRY, 74, "io_error", "reading or writing failed"},
    {ERROR_ACCESS_DENIED, ERROR_CLASS_RETRY, 74, "access_denied",
     "access is denied; check owner and mode, and whether the disk is mounted read-only"},
    {ERROR_OUTPUT_TOO_LARGE, ERROR_CLASS_REJECT, 1, "output_too_large",
     "a thumbnail came out larger than the limit"},
    {ERROR_HANDLER_UNAVAILABLE, ERROR_CLASS_AGAIN, 70, "handler_unavailable",
     "no handler process can be started; the picture is not the reason; run 'thumbq doctor'"},
    {ERROR_NAME_TAKEN, ERROR_CLASS_REJECT, 1, "name_taken",
     "a folder or another file is at the path of the thumbnail; remove it, then run 'thumbq dead "
     "retry'"},
    {ERROR_MADE_BY_THUMBQ, ERROR_CLASS_SKIP, 1, "made_by_thumbq",
     "the file is a thumbnail of thumbq outside the folder of the thumbnails"},
    {ERROR_SHORTAGE, ERROR_CLASS_AGAIN, 74, "shortage",
     "this machine has no descriptor, process or memory left; work resumes by itself"},
    {ERROR_USAGE, ERROR_CLASS_FATAL, 2, "usage", "wrong usage; see 'thumbq help'"},
    {ERROR_CONFIG, ERROR_CLASS_FATAL, 2, "config", "the configuration file is wrong"},
    {ERROR_NOT_FOUND, ERROR_CLASS_FATAL, 3, "not_found", "no such bucket, store or object"},
    {ERROR_LOCKED, ERROR_CLASS_FATAL, 4, "locked", "another daemon holds the lock"},
    {ERROR_PROTOCOL, ERROR_CLASS_RETRY, 70, "protocol", "the handler sent something unexpected"},
    {ERROR_STORE, ERROR_CLASS_FATAL, 74, "store", "the store cannot be used"},
    {ERROR_STORE_CORRUPT, ERROR_CLASS_FATAL, 74, "store_corrupt", "the store is damaged"},
    {ERROR_INTERNAL, ERROR_CLASS_FATAL, 70, "internal", "a mistake in thumbq; please report it"},
    {ERROR_INTERRUPTED, ERROR_CLASS_FATAL, 1, "interrupted", "the work was stopped before its end"},
    {ERROR_NOT_TRUSTED, ERROR_CLASS_FATAL, 2, "not_trusted",
     "other users may have made or changed the state or the configuration; check owner and mode"},
};

static const ErrorRow *find_row(ErrorCode code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].code == code)
            return &rows[i];
    }
    return NULL;
}

const char *error_name(ErrorCode code)
{
    const ErrorRow *row = find_row(code);
    return row ? row->name : "unknown";
}

const char *error_class_name(ErrorClass class)
{
    static const char *const names[] = {"skip", "reject", "retry", "again", "fatal"};
    return (size_t) class < G_N_ELEMENTS(names) ? names[class] : "unknown";
}

ErrorClass error_class(ErrorCode code)
{
    const ErrorRow *row = find_row(code);
    return row ? row->class : ERROR_CLASS_REJECT;
}

const char *error_text(ErrorCode code)
{
    const ErrorRow *row = find_row(code);
    return row ? row->text : "this version does not know the error";
}

int error_exit_status(ErrorCode code)
{
    const ErrorRow *row = find_row(code);
    return row ? row->exit_status : 70;
}

bool error_from_name(const char *name, ErrorCode *ret_code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_code = rows[i].code;
            return true;
        }
    }
    return false;
}

ErrorCode error_code(const GError *error)
{
    if (!error)
        return ERROR_NONE;
    return error->domain == THUMBQ_ERROR ? (ErrorCode)error->code : ERROR_IO;
}

static ErrorCode code_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    /* The size is above RLIMIT_FSIZE or above the limit of the file system. */
    case EFBIG:
        return ERROR_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_ACCESS_DENIED;
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    /* The user has too many descriptors on their way to other processes. */
    case ETOOMANYREFS:
        return ERROR_SHORTAGE;
    default:
        return ERROR_IO;
    }
}

void error_set_errno(GError **error, int errnum, const char *what, const char *subject)
{
    g_autofree char *reason = g_strdup(g_strerror(errnum));

    reason[0] = g_ascii_tolower(reason[0]);
    g_set_error(error, THUMBQ_ERROR, code_from_errno(errnum), "%s '%s': %s", what, subject, reason);
}
