/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the lending socket: the decoder refuses a frame or its fields are within the limits,
 * and an accepted frame encodes to the same bytes. */
#include "base/error.h"
#include "fuzz.h"
#include "handlers/lend_frame.h"

#include <string.h>

static void check_limits(const LendFrame *frame)
{
    const LendFigures *figures = &frame->figures;
    bool has_inner = frame->type == LEND_ORDER || frame->type == LEND_RESULT;

    g_assert_true(frame->type >= LEND_HELLO && frame->type <= LEND_RECALL);
    g_assert_true(frame->room >= 0 && frame->room <= LEND_ROOM_MAX);
    g_assert_true(frame->nice >= 0 && frame->nice <= 19);
    g_assert_true(frame->verdict <= LEND_BAD);
    g_assert_true(frame->source_size >= 0 && frame->lease_us >= 0 && frame->max_output_size >= 0);
    g_assert_true(figures->duration_us >= 0 && figures->duration_us <= WIRE_CPU_MAX_US);
    g_assert_true(figures->cpu_us >= 0 && figures->cpu_us <= WIRE_CPU_MAX_US);
    g_assert_true(figures->init_us >= 0 && figures->init_us <= WIRE_CPU_MAX_US);
    g_assert_true(figures->memory_bytes >= 0 && figures->memory_bytes <= WIRE_MEMORY_MAX);
    g_assert_nonnull(memchr(figures->worker, '\0', sizeof figures->worker));
    g_assert_true(wire_is_plain_text(figures->worker));
    g_assert_nonnull(memchr(frame->name, '\0', sizeof frame->name));
    g_assert_true(wire_is_plain_text(frame->name));
    g_assert_nonnull(memchr(frame->kind, '\0', sizeof frame->kind));
    g_assert_true(wire_is_plain_text(frame->kind));
    g_assert_true((frame->inner != NULL) == has_inner);
    g_assert_true(frame->inner_len <= LEND_INNER_MAX && (frame->inner_len >= 1) == has_inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autoptr(GError) error = NULL;
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;

    /* The check of a thumbnail's first bytes stays within them. */
    for (int type = IMAGE_NONE; type <= IMAGE_TYPES; type++)
        (void)image_type_begins((ImageType)type, data, len);
    if (!lend_frame_decode(data, len, &frame, &error)) {
        g_assert_error(error, THUMBQ_ERROR, ERROR_PROTOCOL);
        return 0;
    }
    check_limits(&frame);
    size_t encoded = lend_frame_encode(&frame, buffer);
    g_assert_cmpmem(buffer, encoded, data, len);
    return 0;
}
