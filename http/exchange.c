/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange: it translates the calls of libmicrohttpd into calls of the handler, and passes the
 * answer back. */
#include "base/clock.h"
#include "base/file.h"
#include "server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Largest unwanted body that is read and discarded, bytes. A client that sends all of its body
 * before it reads can then see the reason for the refusal. The connection is closed for a larger
 * body, for one in chunks, and for one that the client holds back (Expect).
 */
#define UNWANTED_MAX ((int64_t)1024 * 1024)

/* Largest part of a file that is read at once, bytes: its head and its body leave in one write. The
 * kernel sends larger parts from the file. */
#define WHOLE_MAX ((size_t)32 * 1024)

#define TEXT_TYPE "text/plain; charset=utf-8"

typedef struct {
    /* Place at which the next header begins if all lines before it are intact. */
    const char *at;
    /* Headers read so far. */
    size_t n;
    bool is_whole;
    /* The raw head. `headers` has room for HTTP_HEADERS_MAX. */
    HttpRawHead raw;
    HttpHeader *headers;
    HttpHead *head;
} HeadReader;

/*
 * Checks one header by its place. libmicrohttpd 0.9.75 accepts a bare LF as the end of a line, and
 * joins folded lines. It leaves each line where it was received, and writes a NUL over each byte of
 * the end of a line: a CRLF leaves two NULs between a value and the next name, a bare LF leaves
 * one. Joined lines lie elsewhere.
 */
static enum MHD_Result check_line(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    HeadReader *reader = cls;

    (void)kind;
    reader->is_whole = reader->is_whole && name == reader->at && value && value > name &&
                       strlen(name) == name_len && strlen(value) == value_len;
    if (!reader->is_whole)
        return MHD_NO;
    reader->at = value + value_len + 2;
    reader->is_whole = value[value_len] == '\0' && value[value_len + 1] == '\0';
    reader->n++;
    return MHD_YES;
}

bool http_lines_are_whole(struct MHD_Connection *connection, const char *method,
                          const char *version)
{
    const size_t len = strlen(version);
    HeadReader reader = {.at = version + len + 2, .is_whole = version[len + 1] == '\0'};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, check_line, &reader);
    if (!info || !reader.is_whole || reader.n == 0)
        return false;
    /* The empty line after the headers must end in CRLF, too: after two bare LFs, the head ends
     * where this line would begin. */
    return reader.at + 2 == method + info->header_size && reader.at[0] == '\0' &&
           reader.at[1] == '\0';
}

static enum MHD_Result copy_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    HeadReader *reader = cls;

    (void)kind;
    if (reader->n == HTTP_HEADERS_MAX)
        return MHD_NO;
    reader->headers[reader->n++] = (HttpHeader){(char *)name, (char *)(value ? value : "")};
    http_head_add(reader->head, name, value ? value : "");
    return MHD_YES;
}

/* Reads and checks the head of a request, and copies its headers. Returns NULL, or the reason for
 * the refusal, static. */
static const char *read_head(HttpExchange *exchange, const char *method, const char *version)
{
    HttpHeader headers[HTTP_HEADERS_MAX];
    HeadReader reader = {.headers = headers, .head = &exchange->head};
    int n = MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, NULL, NULL);

    if (!exchange->raw_target || !http_target_parse(exchange->raw_target, &exchange->head.target))
        return "the request target is not a path with a query";
    if (n > HTTP_HEADERS_MAX)
        return "there are too many headers";
    if (!http_lines_are_whole(exchange->connection, method, version))
        return "a line is folded, or does not end in CRLF";
    (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, copy_header, &reader);
    exchange->head.method = g_strdup(method);
    const HttpRawHead raw = {method, exchange->raw_target, version, headers, reader.n};
    const char *fault = http_fence_check(&raw);
    const char *length = http_head_get(&exchange->head, "Content-Length");
    if (fault)
        return fault;
    exchange->length = 0;
    if (http_head_get(&exchange->head, "Transfer-Encoding"))
        exchange->length = -1;
    else if (length && !http_parse_length(length, &exchange->length))
        return "Content-Length is not a number";
    return NULL;
}

void http_exchange_add_header(HttpExchange *exchange, const char *name, const char *value)
{
    g_ptr_array_add(exchange->headers, g_strdup(name));
    g_ptr_array_add(exchange->headers, g_strdup(value));
}

static void save_answer(HttpExchange *exchange, unsigned status, const char *type,
                        struct MHD_Response *answer, int64_t len)
{
    const GPtrArray *headers = exchange->headers;

