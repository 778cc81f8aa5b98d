/* SPDX-License-Identifier: ISC */
/* Packet filters on the sockets of listeners. What they say is guard/screen's. */
#include "usherd/serve/screening.h"

#include <string.h>

#include "usherd/net/filter.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"

const struct sock_fprog *screening_filter(const struct listener *listener)
{
	const struct sock_fprog *screen = &listener->post->screen;

	return screen->filter != NULL ? screen : NULL;
}

int screening_put(struct listener *listener)
{
	const struct sock_fprog *screen = screening_filter(listener);
	int r = 0;

	if (screen != NULL) {
		/* Also where that fails there may be one of ours, see filter_put(). */
		listener->screened = true;
		return filter_put(listener->fd, screen);
	}
	if (listener->screened)
		r = filter_take_off(listener->fd);
	if (r == 0)
		listener->screened = false;
	return r;
}

/* While its first sender is asked about nobody has it. */
static bool has_program(const struct listener *listener)
{
	return listener->holder != NULL && listener->holder->runs;
}

/* What waits for the next program has not been asked about if there was no filter. */
static int renew(struct listener *listener, struct error *err)
{
	const struct sock_fprog *filter = screening_filter(listener);
	int r;

	if (filter != NULL && !listener->screened && !has_program(listener)) {
		r = listener_screen(listener->fd, &listener->endpoint, filter, err);
		listener->screened = true;
		return r;
	}
	r = screening_put(listener);
	return r < 0 ? error_set_errno(err, r, "cannot screen its clients") : 0;
}

bool screening_renew(struct listener *listener)
{
	struct error err = { 0 };
	int r;

	if (!listener->screened && screening_filter(listener) == NULL)
		return true;
	r = listener_hold(listener);
	if (r < 0) {
		(void)error_set_errno(&err, r, "cannot screen its clients");
	} else {
		r = renew(listener, &err);
		listener_release(listener);
	}
	if (r == 0)
		return true;
	report_message(listener->engine->reporter, LOG_LEVEL_ERROR, "service '%s': %s",
		       listener->post->service->id, err.text);
	if (has_program(listener))
		return true;
	listener_shut(listener);
	return false;
}

int screening_adopt(struct listener *listener, int fd, struct error *err)
{
	const struct sock_fprog *filter = screening_filter(listener);
	int r = listener_adopt(fd, &listener->endpoint, err);

	if (r < 0)
		return r;
	listener->screened = filter != NULL;
	if (filter != NULL)
		return listener_screen(fd, &listener->endpoint, filter, err);
	/* An earlier usherd may have left its own there. */
	(void)filter_take_off(fd);
	return 0;
}
