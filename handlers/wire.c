/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "clock.h"
#include "file.h"
#include "pack.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* First bytes of every frame, so that one kind is never taken for the other. */
#define MAGIC_JOB    UINT32_C(0x424a5154) /* "TQJB" */
#define MAGIC_RESULT UINT32_C(0x53525154) /* "TQRS" */

static void pack_rendition(Packer *packer, const Rendition *rendition)
{
    pack_text(packer, rendition->name);
    pack_u32(packer, (uint32_t)rendition->width);
    pack_u32(packer, (uint32_t)rendition->height);
    pack_u32(packer, (uint32_t)rendition->fit);
    pack_u32(packer, (uint32_t)rendition->format);
    pack_u32(packer, (uint32_t)rendition->quality);
    pack_u32(packer, rendition->background);
    pack_u32(packer, (uint32_t)rendition->animation);
    pack_u32(packer, (uint32_t)rendition->max_frames);
    pack_u32(packer, rendition->keep);
    pack_u64(packer, rendition->recipe);
}

static void unpack_rendition(Unpacker *unpacker, Rendition *rendition)
{
    unpack_text(unpacker, rendition->name, sizeof rendition->name);
    rendition->width = unpack_int(unpacker, 1, RENDITION_SIZE_MAX);
    rendition->height = unpack_int(unpacker, 1, RENDITION_SIZE_MAX);
    rendition->fit = (Fit)unpack_int(unpacker, FIT_INSIDE, FIT_FILL);
    rendition->format = (Format)unpack_int(unpacker, FORMAT_JPEG, FORMAT_SAME);
    rendition->quality = unpack_int(unpacker, 1, 100);
    rendition->background = (uint32_t)unpack_int(unpacker, 0, 0xffffff);
    rendition->animation = (Animation)unpack_int(unpacker, ANIMATION_FIRST, ANIMATION_KEEP);
    rendition->max_frames = unpack_int(unpacker, 1, RENDITION_FRAMES_MAX);
    rendition->keep = (unsigned)unpack_int(unpacker, KEEP_NONE, (1 << KEEP_BITS) - 1);
    rendition->recipe = unpack_u64(unpacker);
}

/* The frame is larger than a full one of either kind can be. */
static size_t packed_length(const Packer *packer)
{
    g_assert(!packer->failed);
    return packer->len;
}

size_t wire_encode_job(const WireJob *job, uint8_t buffer[static WIRE_FRAME_MAX])
{
    Packer packer = {.data = buffer, .max = WIRE_FRAME_MAX};

    pack_u32(&packer, MAGIC_JOB);
    pack_u16(&packer, WIRE_VERSION);
    pack_u64(&packer, job->serial);
    pack_i64(&packer, job->max_pixels);
    pack_i64(&packer, job->max_file_size);
    pack_i64(&packer, job->max_output_size);
    pack_u32(&packer, (uint32_t)job->max_pages);
    pack_u8(&packer, job->own_files);
    pack_u64(&packer, job->known_etag[0]);
    pack_u64(&packer, job->known_etag[1]);
    pack_u8(&packer, (uint8_t)job->n_renditions);
    for (size_t i = 0; i < job->n_renditions; i++)
        pack_rendition(&packer, &job->renditions[i]);
    return packed_length(&packer);
}

static bool finish(const Unpacker *unpacker, const char *what, GError **error)
{
    if (!unpacker->failed && unpacker->at == unpacker->len)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "malformed %s frame of %zu bytes", what,
                unpacker->len);
    return false;
}

static bool open_frame(Unpacker *unpacker, uint32_t magic)
{
    if (unpack_u32(unpacker) != magic || unpack_u16(unpacker) != WIRE_VERSION)
        unpacker->failed = true;
    return !unpacker->failed;
}

/* A count of at most RENDITIONS_MAX; 0 when the frame is broken. */
static size_t unpack_count(Unpacker *unpacker)
{
    size_t n = unpack_u8(unpacker);

    if (n > RENDITIONS_MAX)
        unpacker->failed = true;
    return unpacker->failed ? 0 : n;
}