    g_assert(!exchange->is_answered);
    if (type)
        (void)MHD_add_response_header(answer, "Content-Type", type);
    (void)MHD_add_response_header(answer, "x-amz-request-id", exchange->id);
    /*
     * The library refuses a header that contains the end of a line. The answer goes out without it.
     */
    for (guint i = 0; i < headers->len; i += 2)
        (void)MHD_add_response_header(answer, headers->pdata[i], headers->pdata[i + 1]);
    if (exchange->server->has_stopped && !MHD_get_response_header(answer, "Connection"))
        (void)MHD_add_response_header(answer, "Connection", "close");
    exchange->is_answered = true;
    exchange->status = status;
    exchange->answer = answer;
    exchange->answer_len = len;
}

void http_exchange_answer(HttpExchange *exchange, unsigned status, const char *type,
                          const char *body, size_t len)
{
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY);

    save_answer(exchange, status, type, answer, (int64_t)len);
}

/* Reads a small part of a file. NULL: the file is shorter now, or cannot be read. */
static struct MHD_Response *read_whole(int fd, int64_t offset, size_t len)
{
    char *bytes = malloc(len);
    size_t done = 0;

    while (bytes && done < len) {
        ssize_t n = pread(fd, bytes + done, len - done, offset + (int64_t)done);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            free(bytes);
            return NULL;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return bytes ? MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
}

void http_exchange_answer_file(HttpExchange *exchange, unsigned status, const char *type, int fd,
                               int64_t offset, int64_t len)
{
    const bool is_small =
        len > 0 && (size_t)len <= WHOLE_MAX && strcmp(exchange->head.method, "HEAD") != 0;
    struct MHD_Response *answer = is_small ? read_whole(fd, offset, (size_t)len) : NULL;

    if (answer) {
        /* The file was only read: an error has no effect. */
        (void)close(fd);
    } else {
        answer = MHD_create_response_from_fd_at_offset64((uint64_t)len, fd, (uint64_t)offset);
        exchange->file_fd = fd;
        exchange->file_end = offset + len;
    }
    save_answer(exchange, status, type, answer, len);
}

static enum MHD_Result queue_answer(HttpExchange *exchange)
{
    exchange->is_queued = true;
    exchange->reads_body = false;
    enum MHD_Result result =
        MHD_queue_response(exchange->connection, exchange->status, exchange->answer);
    MHD_destroy_response(exchange->answer);
    exchange->answer = NULL;
    return result;
}

static void refuse(HttpExchange *exchange, const char *reason)
{
    g_autofree char *text = g_strdup_printf("400 Bad Request: %s\n", reason);

    http_exchange_add_header(exchange, "Connection", "close");
    http_exchange_answer(exchange, 400, TEXT_TYPE, text, strlen(text));
}

static Peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

/* Makes an id out of the number of the request. Source: the finalizer of SplitMix64, which maps
 * each number to another one (Steele et al., "Fast splittable pseudorandom number generators"). */
static void make_id(uint64_t number, char id[static HTTP_ID_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    for (int i = 0; i < HTTP_ID_MAX - 1; i++)
        id[i] = digits[mixed >> (60 - 4 * i) & 15];
    id[HTTP_ID_MAX - 1] = '\0';
}

void *http_server_see_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    HttpServer *server = cls;
    HttpExchange *exchange = g_new0(HttpExchange, 1);

    exchange->server = server;
    exchange->file_fd = -1;
    exchange->peer = peer_of(connection);
    exchange->connection = connection;
    exchange->raw_target = g_strdup(uri);
    exchange->headers = g_ptr_array_new_with_free_func(g_free);
    exchange->begun_us = clock_monotonic_us();
    make_id(server->next_number++, exchange->id);
    if (exchange->peer)
        exchange->peer->deadline_us = exchange->begun_us + server->limits.header_deadline_us;
    g_hash_table_add(server->exchanges, exchange);
    return exchange;
}

/* Checks the head of a request, and passes it to the handler. */
static enum MHD_Result begin(HttpExchange *exchange, const char *method, const char *version)
{
    HttpServer *server = exchange->server;
    const char *fault = read_head(exchange, method, version);

    if (exchange->peer) {
        exchange->peer->deadline_us = 0;
        exchange->peer->had_request = true;
    }
    if (fault) {
        refuse(exchange, fault);
        /* The answer comes before the body, so the library closes the connection after it. */
        return queue_answer(exchange);
    }
    exchange->has_head = true;
    server->handler->begin(exchange, server->data);
    const char *expect = http_head_get(&exchange->head, "Expect");
    bool is_unwanted = exchange->is_answered && exchange->length != 0;
    if (is_unwanted && (expect || exchange->length < 0 || exchange->length > UNWANTED_MAX))
        return queue_answer(exchange);
    exchange->reads_body = exchange->length != 0;
    exchange->body_begun_us = clock_monotonic_us();
    return MHD_YES;
}

static void pass_body(HttpExchange *exchange, const char *bytes, size_t *len)
{
    HttpServer *server = exchange->server;

    exchange->taken += (int64_t)*len;
    if (!exchange->is_answered)
        server->handler->body(exchange, bytes, *len, server->data);
    *len = 0;
}

enum MHD_Result http_server_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **con_cls)
{
    HttpServer *server = cls;
    HttpExchange *exchange = *con_cls;

