/* SPDX-License-Identifier: ISC */
/* Whose syntax a service was written in. */
#ifndef USHERD_MODEL_DIALECT_H
#define USHERD_MODEL_DIALECT_H

enum dialect {
	DIALECT_NATIVE = 0, /* usherd.conf(5): one mistake and nothing changes */
	DIALECT_XINETD,     /* xinetd.conf: a mistake costs its service alone */
	DIALECT_INETD,      /* inetd.conf: likewise */
};

#endif
