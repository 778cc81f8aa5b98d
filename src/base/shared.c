/* SPDX-License-Identifier: ISC */
/* One writer, many readers. How they agree about what stands there is their affair. */
#include "usherd/base/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int map(struct shared *shared, int fd, int protection)
{
	void *memory = mmap(NULL, shared->size, protection, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	shared->memory = memory;
	return 0;
}

/* An older kernel knows nothing of future writers: then readers are trusted. */
static int seal(int fd)
{
	if (fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0)
		return 0;
	return -errno;
}

int shared_make(const char *name, size_t size, struct shared *ret)
{
	struct shared shared = { .size = size };
	int r;

	shared.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (shared.fd == -1)
		return -errno;
	r = ftruncate(shared.fd, (off_t)size) == -1 ? -errno : 0;
	if (r == 0)
		r = map(&shared, shared.fd, PROT_READ | PROT_WRITE);
	if (r == 0)
		r = seal(shared.fd);
	if (r < 0) {
		shared_done(&shared);
		return r;
	}
	*ret = shared;
	return 0;
}

int shared_give_up_writing(struct shared *shared)
{
	int r;

	(void)munmap(shared->memory, shared->size);
	shared->memory = NULL;
	r = map(shared, shared->fd, PROT_READ);
	fd_close(&shared->fd);
	return r;
}

int shared_map(int fd, size_t size, struct shared *ret)
{
	struct shared shared = { .size = size, .fd = -1 };
	struct stat status;
	int r;

	if (fstat(fd, &status) == -1)
		return -errno;
	if (status.st_size < 0 || (size_t)status.st_size < size)
		return -EBADMSG;
	r = map(&shared, fd, PROT_READ);
	if (r == 0)
		*ret = shared;
	return r;
}

void shared_done(struct shared *shared)
{
	if (shared->memory != NULL)
		(void)munmap(shared->memory, shared->size);
	shared->memory = NULL;
	fd_close(&shared->fd);
}