bool wire_decode_job(const uint8_t *data, size_t len, WireJob *ret_job, GError **error)
{
    Unpacker unpacker = {.data = data, .len = len};
    WireJob job = {0};

    if (open_frame(&unpacker, MAGIC_JOB)) {
        job.serial = unpack_u64(&unpacker);
        job.max_pixels = unpack_i64(&unpacker);
        job.max_file_size = unpack_i64(&unpacker);
        job.max_output_size = unpack_i64(&unpacker);
        job.max_pages = unpack_int(&unpacker, 1, INT32_MAX);
        job.own_files = unpack_bool(&unpacker);
        job.known_etag[0] = unpack_u64(&unpacker);
        job.known_etag[1] = unpack_u64(&unpacker);
        job.n_renditions = unpack_count(&unpacker);
        for (size_t i = 0; i < job.n_renditions; i++)
            unpack_rendition(&unpacker, &job.renditions[i]);
        if (job.max_pixels < 1 || job.max_file_size < 1 || job.max_output_size < 1)
            unpacker.failed = true;
    }
    if (!finish(&unpacker, "job", error))
        return false;
    *ret_job = job;
    return true;
}

static void pack_facts(Packer *packer, const ImageFacts *facts)
{
    pack_u8(packer, (uint8_t)facts->type);
    pack_u32(packer, (uint32_t)facts->width);
    pack_u32(packer, (uint32_t)facts->height);
    pack_u32(packer, (uint32_t)facts->pages);
    pack_u32(packer, (uint32_t)facts->orientation);
    pack_u8(packer, facts->alpha);
    pack_u8(packer, facts->damaged);
    pack_u8(packer, facts->has_date);
    pack_i64(packer, facts->date_us);
    pack_u8(packer, facts->has_offset);
    pack_u32(packer, (uint32_t)(facts->offset_min + IMAGE_OFFSET_MAX));
    pack_u64(packer, facts->etag[0]);
    pack_u64(packer, facts->etag[1]);
    pack_u8(packer, facts->has_color);
    pack_u32(packer, facts->color);
    pack_u8(packer, facts->thumbhash_len);
    pack_bytes(packer, facts->thumbhash, facts->thumbhash_len);
}

static ImageType unpack_image_type(Unpacker *unpacker)
{
    uint8_t type = unpack_u8(unpacker);

    if (type >= IMAGE_TYPES)
        unpacker->failed = true;
    return unpacker->failed ? IMAGE_NONE : (ImageType)type;
}

/* EXIF dates that no calendar prints are refused: year 0 to 9999. */
#define DATE_MIN_US (INT64_C(-62167219200) * 1000000)
#define DATE_MAX_US (INT64_C(253402300799) * 1000000)

static void unpack_facts(Unpacker *unpacker, ImageFacts *facts)
{
    facts->type = unpack_image_type(unpacker);
    facts->width = unpack_int(unpacker, 0, INT32_MAX);
    facts->height = unpack_int(unpacker, 0, INT32_MAX);
    facts->pages = unpack_int(unpacker, 0, INT32_MAX);
    facts->orientation = unpack_int(unpacker, 0, 8);
    facts->alpha = unpack_bool(unpacker);
    facts->damaged = unpack_bool(unpacker);
    facts->has_date = unpack_bool(unpacker);
    facts->date_us = unpack_i64(unpacker);
    facts->has_offset = unpack_bool(unpacker);
    facts->offset_min = unpack_int(unpacker, 0, 2 * IMAGE_OFFSET_MAX) - IMAGE_OFFSET_MAX;
    facts->etag[0] = unpack_u64(unpacker);
    facts->etag[1] = unpack_u64(unpacker);
    facts->has_color = unpack_bool(unpacker);
    facts->color = (uint32_t)unpack_int(unpacker, 0, 0xffffff);
    facts->thumbhash_len = unpack_u8(unpacker);
    if (facts->thumbhash_len > THUMBHASH_MAX || facts->date_us < DATE_MIN_US ||
        facts->date_us > DATE_MAX_US) {
        unpacker->failed = true;
        return;
    }
    const void *hash = unpack_bytes(unpacker, facts->thumbhash_len);
    if (hash)
        memcpy(facts->thumbhash, hash, facts->thumbhash_len);
}

