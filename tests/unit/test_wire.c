/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: written ones are read as the same, other bytes are refused. */
#include "handlers/wire.h"
#include "wire_limits.h"

#include <string.h>

static WireOrder make_order(size_t n_renditions)
{
    WireOrder order = {
        .serial = UINT64_MAX - 1,
        .max_pixels = 150000000,
        .max_file_size = INT64_C(1) << 40,
        .max_output_size = INT64_MAX,
        .max_pages = 200,
        .own_files = n_renditions % 2 == 0,
        .known_etag = {1, UINT64_MAX},
        .n_renditions = n_renditions,
    };

    for (size_t i = 0; i < n_renditions; i++) {
        order.renditions[i] = (Rendition){
            .width = RENDITION_SIZE_MAX,
            .height = 1 + (int)i,
            .fit = (Fit)(i % (FIT_FILL + 1)),
            .format = (Format)(i % (FORMAT_SAME + 1)),
            .quality = 1 + (int)i,
            .background = 0xffffff,
            .animation = (Animation)(i % 2),
            .max_frames = 1 + (int)i,
            .keep = (unsigned)(i % (1 << KEEP_BITS)),
            .recipe = UINT64_C(0x1234567890abcdef) + i,
        };
        memset(order.renditions[i].name, 'a' + (int)i, RENDITION_NAME_MAX - 1);
    }
    return order;
}

static const uint8_t payload[WIRE_PAYLOAD_MAX] = {1, 2, 3};

static WireResult make_result(size_t n_thumbnails)
{
    WireResult result = {
        .serial = 7,
        .facts =
            {
                .type = IMAGE_TIFF,
                .width = INT32_MAX,
                .height = 1,
                .pages = 3,
                .orientation = 8,
                .alpha = true,
                .damaged = true,
                .has_date = true,
                .date_source = DATE_PNG,
                .date_us = INT64_C(1769904000123456),
                .has_offset = true,
                .offset_min = -720,
                .etag = {2, 3},
                .has_color = true,
                .color = 0xaabbcc,
                .thumbhash_len = THUMBHASH_MAX,
            },
        .n_thumbnails = n_thumbnails,
        .memory_bytes = INT64_C(1) << 33,
        .cpu_us = 1234567,
    };

    memset(result.facts.thumbhash, 0x5a, THUMBHASH_MAX);
    for (size_t i = 0; i < n_thumbnails; i++)
        result.thumbnails[i] = (ThumbnailFacts){IMAGE_WEBP, 256, 1 + (int)i, 1000 + (int64_t)i};
    for (size_t i = 1; i < n_thumbnails; i++)
        result.places[i] = (WirePlace){i % 2 ? PLACE_ANSWER : PLACE_MEMORY, (int64_t)i};
    result.filled_memory = n_thumbnails > 2;
    result.payload = payload;
    result.payload_len = n_thumbnails % 2 ? sizeof payload : n_thumbnails;
    return result;
}

static WireResult make_failure(void)
{
    WireResult result = {.serial = 7, .error = ERROR_UNSUPPORTED_TYPE, .needs = "second"};

    memset(result.message, 'm', WIRE_MESSAGE_MAX - 1);
    return result;
}

