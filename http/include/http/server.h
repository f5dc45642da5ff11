/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 server in the default GLib main context: libmicrohttpd with epoll, behind a fence.
 *
 * The handler sees only heads that pass http_fence_check and whose lines end in CRLF and are not
 * folded. The number of connections is limited, in total and for each address. A head has to arrive
 * within a deadline, a body at a minimum rate; slower connections are cut. All functions are called
 * on the thread of the main context, except HttpWork. The process has to ignore SIGPIPE: the kernel
 * sends files (sendfile), and that raises it when a client has gone.
 */
#pragma once

#include "http/head.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define HTTP_ADDRESS_MAX 64
/* Bytes of the id of a request: 16 digits and the final NUL. */
#define HTTP_ID_MAX 17

typedef struct HttpServer HttpServer;
/* A request and its answer. */
typedef struct HttpExchange HttpExchange;

/* How an exchange has ended. Borrowed for the call. */
typedef struct {
    /* HTTP status; 0: the request got no answer. */
    unsigned status;
    /* Bytes of the answer's body if all of it was sent; else 0. */
    int64_t sent_bytes;
    /* Bytes of the request's body that were received. */
    int64_t taken_bytes;
    /* Time since the request line was received. */
    int64_t duration_us;
} HttpOutcome;

typedef struct {
    /* The head has been received, and no byte of the body. May answer. */
    void (*begin)(HttpExchange *exchange, void *data);
    /* A part of the body has been received. Not called after an answer: the rest of the body is
     * discarded. */
    void (*body)(HttpExchange *exchange, const void *bytes, size_t len, void *data);
    /* The body is complete, or the request has none. Answers, or starts work that answers. Not
     * called if there is an answer. */
    void (*end)(HttpExchange *exchange, void *data);
    /* The exchange has ended: the answer has been sent, or the connection was cut. */
    void (*close)(HttpExchange *exchange, const HttpOutcome *outcome, void *data);
} HttpHandler;

typedef struct {
    unsigned max_connections;
    /* 0: only `max_connections` limits them. */
    unsigned max_connections_per_address;
    /* Longest time until the head of a request is complete. */
    int64_t header_deadline_us;
    /* Longest time that a connection may wait for its next request. */
    int64_t idle_us;
    /* Minimum rate of a body, bytes per second. */
    int64_t body_rate_bytes;
} HttpLimits;

/* The certificate of a server and its private key, as texts in PEM. */
typedef struct {
    const char *certificate, *key;
} HttpTls;

/*
 * Serves the connections of the listening socket `listen_fd`, and takes ownership of it. `tls`
 * NULL: without TLS; else it is borrowed for the call. `handler` outlives the server. Raises
 * the process's limit of open files to the hard limit. Owner: http_server_free. Errors: ERROR_IO,
 * ERROR_CONFIG for a certificate or key that cannot be used.
 */
HttpServer *http_server_new(int listen_fd, const HttpLimits *limits, const HttpTls *tls,
                            const HttpHandler *handler, void *data, GError **error);

/* The listening socket. Borrowed. */
int http_server_socket(const HttpServer *server);

/* Accepts no new connections. Existing connections end with the answer to their next request. */
void http_server_stop_accepting(HttpServer *server);

/* Prepares the end: accepts no new connections, and answers long work that waits for its turn, or
 * that is asked for later, with 503. Work that runs goes on. */
void http_server_stop(HttpServer *server);

/* Number of open connections. */
unsigned http_server_connections(const HttpServer *server);

/* Number of exchanges that have not ended. */
unsigned http_server_exchanges(const HttpServer *server);

/* Cuts all connections after their running work has ended. Blocks until then. */
void http_server_free(HttpServer *server);

/* Opens a socket that listens at "ADDRESS:PORT" or "[ADDRESS]:PORT". Port 0 takes a free one. -1 on
 * error. Owner: the caller closes. Errors: ERROR_USAGE, as error_set_errno. */
int http_listen(const char *address, GError **error);

/* Formats the address of an internet socket: "127.0.0.1:8333", "[::1]:8333". NULL: it is none.
 * Owner: the caller frees. */
struct sockaddr;
char *http_format_address(const struct sockaddr *address);

/* The head of the request. Borrowed. */
const HttpHead *http_exchange_head(const HttpExchange *exchange);
/* Id of the request: 16 hexadecimal digits. Borrowed. */
const char *http_exchange_id(const HttpExchange *exchange);
/* Address of the client, without port. Borrowed. */
const char *http_exchange_peer(const HttpExchange *exchange);

/* Length of the body as the head states it, bytes; -1: the body comes in chunks. */
int64_t http_exchange_length(const HttpExchange *exchange);

/* Attaches state of the handler to the exchange. `destroy` frees it after `close`. */
void http_exchange_set_state(HttpExchange *exchange, void *state, GDestroyNotify destroy);
void *http_exchange_state(const HttpExchange *exchange);

/* Adds a header to the answer. Has to precede the answer. */
void http_exchange_add_header(HttpExchange *exchange, const char *name, const char *value);

/* Answers with a copy of `body`. `type` is its content type; NULL: no Content-Type. Once per
 * exchange. */
void http_exchange_answer(HttpExchange *exchange, unsigned status, const char *type,
                          const char *body, size_t len);

/* Answers with `len` bytes of the open file `fd` from `offset` on, and takes ownership of `fd`.
 * Reads up to 32 KiB at once; the kernel sends more from the file. Once per exchange. */
void http_exchange_answer_file(HttpExchange *exchange, unsigned status, const char *type, int fd,
                               int64_t offset, int64_t len);

/* Runs in a thread, and must not use the exchange. */
typedef void (*HttpWork)(void *data);

/* Runs in the main context when the work is done. Answers, or starts more work. */
typedef void (*HttpWorkDone)(HttpExchange *exchange, void *data);

/* Runs work that waits for a disk. Only `end` and HttpWorkDone may call this. The exchange is
 * suspended until the work is done. */
void http_exchange_work(HttpExchange *exchange, HttpWork work, HttpWorkDone done, void *data);

/*
 * As http_exchange_work, for work that takes seconds or minutes. It has threads of its own, so that
 * other work does not wait for it. After http_server_stop, the answer is 503 and nothing is called.
 * One `owner` (a client; the text is copied) may use half of them; of the waiting works, the owner
 * with the fewest running ones comes next.
 */
void http_exchange_work_long(HttpExchange *exchange, HttpWork work, HttpWorkDone done, void *data,
                             const char *owner);
