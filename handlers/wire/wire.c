/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/wire.h"

#include "base/pack.h"

#include <string.h>

/*
 * "TQJB", the first bytes of an order. Each kind of frame has its own, so that no kind is taken for
 * the other.
 */
#define MAGIC_ORDER UINT32_C(0x424a5154)
/* "TQRS", the first bytes of a result. */
#define MAGIC_RESULT UINT32_C(0x53525154)

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

/* Returns the length. A full frame of either kind is shorter than WIRE_FRAME_MAX. */
static size_t packed_length(const Packer *packer)
{
    g_assert(!packer->failed);
    return packer->len;
}

size_t wire_encode_order(const WireOrder *order, uint8_t buffer[static WIRE_FRAME_MAX])
{
    Packer packer = {.data = buffer, .max = WIRE_FRAME_MAX};

    pack_u32(&packer, MAGIC_ORDER);
    pack_u16(&packer, WIRE_VERSION);
    pack_u64(&packer, order->serial);
    pack_i64(&packer, order->max_pixels);
    pack_i64(&packer, order->max_file_size);
    pack_i64(&packer, order->max_output_size);
    pack_u32(&packer, (uint32_t)order->max_pages);
    pack_u8(&packer, order->own_files);
    pack_u64(&packer, order->known_etag[0]);
    pack_u64(&packer, order->known_etag[1]);
    pack_u8(&packer, (uint8_t)order->n_renditions);
    for (size_t i = 0; i < order->n_renditions; i++)
        pack_rendition(&packer, &order->renditions[i]);
    return packed_length(&packer);
}

/* Fails if the frame was shorter or longer than its fields. */
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

/* Reads a count of at most RENDITIONS_MAX; 0 if the frame is broken. */
static size_t unpack_count(Unpacker *unpacker)
{
    size_t n = unpack_u8(unpacker);

    if (n > RENDITIONS_MAX)
        unpacker->failed = true;
    return unpacker->failed ? 0 : n;
}

bool wire_decode_order(const uint8_t *data, size_t len, WireOrder *ret_order, GError **error)
{
    Unpacker unpacker = {.data = data, .len = len};
    WireOrder order = {0};

    if (open_frame(&unpacker, MAGIC_ORDER)) {
        order.serial = unpack_u64(&unpacker);
        order.max_pixels = unpack_i64(&unpacker);
        order.max_file_size = unpack_i64(&unpacker);
        order.max_output_size = unpack_i64(&unpacker);
        order.max_pages = unpack_int(&unpacker, 1, INT32_MAX);
        order.own_files = unpack_bool(&unpacker);
        order.known_etag[0] = unpack_u64(&unpacker);
        order.known_etag[1] = unpack_u64(&unpacker);
        order.n_renditions = unpack_count(&unpacker);
        for (size_t i = 0; i < order.n_renditions; i++)
            unpack_rendition(&unpacker, &order.renditions[i]);
        if (order.max_pixels < 1 || order.max_file_size < 1 || order.max_output_size < 1)
            unpacker.failed = true;
    }
    if (!finish(&unpacker, "order", error))
        return false;
    *ret_order = order;
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
    /* 0: no date. */
    pack_u8(packer, facts->has_date ? (uint8_t)(1 + facts->date_source) : 0);
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

/* EXIF dates outside of years 0 to 9999 are refused: no calendar prints them. */
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
    int source = unpack_u8(unpacker);
    facts->has_date = source > 0;
    facts->date_source = (DateSource)(source > 0 ? source - 1 : 0);
    facts->date_us = unpack_i64(unpacker);
    facts->has_offset = unpack_bool(unpacker);
    facts->offset_min = unpack_int(unpacker, 0, 2 * IMAGE_OFFSET_MAX) - IMAGE_OFFSET_MAX;
    facts->etag[0] = unpack_u64(unpacker);
    facts->etag[1] = unpack_u64(unpacker);
    facts->has_color = unpack_bool(unpacker);
    facts->color = (uint32_t)unpack_int(unpacker, 0, 0xffffff);
    facts->thumbhash_len = unpack_u8(unpacker);
    if (source > DATE_SOURCES || facts->thumbhash_len > THUMBHASH_MAX ||
        facts->date_us < DATE_MIN_US || facts->date_us > DATE_MAX_US) {
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
    pack_text(&packer, result->needs);
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
    pack_u8(&packer, result->filled_memory);
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

/*
 * Reads a place within the largest payload or memory file. The daemon checks the length of the
 * memory file itself.
 */
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
    result->filled_memory = unpack_bool(unpacker);
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

/* Reads the name of a handler program: none, or one of the table. */
static void unpack_needs(Unpacker *unpacker, WireResult *result)
{
    size_t program;

    unpack_text(unpacker, result->needs, sizeof result->needs);
    if (*result->needs && !program_from_name(result->needs, &program))
        unpacker->failed = true;
}

/*
 * True for errors that are about a picture: a worker may state only these. From
 * ERROR_HANDLER_UNAVAILABLE on, errors are found by the daemon itself, which acts upon them.
 */
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
        unpack_needs(&unpacker, &result);
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
