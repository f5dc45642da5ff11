/* SPDX-License-Identifier: Apache-2.0 */
/* A failed allocation counts for the decoding in which it happens, if a picture may need it. */
#include "sandbox/shortage.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)

/* Sanitizers have an allocator of their own. */
#ifdef THUMBQ_SANITIZE
#define CAN_TEST false
#else
#define CAN_TEST true
#endif

/* Asks for memory beyond the limit of the process. */
static void ask(size_t bytes)
{
    void *volatile block = malloc(bytes);
    g_assert_null(block);
    free(block);
}

static void test_shortage(void)
{
    shortage_begin(SHORTAGE_REQUEST_MAX);
    g_assert_false(shortage_is_seen());
    ask(1024 * MIB);
    g_assert_true(shortage_is_seen());
    /* The next decoding is not to blame for the memory of the last one. */
    shortage_begin(SHORTAGE_REQUEST_MAX);
    g_assert_false(shortage_is_seen());
}

static void test_claim(void)
{
    shortage_begin(1024 * MIB);
    ask(1024 * MIB + 1);
    g_assert_false(shortage_is_seen());
    ask(1024 * MIB);
    g_assert_true(shortage_is_seen());
    /* No limit is above that of all pictures. */
    shortage_begin(SIZE_MAX);
    ask(SHORTAGE_REQUEST_MAX + 1);
    g_assert_false(shortage_is_seen());
}

int main(int argc, char **argv)
{
    const struct rlimit few = {256 * MIB, 256 * MIB};

    g_test_init(&argc, &argv, NULL);
    if (!CAN_TEST)
        return 0;
    g_assert_cmpint(setrlimit(RLIMIT_DATA, &few), ==, 0);
    g_test_add_func("/shortage/seen", test_shortage);
    g_test_add_func("/shortage/claim", test_claim);
    return g_test_run();
}
