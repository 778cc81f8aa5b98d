/* SPDX-License-Identifier: ISC */
/*
 * Checks across the attributes of one service, after conversion and before endpoints.
 * Every check runs, so that one load reports everything. What cannot be enforced is an
 * error, never a weaker service than written.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "build_internal.h"
#include "usherd/base/closest.h"
#include "usherd/base/fd.h"

/* What a service is made of: exactly one of these. */
static const char *const kinds[] = { "redirect", "internal", "server" };

static bool is_sensor(const struct draft *draft)
{
	return (draft->service->flags & SERVICE_SENSOR) != 0;
}

bool draft_has_one_kind(const struct draft *draft)
{
	size_t given = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		given += draft_find(draft, kinds[i]) != NULL;
	return given == 1;
}

static void check_kind(struct draft *draft)
{
	const char *first = is_sensor(draft) ? "flags" : NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (draft_find(draft, kinds[i]) == NULL)
			continue;
		if (first != NULL)
			draft_complain(draft, first, "'%s' and '%s' exclude each other",
				       is_sensor(draft) ? "flags = SENSOR" : first,
				       kinds[i]);
		first = kinds[i];
	}
	/* Of one that xinetd would offer it is told with all that is missing, contract.c.
	 */
	if (first == NULL &&
	    (draft->stanza->dialect != DIALECT_XINETD || draft->service->disable))
		draft_complain(draft, NULL,
			       "neither server, internal nor redirect is given");
}

static const char *reason_against(const struct attribute *attribute)
{
	if ((attribute->flags & ATTRIBUTE_PROGRAM) != 0)
		return "only for services with a server";
	if ((attribute->flags & ATTRIBUTE_REDIRECT) != 0)
		return "only for services with redirect";
	if ((attribute->flags & ATTRIBUTE_RPC) != 0)
		return "only for type = RPC";
	if ((attribute->flags & ATTRIBUTE_UNIX) != 0)
		return "only for protocol = unix";
	return "not for protocol = unix";
}

static void check_applicable(struct draft *draft)
{
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		if (!draft->given.items[i].set || draft_applies(draft, attribute))
			continue;
		if (attribute->internal != NULL)
			draft_complain(draft, attribute->name,
				       "'%s' is only for internal = %s", attribute->name,
				       attribute->internal);
		else
			draft_complain(draft, attribute->name, "'%s' is %s",
				       attribute->name, reason_against(attribute));
	}
}

static bool has_datagrams(const struct service *service)
{
	return (service->protocols & SERVICE_UDP) != 0 ||
	       ((service->protocols & SERVICE_UNIX) != 0 &&
		service->socket_type == SERVICE_DGRAM);
}

/* The program of a stream service with wait = yes accepts by itself: usherd never sees
 * its clients. */
static void check_wait(struct draft *draft)
{
	const struct service *service = draft->service;
	if (!service->wait && (service->protocols & SERVICE_UNIX) != 0 &&
	    service->socket_type == SERVICE_DGRAM && draft_find(draft, "server") != NULL)
		draft_complain(draft, "wait",
			       "a program for UNIX datagrams needs wait = yes: their "
			       "senders may have no address");
	if (!service->wait)
		return;
	if (service_is_internal(service))
		draft_complain(draft, "wait",
			       "an in-process service cannot have wait = yes");
	if (!service_has_streams(service) || service->policy.screened)
		return;
	if (service->policy.only_from.given &&
	    !addrset_is_everything(&service->policy.only_from.set))
		draft_complain(
			draft, "only_from",
			"only_from cannot be enforced for service '%s': with wait = "
			"yes its program accepts the connections, unless flags = "
			"INTERCEPT has the kernel check them",
			service->id);
	if (service->policy.no_access.count > 0 ||
	    service->policy.no_access.names.count > 0)
		draft_complain(
			draft, "no_access",
			"no_access cannot be enforced for service '%s': with wait = "
			"yes its program accepts the connections, unless flags = "
			"INTERCEPT has the kernel check them",
			service->id);
}