    (void)url;
    (void)connection;
    /* The request line had no target. */
    if (!exchange)
        return MHD_NO;
    if (!exchange->has_head && !exchange->is_queued)
        return begin(exchange, method, version);
    if (upload && *upload_len > 0) {
        pass_body(exchange, upload, upload_len);
        return MHD_YES;
    }
    exchange->reads_body = false;
    if (!exchange->is_answered && !exchange->is_suspended)
        server->handler->end(exchange, server->data);
    if (exchange->is_answered && !exchange->is_queued)
        return queue_answer(exchange);
    return exchange->is_suspended || exchange->is_queued ? MHD_YES : MHD_NO;
}

void http_server_end_request(void *cls, struct MHD_Connection *connection, void **con_cls,
                             enum MHD_RequestTerminationCode code)
{
    HttpServer *server = cls;
    HttpExchange *exchange = *con_cls;
    int64_t now_us = clock_monotonic_us();

    (void)connection;
    if (!exchange)
        return;
    *con_cls = NULL;
    if (exchange->peer)
        exchange->peer->deadline_us = now_us + server->limits.idle_us;
    const HttpOutcome outcome = {
        .status = exchange->is_queued ? exchange->status : 0,
        .sent_bytes = code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? exchange->answer_len : 0,
        .taken_bytes = exchange->taken,
        .duration_us = now_us - exchange->begun_us,
    };
    server->handler->close(exchange, &outcome, server->data);
    if (exchange->destroy)
        exchange->destroy(exchange->state);
    if (exchange->answer)
        MHD_destroy_response(exchange->answer);
    g_hash_table_remove(server->exchanges, exchange);
    g_ptr_array_free(exchange->headers, TRUE);
    http_head_clear(&exchange->head);
    g_free(exchange->raw_target);
    g_free(exchange);
}

/* Shuts the connection down. The library notices this, and closes it. */
static void cut(const Peer *peer)
{
    /* The client may have closed it already. */
    (void)shutdown(peer->fd, SHUT_RDWR);
}

static bool body_is_slow(const HttpExchange *exchange, int64_t now_us)
{
    const HttpLimits *limits = &exchange->server->limits;
    int64_t since_us = now_us - exchange->body_begun_us;

    return exchange->reads_body && !exchange->is_suspended &&
           since_us > limits->header_deadline_us &&
           exchange->taken < since_us / CLOCK_US_PER_SEC * limits->body_rate_bytes;
}

/* sendfile sends nothing of a file that has become shorter, and the library would wait for ever. */
static bool file_is_shorter(const HttpExchange *exchange)
{
    struct stat st;

    return exchange->file_fd >= 0 && fstat(exchange->file_fd, &st) == 0 &&
           st.st_size < exchange->file_end;
}

void http_server_cut_slow(HttpServer *server, int64_t now_us)
{
    GHashTableIter iter;
    void *row;

    g_hash_table_iter_init(&iter, server->peers);
    while (g_hash_table_iter_next(&iter, &row, NULL)) {
        const Peer *peer = row;
        if (peer->deadline_us && peer->deadline_us < now_us)
            cut(peer);
    }
    g_hash_table_iter_init(&iter, server->exchanges);
    while (g_hash_table_iter_next(&iter, &row, NULL)) {
        const HttpExchange *exchange = row;
        if (exchange->peer && (body_is_slow(exchange, now_us) || file_is_shorter(exchange)))
            cut(exchange->peer);
    }
}

const HttpHead *http_exchange_head(const HttpExchange *exchange)
{
    return &exchange->head;
}

const char *http_exchange_id(const HttpExchange *exchange)
{
    return exchange->id;
}

const char *http_exchange_peer(const HttpExchange *exchange)
{
    return exchange->peer ? exchange->peer->address : "-";
}

int64_t http_exchange_length(const HttpExchange *exchange)
{
    return exchange->length;
}

void http_exchange_set_state(HttpExchange *exchange, void *state, GDestroyNotify destroy)
{
    exchange->state = state;
    exchange->destroy = destroy;
}

void *http_exchange_state(const HttpExchange *exchange)
{
    return exchange->state;
}
