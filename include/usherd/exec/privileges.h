/* SPDX-License-Identifier: ISC */
/*
 * Giving up rights for good. Async-signal-safe: raw system calls, no allocation, errors
 * as negative errno. Every result is checked. Only the calling thread is changed.
 */
#ifndef USHERD_EXEC_PRIVILEGES_H
#define USHERD_EXEC_PRIVILEGES_H

#include "usherd/model/program.h"

/* setgroups, setresgid, setresuid, each a step of its own for the report. Nothing is
 * done when credentials->change is false. */
int privileges_set_groups(const struct credentials *credentials);
int privileges_set_gid(const struct credentials *credentials);
int privileges_set_uid(const struct credentials *credentials);

/*
 * After the ids: clear the ambient capabilities, always, so that rights lent to the
 * daemon stay with it; and, unless root was asked for or nothing is to change, the
 * effective, permitted and inheritable sets, which a change of uid leaves partly as
 * they are.
 */
int privileges_clear_capabilities(const struct credentials *credentials);

/*
 * Prove that the drop holds: all three ids and the groups are as wanted and, unless root
 * was asked for, neither setresuid(2) nor setresgid(2) can go back to 0 and the
 * effective, permitted and inheritable capability sets are empty. -EPERM if anything
 * could come back; the process must then end, it may have root again.
 */
int privileges_prove(const struct credentials *credentials);

/* 0 if the effective, permitted and inheritable capability sets are empty, -EPERM if not.
 */
int privileges_prove_no_capabilities(void);

/* PR_SET_NO_NEW_PRIVS. For workers; a program may well be setuid. */
int privileges_lock(void);

#endif