static void complain_internal(const struct draft *draft, const char *name)
{
	const struct conf_request *request = draft->build->request;
	struct closest search;
	const char *candidate;
	closest_init(&search, name);
	for (size_t i = 0; request->internal_name != NULL &&
			   (candidate = request->internal_name(i)) != NULL;
	     i++)
		closest_consider(&search, candidate);
	if (search.best != NULL)
		draft_complain(draft, "internal",
			       "unknown in-process service '%s'; did you mean '%s'?",
			       name, search.best);
	else
		draft_complain(draft, "internal", "unknown in-process service '%s'",
			       name);
}

/* What is off may need things that are not there. */
static void check_ready(const struct draft *draft)
{
	const struct conf_request *request = draft->build->request;
	const struct service *service = draft->service;
	struct error err = { 0 };
	if (!service->disable && request->internal_ready != NULL &&
	    request->internal_ready(service->internal, &err) < 0)
		draft_complain(draft, "internal", "in-process service '%s': %s",
			       service->internal, err.text);
}

static void check_internal(struct draft *draft)
{
	const struct conf_request *request = draft->build->request;
	const struct service *service = draft->service;
	if (service->internal == NULL || request->internal_exists == NULL ||
	    draft_find(draft, "redirect") != NULL)
		return;
	if (strcmp(service->internal, SERVICE_REDIRECT) == 0) {
		draft_complain(draft, "internal",
			       "'" SERVICE_REDIRECT "' is an attribute of its own, which "
			       "says where to");
		return;
	}
	bool streams = request->internal_exists(service->internal, true);
	bool datagrams = request->internal_exists(service->internal, false);
	if (!streams && !datagrams)
		complain_internal(draft, service->internal);
	else if (!streams && service_has_streams(service))
		draft_complain(draft, "internal",
			       "in-process service '%s' does not exist for streams",
			       service->internal);
	else if (!datagrams && has_datagrams(service))
		draft_complain(draft, "internal",
			       "in-process service '%s' does not exist for datagrams",
			       service->internal);
	else
		check_ready(draft);
}

static void check_user(struct draft *draft)
{
	if (draft->build->request->root && draft_find(draft, "server") != NULL &&
	    !service_is_internal(draft->service) && draft_find(draft, "user") == NULL)
		draft_complain(draft, NULL,
			       "user is not given: nothing runs as root by omission");
}

/*
 * An O_PATH descriptor of @path as a process with the root directory @root sees it, or a
 * negative errno. openat2(2), Linux 5.6: links cannot lead out of the root; older kernels
 * and filters of system calls say so.
 */
static int open_inside(const char *root, const char *path)
{
	if (root == NULL) {
		int fd = open(path, O_PATH | O_CLOEXEC);
		return fd == -1 ? -errno : fd;
	}
	int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory == -1)
		return -errno;
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
	if (fd == -1 && (errno == ENOSYS || errno == EPERM)) {
		const char *relative = path + strspn(path, "/");
		fd = openat(directory, relative[0] != '\0' ? relative : ".",
			    O_PATH | O_CLOEXEC);
	}
	int result = fd == -1 ? -errno : (int)fd;
	fd_close(&directory);
	return result;
}

/* Complains and returns false if there is nothing; else *ret_status is what there is. */
static bool look_at(const struct draft *draft, const char *name, const char *root,
		    const char *path, struct stat *ret_status)
{
	int fd = open_inside(root, path);
	int error = fd < 0 ? -fd : 0;
	if (error == 0 && fstat(fd, ret_status) == -1)
		error = errno;
	if (fd >= 0)
		fd_close(&fd);
	if (error == 0)
		return true;
	draft_complain(draft, name, "%s: '%s'%s%s%s: %s", name, path,
		       root != NULL ? " inside '" : "", root != NULL ? root : "",
		       root != NULL ? "'" : "", strerror(error));
	return false;
}

