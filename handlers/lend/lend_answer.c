/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether a borrower's answer is believed. */
#include "lend/lend_private.h"

#include "base/clock.h"
#include "handlers/memory_output.h"

#include <stdalign.h>
#include <stddef.h>
#include <sys/stat.h>

/* The most memory of a worker beyond its limit, bytes. */
#define MEMORY_BESIDES (INT64_C(1) << 30)

/* Returns the reason why the memory file cannot be copied from; NULL if it can. */
static const char *find_fault(const Lease *lease, const Answer *answer, int memory_fd,
                              int64_t max_bytes)
{
    struct stat st;

    if (!answer->filled_memory)
        return memory_fd < 0 ? NULL : "a descriptor came that no answer names";
    if (memory_fd < 0)
        return "the memory file of the answer did not come";
    if (!output_is_sealed(memory_fd))
        return "the memory file is not sealed";
    if (fstat(memory_fd, &st) != 0 || st.st_size > max_bytes)
        return "the memory file is larger than the limit";
    if (!lease->invocation.kind->is_whole(answer, memory_fd))
        return "the memory file is shorter than the answer says";
    return NULL;
}

/* Returns the figures of the borrower, limited to possible values. */
static InvocationUsage believe(const Lend *lend, const Lease *lease, const LendFigures *figures)
{
    int64_t limit_bytes = lend->options.memory_bytes;
    int64_t elapsed_us = MAX(clock_monotonic_us() - lease->begun_us, 1);

    return (InvocationUsage){
        .duration_us = CLAMP(figures->duration_us, 1, elapsed_us),
        .cpu_us = figures->cpu_us,
        .init_us = MIN(figures->init_us, elapsed_us),
        .memory_bytes = limit_bytes > 0 ? MIN(figures->memory_bytes, limit_bytes + MEMORY_BESIDES)
                                        : figures->memory_bytes,
        .worker = *figures->worker ? figures->worker : lease->borrower->name,
    };
}

bool lend_accept_answer(Lease *lease, Lend *lend, const LendFrame *frame, int memory_fd,
                        const char **ret_reason)
{
    alignas(max_align_t) uint8_t body[ANSWER_BODY_MAX];
    const InvocationKind *kind = lease->invocation.kind;
    Answer answer;

    *ret_reason = NULL;
    if (!kind->decode(frame->inner, frame->inner_len, body, &answer))
        *ret_reason = "the answer is malformed";
    else if (answer.serial != lease->invocation.serial)
        *ret_reason = "the answer is to another order";
    else if (!kind->is_sound(lease->invocation.order, &answer))
        *ret_reason = "the answer cannot be one to the order";
    else
        *ret_reason = find_fault(lease, &answer, memory_fd, lend->options.max_output_size);
    if (!*ret_reason && !kind->is_typed(&answer, memory_fd))
        *ret_reason = "the output is of another type than the answer says";
    if (*ret_reason)
        return false;
    const LendFrame verdict = {.type = LEND_VERDICT, .id = lease->id, .verdict = LEND_OK};
    borrower_send(lease->borrower, &verdict);
    lease->borrower->is_paused = false;
    answer.memory_fd = memory_fd;
    const InvocationUsage usage = believe(lend, lease, &frame->figures);
    lend_end(lend, lease, &answer, &usage);
    return true;
}
