/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between the daemon and a handler process: one versioned frame each way over a
 * SOCK_SEQPACKET pair, integers little-endian, descriptors beside it by SCM_RIGHTS.
 *
 * A decoder trusts nobody: any bytes give either a frame whose every field is within the limits
 * said here, or ERROR_PROTOCOL. It is fuzzed. Used by both ends; knows neither processes nor
 * images.
 */
#pragma once

#include "error.h"
#include "image.h"
#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION     5
#define WIRE_PAYLOAD_MAX 16384                     /* bytes of thumbnails within an answer */
#define WIRE_FRAME_MAX   (8192 + WIRE_PAYLOAD_MAX) /* bytes */
#define WIRE_MESSAGE_MAX 256                       /* bytes, with the final NUL */

/* What a worker may say of itself, at the most: more is a lie that sums would not survive. */
#define WIRE_MEMORY_MAX    (INT64_C(1) << 44)               /* bytes */
#define WIRE_CPU_MAX_US    (INT64_C(366) * 86400 * 1000000) /* a year */
#define WIRE_THUMBNAIL_MAX (INT64_C(1) << 30)               /* bytes, what max_output_size may be */

/*
 * A job goes with the source, open for reading. Behind it come, with `own_files`, one empty file
 * per rendition, open for writing; else nothing, or one memory file, which the worker keeps until
 * it has put thumbnails into it.
 */
#define WIRE_FDS_MAX (1 + RENDITIONS_MAX)

/* Memory files that a worker can have at a time: it takes the oldest first. */
#define WIRE_MEMORY_FILES_MAX 8

typedef struct {
    uint64_t serial; /* echoed in the result */
    int64_t max_pixels;
    int64_t max_file_size;   /* bytes */
    int64_t max_output_size; /* bytes, all thumbnails together */
    int max_pages;
    bool own_files;         /* each thumbnail goes into a file of its own */
    uint64_t known_etag[2]; /* if the source still has it, answer `unchanged` and make nothing; 0,0:
                               none */
    Rendition renditions[RENDITIONS_MAX];
    size_t n_renditions;
} WireJob;

/* Where the bytes of a thumbnail are. */
typedef enum {
    PLACE_FILE = 0, /* in the file that came for it with the job */
    PLACE_ANSWER,   /* in the answer's payload, from `offset` on */
    PLACE_MEMORY,   /* in the worker's oldest memory file, from `offset` on */
} WirePlaceKind;

typedef struct {
    WirePlaceKind kind;
    int64_t offset; /* bytes */
} WirePlace;

typedef struct {
    uint64_t serial;
    ErrorCode error; /* ERROR_NONE: every rendition has been written */
    bool unchanged;  /* the source has the known etag; facts hold only the etag, nothing was written
                      */
    char
        message[WIRE_MESSAGE_MAX]; /* why, for people; wire_is_plain_text; empty without an error */
    ImageFacts facts;              /* as far as it got, also with an error */
    ThumbnailFacts thumbnails[RENDITIONS_MAX];
    WirePlace places[RENDITIONS_MAX]; /* of the thumbnails */
    size_t n_thumbnails;              /* that of the job, or 0 */
    bool took_memory; /* the oldest memory file has been written to: the worker is done with it */
    const uint8_t *payload; /* borrowed from the frame that was decoded */
    size_t payload_len;     /* at most WIRE_PAYLOAD_MAX */
    int memory_fd; /* that memory file, sealed, borrowed; -1: none. Not in the frame: the pool's */
    int64_t memory_bytes; /* the worker's peak resident set during the job, as it says: nothing
                             depends on it */
    int64_t cpu_us;       /* its CPU time so far, as it says: shares out what the kernel counts */
} WireResult;

/*
 * True if the character neither controls a terminal nor changes the order or the look of the text
 * around it: no control character, no format character such as U+202E, no separator of lines.
 */
bool wire_is_plain(gunichar character);

/* True if `text` is valid UTF-8 of plain characters: it stays one line of a log, whoever wrote it.
 */
bool wire_is_plain_text(const char *text);

/* Encode into `buffer`; returns the length, never more than WIRE_FRAME_MAX. */
size_t wire_encode_job(const WireJob *job, uint8_t buffer[static WIRE_FRAME_MAX]);
size_t wire_encode_result(const WireResult *result, uint8_t buffer[static WIRE_FRAME_MAX]);

/* Decode. Errors: ERROR_PROTOCOL. */
bool wire_decode_job(const uint8_t *data, size_t len, WireJob *ret_job, GError **error);
bool wire_decode_result(const uint8_t *data, size_t len, WireResult *ret_result, GError **error);

/*
 * Send one frame with descriptors; the descriptors stay the caller's. Blocks if the socket does.
 * Errors: ERROR_IO (also when the peer is gone).
 */
bool wire_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds,
               GError **error);

/*
 * Receive one frame into `buffer`. *ret_len is 0 at the end of the stream. Descriptors that come
 * with it are close-on-exec and the caller's; more than `max_fds`, or a truncated frame, is
 * ERROR_PROTOCOL and closes them all. Errors: ERROR_IO (EAGAIN sets *ret_len to -1 instead and is
 * no error).
 */
bool wire_receive(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len, int *fds,
                  size_t max_fds, size_t *ret_n_fds, GError **error);

/*
 * The same on a socket with wire_enable_stamps, for frames that may have waited to be read:
 * *ret_age_us is how long ago the frame was sent, as the kernel saw it; 0 if it does not say.
 */
bool wire_receive_stamped(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len,
                          int *fds, size_t max_fds, size_t *ret_n_fds, int64_t *ret_age_us,
                          GError **error);

/* Has the kernel note when each frame that comes in was sent. */
void wire_enable_stamps(int socket_fd);
