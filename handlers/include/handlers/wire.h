/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames between the daemon and a handler process: one versioned frame each way over a
 * SOCK_SEQPACKET pair, integers little-endian, descriptors beside it by SCM_RIGHTS.
 *
 * A decoder does not trust its input: any bytes give either a frame whose every field is within the
 * limits stated here, or ERROR_PROTOCOL. It is fuzzed. Used by both ends; knows neither processes
 * nor images.
 */
#pragma once

#include "base/error.h"
#include "handlers/programs.h"
#include "model/image.h"
#include "model/rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VERSION 6
/* Bytes of thumbnails within an answer. */
#define WIRE_PAYLOAD_MAX 16384
/* Bytes. */
#define WIRE_FRAME_MAX (8192 + WIRE_PAYLOAD_MAX)
/* Bytes, with the final NUL. */
#define WIRE_MESSAGE_MAX 256

/*
 * The most that a worker may state of its own cost. Larger numbers are lies that would make sums
 * overflow. This is the most memory, bytes.
 */
#define WIRE_MEMORY_MAX (INT64_C(1) << 44)
/* The most CPU time, microseconds: a year. */
#define WIRE_CPU_MAX_US (INT64_C(366) * 86400 * 1000000)
/* The most bytes of a thumbnail, and the largest max_output_size. */
#define WIRE_THUMBNAIL_MAX (INT64_C(1) << 30)

/*
 * The most descriptors with a frame. An order comes with the source, open for reading. With
 * `own_files` one empty file per rendition follows, open for writing; otherwise one memory file or
 * none. The worker keeps a memory file until it has put thumbnails into it.
 */
#define WIRE_FDS_MAX (1 + RENDITIONS_MAX)

/* The most memory files that a worker has at a time; it uses the oldest first. */
#define WIRE_MEMORY_FILES_MAX 8

typedef struct {
    /* The result repeats it. */
    uint64_t serial;
    int64_t max_pixels;
    /* Bytes. */
    int64_t max_file_size;
    /* Bytes, all thumbnails together. */
    int64_t max_output_size;
    int max_pages;
    /* Each thumbnail goes into a file of its own. */
    bool own_files;
    /*
     * If the source still has this hash, the worker answers `unchanged` and makes nothing; 0,0:
     * none.
     */
    uint64_t known_etag[2];
    Rendition renditions[RENDITIONS_MAX];
    size_t n_renditions;
} WireOrder;

/* The place of a thumbnail's bytes. */
typedef enum {
    /* In the file that came for it with the order. */
    PLACE_FILE = 0,
    /* In the answer's payload, from `offset` on. */
    PLACE_ANSWER,
    /* In the worker's oldest memory file, from `offset` on. */
    PLACE_MEMORY,
} WirePlaceKind;

typedef struct {
    WirePlaceKind kind;
    /* Bytes. */
    int64_t offset;
} WirePlace;

typedef struct {
    uint64_t serial;
    /* ERROR_NONE: every rendition was written. */
    ErrorCode error;
    /* The source has the known etag. `facts` has only the etag, and nothing was written. */
    bool unchanged;
    /* The reason, for people; wire_is_plain_text; empty without an error. */
    char message[WIRE_MESSAGE_MAX];
    /*
     * With ERROR_UNSUPPORTED_TYPE: the handler program that reads files of this type (programs.h),
     * a name of the table; "": none.
     */
    char needs[PROGRAM_NAME_MAX];
    /* The facts that were read, also with an error. */
    ImageFacts facts;
    ThumbnailFacts thumbnails[RENDITIONS_MAX];
    /* Places of the thumbnails. */
    WirePlace places[RENDITIONS_MAX];
    /* As many as the order has renditions, or 0. */
    size_t n_thumbnails;
    /* The oldest memory file was written to: the worker is done with it. */
    bool filled_memory;
    /* Borrowed from the frame that was decoded. */
    const uint8_t *payload;
    /* At most WIRE_PAYLOAD_MAX. */
    size_t payload_len;
    /* That memory file, sealed, borrowed; -1: none. Set by the pool, not part of the frame. */
    int memory_fd;
    /* Peak resident set of the worker during the invocation, as it states; nothing depends on it.
     */
    int64_t memory_bytes;
    /*
     * CPU time of the worker so far, as it states; divides the time that the kernel counts between
     * invocations.
     */
    int64_t cpu_us;
} WireResult;

/*
 * True if the character neither controls a terminal nor changes the order or the look of the text
 * around it: it is no control character, no format character such as U+202E, no separator of lines.
 */
bool wire_is_plain(gunichar character);

/*
 * True if `text` is valid UTF-8 of plain characters: it stays one line of a log, also if a hostile
 * file wrote it.
 */
bool wire_is_plain_text(const char *text);

/* Encodes into `buffer`. Returns the length, at most WIRE_FRAME_MAX. */
size_t wire_encode_order(const WireOrder *order, uint8_t buffer[static WIRE_FRAME_MAX]);
size_t wire_encode_result(const WireResult *result, uint8_t buffer[static WIRE_FRAME_MAX]);

/* Decodes a frame. Errors: ERROR_PROTOCOL. */
bool wire_decode_order(const uint8_t *data, size_t len, WireOrder *ret_order, GError **error);
bool wire_decode_result(const uint8_t *data, size_t len, WireResult *ret_result, GError **error);

/*
 * Sends one frame with descriptors, which stay the caller's. Blocks if the socket does. Errors:
 * ERROR_IO (also if the peer is gone).
 */
bool wire_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds,
               GError **error);

typedef enum { WIRE_SENT, WIRE_FULL, WIRE_LATER, WIRE_GONE } WireSent;

/*
 * Sends a frame on a socket that does not block. WIRE_FULL: the peer has to read first; the socket
 * becomes writable then. WIRE_LATER: the machine lacks something, and errno says what; most likely
 * too many descriptors of this user are on their way in frames that no peer has read
 * (ETOOMANYREFS). The socket may be writable all the time. WIRE_GONE: the peer is gone, or the
 * frame cannot be sent at all.
 */
WireSent wire_try_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds);

/*
 * Receives one frame into `buffer`. *ret_len is 0 at the end of the stream, and -1 if there is no
 * frame yet (EAGAIN, which is no error). Descriptors that come with the frame are close-on-exec and
 * owned by the caller. Errors: ERROR_IO, ERROR_PROTOCOL (more than `max_fds` descriptors, or a
 * truncated frame; closes all of them).
 */
bool wire_receive(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len, int *fds,
                  size_t max_fds, size_t *ret_n_fds, GError **error);

/*
 * As wire_receive, on a socket with wire_enable_stamps, for frames that may have waited to be read.
 * *ret_age_us is the time since the frame was sent, by the kernel's stamp; 0 without a stamp.
 */
bool wire_receive_stamped(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len,
                          int *fds, size_t max_fds, size_t *ret_n_fds, int64_t *ret_age_us,
                          GError **error);

/* Has the kernel stamp each received frame with the time at which it was sent. */
void wire_enable_stamps(int socket_fd);
