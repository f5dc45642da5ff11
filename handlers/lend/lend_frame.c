/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/lend_frame.h"

#include "base/pack.h"

/* "TQLN" */
#define MAGIC UINT32_C(0x4e4c5154)

static void pack_figures(Packer *packer, const LendFigures *figures)
{
    pack_i64(packer, figures->duration_us);
    pack_i64(packer, figures->cpu_us);
    pack_i64(packer, figures->init_us);
    pack_i64(packer, figures->memory_bytes);
    pack_text(packer, figures->worker);
}

/* Writes the last member of a frame. */
static void pack_inner(Packer *packer, const LendFrame *frame)
{
    g_assert(frame->inner_len >= 1 && frame->inner_len <= LEND_INNER_MAX);
    pack_u32(packer, (uint32_t)frame->inner_len);
    pack_bytes(packer, frame->inner, frame->inner_len);
}

static void pack_order(Packer *packer, const LendFrame *frame)
{
    pack_i64(packer, frame->lease_us);
    pack_i64(packer, frame->source_size);
    pack_i64(packer, frame->max_output_size);
    pack_u8(packer, (uint8_t)frame->nice);
    pack_text(packer, frame->kind);
    pack_inner(packer, frame);
}

static bool has_id(LendType type)
{
    return type != LEND_HELLO && type != LEND_ROOM && type != LEND_WELCOME;
}

size_t lend_frame_encode(const LendFrame *frame, uint8_t buffer[static WIRE_FRAME_MAX])
{
    Packer packer = {.data = buffer, .max = WIRE_FRAME_MAX};

    pack_u32(&packer, MAGIC);
    pack_u16(&packer, LEND_VERSION);
    pack_u8(&packer, (uint8_t)frame->type);
    if (has_id(frame->type))
        pack_u64(&packer, frame->id);
    switch (frame->type) {
    case LEND_HELLO:
        pack_u32(&packer, (uint32_t)frame->room);
        pack_text(&packer, frame->name);
        break;
    case LEND_ROOM:
        pack_u32(&packer, (uint32_t)frame->room);
        break;
    case LEND_WELCOME:
        pack_bytes(&packer, frame->run, sizeof frame->run);
        break;
    case LEND_ORDER:
        pack_order(&packer, frame);
        break;
    case LEND_RESULT:
        pack_figures(&packer, &frame->figures);
        pack_inner(&packer, frame);
        break;
    case LEND_VERDICT:
        pack_u8(&packer, (uint8_t)frame->verdict);
        break;
    case LEND_OPEN:
    case LEND_BACK:
    case LEND_SOURCE:
    case LEND_RECALL:
        break;
    }
    /* The largest inner frame fits. */
    g_assert(!packer.failed);
    return packer.len;
}

static int64_t unpack_between(Unpacker *unpacker, int64_t min, int64_t max)
{
    int64_t value = unpack_i64(unpacker);

    if (value < min || value > max)
        unpacker->failed = true;
    return unpacker->failed ? min : value;
}

static void unpack_plain_text(Unpacker *unpacker, char *text, size_t size)
{
    unpack_text(unpacker, text, size);
    if (!unpacker->failed && !wire_is_plain_text(text))
        unpacker->failed = true;
}

static void unpack_figures(Unpacker *unpacker, LendFigures *figures)
{
    figures->duration_us = unpack_between(unpacker, 0, WIRE_CPU_MAX_US);
    figures->cpu_us = unpack_between(unpacker, 0, WIRE_CPU_MAX_US);
    figures->init_us = unpack_between(unpacker, 0, WIRE_CPU_MAX_US);
    figures->memory_bytes = unpack_between(unpacker, 0, WIRE_MEMORY_MAX);
    unpack_plain_text(unpacker, figures->worker, sizeof figures->worker);
}

static void unpack_inner(Unpacker *unpacker, LendFrame *frame)
{
    size_t len = unpack_u32(unpacker);

    if (len < 1 || len > LEND_INNER_MAX) {
        unpacker->failed = true;
        return;
    }
    frame->inner = unpack_bytes(unpacker, len);
    frame->inner_len = len;
}

static void unpack_order(Unpacker *unpacker, LendFrame *frame)
{
    frame->lease_us = unpack_between(unpacker, 1, INT64_MAX);
    frame->source_size = unpack_between(unpacker, 0, INT64_MAX);
    frame->max_output_size = unpack_between(unpacker, 1, INT64_MAX);
    frame->nice = unpack_u8(unpacker);
    if (frame->nice > 19)
        unpacker->failed = true;
    unpack_plain_text(unpacker, frame->kind, sizeof frame->kind);
    unpack_inner(unpacker, frame);
}

/* Reads the members that frames of this type have, and checks their limits. */
static void unpack_members(Unpacker *unpacker, LendFrame *frame)
{
    const uint8_t *run;

    switch (frame->type) {
    case LEND_HELLO:
        frame->room = unpack_int(unpacker, 0, LEND_ROOM_MAX);
        unpack_plain_text(unpacker, frame->name, sizeof frame->name);
        break;
    case LEND_ROOM:
        frame->room = unpack_int(unpacker, 0, LEND_ROOM_MAX);
        break;
    case LEND_WELCOME:
        run = unpack_bytes(unpacker, sizeof frame->run);
        for (size_t i = 0; run && i < sizeof frame->run; i++)
            frame->run[i] = run[i];
        break;
    case LEND_ORDER:
        unpack_order(unpacker, frame);
        break;
    case LEND_RESULT:
        unpack_figures(unpacker, &frame->figures);
        unpack_inner(unpacker, frame);
        break;
    case LEND_VERDICT: {
        uint8_t verdict = unpack_u8(unpacker);
        if (verdict > LEND_BAD)
            unpacker->failed = true;
        else
            frame->verdict = (LendVerdict)verdict;
        break;
    }
    case LEND_OPEN:
    case LEND_BACK:
    case LEND_SOURCE:
    case LEND_RECALL:
        break;
    }
}

bool lend_frame_decode(const uint8_t *data, size_t len, LendFrame *ret_frame, GError **error)
{
    Unpacker unpacker = {.data = data, .len = len};
    LendFrame frame = {0};
    bool is_ours = unpack_u32(&unpacker) == MAGIC && unpack_u16(&unpacker) == LEND_VERSION;
    uint8_t type = unpack_u8(&unpacker);

    if (is_ours && type >= LEND_HELLO && type <= LEND_RECALL) {
        frame.type = (LendType)type;
        frame.id = has_id(frame.type) ? unpack_u64(&unpacker) : 0;
        unpack_members(&unpacker, &frame);
    } else {
        unpacker.failed = true;
    }
    if (unpacker.failed || unpacker.at != len) {
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL,
                    "malformed frame of a lent invocation, of %zu bytes", len);
        return false;
    }
    *ret_frame = frame;
    return true;
}
