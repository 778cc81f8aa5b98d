/* SPDX-License-Identifier: ISC */
/* The list of datagrams between two sockets. */
#include "usherd/serve/pending.h"

#include <stdlib.h>
#include <string.h>

void pending_put(struct pending_list *list, struct pending *one)
{
	one->next = NULL;
	if (list->last != NULL)
		list->last->next = one;
	else
		list->first = one;
	list->last = one;
	list->count++;
}

void pending_add(struct pending_list *list, const struct datagram *datagram)
{
	struct pending *copy = malloc(sizeof(*copy) + datagram->length);

	if (copy == NULL) {
		list->dropped++;
		return;
	}
	copy->datagram = *datagram;
	copy->datagram.data = (uint8_t *)(copy + 1);
	if (datagram->length > 0)
		memcpy(copy->datagram.data, datagram->data, datagram->length);
	pending_put(list, copy);
}

struct pending *pending_take(struct pending_list *list)
{
	struct pending *first = list->first;

	if (first == NULL)
		return NULL;
	list->first = first->next;
	if (list->first == NULL)
		list->last = NULL;
	list->count--;
	return first;
}

void pending_done(struct pending_list *list)
{
	struct pending *one;

	while ((one = pending_take(list)) != NULL)
		free(one);
}
