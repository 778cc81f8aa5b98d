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

	if (screen != NULL)
		r = filter_put(listener->fd, screen);
	else if (listener->screened)
		r = filter_take_off(listener->fd);
	if (r == 0)
		listener->screened = screen != NULL;
	return r;
}

/* What waits for the next program has not been asked about if there was no filter. */
static int renew(struct listener *listener, struct error *err)
{
	const struct sock_fprog *filter = screening_filter(listener);
	int r;

	if (filter != NULL && !listener->screened && listener->holder == NULL) {
		r = listener_screen(listener->fd, &listener->endpoint, filter, err);
		listener->screened = r == 0;
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
	if (listener->holder == NULL)
		listener_shut(listener);
	return listener->holder != NULL;
}

int screening_adopt(struct listener *listener, int fd, struct error *err)
{
	const struct sock_fprog *filter = screening_filter(listener);
	int r = listener_adopt(fd, &listener->endpoint, err);

	if (r == 0 && filter != NULL) {
		r = listener_screen(fd, &listener->endpoint, filter, err);
		listener->screened = r == 0;
	}
	return r;
}