size_t wire_encode_result(const WireResult *result, uint8_t buffer[static WIRE_FRAME_MAX])
{
    Packer packer = {.data = buffer, .max = WIRE_FRAME_MAX};

    pack_u32(&packer, MAGIC_RESULT);
    pack_u16(&packer, WIRE_VERSION);
    pack_u64(&packer, result->serial);
    pack_u32(&packer, (uint32_t)result->error);
    pack_u8(&packer, result->unchanged);
    pack_i64(&packer, result->memory_bytes);
    pack_i64(&packer, result->cpu_us);
    pack_text(&packer, result->message);
    pack_facts(&packer, &result->facts);
    pack_u8(&packer, (uint8_t)result->n_thumbnails);
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        pack_u8(&packer, (uint8_t)result->thumbnails[i].type);
        pack_u32(&packer, (uint32_t)result->thumbnails[i].width);
        pack_u32(&packer, (uint32_t)result->thumbnails[i].height);
        pack_i64(&packer, result->thumbnails[i].size);
        pack_u8(&packer, (uint8_t)result->places[i].kind);
        pack_i64(&packer, result->places[i].offset);
    }
    pack_u8(&packer, result->took_memory);
    pack_u32(&packer, (uint32_t)result->payload_len);
    pack_bytes(&packer, result->payload, result->payload_len);
    return packed_length(&packer);
}

static void unpack_thumbnail(Unpacker *unpacker, ThumbnailFacts *thumbnail)
{
    thumbnail->type = unpack_image_type(unpacker);
    thumbnail->width = unpack_int(unpacker, 1, RENDITION_SIZE_MAX);
    thumbnail->height = unpack_int(unpacker, 1, RENDITION_SIZE_MAX);
    thumbnail->size = unpack_i64(unpacker);
    if (thumbnail->size < 1 || thumbnail->size > WIRE_THUMBNAIL_MAX)
        unpacker->failed = true;
}

/* Within the payload or the memory file; how long the latter is, the daemon looks for itself. */
static void unpack_place(Unpacker *unpacker, WirePlace *place)
{
    place->kind = (WirePlaceKind)unpack_u8(unpacker);
    place->offset = unpack_i64(unpacker);
    if (place->kind > PLACE_MEMORY || place->offset < 0 || place->offset > WIRE_THUMBNAIL_MAX ||
        (place->kind == PLACE_FILE && place->offset != 0))
        unpacker->failed = true;
}

static void unpack_payload(Unpacker *unpacker, WireResult *result)
{
    result->took_memory = unpack_bool(unpacker);
    result->payload_len = unpack_u32(unpacker);
    if (result->payload_len > WIRE_PAYLOAD_MAX)
        unpacker->failed = true;
    else
        result->payload = unpack_bytes(unpacker, result->payload_len);
}

bool wire_is_plain(gunichar character)
{
    switch (g_unichar_type(character)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    default:
        return true;
    }
}

bool wire_is_plain_text(const char *text)
{
    if (!g_utf8_validate(text, -1, NULL))
        return false;
    for (; *text; text = g_utf8_next_char(text)) {
        if (!wire_is_plain(g_utf8_get_char(text)))
            return false;
    }
    return true;
}

/* Only what is about a picture may be said by a worker: from ERROR_HANDLER_UNAVAILABLE on, errors
 * are what the daemon finds out by itself, and acts upon. */
static bool is_object_error(ErrorCode code)
{
    return code < ERROR_HANDLER_UNAVAILABLE && strcmp(error_name(code), "unknown") != 0;
}

bool wire_decode_result(const uint8_t *data, size_t len, WireResult *ret_result, GError **error)
{
    Unpacker unpacker = {.data = data, .len = len};
    WireResult result = {.memory_fd = -1};

    if (open_frame(&unpacker, MAGIC_RESULT)) {
        result.serial = unpack_u64(&unpacker);
        result.error = (ErrorCode)unpack_int(&unpacker, 0, INT32_MAX);
        result.unchanged = unpack_bool(&unpacker);
        result.memory_bytes = unpack_i64(&unpacker);
        result.cpu_us = unpack_i64(&unpacker);
        unpack_text(&unpacker, result.message, sizeof result.message);
        unpack_facts(&unpacker, &result.facts);
        result.n_thumbnails = unpack_count(&unpacker);
        for (size_t i = 0; i < result.n_thumbnails; i++) {
            unpack_thumbnail(&unpacker, &result.thumbnails[i]);
            unpack_place(&unpacker, &result.places[i]);
        }
        unpack_payload(&unpacker, &result);
        if (result.memory_bytes < 0 || result.memory_bytes > WIRE_MEMORY_MAX || result.cpu_us < 0 ||
            result.cpu_us > WIRE_CPU_MAX_US || !is_object_error(result.error) ||
            !wire_is_plain_text(result.message))
            unpacker.failed = true;
    }
    if (!finish(&unpacker, "result", error))
        return false;
    *ret_result = result;
    return true;
}

