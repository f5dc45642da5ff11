/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under a filter that refuses system calls with an error, as the filters of
 * container and service managers do.
 *
 * Usage: refuse_calls ERRNO CALL[,CALL...] PROGRAM [ARGUMENT...]
 *
 * ERRNO is a number.
 */
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refuse(scmp_filter_ctx context, int errnum, char *calls)
{
    char *rest = NULL;
    for (char *name = strtok_r(calls, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        int call = seccomp_syscall_resolve_name(name);
        if (call == __NR_SCMP_ERROR ||
            seccomp_rule_add(context, SCMP_ACT_ERRNO((uint16_t)errnum), call, 0) != 0)
            return -1;
    }
    return seccomp_load(context);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: refuse_calls ERRNO CALL[,CALL...] PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (!context || refuse(context, atoi(argv[1]), argv[2]) != 0) {
        fprintf(stderr, "refuse_calls: there can be no such filter\n");
        return 1;
    }
    seccomp_release(context);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 1;
}
