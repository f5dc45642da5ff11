/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under a filter of its system calls. The filter refuses calls with an error, as
 * those of container and service managers do, or kills the program when it makes one.
 *
 * Usage: refuse_calls ERRNO|kill CALL[:INDEX=VALUE][,CALL...] PROGRAM [ARGUMENT...]
 *
 * ERRNO is a number. With INDEX=VALUE, only calls are meant whose argument of this index (0 is the
 * first) has this value.
 */
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add_rule(scmp_filter_ctx context, uint32_t action, char *text)
{
    char *condition = strchr(text, ':');
    unsigned index = 0;
    unsigned long long value = 0;

    if (condition) {
        *condition = '\0';
        if (sscanf(condition + 1, "%u=%llu", &index, &value) != 2)
            return -1;
    }
    int call = seccomp_syscall_resolve_name(text);
    if (call == __NR_SCMP_ERROR)
        return -1;
    return seccomp_rule_add(context, action, call, condition ? 1 : 0,
                            SCMP_CMP(index, SCMP_CMP_EQ, value));
}

static int filter(scmp_filter_ctx context, uint32_t action, char *calls)
{
    char *rest = NULL;
    for (char *text = strtok_r(calls, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
        if (add_rule(context, action, text) != 0)
            return -1;
    }
    return seccomp_load(context);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: refuse_calls ERRNO|kill CALL[:INDEX=VALUE][,CALL...] PROGRAM "
                        "[ARGUMENT...]\n");
        return 2;
    }
    const uint32_t action = strcmp(argv[1], "kill") == 0 ? SCMP_ACT_KILL_PROCESS
                                                         : SCMP_ACT_ERRNO((uint16_t)atoi(argv[1]));
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    if (!context || filter(context, action, argv[2]) != 0) {
        fprintf(stderr, "refuse_calls: there can be no such filter\n");
        return 1;
    }
    seccomp_release(context);
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 1;
}
