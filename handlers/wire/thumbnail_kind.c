/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/thumbnail_kind.h"

#include "handlers/memory_output.h"
#include "wire/answer.h"

#include <string.h>

G_STATIC_ASSERT(sizeof(WireResult) <= ANSWER_BODY_MAX);

static size_t encode(const void *order, uint8_t frame[static WIRE_FRAME_MAX])
{
    const ThumbnailOrder *thumbnails = order;

    return wire_encode_order(&thumbnails->wire, frame);
}

static bool decode(const uint8_t *frame, size_t len, void *ret_body, Answer *ret_answer)
{
    WireResult *result = ret_body;

    if (!wire_decode_result(frame, len, result, NULL))
        return false;
    *ret_answer = (Answer){
        .serial = result->serial,
        .error = result->error,
        .message = result->message,
        .has_output = result->n_thumbnails > 0,
        .filled_memory = result->filled_memory,
        .memory_fd = -1,
        .memory_bytes = result->memory_bytes,
        .cpu_us = result->cpu_us,
        .body = result,
    };
    return true;
}

static bool is_sound(const void *order, const Answer *answer)
{
    const ThumbnailOrder *thumbnails = order;

    return answer_is_sound(thumbnails, answer->body);
}

static bool is_whole(const Answer *answer, int memory_fd)
{
    return output_is_whole(answer->body, memory_fd);
}

static bool is_typed(const Answer *answer, int memory_fd)
{
    return output_is_typed(answer->body, memory_fd);
}

static bool is_suspect(const void *order, const Answer *answer)
{
    const ThumbnailOrder *thumbnails = order;

    return answer_is_suspect(answer->body, !thumbnails || thumbnails->named_as_image);
}

const InvocationKind thumbnail_kind = {
    .name = "thumbnail",
    .body_size = sizeof(WireResult),
    .encode = encode,
    .decode = decode,
    .is_sound = is_sound,
    .is_whole = is_whole,
    .is_typed = is_typed,
    .is_suspect = is_suspect,
};

bool thumbnail_needs(const Answer *answer, size_t *ret_program)
{
    const WireResult *result = answer->body;

    return result && *result->needs && program_from_name(result->needs, ret_program);
}

void thumbnail_result(const Answer *answer, WireResult *ret_result)
{
    if (answer->body) {
        *ret_result = *(const WireResult *)answer->body;
    } else {
        *ret_result = (WireResult){.serial = answer->serial, .error = answer->error};
        g_strlcpy(ret_result->message, answer->message, sizeof ret_result->message);
    }
    ret_result->memory_fd = answer->memory_fd;
}
