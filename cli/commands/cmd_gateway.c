/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the gateway, a separate program in a package of its own. */
#include "base/error.h"
#include "command.h"
#include "gateway_child.h"

#include <errno.h>
#include <unistd.h>

const CommandUsage usage_gateway = {
    .words = "[ARGUMENT...]",
    .about =
        "Serves buckets over HTTP, as S3 does: each BUCKET, or all folders of DIR. Runs\n"
        "thumbq-gateway, of the package of that name, with all ARGUMENTs:\n"
        "\n"
        "  address     --listen ADDR:PORT; 127.0.0.1:8333 without it\n"
        "  root        --root DIR: each folder of DIR is a bucket\n"
        "  keys        --state DIR, instead of .thumbq-gateway in the root or your own state "
        "folder\n"
        "  options     --config FILE, instead of gateway.conf in the state folder; --print-config "
        "prints all options\n"
        "  access log  --access-log FORMAT: combined, json, none",
    .examples = "thumbq gateway --root /srv\n"
                "thumbq gateway --listen 127.0.0.1:9000 photos",
};

const CommandUsage usage_key = {
    .words = "[ARGUMENT...]",
    .about = "Makes, lists and revokes the keys of the gateway: create, list, revoke ID. Runs\n"
             "thumbq-gateway, of the package of that name, with all ARGUMENTs:\n"
             "\n"
             "  new key  --rights R: read, write, invoke, admin, with ',' between; --bucket B: "
             "this bucket "
             "only, may be given several times; --prefix P: only objects whose names begin so; "
             "--plan NAME: a usage plan of gateway.conf\n"
             "  gateway  --root DIR or --state DIR, as the gateway has it; or BUCKET, a folder "
             "that it serves\n"
             "  output   --json: an object per line",
    .examples = "thumbq key create --rights read,write --bucket photos\n"
                "thumbq key list\n"
                "thumbq key revoke TQABCDEFGHIJKLMNOPQR",
};

const CommandUsage usage_sign = {
    .words = "[ARGUMENT...]",
    .about =
        "Prints a URL of an object, BUCKET/KEY, that works without a key for a time. Runs\n"
        "thumbq-gateway, of the package of that name, with all ARGUMENTs:\n"
        "\n"
        "  URL      --expires T: how long it works, 1h without it, 7d at most; --put: to write to; "
        "--url URL: where the gateway is, http://127.0.0.1:8333 without it\n"
        "  key      --key ID, instead of the newest that may do it\n"
        "  gateway  --root DIR or --state DIR, as the gateway has it; or BUCKET, a folder that it "
        "serves, after BUCKET/KEY",
    .examples = "thumbq sign photos/2026/dune.png\n"
                "thumbq sign --put --expires 10m photos/new.jpg",
};

/* Executes the gateway's program. Returns only on error, with *error set. */
static int execute_program(const Context *context, const char *command, GError **error)
{
    g_autofree char *path = gateway_child_program(command, error);
    if (!path)
        return -1;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_ptr_array_add(words, path);
    g_ptr_array_add(words, (void *)command);
    for (const char *const *word = context->words; *word; word++)
        g_ptr_array_add(words, (void *)*word);
    g_ptr_array_add(words, NULL);
    execv(path, (char *const *)words->pdata);
    error_set_errno(error, errno, "cannot run", path);
    return -1;
}

int cmd_gateway(Context *context, GError **error)
{
    return execute_program(context, "gateway", error);
}

int cmd_key(Context *context, GError **error)
{
    return execute_program(context, "key", error);
}

int cmd_sign(Context *context, GError **error)
{
    return execute_program(context, "sign", error);
}
