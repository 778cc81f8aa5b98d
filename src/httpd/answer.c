/* SPDX-License-Identifier: ISC */
/*
 * What a client gets to see. Nothing of the server is in it but its name: no version, no
 * path, no reason beyond the status.
 */
#include "usherd/httpd/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/text.h"
#include "usherd/http/coding.h"
#include "usherd/http/condition.h"
#include "usherd/http/date.h"
#include "usherd/http/range.h"

/* A path in which every byte is encoded, with slashes around. */
#define LOCATION_SIZE (3 * HTTP_PATH_SIZE + 2)

/* The body of what is no file. */
static const struct status {
	unsigned code;
	const char *body;
} statuses[] = {
	{ MHD_HTTP_MOVED_PERMANENTLY, "301 Moved Permanently\n" },
	{ MHD_HTTP_BAD_REQUEST, "400 Bad Request\n" },
	{ MHD_HTTP_FORBIDDEN, "403 Forbidden\n" },
	{ MHD_HTTP_NOT_FOUND, "404 Not Found\n" },
	{ MHD_HTTP_METHOD_NOT_ALLOWED, "405 Method Not Allowed\n" },
	{ MHD_HTTP_PRECONDITION_FAILED, "412 Precondition Failed\n" },
	{ MHD_HTTP_URI_TOO_LONG, "414 URI Too Long\n" },
	{ MHD_HTTP_RANGE_NOT_SATISFIABLE, "416 Range Not Satisfiable\n" },
	{ MHD_HTTP_INTERNAL_SERVER_ERROR, "500 Internal Server Error\n" },
	{ MHD_HTTP_SERVICE_UNAVAILABLE, "503 Service Unavailable\n" },
};

/* What an error of the system means to a client; anything else is our fault. */
static const struct {
	int error;
	unsigned code;
} meanings[] = {
	{ -ENOENT, MHD_HTTP_NOT_FOUND },
	{ -ENOTDIR, MHD_HTTP_NOT_FOUND },
	{ -ENAMETOOLONG, MHD_HTTP_NOT_FOUND },
	{ -ENXIO, MHD_HTTP_NOT_FOUND }, /* a socket */
	{ -EACCES, MHD_HTTP_FORBIDDEN },
	{ -EPERM, MHD_HTTP_FORBIDDEN },
	{ -EXDEV, MHD_HTTP_FORBIDDEN }, /* a link that leads out */
	{ -ELOOP, MHD_HTTP_FORBIDDEN },
	{ -EMFILE, MHD_HTTP_SERVICE_UNAVAILABLE },
	{ -ENFILE, MHD_HTTP_SERVICE_UNAVAILABLE },
	{ -ENOMEM, MHD_HTTP_SERVICE_UNAVAILABLE },
	{ -EAGAIN, MHD_HTTP_SERVICE_UNAVAILABLE },
};

static const char *field_of(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Its fields; those that could not be added for want of memory make the answer fail. */
struct fields {
	struct MHD_Response *response;
	bool failed;
};

static void add(struct fields *fields, const char *name, const char *value)
{
	if (MHD_add_response_header(fields->response, name, value) == MHD_NO)
		fields->failed = true;
}

/* Takes the response over. */
static enum MHD_Result send_response(const struct request *request, unsigned code,
				     struct fields *fields)
{
	enum MHD_Result result = MHD_NO;

	if (fields->response == NULL)
		return MHD_NO;
	add(fields, MHD_HTTP_HEADER_SERVER, "usherd");
	add(fields, "X-Content-Type-Options", "nosniff");
	if (request->last)
		add(fields, MHD_HTTP_HEADER_CONNECTION, "close");
	if (!fields->failed)
		result = MHD_queue_response(request->connection, code, fields->response);
	MHD_destroy_response(fields->response);
	return result;
}

static struct fields begin_text(const char *body, size_t length,
				enum MHD_ResponseMemoryMode mode, const char *type)
{
	struct fields fields = { 0 };

	/* The library copies nothing and writes nothing there. */
	fields.response =
		MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, mode);
	if (fields.response != NULL)
		add(&fields, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return fields;
}

static struct fields begin_status(unsigned code)
{
	const char *body = "";

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == code)
			body = statuses[i].body;
	return begin_text(body, strlen(body), MHD_RESPMEM_PERSISTENT,
			  "text/plain; charset=utf-8");
}