/* Room for the control message that carries the descriptors, aligned as CMSG_FIRSTHDR wants it. */
typedef union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX) + CMSG_SPACE(sizeof(struct timespec))];
} ControlBuffer;

bool wire_send(int socket_fd, const void *data, size_t len, const int *fds, size_t n_fds,
               GError **error)
{
    ControlBuffer control = {0};
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    g_assert(n_fds <= WIRE_FDS_MAX);
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
    }
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)len)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot send a frame: %s", g_strerror(errno));
    return false;
}

/* Gathers the descriptors of a message; returns false, with all of them closed, if there are too
 * many. */
static bool take_fds(struct msghdr *message, int *fds, size_t max_fds, size_t *ret_n_fds)
{
    size_t n = 0;
    bool fits = !(message->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n_here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n_here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (n < max_fds) {
                fds[n++] = fd;
            } else {
                fd_clear(&fd);
                fits = false;
            }
        }
    }
    if (!fits) {
        for (size_t i = 0; i < n; i++)
            fd_clear(&fds[i]);
        n = 0;
    }
    *ret_n_fds = n;
    return fits;
}

/* How long ago the message was sent, by the kernel's stamp on it. */
static int64_t age_us(struct msghdr *message)
{
    struct timespec sent, now;

    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS ||
            header->cmsg_len < CMSG_LEN(sizeof sent))
            continue;
        memcpy(&sent, CMSG_DATA(header), sizeof sent);
        if (clock_gettime(CLOCK_REALTIME, &now) != 0)
            return 0;
        int64_t us = (int64_t)(now.tv_sec - sent.tv_sec) * CLOCK_US_PER_SEC +
                     (now.tv_nsec - sent.tv_nsec) / 1000;
        return MAX(us, 0); /* the clock may have been set meanwhile */
    }
    return 0;
}

static bool receive(int socket_fd, struct msghdr *message, ssize_t *ret_len, int *fds,
                    size_t max_fds, size_t *ret_n_fds, GError **error)
{
    ssize_t len;
    size_t n_fds = 0;

    int resets = 0;

    /* A peer that is gone and has not read all that it was sent: that is said once, and before what
     * it has sent itself. */
    do
        len = recvmsg(socket_fd, message, MSG_CMSG_CLOEXEC);
    while (len < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
    if (len < 0 && errno == ECONNRESET)
        len = 0;
    if (len < 0 && errno != EAGAIN) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot receive a frame: %s", g_strerror(errno));
        return false;
    }
    bool fits = len < 0 || take_fds(message, fds, max_fds, &n_fds);
    if (len > 0 && (!fits || message->msg_flags & MSG_TRUNC)) {
        for (size_t i = 0; i < n_fds; i++)
            fd_clear(&fds[i]);
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL,
                    "received a frame that is too long or has too many descriptors");
        return false;
    }
    *ret_len = len;
    *ret_n_fds = n_fds;
    return true;
}

bool wire_receive_stamped(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len,
                          int *fds, size_t max_fds, size_t *ret_n_fds, int64_t *ret_age_us,
                          GError **error)
{
    ControlBuffer control;
    struct iovec part = {.iov_base = buffer, .iov_len = WIRE_FRAME_MAX};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};

    if (!receive(socket_fd, &message, ret_len, fds, max_fds, ret_n_fds, error))
        return false;
    *ret_age_us = *ret_len > 0 ? age_us(&message) : 0;
    return true;
}

bool wire_receive(int socket_fd, uint8_t buffer[static WIRE_FRAME_MAX], ssize_t *ret_len, int *fds,
                  size_t max_fds, size_t *ret_n_fds, GError **error)
{
    int64_t unused_age_us;

    return wire_receive_stamped(socket_fd, buffer, ret_len, fds, max_fds, ret_n_fds, &unused_age_us,
                                error);
}

void wire_enable_stamps(int socket_fd)
{
    const int on = 1;

    /* Without them a frame counts as sent when it is read. */
    (void)setsockopt(socket_fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}
