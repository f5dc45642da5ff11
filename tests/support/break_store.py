# SPDX-License-Identifier: Apache-2.0
"""Empties a table of a store, so that its tables do not agree: break_store.py FOLDER TABLE."""

import ctypes
import sys


def empty(folder, table):
    lmdb = ctypes.CDLL("liblmdb.so.0")
    env, txn, dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()

    def check(status):
        if status != 0:
            raise RuntimeError(f"LMDB: error {status}")

    check(lmdb.mdb_env_create(ctypes.byref(env)))
    check(lmdb.mdb_env_set_maxdbs(env, 32))
    check(lmdb.mdb_env_open(env, folder.encode(), 0, 0o600))
    check(lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
    check(lmdb.mdb_dbi_open(txn, table.encode(), 0, ctypes.byref(dbi)))
    check(lmdb.mdb_drop(txn, dbi, 0))
    check(lmdb.mdb_txn_commit(txn))
    lmdb.mdb_env_close(env)


if __name__ == "__main__":
    empty(*sys.argv[1:])