static bool is_directory(const struct draft *draft, const char *name, const char *root,
			 const char *path)
{
	struct stat status;
	if (!look_at(draft, name, root, path, &status))
		return false;
	if (S_ISDIR(status.st_mode))
		return true;
	draft_complain(draft, name, "%s: '%s' is not a directory", name, path);
	return false;
}

static void check_server(const struct draft *draft, const char *root)
{
	const char *path = draft->service->program.path;
	struct stat status;
	if (path == NULL || !look_at(draft, "server", root, path, &status))
		return;
	if (!S_ISREG(status.st_mode))
		draft_complain(draft, "server", "server: '%s' is not a regular file",
			       path);
	else if ((status.st_mode & 0111) == 0 ||
		 (!draft->build->request->root && access(path, X_OK) == -1))
		draft_complain(draft, "server", "server: '%s' is not executable", path);
}

/* Paths are seen from inside the chroot; if that is wrong, nothing can be said of them.
 */
static void check_paths(struct draft *draft)
{
	const struct program *program = &draft->service->program;
	/* What is off may need things that are not there. */
	if (draft->service->disable)
		return;
	if (draft_find(draft, "chroot") != NULL && !draft_is_good(draft, "chroot"))
		return;
	if (program->chroot != NULL && !draft->build->request->root) {
		draft_complain(draft, "chroot", "chroot needs root");
		return;
	}
	if (program->chroot != NULL &&
	    !is_directory(draft, "chroot", NULL, program->chroot))
		return;
	check_server(draft, program->chroot);
	if (program->directory != NULL)
		(void)is_directory(draft, "directory", program->chroot,
				   program->directory);
}

/* What a program does with its stream is out of sight. A default is then passed over, as
 * merge_defaults() does for what it can judge before conversion. */
static void check_idle_timeout(struct draft *draft)
{
	struct service *service = draft->service;
	const struct assignment *given = draft_find(draft, "idle_timeout");
	bool peers = (service->protocols & SERVICE_UDP) != 0 && !service->wait;
	if (given == NULL || service_is_internal(service) || peers)
		return;
	if (given->inherited)
		service->idle_timeout_ns = 0;
	else
		draft_complain(draft, "idle_timeout",
			       "'idle_timeout' is only for in-process services and for "
			       "datagrams with wait = no");
}

/* Seen with the rights of usherd; what the service's user can read shows when it serves.
 */
static void check_document_root(struct draft *draft)
{
	const struct service *service = draft->service;
	if (service->internal == NULL || strcmp(service->internal, "http") != 0)
		return;
	if (draft_find(draft, "document_root") == NULL)
		draft_complain(draft, "internal",
			       "in-process service 'http' needs "
			       "'document_root'");
	else if (service->document_root != NULL && !service->disable)
		(void)is_directory(draft, "document_root", NULL, service->document_root);
}

/* A group of its own makes a worker of its own: whose, must be said. */
static void check_group(struct draft *draft)
{
	if (service_is_internal(draft->service) && draft_find(draft, "group") != NULL &&
	    draft_find(draft, "user") == NULL)
		draft_complain(draft, "group",
			       "'group' of an in-process service needs "
			       "'user' as well");
}

static void check_ident(struct draft *draft)
{
	const char *internal = draft->service->internal;
	if (draft_find(draft, "ident") != NULL &&
	    (internal == NULL || strcmp(internal, "ident") != 0))
		draft_complain(draft, "ident", "'ident' is only for internal = ident");
}

void check_service(struct draft *draft)
{
	static void (*const checks[])(struct draft *) = {
		check_sensor,    check_kind,          check_applicable, check_protocol,
		check_intercept, check_wait,          check_internal,   check_user,
		check_paths,     check_idle_timeout,  check_group,      check_redirect,
		check_ident,     check_document_root, check_type,       check_rpc,
		check_contract,  check_banners,       check_access,     check_source_rate,
	};
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](draft);
}