static void test_order_round_trip(void)
{
    for (size_t n = 0; n <= RENDITIONS_MAX; n++) {
        uint8_t buffer[WIRE_FRAME_MAX];
        g_autoptr(GError) error = NULL;
        WireOrder order = make_order(n);
        WireOrder back;

        size_t len = wire_encode_order(&order, buffer);
        g_assert_cmpuint(len, <=, WIRE_FRAME_MAX);
        g_assert_true(wire_decode_order(buffer, len, &back, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(back.serial, ==, order.serial);
        g_assert_cmpint(back.max_pixels, ==, order.max_pixels);
        g_assert_cmpint(back.max_file_size, ==, order.max_file_size);
        g_assert_cmpint(back.max_output_size, ==, order.max_output_size);
        g_assert_cmpint(back.max_pages, ==, order.max_pages);
        g_assert_cmpint(back.own_files, ==, order.own_files);
        g_assert_cmpmem(back.known_etag, sizeof back.known_etag, order.known_etag,
                        sizeof order.known_etag);
        g_assert_cmpuint(back.n_renditions, ==, n);
        for (size_t i = 0; i < n; i++) {
            const Rendition *a = &back.renditions[i], *b = &order.renditions[i];
            g_assert_cmpstr(a->name, ==, b->name);
            g_assert_cmpint(a->width, ==, b->width);
            g_assert_cmpint(a->height, ==, b->height);
            g_assert_cmpint(a->fit, ==, b->fit);
            g_assert_cmpint(a->format, ==, b->format);
            g_assert_cmpint(a->quality, ==, b->quality);
            g_assert_cmphex(a->background, ==, b->background);
            g_assert_cmpint(a->animation, ==, b->animation);
            g_assert_cmpint(a->max_frames, ==, b->max_frames);
            g_assert_cmphex(a->keep, ==, b->keep);
            g_assert_cmphex(a->recipe, ==, b->recipe);
        }
    }
}

static void check_same_facts(const ImageFacts *a, const ImageFacts *b)
{
    g_assert_cmpint(a->type, ==, b->type);
    g_assert_cmpint(a->width, ==, b->width);
    g_assert_cmpint(a->height, ==, b->height);
    g_assert_cmpint(a->pages, ==, b->pages);
    g_assert_cmpint(a->orientation, ==, b->orientation);
    g_assert_cmpint(a->alpha, ==, b->alpha);
    g_assert_cmpint(a->damaged, ==, b->damaged);
    g_assert_cmpint(a->has_date, ==, b->has_date);
    g_assert_cmpint(a->date_source, ==, b->date_source);
    g_assert_cmpint(a->date_us, ==, b->date_us);
    g_assert_cmpint(a->has_offset, ==, b->has_offset);
    g_assert_cmpint(a->offset_min, ==, b->offset_min);
    g_assert_cmpmem(a->etag, sizeof a->etag, b->etag, sizeof b->etag);
    g_assert_cmpint(a->has_color, ==, b->has_color);
    g_assert_cmphex(a->color, ==, b->color);
    g_assert_cmpmem(a->thumbhash, a->thumbhash_len, b->thumbhash, b->thumbhash_len);
}

static void test_result_round_trip(void)
{
    for (size_t n = 0; n <= RENDITIONS_MAX + 1; n++) {
        uint8_t buffer[WIRE_FRAME_MAX];
        g_autoptr(GError) error = NULL;
        WireResult result = n <= RENDITIONS_MAX ? make_result(n) : make_failure();
        WireResult back;

        size_t len = wire_encode_result(&result, buffer);
        g_assert_true(wire_decode_result(buffer, len, &back, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(back.serial, ==, result.serial);
        g_assert_cmpint(back.error, ==, result.error);
        g_assert_cmpint(back.unchanged, ==, result.unchanged);
        g_assert_cmpstr(back.message, ==, result.message);
        g_assert_cmpstr(back.needs, ==, result.needs);
        g_assert_cmpint(back.filled_memory, ==, result.filled_memory);
        g_assert_cmpmem(back.payload, back.payload_len, result.payload, result.payload_len);
        g_assert_cmpint(back.memory_fd, ==, -1);
        check_same_facts(&back.facts, &result.facts);
        g_assert_cmpuint(back.n_thumbnails, ==, result.n_thumbnails);
        for (size_t i = 0; i < result.n_thumbnails; i++) {
            g_assert_cmpint(back.thumbnails[i].type, ==, result.thumbnails[i].type);
            g_assert_cmpint(back.thumbnails[i].width, ==, result.thumbnails[i].width);
            g_assert_cmpint(back.thumbnails[i].height, ==, result.thumbnails[i].height);
            g_assert_cmpint(back.thumbnails[i].size, ==, result.thumbnails[i].size);
            g_assert_cmpint(back.places[i].kind, ==, result.places[i].kind);
            g_assert_cmpint(back.places[i].offset, ==, result.places[i].offset);
        }
    }
}

/*
 * Decodes to a frame within the limits (true), or gives ERROR_PROTOCOL and writes nothing (false).
 */
static bool decodes(const uint8_t *data, size_t len)
{
    g_autoptr(GError) order_error = NULL;
    g_autoptr(GError) result_error = NULL;
    /* The copy has exactly that size, for the address sanitizer. */
    g_autofree uint8_t *copy = g_memdup2(data, len);
    WireOrder order = {.serial = 42};
    WireResult result = {.serial = 42};

    bool is_order = wire_decode_order(copy, len, &order, &order_error);
    bool is_result = wire_decode_result(copy, len, &result, &result_error);
    g_assert_false(is_order && is_result);
    if (is_order) {
        wire_limits_check_order(&order);
    } else {
        g_assert_error(order_error, THUMBQ_ERROR, ERROR_PROTOCOL);
        g_assert_cmpuint(order.serial, ==, 42);
    }
    if (is_result) {
        wire_limits_check_result(&result);
    } else {
        g_assert_error(result_error, THUMBQ_ERROR, ERROR_PROTOCOL);
        g_assert_cmpuint(result.serial, ==, 42);
    }
    return is_order || is_result;
}

typedef struct {
    uint8_t data[WIRE_FRAME_MAX];
    size_t len;
} Frame;

#define FRAMES 5

static void make_frames(Frame frames[static FRAMES])
{
    const WireOrder orders[] = {make_order(0), make_order(RENDITIONS_MAX)};
    const WireResult results[] = {make_result(0), make_result(RENDITIONS_MAX), make_failure()};

    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++)
        frames[i].len = wire_encode_order(&orders[i], frames[i].data);
    for (size_t i = 0; i < G_N_ELEMENTS(results); i++)
        frames[2 + i].len = wire_encode_result(&results[i], frames[2 + i].data);
}

static void test_truncated(void)
{
    Frame frames[FRAMES];

    make_frames(frames);
    for (size_t i = 0; i < FRAMES; i++) {
        g_assert_true(decodes(frames[i].data, frames[i].len));
        for (size_t len = 0; len < frames[i].len; len++)
            g_assert_false(decodes(frames[i].data, len));
        frames[i].data[frames[i].len] = 0;
        g_assert_false(decodes(frames[i].data, frames[i].len + 1));
    }
}

/* Flips every single bit, and many at once. */
static void test_flipped(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    Frame frames[FRAMES];
    unsigned refused = 0;

    make_frames(frames);
    for (size_t i = 0; i < FRAMES; i++) {
        for (size_t bit = 0; bit < 8 * frames[i].len; bit++) {
            frames[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            refused += !decodes(frames[i].data, frames[i].len);
            frames[i].data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (int round = 0; round < 2000; round++) {
            Frame frame = frames[i];
            for (int n = g_rand_int_range(rand, 2, 8); n > 0; n--)
                frame.data[g_rand_int_range(rand, 0, (gint32)frame.len)] =
                    (uint8_t)g_rand_int_range(rand, 0, 256);
            refused += !decodes(frame.data, frame.len);
        }
    }
    g_assert_cmpuint(refused, >, 0);
}

typedef struct {
    const char *name;
    void (*spoil)(WireOrder *order);
} OrderCase;

#define SPOIL_JOB(what, assignment)                                                                \
    static void spoil_order_##what(WireOrder *order)                                               \
    {                                                                                              \
        order->assignment;                                                                         \
    }
SPOIL_JOB(pixels, max_pixels = 0)
SPOIL_JOB(file_size, max_file_size = -1)
SPOIL_JOB(output_size, max_output_size = 0)
SPOIL_JOB(pages, max_pages = 0)
SPOIL_JOB(width, renditions[1].width = 0)
SPOIL_JOB(width_large, renditions[1].width = RENDITION_SIZE_MAX + 1)
SPOIL_JOB(height, renditions[1].height = -1)
SPOIL_JOB(fit, renditions[1].fit = (Fit)(FIT_FILL + 1))
SPOIL_JOB(animation, renditions[1].animation = (Animation)(ANIMATION_KEEP + 1))
SPOIL_JOB(frames, renditions[1].max_frames = 0)
SPOIL_JOB(frames_large, renditions[1].max_frames = RENDITION_FRAMES_MAX + 1)
SPOIL_JOB(keep, renditions[1].keep = 1 << KEEP_BITS)
SPOIL_JOB(format, renditions[1].format = (Format)(FORMAT_SAME + 1))
SPOIL_JOB(quality, renditions[1].quality = 101)
SPOIL_JOB(background, renditions[1].background = 0x1000000)

static const OrderCase spoilt_orders[] = {
    {"pixels", spoil_order_pixels},
    {"file-size", spoil_order_file_size},
    {"output-size", spoil_order_output_size},
    {"pages", spoil_order_pages},
    {"width", spoil_order_width},
    {"width-large", spoil_order_width_large},
    {"height", spoil_order_height},
    {"fit", spoil_order_fit},
    {"animation", spoil_order_animation},
    {"frames", spoil_order_frames},
    {"frames-large", spoil_order_frames_large},
    {"keep", spoil_order_keep},
    {"format", spoil_order_format},
    {"quality", spoil_order_quality},
    {"background", spoil_order_background},
};

static void test_spoilt_order(const void *data)
{
    const OrderCase *row = data;
    uint8_t buffer[WIRE_FRAME_MAX];
    WireOrder order = make_order(2);

    g_assert_true(decodes(buffer, wire_encode_order(&order, buffer)));
    row->spoil(&order);
    g_assert_false(decodes(buffer, wire_encode_order(&order, buffer)));
}

typedef struct {
    const char *name;
    void (*spoil)(WireResult *result);
} ResultCase;

#define SPOIL_RESULT(what, assignment)                                                             \
    static void spoil_result_##what(WireResult *result)                                            \
    {                                                                                              \
        result->assignment;                                                                        \
    }
SPOIL_RESULT(error_usage, error = ERROR_USAGE)
SPOIL_RESULT(error_internal, error = ERROR_INTERNAL)
SPOIL_RESULT(error_unknown, error = (ErrorCode)99)
SPOIL_RESULT(error_negative, error = (ErrorCode)-1)
SPOIL_RESULT(message, message[0] = '\xff')
SPOIL_RESULT(message_line, message[0] = '\n')
SPOIL_RESULT(message_escape, message[0] = '\x1b')
SPOIL_RESULT(message_delete, message[0] = '\x7f')
SPOIL_RESULT(needs_unknown, needs[0] = 'x')
SPOIL_RESULT(needs_case, needs[0] = 's'; result->needs[1] = 'E'; result->needs[2] = '\0')
SPOIL_RESULT(memory_negative, memory_bytes = -1)
SPOIL_RESULT(memory_large, memory_bytes = INT64_MAX)
SPOIL_RESULT(cpu_negative, cpu_us = INT64_MIN)
SPOIL_RESULT(cpu_large, cpu_us = INT64_MAX)
SPOIL_RESULT(type, facts.type = IMAGE_TYPES)
SPOIL_RESULT(width, facts.width = -1)
SPOIL_RESULT(orientation, facts.orientation = 9)
SPOIL_RESULT(date_early, facts.date_us = INT64_MIN)
SPOIL_RESULT(date_late, facts.date_us = INT64_MAX)
SPOIL_RESULT(color, facts.color = 0x1000000)
SPOIL_RESULT(thumbnail_type, thumbnails[1].type = (ImageType)255)
SPOIL_RESULT(thumbnail_width, thumbnails[1].width = 0)
SPOIL_RESULT(thumbnail_height, thumbnails[1].height = RENDITION_SIZE_MAX + 1)
SPOIL_RESULT(thumbnail_size, thumbnails[1].size = 0)
SPOIL_RESULT(place_kind, places[1].kind = (WirePlaceKind)(PLACE_MEMORY + 1))
SPOIL_RESULT(place_negative, places[1].offset = -1)
SPOIL_RESULT(place_large, places[1].offset = INT64_MAX)
SPOIL_RESULT(place_in_file, places[0].offset = 1)
SPOIL_RESULT(thumbnail_size_large, thumbnails[1].size = INT64_MAX)

/* U+202E reverses the text. It is neither a control character nor invalid. */
static void spoil_result_message_order(WireResult *result)
{
    g_strlcpy(result->message,
              "\xe2\x80\xae"
              "gpj.exe",
              sizeof result->message);
}

/* A line separator, at which some viewers break lines. */
static void spoil_result_message_separator(WireResult *result)
{
    g_strlcpy(result->message,
              "a\xe2\x80\xa8"
              "b",
              sizeof result->message);
}

static const ResultCase spoilt_results[] = {
    {"error-usage", spoil_result_error_usage},
    {"error-internal", spoil_result_error_internal},
    {"error-unknown", spoil_result_error_unknown},
    {"error-negative", spoil_result_error_negative},
    {"message", spoil_result_message},
    {"message-line", spoil_result_message_line},
    {"message-escape", spoil_result_message_escape},
    {"message-delete", spoil_result_message_delete},
    {"message-order", spoil_result_message_order},
    {"message-separator", spoil_result_message_separator},
    {"needs-unknown", spoil_result_needs_unknown},
    {"needs-case", spoil_result_needs_case},
    {"memory-negative", spoil_result_memory_negative},
    {"memory-large", spoil_result_memory_large},
    {"cpu-negative", spoil_result_cpu_negative},
    {"cpu-large", spoil_result_cpu_large},
    {"type", spoil_result_type},
    {"width", spoil_result_width},
    {"orientation", spoil_result_orientation},
    {"date-early", spoil_result_date_early},
    {"date-late", spoil_result_date_late},
    {"color", spoil_result_color},
    {"thumbnail-type", spoil_result_thumbnail_type},
    {"thumbnail-width", spoil_result_thumbnail_width},
    {"thumbnail-height", spoil_result_thumbnail_height},
    {"thumbnail-size", spoil_result_thumbnail_size},
    {"place-kind", spoil_result_place_kind},
    {"place-negative", spoil_result_place_negative},
    {"place-large", spoil_result_place_large},
    {"place-in-file", spoil_result_place_in_file},
    {"thumbnail-size-large", spoil_result_thumbnail_size_large},
};

static void test_spoilt_result(const void *data)
{
    const ResultCase *row = data;
    uint8_t buffer[WIRE_FRAME_MAX];
    WireResult result = make_result(2);

    g_assert_true(decodes(buffer, wire_encode_result(&result, buffer)));
    row->spoil(&result);
    g_assert_false(decodes(buffer, wire_encode_result(&result, buffer)));
}

/* A worker may report every error of a picture, and none that only the daemon can find. */
static void test_object_errors(void)
{
    for (int code = ERROR_NOT_AN_IMAGE; code < ERROR_USAGE; code++) {
        uint8_t buffer[WIRE_FRAME_MAX];
        WireResult result = {.error = (ErrorCode)code, .message = "why"};

        g_assert_cmpint(decodes(buffer, wire_encode_result(&result, buffer)), ==,
                        code < ERROR_HANDLER_UNAVAILABLE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire/order-round-trip", test_order_round_trip);
    g_test_add_func("/wire/result-round-trip", test_result_round_trip);
    g_test_add_func("/wire/truncated", test_truncated);
    g_test_add_func("/wire/flipped", test_flipped);
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_orders); i++) {
        g_autofree char *path = g_strdup_printf("/wire/spoilt-order/%s", spoilt_orders[i].name);
        g_test_add_data_func(path, &spoilt_orders[i], test_spoilt_order);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(spoilt_results); i++) {
        g_autofree char *path = g_strdup_printf("/wire/spoilt-result/%s", spoilt_results[i].name);
        g_test_add_data_func(path, &spoilt_results[i], test_spoilt_result);
    }
    g_test_add_func("/wire/object-errors", test_object_errors);
    return g_test_run();
}
