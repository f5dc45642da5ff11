/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the lending executor, shared by its files: lend.c (leases, the public functions),
 * lend_borrower.c (one connection: the frames that it sends and gets) and lend_answer.c (whether an
 * answer is believed). Private to handlers.
 */
#pragma once

#include "base/timer.h"
#include "handlers/lend.h"
#include "handlers/lend_frame.h"

#include <glib.h>

typedef struct Lend Lend;

/* A frame that waits until the borrower reads. */
typedef struct {
    /* Owned. NULL: the frame is the SOURCE of the lease `id`, which is opened when it is sent. */
    uint8_t *data;
    size_t len;
    uint64_t id;
} Packet;

typedef struct {
    Lend *lend;
    int fd;
    /* Reads, or writes while `out` has frames; 0: it was removed. */
    guint source;
    /* The condition that `source` waits for. */
    GIOCondition watched;
    /* The HELLO was received. */
    bool greeted;
    /* The machine of the borrower, as the HELLO names it. */
    char name[WORKER_NAME_MAX];
    /* The main loop is going to end the connection. */
    bool is_ending;
    /* The borrower has lied, which was noted. */
    bool has_lied;
    /* The borrower has ended, and had not read all frames. */
    bool has_dropped;
    /* The connection has no leases any more, and stays until the borrower has read its sources. */
    bool is_lingering;
    /* The peer of a lingering connection has closed its socket. */
    bool is_gone;
    /*
     * The borrower has handed an invocation back, or let a lease expire. It gets no further one
     * until its next ROOM, or an answer that is believed.
     */
    bool is_paused;
    /* The most invocations that the borrower takes at a time. */
    int room;
    /* Invocations that are lent to the borrower. */
    int n_leases;
    /* Packet, owned. Frames that cannot be sent yet. */
    GQueue out;
    /* SOURCE frames that were sent since the borrower was last seen to have read all frames. */
    int n_sources;
    /* Monotonic. When the first frame of `out` is tried again; 0: when the socket is writable. */
    int64_t again_us;
    /* Monotonic. Since then `out` has frames, or the HELLO is missing; 0: neither. */
    int64_t waits_since_us;
} Borrower;

/* One lent invocation. */
typedef struct {
    uint64_t id;
    Invocation invocation;
    InvocationDone done;
    void *data;
    /* NULL: no borrower had room, and the main loop hands the invocation back. */
    Borrower *borrower;
    /* The borrower has asked for the source. */
    bool is_opened;
    int64_t begun_us;
    int64_t until_us;
} Lease;

struct Lend {
    Executor executor;
    ExecutorOptions options;
    uint8_t run[16];
    bool is_stopped;
    uint64_t last_id;
    /* &Lease.id -> Lease, owned. */
    GHashTable *leases;
    /* Borrower, owned. */
    GPtrArray *borrowers;
    /* Fires at the end of a lease, or when a borrower has been silent for too long. */
    GSource *timer;
    /* Ends borrowers and hands invocations back from the main loop; 0: none to end. */
    guint end_source;
    /* Lies in a row. */
    int lies;
    /* Time of the last lie, monotonic; 0: none. */
    int64_t lied_us;
    /* Owned. */
    char *last_lie;
    void (*lied)(const char *reason, void *data);
    void *lied_data;
};

/* Functions of lend.c. */

/* Returns the lease if this borrower has it; otherwise NULL. */
Lease *lend_find(const Borrower *borrower, uint64_t id);

/* Ends a lease with an answer, or NULL. Frees it before the call of its InvocationDone. */
void lend_end(Lend *lend, Lease *lease, const Answer *answer, const InvocationUsage *usage);

/* Counts a lie and keeps its reason. Takes `reason`. */
void lend_note_lie(Lend *lend, char *reason);

/* Makes the timer fire at `at_us` or earlier. */
void lend_check_at(Lend *lend, int64_t at_us);

/* Has the main loop end the borrowers that are ending, and hand back leases without a borrower. */
void lend_end_soon(Lend *lend);

/* Functions of lend_borrower.c. */

/* Makes a borrower of a connection. Takes `socket_fd`. Owner: borrower_free. */
Borrower *borrower_new(Lend *lend, int socket_fd);

/* Closes the connection. Hands no invocation back. */
void borrower_free(Borrower *borrower);

/*
 * Sends a frame, now or when the borrower reads. The source of a SOURCE frame is opened when the
 * frame is sent. Ends nothing within the call, except the lease of a source that cannot be opened.
 */
void borrower_send(Borrower *borrower, const LendFrame *frame);

/* True if the borrower takes another invocation. */
bool borrower_has_room(const Borrower *borrower);

/*
 * Marks the connection as ended: the borrower gets nothing more, and the main loop ends its leases.
 */
void borrower_begin_end(Borrower *borrower);

/*
 * Ends a borrower that does not read, or has sent no HELLO, and sends frames that are to be tried
 * again. Returns when to check again; INT64_MAX: no need.
 */
int64_t borrower_check(Borrower *borrower, int64_t now_us);

/*
 * True if the connection of a borrower without leases can be closed. If the borrower still has
 * descriptors to read, the connection stays until then, so that it counts as one: otherwise each
 * new connection could leave more descriptors unread, up to the limit of the daemon's user.
 */
bool borrower_can_close(Borrower *borrower);

/* Functions of lend_answer.c. */

/*
 * Takes an answer of a borrower to a lent invocation, and ends the lease. False if the answer is
 * not believed, with the reason. `memory_fd` is the descriptor that came with the answer, borrowed;
 * -1: none.
 */
bool lend_accept_answer(Lease *lease, Lend *lend, const LendFrame *frame, int memory_fd,
                        const char **ret_reason);
