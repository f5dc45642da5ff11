/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the control and query sockets. A packet of a SOCK_SEQPACKET socket holds one frame;
 * integers are little-endian. A frame has a header, fields and a payload. A large payload travels
 * in a sealed memory file beside the frame (SCM_RIGHTS), and the receiver copies it before it reads
 * it.
 *
 * The header has the same form in all versions, so that programs of different versions can report
 * the difference. The decoder accepts any bytes: it returns a frame within the limits below, or an
 * error. It is fuzzed.
 */
#pragma once

#include "base/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Version of the frames. Each request has its own version, too. */
#define CONTROL_VERSION 1
/* Bytes. */
#define CONTROL_HEADER 24
/* Bytes. */
#define CONTROL_FIELDS_MAX 20480
/* Bytes of a payload within the frame. */
#define CONTROL_INLINE_MAX 32768
/* Bytes of a payload in a memory file. */
#define CONTROL_PAYLOAD_MAX (1024 * 1024)
/* Bytes. */
#define CONTROL_PACKET_MAX (CONTROL_HEADER + CONTROL_FIELDS_MAX + CONTROL_INLINE_MAX)

/* Type of a frame: a request (request.h), or one of these. Values are added, never renumbered. */
#define CONTROL_FRAME_PROGRESS 0x1000
#define CONTROL_FRAME_ITEM     0x1001
#define CONTROL_FRAME_ERROR    0x1002
#define CONTROL_FRAME_ANSWER   0x1003

typedef struct {
    uint16_t type;
    /* Version of the request that the frame is or answers; 0 for other frames. */
    uint16_t row_version;
    /* Borrowed from the packet. */
    const uint8_t *fields;
    size_t fields_len;
    /*
     * Borrowed from the packet, or from the copy of the memory file. NULL until that copy exists.
     */
    const uint8_t *payload;
    size_t payload_len;
    /* The payload travels in a memory file beside the frame. */
    bool in_memory_file;
} ControlFrame;

/* Writes the frame into `buffer` and returns its length in bytes. Leaves the payload out if
 * `frame->in_memory_file` is set. */
size_t control_frame_encode(const ControlFrame *frame, uint8_t buffer[static CONTROL_PACKET_MAX]);

/*
 * Decodes a frame. Errors: ERROR_PROTOCOL for a wrong frame; ERROR_CONFIG for a frame of another
 * version; ERROR_USAGE for bytes that are no frame of any version, such as the text lines that
 * programs before the frames send.
 */
bool control_frame_decode(const uint8_t *data, size_t len, ControlFrame *ret_frame, GError **error);

/* An encoded packet. */
typedef struct {
    /* Owned. */
    uint8_t *data;
    size_t len;
    /* Owned: the memory file; -1 means none. */
    int fd;
} ControlPacket;

/* Encodes the frame. A payload above CONTROL_INLINE_MAX goes into a sealed memory file. Errors:
 * ERROR_SHORTAGE, ERROR_IO. Owner: control_packet_clear. */
bool control_packet_make(ControlFrame frame, ControlPacket *ret_packet, GError **error);
void control_packet_clear(ControlPacket *packet);

typedef enum {
    CONTROL_SENT,
    /* The socket's buffer is full: the peer has to read first. */
    CONTROL_FULL,
    CONTROL_GONE,
} ControlSent;

/* Sends a packet. Blocks: only without MSG_DONTWAIT in `flags`. */
ControlSent control_packet_send(const ControlPacket *packet, int socket_fd, int flags);

/* A received packet. */
typedef struct {
    uint8_t data[CONTROL_PACKET_MAX];
    /* 0 means that the peer closed the connection. */
    size_t len;
    /* Owned: the copy of the memory file. NULL means that none came. */
    char *payload;
    size_t payload_len;
} ControlReceived;

void control_received_clear(ControlReceived *received);

/*
 * Receives the next packet and copies the memory file that comes with it. *ret_got is false if a
 * non-blocking socket has no packet yet. Errors: ERROR_IO; ERROR_PROTOCOL for a packet that is too
 * long, and for descriptors other than one sealed memory file of at most CONTROL_PAYLOAD_MAX bytes.
 * All received descriptors are closed.
 */
bool control_receive(int socket_fd, ControlReceived *received, bool *ret_got, GError **error);

/* Decodes the received frame and its payload, which borrows from `received`. Errors: as
 * control_frame_decode. */
bool control_received_frame(const ControlReceived *received, ControlFrame *ret_frame,
                            GError **error);
