/* SPDX-License-Identifier: ISC */
/*
 * Queries of RFC 1413. The input is one line. Checks that what is taken is what anybody
 * would read there, and that every answer has the form of the RFC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/internal/ident/ident.h"

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The line without blanks is "LOCAL,REMOTE", zeros in front apart. */
static void check_taken(const char *text, size_t length, const struct ident_ports *ports)
{
	char squeezed[256], expected[32];
	size_t count = 0;

	for (size_t i = 0; i < length && count < sizeof(squeezed) - 1; i++)
		if (text[i] != ' ' && text[i] != '\t' &&
		    (text[i] != '0' || (count > 0 && squeezed[count - 1] >= '0' &&
					squeezed[count - 1] <= '9')))
			squeezed[count++] = text[i];
	squeezed[count] = '\0';
	(void)snprintf(expected, sizeof(expected), "%u,%u", ports->local, ports->remote);
	require(strcmp(squeezed, expected) == 0);
}

static void check_answer(const char *reply, size_t length, const char *rest)
{
	unsigned local, remote;
	int used = 0;

	require(length == strlen(reply) && length < IDENT_REPLY_SIZE);
	require(sscanf(reply, "%5u, %5u : %n", &local, &remote, &used) == 2 && used > 0);
	require(local <= UINT16_MAX && remote <= UINT16_MAX);
	require(strcmp(reply + used, rest) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reply[IDENT_REPLY_SIZE];
	struct ident_ports ports;
	const char *text = (const char *)data;

	if (size > 255)
		return 0;
	if (ident_parse(text, size, &ports)) {
		require(ports.local != 0 && ports.remote != 0);
		check_taken(text, size, &ports);
	}
	check_answer(reply, ident_reply_user(reply, &ports, "UNIX", "joe"),
		     "USERID : UNIX : joe\r\n");
	check_answer(reply, ident_reply_error(reply, &ports, "NO-USER"),
		     "ERROR : NO-USER\r\n");
	return 0;
}