static enum MHD_Result send_status(const struct request *request, unsigned code)
{
	struct fields fields = begin_status(code);

	return send_response(request, code, &fields);
}

static enum MHD_Result send_error(const struct request *request, int error)
{
	unsigned code = MHD_HTTP_INTERNAL_SERVER_ERROR;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].error == error)
			code = meanings[i].code;
	return send_status(request, code);
}

static enum MHD_Result refuse_method(const struct request *request)
{
	struct fields fields = begin_status(MHD_HTTP_METHOD_NOT_ALLOWED);

	if (fields.response != NULL)
		add(&fields, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return send_response(request, MHD_HTTP_METHOD_NOT_ALLOWED, &fields);
}

/* To the same place with a slash at its end. One slash in front: two would name a host.
 */
static enum MHD_Result redirect(const struct request *request,
				const struct http_path *path)
{
	struct fields fields = begin_status(MHD_HTTP_MOVED_PERMANENTLY);
	char location[LOCATION_SIZE];
	struct text text;

	text_init(&text, location, sizeof(location));
	text_add(&text, "/");
	http_path_encode(path->text, &text);
	text_add(&text, "/");
	if (fields.response != NULL)
		add(&fields, MHD_HTTP_HEADER_LOCATION, location);
	return send_response(request, MHD_HTTP_MOVED_PERMANENTLY, &fields);
}

static enum MHD_Result send_listing(const struct request *request,
				    const struct http_path *path, int fd)
{
	struct fields fields;
	size_t size = 0;
	char *page = NULL;
	int r = site_list(fd, path, &page, &size);

	if (r < 0)
		return send_error(request, r);
	fields =
		begin_text(page, size, MHD_RESPMEM_MUST_FREE, "text/html; charset=utf-8");
	if (fields.response != NULL)
		add(&fields, "Content-Security-Policy", "default-src 'none'");
	return send_response(request, MHD_HTTP_OK, &fields);
}

/* What is said of a file with its bytes and without. */
static void describe(struct fields *fields, const struct site_item *item,
		     const struct http_validator *validator)
{
	char date[HTTP_DATE_SIZE];

	add(fields, MHD_HTTP_HEADER_ETAG, validator->etag);
	add(fields, MHD_HTTP_HEADER_LAST_MODIFIED,
	    http_date_format(validator->modified, date));
	if (item->varies)
		add(fields, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
}

static enum MHD_Result send_not_modified(const struct request *request,
					 const struct site_item *item,
					 const struct http_validator *validator)
{
	struct fields fields = { .response = MHD_create_response_from_buffer(
					 0, NULL, MHD_RESPMEM_PERSISTENT) };

	if (fields.response != NULL)
		describe(&fields, item, validator);
	return send_response(request, MHD_HTTP_NOT_MODIFIED, &fields);
}

static enum MHD_Result refuse_range(const struct request *request, uint64_t size)
{
	struct fields fields = begin_status(MHD_HTTP_RANGE_NOT_SATISFIABLE);
	char value[64];

	(void)snprintf(value, sizeof(value), "bytes */%" PRIu64, size);
	if (fields.response != NULL)
		add(&fields, MHD_HTTP_HEADER_CONTENT_RANGE, value);
	return send_response(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, &fields);
}

/* The bytes from @first on; the descriptor is the response's then. */
static struct MHD_Response *make_body(struct site_item *item, uint64_t first,
				      uint64_t length)
{
	struct MHD_Response *response;

	if (length == 0)
		return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_fd_at_offset64(length, item->fd, first);
	if (response != NULL)
		item->fd = -1;
	return response;
}

static enum MHD_Result send_bytes(const struct request *request, struct site_item *item,
				  const struct http_validator *validator,
				  const struct http_range *part)
{
	uint64_t size = (uint64_t)item->status.st_size;
	uint64_t first = part != NULL ? part->first : 0;
	uint64_t length = part != NULL ? part->last - part->first + 1 : size;
	struct fields fields = { .response = make_body(item, first, length) };
	char value[96];

	if (fields.response == NULL)
		return MHD_NO;
	describe(&fields, item, validator);
	add(&fields, MHD_HTTP_HEADER_CONTENT_TYPE, item->type);
	add(&fields, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	if (item->gzip)
		add(&fields, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	if (part == NULL)
		return send_response(request, MHD_HTTP_OK, &fields);
	(void)snprintf(value, sizeof(value), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
		       part->first, part->last, size);
	add(&fields, MHD_HTTP_HEADER_CONTENT_RANGE, value);
	return send_response(request, MHD_HTTP_PARTIAL_CONTENT, &fields);
}

/* A Range means something to GET alone, RFC 9110 section 14.2. */
static enum http_range_kind asked_range(const struct request *request, uint64_t size,
					bool allowed, struct http_range *ret)
{
	const char *value = field_of(request, MHD_HTTP_HEADER_RANGE);

	if (!allowed || strcmp(request->method, MHD_HTTP_METHOD_GET) != 0)
		return HTTP_RANGE_WHOLE;
	return http_range_parse(value, size, ret);
}

static enum MHD_Result send_file(const struct request *request, struct site_item *item)
{
	const struct http_conditions conditions = {
		.if_match = field_of(request, MHD_HTTP_HEADER_IF_MATCH),
		.if_none_match = field_of(request, MHD_HTTP_HEADER_IF_NONE_MATCH),
		.if_modified_since = field_of(request, MHD_HTTP_HEADER_IF_MODIFIED_SINCE),
		.if_unmodified_since =
			field_of(request, MHD_HTTP_HEADER_IF_UNMODIFIED_SINCE),
		.if_range = field_of(request, MHD_HTTP_HEADER_IF_RANGE)
	};
	uint64_t size = (uint64_t)item->status.st_size;
	struct http_validator validator;
	enum http_range_kind kind;
	enum http_outcome outcome;
	struct http_range part;

	http_validator_make(&item->status, &validator);
	outcome = http_condition_decide(&conditions, &validator);
	if (outcome == HTTP_OUTCOME_NOT_MODIFIED)
		return send_not_modified(request, item, &validator);
	if (outcome == HTTP_OUTCOME_FAILED)
		return send_status(request, MHD_HTTP_PRECONDITION_FAILED);
	kind = asked_range(request, size,
			   http_condition_allows_range(&conditions, &validator), &part);
	if (kind == HTTP_RANGE_UNSATISFIABLE)
		return refuse_range(request, size);
	return send_bytes(request, item, &validator,
			  kind == HTTP_RANGE_PART ? &part : NULL);
}

static enum MHD_Result send_item(const struct request *request,
				 const struct http_path *path, struct site_item *item)
{
	enum MHD_Result result = MHD_NO;

	switch (item->kind) {
	case SITE_REDIRECT:
		return redirect(request, path);
	case SITE_LISTING:
		return send_listing(request, path, item->fd);
	case SITE_FILE:
		result = send_file(request, item);
		if (item->fd != -1)
			(void)close(item->fd);
		break;
	}
	return result;
}

enum MHD_Result answer_request(const struct site *site, const struct request *request)
{
	const char *codings = field_of(request, MHD_HTTP_HEADER_ACCEPT_ENCODING);
	struct http_path path;
	struct site_item item;
	int r;

	if (strcmp(request->method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(request->method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse_method(request);
	r = http_path_decode(request->target, &path);
	if (r == -EINVAL)
		return send_status(request, MHD_HTTP_BAD_REQUEST);
	if (r == -ENAMETOOLONG)
		return send_status(request, MHD_HTTP_URI_TOO_LONG);
	if (r == 0)
		r = site_find(site, &path, http_coding_accepts_gzip(codings), &item);
	return r < 0 ? send_error(request, r) : send_item(request, &path, &item);
}
